//! Several nodes on one server, and what the store promises to its administrator.

use crate::{
    proxy::{Mode, Proxy, Upstream},
    redis_server::Server,
    support::{
        Place, SECRET, claimant, hear_of_a_thousand_endings, hear_of_endings_and_cuts_once,
        know_nothing_of_each_other, log_in, next, plan,
    },
};
use adjourn::{
    id::Subject,
    reason::EndReason,
    record::{Activity, Changes, Live, Scope},
    store::{
        AtLimit, CheckIn, End, Limit, NewSession, Notice, RedisStore, SessionStore, Update, Updated,
    },
    testing::StoreHarness,
};
use std::{num::NonZeroU32, time::Duration};

pub(crate) async fn live(store: &dyn SessionStore, id: adjourn::id::SessionId) -> Live {
    match store.check_in(id, &SECRET, Activity::Passive).await {
        Ok(CheckIn::Live(live)) => live,
        other => panic!("{other:?}: it lives"),
    }
}

#[tokio::test]
async fn other_nodes_hear_of_endings_and_cuts_once() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let (one, two) = (place.store().await, place.store().await);
    hear_of_endings_and_cuts_once(&one, &two).await;
}

#[tokio::test]
async fn a_thousand_endings_at_once_are_all_told() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let (one, two) = (place.store().await, place.store().await);
    hear_of_a_thousand_endings(&one, &two).await;
}

#[tokio::test]
async fn a_lost_listener_is_a_gap_and_is_replaced() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let place = Place::on(&server);
    let (one, two) = (place.store().await, place.store().await);
    let mut there = two.notices();
    server.cli(&["client", "kill", "type", "pubsub"]);
    assert_eq!(next(&mut there).await, Notice::Silence);
    assert_eq!(next(&mut there).await, Notice::Gap, "it is back");
    let id = log_in(&one, "alice").await;
    let end = one.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    assert!(matches!(next(&mut there).await, Notice::Ended { id: told, .. } if told == id));
}

#[tokio::test]
async fn a_message_that_is_not_understood_or_missing_is_a_gap() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let place = Place::on(&server);
    let store = place.store().await;
    let mut notices = store.notices();
    let id = store.mint_id(None).await.unwrap();
    let skipped = format!("node 7 99 logout {id}");
    for foreign in ["hello", "node 1 2 what ever", "node 1 2 ! {}", &skipped] {
        let channel = format!("{}:notices:0", place.prefix);
        while server.cli(&["publish", &channel, foreign]) != "1" {}
        if foreign == skipped {
            assert!(matches!(next(&mut notices).await, Notice::Ended { .. }));
        }
        assert_eq!(next(&mut notices).await, Notice::Gap, "{foreign}");
    }
}

/// The server's own time: no node's clock, and it moves.
#[tokio::test]
async fn the_server_tells_the_time() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let store = place.store().await;
    let subject = Subject::new("alice").unwrap();
    let before = store.begin_log_in(Some(&subject)).await.unwrap().issued_at;
    let server = Server::shared().unwrap().cli(&["time"]);
    let seconds: u64 = server.lines().next().unwrap().parse().unwrap();
    let after = store.begin_log_in(None).await.unwrap().issued_at;
    assert!(before.as_unix_millis() <= (seconds + 1) * 1_000);
    assert!(seconds * 1_000 <= after.as_unix_millis());
}

#[tokio::test]
async fn two_prefixes_know_nothing_of_each_other() {
    let (Some(one), Some(two)) = (Place::of_a_test(), Place::of_a_test()) else {
        return;
    };
    know_nothing_of_each_other(&one.store().await, &two.store().await).await;
}

/// With the same prefix they are one application; in different databases they share nothing, channels included.
#[tokio::test]
async fn two_databases_know_nothing_of_each_other() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let open = async |database: u8| {
        let url = format!("{}/{database}", server.url());
        RedisStore::builder(url).unwrap().open().await.unwrap()
    };
    let (here, again, there) = (open(0).await, open(0).await, open(3).await);
    let (mut told, mut untold) = (again.notices(), there.notices());
    let id = log_in(&here, "alice").await;
    assert_eq!(live(&again, id).await.id, id);
    let answer = there.check_in(id, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::Unknown));
    let end = here.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    assert!(matches!(next(&mut told).await, Notice::Ended { id: ended, .. } if ended == id));
    let own = log_in(&there, "alice").await;
    let end = there.end(own, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    assert!(matches!(next(&mut untold).await, Notice::Ended { id: told, .. } if told == own));
}

fn calls(server: &Server, command: &str) -> u64 {
    let stats = server.cli(&["info", "commandstats"]);
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// One script an operation, whatever it writes; and nothing that walks over all keys.
#[tokio::test]
async fn each_operation_is_one_script() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let place = Place::on(&server);
    let store = StoreHarness::open(&place).await;
    let subject = Subject::new("alice").unwrap();
    let id = log_in(&*store, "alice").await;
    let warm = |server: &Server| calls(server, "evalsha") + calls(server, "eval");
    let before = warm(&server);
    // The first time the server is sent the code.
    drop(store.check_in(id, &SECRET, Activity::Active).await.unwrap());
    assert_eq!(warm(&server) - before, 2);
    let before = warm(&server);
    for _ in 0..10 {
        place.clock.advance(Duration::from_mins(1));
        let answer = store.check_in(id, &SECRET, Activity::Active).await;
        assert!(matches!(answer.unwrap(), CheckIn::Live(_)), "touched");
    }
    assert_eq!(warm(&server) - before, 10, "check_in");
    for round in 0..2 {
        let before = warm(&server);
        let (max, at_limit) = (NonZeroU32::new(1).unwrap(), AtLimit::EndOldest);
        let session = NewSession {
            limit: Some(Limit { max, at_limit }),
            ..plan(&*store, "alice").await
        };
        let id = session.id;
        drop(store.create(session).await.unwrap());
        drop(store.update(id, Update::default(), None).await.unwrap());
        drop(
            store
                .rotate(id, &SECRET, &SECRET, Duration::ZERO)
                .await
                .unwrap(),
        );
        store.check(&[id], Activity::Active).await.unwrap();
        drop(store.tombstone(id).await.unwrap());
        drop(store.list(&subject).await.unwrap());
        store.begin_log_in(Some(&subject)).await.unwrap();
        drop(
            store
                .end(id, EndReason::Logout.into(), claimant())
                .await
                .unwrap(),
        );
        store.acknowledge(id, 0).await.unwrap();
        if round == 1 {
            assert_eq!(warm(&server) - before, 9, "one each");
        }
    }
    let before = warm(&server);
    store.end_due(10, claimant()).await.unwrap();
    store.pending(10, Duration::from_secs(1)).await.unwrap();
    assert_eq!(warm(&server), before, "nothing is due");
    for walking in ["keys", "scan", "smembers", "hgetall"] {
        assert_eq!(calls(&server, walking), 0, "{walking}");
    }
}

/// What expires, and when: never what decides.
#[tokio::test]
async fn sessions_and_tombstones_expire_when_nobody_needs_them() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let place = Place::on(&server);
    let store = place.store().await;
    let id = log_in(&store, "alice").await;
    let scope = Scope::Subject {
        subject: Subject::new("bob").unwrap(),
        except: None,
    };
    store
        .end_all(scope, EndReason::Policy.into())
        .await
        .unwrap();
    let keys = |kind: &str| {
        let pattern = format!("{}:*:{kind}*", place.prefix);
        server.cli(&["--scan", "--pattern", &pattern])
    };
    let key = keys("s:");
    let seconds_left = || -> i64 { server.cli(&["ttl", &key]).parse().unwrap() };
    let (hours, week) = (8 * 3_600, 7 * 86_400);
    let near = |seconds: i64, expected: i64| (expected - 120..=expected).contains(&seconds);
    assert!(near(seconds_left(), hours + week), "{}", seconds_left());
    let End::First(departed) = store
        .end(id, EndReason::Logout.into(), claimant())
        .await
        .unwrap()
    else {
        panic!("nobody ended it before")
    };
    assert!(near(seconds_left(), hours + week), "work is pending");
    for kind in ["meta", "cuts", "due", "work"] {
        let names = keys(kind);
        assert!(!names.is_empty(), "{kind}");
        for key in names.lines() {
            assert_eq!(server.cli(&["ttl", key]), "-1", "{key}");
        }
    }
    assert!(store.acknowledge(id, departed.claim).await.unwrap());
    assert!(near(seconds_left(), hours), "{}", seconds_left());
}

/// A session whose record is gone, though nobody ended it.
#[tokio::test]
async fn a_record_that_is_gone_ends_as_lost() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let server = Server::shared().unwrap();
    let store = StoreHarness::open(&place).await;
    let id = log_in(&*store, "alice").await;
    let pattern = format!("{}:*:s:*", place.prefix);
    let key = server.cli(&["--scan", "--pattern", &pattern]);
    assert_eq!(server.cli(&["del", &key]), "1");
    assert!(store.end_due(10, claimant()).await.unwrap().is_empty());
    place.clock.advance(Duration::from_mins(17));
    let ended = store.end_due(10, claimant()).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (ended[0].id, ended[0].ending.reason()),
        (id, &EndReason::Lost)
    );
    let answer = store.check_in(id, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::WrongSecret), "nobody's");
    assert!(store.acknowledge(id, ended[0].claim).await.unwrap());
    let subject = Subject::new("alice").unwrap();
    assert!(store.list(&subject).await.unwrap().is_empty());
    log_in(&*store, "alice").await;
}

/// The reply is lost with its connection: it is asked once more, and the same answer comes.
#[tokio::test]
async fn a_lost_reply_changes_no_answer() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let proxy = Proxy::before(Upstream::Port(server.port)).await;
    let store = RedisStore::builder(format!("redis://127.0.0.1:{}", proxy.port))
        .unwrap()
        .open()
        .await
        .unwrap();
    for number in 0..2 {
        let id = log_in(&store, &format!("user-{number}")).await;
        let mut update = Update::default();
        update.values = Changes::default().set("step", *b"1");
        if number == 1 {
            proxy.set(Mode::LoseAnswer);
        }
        let written = store.update(id, update, Some(0)).await.unwrap();
        assert!(matches!(written, Updated::Written(_)), "{written:?}");
        assert_eq!(live(&store, id).await.record.revision(), 1);
        if number == 1 {
            proxy.set(Mode::LoseAnswer);
        }
        let end = store.end(id, EndReason::Logout.into(), claimant()).await;
        assert!(matches!(end, Ok(End::First(_))), "{end:?}");
    }
    assert_eq!(store.pending(10, Duration::ZERO).await.unwrap().len(), 0);
}
