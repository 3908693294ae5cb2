//! What can be wrong with the server, its settings and its keys: each with an error that names it.

use crate::{
    redis_server::Server,
    support::{Place, SECRET, claimant, log_in, try_log_in},
};
use adjourn::{
    id::{SessionId, Subject},
    reason::EndReason,
    record::{Activity, Scope},
    store::{CheckIn, End, Error, ErrorKind, RedisStore, SessionStore, redis::RedisStoreBuilder},
    testing::StoreHarness,
};
use futures_util::future::join_all;
use std::{num::NonZeroU32, time::Duration};

pub(crate) fn expect(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let first: &(dyn std::error::Error + 'static) = error;
    let levels = std::iter::successors(Some(first), |error| error.source());
    let levels: Vec<String> = levels.map(ToString::to_string).collect();
    let text = levels.join(" | ");
    assert_eq!(error.kind(), kind, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not named in: {text}");
    }
}

fn failed<T>(answer: Result<T, Error>) -> Error {
    answer.map(|_| ()).unwrap_err()
}

async fn refused(url: String) -> Error {
    RedisStore::builder(url).unwrap().open().await.unwrap_err()
}

fn once() -> NonZeroU32 {
    NonZeroU32::MIN
}

#[tokio::test]
async fn an_eviction_policy_is_refused_by_name() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let Some(server) = Server::start(&["--maxmemory-policy", policy]) else {
            return;
        };
        let error = refused(server.url()).await;
        let named = ["maxmemory-policy", policy, "noeviction"];
        expect(&error, ErrorKind::Unavailable, &named);
    }
}

#[tokio::test]
async fn a_cluster_is_opened_as_one_and_nothing_else_is() {
    let (Some(alone), Some(node)) = (
        Server::start(&[]),
        Server::start(&["--cluster-enabled", "yes"]),
    ) else {
        return;
    };
    node.cli(&["cluster", "addslotsrange", "0", "16383"]);
    while !node.cli(&["cluster", "info"]).contains("cluster_state:ok") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let error = refused(node.url()).await;
    expect(
        &error,
        ErrorKind::Unavailable,
        &["cluster-enabled", "cluster_builder"],
    );
    let builder = RedisStore::cluster_builder([alone.url()]).unwrap();
    let error = builder.open().await.unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["open"]);
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_permission_are_named() {
    let Some(server) = Server::start(&["--requirepass", "right"]) else {
        return;
    };
    let at = |user: &str| format!("redis://{user}@127.0.0.1:{}", server.port);
    for user in [":wrong-password", "nobody:wrong-password"] {
        let error = refused(at(user)).await;
        expect(
            &error,
            ErrorKind::Unavailable,
            &["the user or the password"],
        );
        assert!(!format!("{error:?}").contains("wrong-password"));
    }
    let error = refused(server.url()).await;
    expect(
        &error,
        ErrorKind::Unavailable,
        &["the user or the password"],
    );
    let cli = |words: &[&str]| server.cli(&[&["-a", "right", "--no-auth-warning"], words].concat());
    assert_eq!(
        cli(&[
            "acl", "setuser", "guest", "on", ">pass", "~*", "&*", "+@all", "-info"
        ]),
        "OK"
    );
    let error = refused(at("guest:pass")).await;
    expect(
        &error,
        ErrorKind::Unavailable,
        &["permission (ACL)", "info"],
    );
    let store = RedisStore::builder(at(":right"))
        .unwrap()
        .open()
        .await
        .unwrap();
    log_in(&store, "alice").await;
    assert!(!format!("{store:?}").contains("right"));
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_named() {
    for bad in [
        "",
        "http://localhost",
        "redis://localhost:99999",
        "not an address",
    ] {
        let error = RedisStore::builder(bad).map(|_| ()).unwrap_err();
        expect(&error, ErrorKind::Unavailable, &["the address"]);
    }
    let error = RedisStore::cluster_builder(<[&str; 0]>::default())
        .map(|_| ())
        .unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["no server is given"]);
    let builder = RedisStore::builder("redis://user:hidden@localhost").unwrap();
    assert!(!format!("{builder:?}").contains("hidden"));
    assert!(builder.with_key_prefix("a{b}").is_err());
}

#[tokio::test]
async fn a_timeout_of_with_wait_that_cannot_be_met_is_refused() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    for timeout in [Duration::ZERO, Duration::from_secs(20)] {
        let builder = place.builder().with_wait(once(), timeout);
        let error = builder.open().await.unwrap_err();
        expect(
            &error,
            ErrorKind::Unavailable,
            &["with_wait", "with_time_limit"],
        );
    }
}

/// A replica is behind: what ended would live on there for a moment.
#[tokio::test]
async fn a_replica_is_refused_at_the_start_and_later() {
    let (Some(server), Some(other)) = (Server::start(&[]), Server::start(&[])) else {
        return;
    };
    let replica = server.replica();
    let error = refused(replica.url()).await;
    expect(&error, ErrorKind::Unavailable, &["replica"]);

    // A primary that becomes one.
    let store = RedisStore::builder(server.url())
        .unwrap()
        .open()
        .await
        .unwrap();
    let id = log_in(&store, "alice").await;
    let port = other.port.to_string();
    assert_eq!(server.cli(&["replicaof", "127.0.0.1", &port]), "OK");
    for error in [
        failed(store.check_in(id, &SECRET, Activity::Passive).await),
        failed(store.check(&[id], Activity::Passive).await),
        failed(store.list(&Subject::new("alice").unwrap()).await),
        failed(store.tombstone(id).await),
        failed(store.begin_log_in(None).await),
        failed(store.end(id, EndReason::Logout.into(), claimant()).await),
    ] {
        expect(&error, ErrorKind::Unavailable, &["replica"]);
    }
    assert_eq!(server.cli(&["replicaof", "no", "one"]), "OK");
    // It follows the other by now, and has forgotten; the store goes on.
    log_in(&store, "alice").await;
}

/// Sessions are still judged and ended, and no new ones are made.
#[tokio::test]
async fn a_full_server_still_ends_sessions() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let place = Place::on(&server);
    let store = place.store().await;
    let id = log_in(&store, "alice").await;
    assert_eq!(server.cli(&["config", "set", "maxmemory", "1"]), "OK");
    let error = try_log_in(&store, "bob").await.unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["maxmemory"]);
    let answer = store.check_in(id, &SECRET, Activity::Active).await.unwrap();
    assert!(matches!(answer, CheckIn::Live(_)), "{answer:?}");
    let End::First(departed) = store
        .end(id, EndReason::Logout.into(), claimant())
        .await
        .unwrap()
    else {
        panic!("nobody ended it before")
    };
    assert!(store.acknowledge(id, departed.claim).await.unwrap());
    let scope = Scope::Everyone {
        created_before: None,
    };
    store
        .end_all(scope, EndReason::Forced.into())
        .await
        .unwrap();
    server.cli(&["config", "set", "maxmemory", "0"]);
    log_in(&store, "bob").await;
}

#[tokio::test]
async fn an_ending_is_done_when_a_replica_has_it() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let replica = server.replica();
    let place = Place::on(&server);
    let builder = place.builder().with_wait(once(), Duration::from_secs(10));
    let store = builder.open().await.unwrap();
    let id = log_in(&store, "alice").await;
    let end = store.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    let pattern = format!("{}:*:s:{id}", place.prefix);
    let key = server.cli(&["--scan", "--pattern", &pattern]);
    assert_ne!(field(&replica, &key, "e"), "-1", "it is there");
}

#[tokio::test]
async fn an_ending_that_no_replica_confirms_is_an_error() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut replica = server.replica();
    let place = Place::on(&server);
    let confirming = |timeout| place.builder().with_wait(once(), timeout);
    let store = confirming(Duration::from_secs(10)).open().await.unwrap();
    let hasty = confirming(Duration::from_millis(100)).open().await.unwrap();
    let (id, other) = (log_in(&store, "bob").await, log_in(&store, "carol").await);
    replica.pause();
    let work = claimant();
    let bob = Scope::Subject {
        subject: Subject::new("bob").unwrap(),
        except: None,
    };
    let everyone = Scope::Everyone {
        created_before: None,
    };
    for error in [
        failed(hasty.end(id, EndReason::Logout.into(), work).await),
        failed(
            hasty
                .end_many(&[other], EndReason::Forced.into(), work)
                .await,
        ),
        failed(hasty.end_all(bob, EndReason::Forced.into()).await),
        failed(hasty.end_all(everyone, EndReason::Forced.into()).await),
    ] {
        expect(
            &error,
            ErrorKind::Unavailable,
            &["not confirmed", "0 of 1", "with_wait"],
        );
    }
    let answer = hasty.check_in(id, &SECRET, Activity::Active).await.unwrap();
    assert!(
        matches!(answer, CheckIn::Ended(_)),
        "{answer:?}: on the primary it ended"
    );
    replica.go_on();
    let end = store.end(id, EndReason::Logout.into(), work).await.unwrap();
    assert!(
        matches!(end, End::First(_)),
        "{end:?}: the same attempt again"
    );
}

/// Writes a field of a session past the store; `v` is the number of its format.
fn rewrite(server: &Server, key: &str, field: &str, value: &str) {
    let written = server.cli(&["eval", PAST_THE_STORE, "1", key, field, value]);
    assert_eq!(written, "OK", "{field}");
}

fn field(server: &Server, key: &str, field: &str) -> String {
    server.cli(&["eval", PAST_THE_STORE, "1", key, field])
}

const PAST_THE_STORE: &str = "
local names={'v','s','p','pu','g','l','c','i','w','a','e','q','u','n','b','r','ek','ed','qo','cl','d','gr','lb','o','ec','et'}
local layout='c32c32i8i8i8i8i8i8i8i8i8I4c0i8i8i8i8i8i8I4c0I4c0I4c0I4c0I4c0I4c0I4c0'
local fields={struct.unpack('>xxB'..layout,redis.call('GET',KEYS[1]))}
local parts={}
for place,name in ipairs(names) do
  local value=fields[place]
  if name==ARGV[1] and not ARGV[2] then return tostring(value) end
  if name==ARGV[1] then value=type(value)=='number' and tonumber(ARGV[2]) or ARGV[2] end
  if type(value)=='string' and name~='s' and name~='p' then parts[#parts+1]=#value end
  parts[#parts+1]=value
end
return redis.call('SET',KEYS[1],struct.pack('>c2B'..layout,'aj',unpack(parts)),'KEEPTTL')";

/// The key of the session of alice, who alone is there.
fn key_of(place: &Place, kind: &str) -> String {
    let server = Server::shared().unwrap();
    let pattern = format!("{}:*:{kind}*", place.prefix);
    let keys = server.cli(&["--scan", "--pattern", &pattern]);
    keys.lines().next().expect(kind).to_owned()
}

#[tokio::test]
async fn damaged_sessions_are_named_and_are_no_session() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let (server, store) = (Server::shared().unwrap(), place.store().await);
    let id = log_in(&store, "alice").await;
    let key = key_of(&place, "s:");
    let sound = format!("{key}-sound");
    server.cli(&["copy", &key, &sound]);
    for (field, value, named) in [
        ("v", "2", "newer version of adjourn"),
        ("v", "0", "\"format\""),
        ("c", "-1", "\"created_at\""),
        ("c", "-2", "\"created_at\""),
        ("n", "-2", "\"authenticated_at\""),
        ("a", "-2", "\"absolute_deadline\""),
        ("l", "-1", "\"last_seen\""),
        ("w", "-1", "\"touch_interval\""),
        ("i", "-2", "\"idle_timeout\""),
        ("g", "-1", "\"generation\""),
        ("r", "-1", "\"revision\""),
        ("e", "-2", "\"ended_at\""),
        ("cl", "{}", "the client of a session"),
        ("cl", "{\"v\":2}", "newer version of adjourn"),
        ("d", "abc", "\"vals\""),
        ("gr", "abc", "\"grants\""),
    ] {
        server.cli(&["copy", &sound, &key, "replace"]);
        rewrite(server, &key, field, value);
        let error = store
            .check_in(id, &SECRET, Activity::Passive)
            .await
            .unwrap_err();
        expect(&error, ErrorKind::Corrupt, &[&key, named]);
    }
    // Cut off after so many bytes, or with something after it.
    for (len, named) in [
        (3, "\"secret\""),
        (40, "\"previous\""),
        (70, "\"previous_until\""),
        (142, "\"subject\""),
        (145, "\"subject\""),
        (-2, "\"attempt\""),
    ] {
        let cut = "redis.call('SET',KEYS[2],redis.call('GETRANGE',KEYS[1],0,ARGV[1]-1))";
        server.cli(&["eval", cut, "2", &sound, &key, &len.to_string()]);
        for error in [
            failed(store.check_in(id, &SECRET, Activity::Active).await),
            failed(store.tombstone(id).await),
        ] {
            expect(&error, ErrorKind::Corrupt, &[&key, named]);
        }
    }
    server.cli(&["copy", &sound, &key, "replace"]);
    server.cli(&["append", &key, "more"]);
    for error in [
        failed(store.check_in(id, &SECRET, Activity::Passive).await),
        failed(store.tombstone(id).await),
    ] {
        expect(&error, ErrorKind::Corrupt, &[&key, "\"format\""]);
    }
}

#[tokio::test]
async fn damaged_tombstones_are_named() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let (server, store) = (Server::shared().unwrap(), place.store().await);
    let id = log_in(&store, "alice").await;
    let key = key_of(&place, "s:");
    let sound = format!("{key}-sound");
    server.cli(&["copy", &key, &sound]);
    for (field, value, named) in [
        ("ec", "no cause", "the cause of an ending"),
        ("ec", "{\"v\":7}", "newer version of adjourn"),
        ("ec", "", "\"cause\""),
        ("e", "-2", "\"ended_at\""),
        ("q", "-2", "\"claim\""),
    ] {
        server.cli(&["copy", &sound, &key, "replace"]);
        for (field, value) in [("e", "1"), ("q", "1"), ("ec", "{}"), (field, value)] {
            rewrite(server, &key, field, value);
        }
        for error in [
            failed(store.check_in(id, &SECRET, Activity::Passive).await),
            failed(store.tombstone(id).await),
        ] {
            expect(&error, ErrorKind::Corrupt, &[&key, named]);
        }
    }
}

#[tokio::test]
async fn a_session_without_a_format_is_foreign() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let (server, store) = (Server::shared().unwrap(), place.store().await);
    let id = log_in(&store, "alice").await;
    let key = key_of(&place, "s:");
    let answer = store
        .check_in(id, &SECRET, Activity::Passive)
        .await
        .unwrap();
    assert!(
        matches!(answer, CheckIn::Live(_)),
        "sound again: {answer:?}"
    );
    server.cli(&["setrange", &key, "0", "x"]);
    let forced = || EndReason::Forced.into();
    for error in [
        failed(store.check_in(id, &SECRET, Activity::Passive).await),
        failed(store.end(id, forced(), claimant()).await),
        failed(store.rotate(id, &SECRET, &SECRET, Duration::ZERO).await),
    ] {
        expect(&error, ErrorKind::Corrupt, &[&key, "with_key_prefix"]);
    }
}

/// Somebody else's keys under our names: named, before anything is written.
#[tokio::test]
async fn keys_of_another_kind_are_named_and_nothing_is_half_written() {
    let kinds = ["s:", "u:", "ids", "due", "work", "cuts", "meta"];
    let foreign = kinds.map(|kind| (kind, "set"));
    for (kind, write) in foreign.into_iter().chain([("s:", "rpush")]) {
        let Some(place) = Place::of_a_test() else {
            return;
        };
        let (server, store) = (Server::shared().unwrap(), place.store().await);
        let id = log_in(&store, "alice").await;
        let beginning = key_of(&place, "s:");
        let (beginning, _) = beginning.split_once("s:").unwrap();
        let key = match kind {
            "s:" => format!("{beginning}s:{id}"),
            "u:" => format!("{beginning}u:alice"),
            kind => format!("{beginning}{kind}"),
        };
        let session = format!("{beginning}s:{id}");
        if write == "rpush" {
            server.cli(&["del", &key]);
        }
        server.cli(&[write, &key, "foreign"]);
        let forced = || EndReason::Forced.into();
        let error = failed(store.end(id, forced(), claimant()).await);
        expect(&error, ErrorKind::Corrupt, &[&key, "with_key_prefix"]);
        if kind != "s:" {
            let ended = field(server, &session, "e");
            assert_eq!(ended, "-1", "{kind}: not half ended");
            let error = try_log_in(&store, "alice").await.unwrap_err();
            expect(&error, ErrorKind::Corrupt, &[&key]);
        }
        if matches!(kind, "s:" | "cuts") {
            let error = store
                .check_in(id, &SECRET, Activity::Active)
                .await
                .unwrap_err();
            expect(&error, ErrorKind::Corrupt, &[&key, "with_key_prefix"]);
        }
        if matches!(kind, "due") {
            let error = store.end_due(10, claimant()).await.unwrap_err();
            expect(&error, ErrorKind::Corrupt, &[&key]);
        }
        if matches!(kind, "ids") {
            let error = store.page(None, 10).await.unwrap_err();
            expect(&error, ErrorKind::Corrupt, &[&key]);
        }
    }
}

/// A list of cuts that cannot be read cuts nobody: then nobody is let in.
#[tokio::test]
async fn cuts_that_cannot_be_read_let_nobody_in() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let (server, store) = (Server::shared().unwrap(), place.store().await);
    let id = log_in(&store, "alice").await;
    let beginning = key_of(&place, "s:");
    let (beginning, _) = beginning.split_once("s:").unwrap();
    let cuts = format!("{beginning}cuts");
    for (field, list) in [
        ("ualice", "hello"),
        ("*", "x 1 - t {}\n"),
        ("*", "9 1 - t {}"),
    ] {
        server.cli(&["hset", &cuts, field, list]);
        for error in [
            failed(store.check_in(id, &SECRET, Activity::Active).await),
            failed(store.check(&[id], Activity::Active).await),
            failed(store.end(id, EndReason::Forced.into(), claimant()).await),
        ] {
            expect(&error, ErrorKind::Corrupt, &[&cuts]);
        }
        server.cli(&["del", &cuts]);
    }
}

/// A record that a newer node wrote, or that is damaged, does not stop the sweep of the others.
#[tokio::test]
async fn a_sweep_leaves_what_it_cannot_read_alone() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let (server, store) = (Server::shared().unwrap(), StoreHarness::open(&place).await);
    let (newer, other) = (
        log_in(&*store, "alice").await,
        log_in(&*store, "alice").await,
    );
    let key = key_of(&place, &format!("s:{newer}"));
    rewrite(server, &key, "v", "2");
    place.clock.advance(Duration::from_mins(17));
    let ids = async || -> Vec<SessionId> {
        let ended = store.end_due(10, claimant()).await.unwrap();
        ended.into_iter().map(|ended| ended.id).collect()
    };
    assert_eq!(ids().await, [other]);
    rewrite(server, &key, "v", "1");
    assert!(ids().await.is_empty(), "looked at again in a minute");
    place.clock.advance(Duration::from_mins(1));
    assert_eq!(ids().await, [newer]);
}

/// P1: a cut is not forgotten while a session that it covers cannot be read, as it would be live again for a newer node.
#[tokio::test]
async fn a_cut_stays_until_the_last_session_that_it_covers_was_read() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let (server, store) = (Server::shared().unwrap(), StoreHarness::open(&place).await);
    let (newer, other) = (
        log_in(&*store, "alice").await,
        log_in(&*store, "alice").await,
    );
    let key = key_of(&place, &format!("s:{newer}"));
    rewrite(server, &key, "v", "2");
    let scope = Scope::Subject {
        subject: Subject::new("alice").unwrap(),
        except: None,
    };
    store
        .end_all(scope, EndReason::Policy.into())
        .await
        .unwrap();
    let ids = async || -> Vec<SessionId> {
        let ended = store.end_due(10, claimant()).await.unwrap();
        ended.into_iter().map(|ended| ended.id).collect()
    };
    assert_eq!(ids().await, [other]);
    // Longer than any ticket lives, and shorter than the session would.
    for _ in 0..14 {
        place.clock.advance(Duration::from_mins(1));
        assert!(ids().await.is_empty());
    }
    rewrite(server, &key, "v", "1");
    let found = store.check_in(newer, &SECRET, Activity::Active).await;
    assert!(matches!(found.unwrap(), CheckIn::Due(cause) if *cause.reason() == EndReason::Policy));
    place.clock.advance(Duration::from_mins(1));
    assert_eq!(ids().await, [newer]);
    // And now it is forgotten.
    place.clock.advance(Duration::from_mins(1));
    assert!(ids().await.is_empty());
    let cuts = format!("{}:*:cuts", place.prefix);
    assert_eq!(server.cli(&["--scan", "--pattern", &cuts]).trim(), "");
}

fn short(place: &Place) -> RedisStoreBuilder {
    place.builder().with_time_limit(Duration::from_secs(5))
}

/// Else sessions would live where nobody ends them.
#[tokio::test]
async fn a_routing_key_that_is_foreign_newer_or_another_is_named() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let server = Server::shared().unwrap();
    let key = format!("{}:key", place.prefix);
    let store = place.store().await;
    log_in(&store, "alice").await;
    let sound = server.cli(&["get", &key]);
    for (foreign, named) in [("hello", "with_key_prefix"), ("2 what", "newer version")] {
        server.cli(&["set", &key, foreign]);
        let error = short(&place).open().await.unwrap_err();
        expect(&error, ErrorKind::Corrupt, &[&key, named]);
    }
    server.cli(&["del", &key]);
    server.cli(&["rpush", &key, "x"]);
    let error = short(&place).open().await.unwrap_err();
    expect(&error, ErrorKind::Corrupt, &[&key]);

    // Lost alone: the next node makes another, and meets the sessions of the first.
    server.cli(&["del", &key]);
    let late = place.store().await;
    assert_ne!(server.cli(&["get", &key]), sound);
    let subjects: Vec<String> = (0..400).map(|number| format!("user-{number}")).collect();
    for subject in &subjects {
        // A node that has the old key finds out where nobody has been, and a shard that is in use refuses the new.
        drop(try_log_in(&store, subject).await);
        drop(try_log_in(&late, subject).await);
    }
    for subject in &subjects {
        let (here, there) = (
            store.list(&Subject::new(subject.as_str()).unwrap()).await,
            late.list(&Subject::new(subject.as_str()).unwrap()).await,
        );
        match (here, there) {
            (Ok(here), Ok(there)) => assert_eq!(here.len(), there.len(), "{subject}"),
            (here, there) => {
                let error = here.err().or(there.err()).unwrap();
                expect(&error, ErrorKind::Corrupt, &[&key]);
            }
        }
    }
}

/// These tests are built without TLS, as an application is that chose no feature for it.
#[tokio::test]
async fn an_address_that_demands_tls_names_the_feature_that_is_missing() {
    let refused = match RedisStore::builder("rediss://127.0.0.1:6379") {
        Ok(builder) => builder.open().await.unwrap_err(),
        Err(refused) => refused,
    };
    let named = ["needs a feature of the redis crate", "tokio-rustls-comp"];
    expect(&refused, ErrorKind::Unavailable, &named);
}

/// What is asked at once goes in one script: what is wrong with one is nobody else's fault.
#[tokio::test]
async fn check_ins_of_one_moment_share_a_script() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let place = Place::on(&server);
    let store = StoreHarness::open(&place).await;
    let ids = forty(&*store).await;
    let live = async |ids: &[SessionId]| {
        let asked = ids.iter();
        let asked = asked.map(|id| store.check_in(*id, &SECRET, Activity::Active).into_future());
        let answers = join_all(asked).await.into_iter().zip(ids);
        let live = answers
            .filter(|(answer, id)| matches!(answer, Ok(CheckIn::Live(live)) if live.id == **id));
        live.count()
    };
    assert_eq!(live(&ids).await, 40);
    server.cli(&["config", "resetstat"]);
    assert_eq!(live(&ids).await, 40);
    let stats = server.cli(&["info", "commandstats"]);
    let (_, calls) = stats.split_once("cmdstat_evalsha:calls=").unwrap();
    let (calls, _) = calls.split_once(',').unwrap();
    assert!(calls.parse::<usize>().unwrap() < 10, "{stats}");

    let keys = server.cli(&["keys", "*:s:*"]);
    let key = |id: SessionId| {
        let key = keys.lines().find(|key| key.ends_with(&id.to_string()));
        key.unwrap().to_owned()
    };
    server.cli(&["setrange", &key(ids[10]), "20", "damaged"]);
    server.cli(&["set", &key(ids[11]), "foreign"]);
    server.cli(&["del", &key(ids[12])]);
    server.cli(&["rpush", &key(ids[12]), "another type"]);
    server.cli(&["append", &key(ids[13]), "more"]);
    assert_eq!(
        live(&ids).await,
        36,
        "nobody pays for what is damaged of another"
    );
}

/// A user without the permission to write a touch: who needs none goes on, also in the same script.
#[tokio::test]
async fn a_touch_that_is_refused_fails_nobody_else() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let place = Place::on(&server);
    let store = StoreHarness::open(&place).await;
    let ids = forty(&*store).await.into_iter();
    let mut asked: Vec<_> = ids.map(|id| (id, Activity::Passive)).collect();
    server.cli(&["acl", "setuser", "default", "-setrange"]);
    place.clock.advance(Duration::from_mins(1));
    asked[20].1 = Activity::Active;
    let (id, activity) = asked[20];
    let error = failed(store.check_in(id, &SECRET, activity).await);
    expect(
        &error,
        ErrorKind::Unavailable,
        &["check_in", "refuses to write"],
    );
    let answers = asked
        .iter()
        .map(|(id, activity)| store.check_in(*id, &SECRET, *activity).into_future());
    let answers = join_all(answers).await;
    let failed = answers
        .iter()
        .enumerate()
        .filter(|(_, answer)| answer.is_err());
    let failed: Vec<_> = failed.map(|(number, _)| number).collect();
    assert_eq!(failed, [20], "who is to be touched");
}

async fn forty(store: &dyn SessionStore) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(log_in(store, &format!("user-{number}")).await);
    }
    ids
}
