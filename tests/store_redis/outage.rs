//! The server stops, hangs, is cut off, starts empty or in its own past: refused in time, nothing claimed, and over by
//! itself.

use crate::{
    cluster::Cluster,
    faults::expect,
    proxy::{Mode, Proxy, Upstream},
    redis_server::Server,
    support::{Place, SECRET, claimant, log_in, next, try_log_in},
};
use adjourn::{
    id::{SessionId, Subject},
    reason::EndReason,
    record::{Activity, Scope},
    store::{CheckIn, Claimant, End, Error, ErrorKind, Notice, RedisStore, SessionStore},
};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(2);

async fn open(url: String) -> RedisStore {
    RedisStore::builder(url).unwrap().open().await.unwrap()
}

/// Asks until the store answers: it must, by itself.
async fn again<T>(mut ask: impl AsyncFnMut() -> Result<T, Error>) -> T {
    let began = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => {
                expect(&error, ErrorKind::Unavailable, &[]);
                assert!(began.elapsed() < Duration::from_mins(1), "{error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn end_again(store: &RedisStore, id: SessionId, claimant: Claimant) -> End {
    again(async || store.end(id, EndReason::Logout.into(), claimant).await).await
}

async fn check_again(store: &RedisStore, id: SessionId) -> CheckIn {
    again(async || store.check_in(id, &SECRET, Activity::Active).await).await
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable_until_it_is_back() {
    let Some(mut server) = Server::start(&[]) else {
        return;
    };
    let store = open(server.url()).await;
    let mut notices = store.notices();
    let (alice, bob) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    assert!(matches!(
        end_again(&store, bob, claimant()).await,
        End::First(_)
    ));
    assert!(matches!(next(&mut notices).await, Notice::Ended { .. }));
    server.crash();
    for _ in 0..3 {
        let answer = store.check_in(alice, &SECRET, Activity::Active).await;
        expect(
            &answer.unwrap_err(),
            ErrorKind::Unavailable,
            &["check_in", "no connection"],
        );
        let end = store.end(alice, EndReason::Logout.into(), claimant()).await;
        expect(&end.unwrap_err(), ErrorKind::Unavailable, &["end"]);
        let swept = store.end_due(10, claimant()).await;
        expect(&swept.unwrap_err(), ErrorKind::Unavailable, &["end_due"]);
    }
    while next(&mut notices).await != Notice::Silence {}
    server.restart();
    assert!(matches!(check_again(&store, alice).await, CheckIn::Live(_)));
    assert!(
        matches!(check_again(&store, bob).await, CheckIn::Ended(_)),
        "it was answered"
    );
    assert!(matches!(
        end_again(&store, alice, claimant()).await,
        End::First(_)
    ));
    // The listener is back as well.
    let (other, began) = (open(server.url()).await, Instant::now());
    loop {
        assert!(began.elapsed() < Duration::from_mins(1), "nothing is heard");
        let carol = log_in(&other, "carol").await;
        let end = other.end(carol, EndReason::Logout.into(), claimant());
        assert!(matches!(end.await.unwrap(), End::First(_)));
        let is_told = |notice| matches!(notice, Some(Notice::Ended { id, .. }) if id == carol);
        let heard = async { while !is_told(notices.recv().await) {} };
        if tokio::time::timeout(Duration::from_secs(1), heard)
            .await
            .is_ok()
        {
            return;
        }
    }
}

/// It stands still, as an overloaded machine: refused at the limit. What was asked may still happen, whole.
#[tokio::test]
async fn a_server_that_hangs_is_unavailable_in_time() {
    let Some(mut server) = Server::start(&[]) else {
        return;
    };
    let store = open(server.url()).await;
    let mut notices = store.notices();
    let (alice, bob) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    server.pause();
    let work = claimant();
    let (ended, checked, made) = tokio::join!(
        async { store.end(alice, EndReason::Logout.into(), work).await },
        async { store.check_in(bob, &SECRET, Activity::Active).await },
        async { try_log_in(&store, "carol").await },
    );
    let late = format!("longer than {LIMIT:?}");
    expect(
        &ended.unwrap_err(),
        ErrorKind::Unavailable,
        &["end took", &late],
    );
    expect(
        &checked.unwrap_err(),
        ErrorKind::Unavailable,
        &["check_in took", &late],
    );
    expect(
        &made.unwrap_err(),
        ErrorKind::Unavailable,
        &["create took", &late],
    );
    assert_eq!(
        next(&mut notices).await,
        Notice::Gap,
        "nobody knows whether it ended"
    );
    server.go_on();
    let end = end_again(&store, alice, work).await;
    assert!(matches!(end, End::First(_)), "{end:?}: the same attempt");
    assert!(matches!(check_again(&store, bob).await, CheckIn::Live(_)));
}

/// Nothing comes back, and nothing is closed: the connection that hangs is replaced.
#[tokio::test]
async fn a_connection_that_hangs_is_replaced() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let proxy = Proxy::before(Upstream::Port(server.port)).await;
    let store = open(format!("redis://127.0.0.1:{}", proxy.port)).await;
    let id = log_in(&store, "alice").await;
    proxy.set(Mode::Hold);
    let answer = store.check_in(id, &SECRET, Activity::Active).await;
    expect(
        &answer.unwrap_err(),
        ErrorKind::Unavailable,
        &["check_in took"],
    );
    proxy.set(Mode::Forward);
    assert!(matches!(check_again(&store, id).await, CheckIn::Live(_)));
}

/// Restarted on a snapshot from before: the endings and cuts that this node knows are repeated.
#[tokio::test]
async fn a_server_that_lost_endings_is_told_of_them_again() {
    let Some(mut server) = Server::start(&["--appendonly", "no"]) else {
        return;
    };
    let store = open(server.url()).await;
    let (alice, bob, kept) = (
        log_in(&store, "alice").await,
        log_in(&store, "bob").await,
        log_in(&store, "bob").await,
    );
    assert_eq!(server.cli(&["save"]), "OK");
    assert!(matches!(
        end_again(&store, alice, claimant()).await,
        End::First(_)
    ));
    let (subject, except) = (Subject::new("bob").unwrap(), Some(kept));
    let scope = Scope::Subject { subject, except };
    store
        .end_all(scope, EndReason::Policy.into())
        .await
        .unwrap();
    let mut notices = store.notices();
    server.crash();
    server.restart();
    let late = again(async || try_log_in(&store, "bob").await).await;
    // When notices are heard again the endings have been repeated.
    while next(&mut notices).await != Notice::Silence {}
    while next(&mut notices).await != Notice::Gap {}
    let answer = check_again(&store, alice).await;
    assert!(
        matches!(&answer, CheckIn::Ended(tombstone) if *tombstone.reason() == EndReason::Logout),
        "{answer:?}: it ended before the crash"
    );
    let answer = check_again(&store, bob).await;
    assert!(
        matches!(&answer, CheckIn::Due(cause) if *cause.reason() == EndReason::Policy),
        "{answer:?}: it was cut before the crash"
    );
    for id in [kept, late] {
        let answer = check_again(&store, id).await;
        assert!(
            matches!(answer, CheckIn::Live(_)),
            "{answer:?}: it was not cut"
        );
    }
    let work = store.pending(10, LIMIT).await.unwrap();
    assert_eq!(
        work.iter().map(|work| work.id).collect::<Vec<_>>(),
        [alice],
        "to be taken over"
    );
}

/// Emptied under the nodes, with and without their connections: sessions are unknown, and new ones are ended everywhere.
#[tokio::test]
async fn a_server_that_is_empty_starts_anew() {
    for crashes in [false, true] {
        let Some(mut server) = Server::start(&[]) else {
            return;
        };
        let one = open(server.url()).await;
        let id = log_in(&one, "alice").await;
        assert_eq!(server.cli(&["flushall"]), "OK");
        if crashes {
            server.crash();
            server.restart();
        }
        let two = open(server.url()).await;
        assert!(matches!(check_again(&one, id).await, CheckIn::Unknown));
        assert!(matches!(check_again(&two, id).await, CheckIn::Unknown));
        for number in 0..20 {
            let of = format!("user-{number}");
            let id = again(async || try_log_in(&one, &of).await).await;
            let (subject, except) = (Subject::new(of.as_str()).unwrap(), None);
            let scope = Scope::Subject { subject, except };
            two.end_all(scope, EndReason::Policy.into()).await.unwrap();
            let answer = check_again(&one, id).await;
            assert!(
                matches!(answer, CheckIn::Due(_)),
                "{answer:?}: the cut reaches it"
            );
        }
    }
}

/// One master of a cluster hangs: its sessions are refused, the others go on.
#[tokio::test]
async fn the_rest_of_a_cluster_goes_on() {
    let Some(mut cluster) = Cluster::start(2) else {
        return;
    };
    for node in &cluster.0 {
        node.cli(&["config", "set", "cluster-require-full-coverage", "no"]);
    }
    let place = Place::at(cluster.urls());
    let builder = place.builder().with_time_limit(LIMIT);
    let store = builder.open().await.unwrap();
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(log_in(&store, &format!("user-{number}")).await);
    }
    let (first, rest): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| id.as_bytes()[0] < 128);
    assert!(!first.is_empty() && !rest.is_empty());
    cluster.0[0].pause();
    let answer = store.check_in(first[0], &SECRET, Activity::Active).await;
    expect(&answer.unwrap_err(), ErrorKind::Unavailable, &["check_in"]);
    for id in &rest {
        assert!(matches!(check_again(&store, *id).await, CheckIn::Live(_)));
    }
    assert!(matches!(
        end_again(&store, rest[0], claimant()).await,
        End::First(_)
    ));
    let CheckIn::Live(live) = check_again(&store, rest[1]).await else {
        panic!("it lives")
    };
    let (subject, except) = (live.record.subject().unwrap().clone(), None);
    let scope = Scope::Subject { subject, except };
    store
        .end_all(scope, EndReason::Policy.into())
        .await
        .unwrap();
    let swept = again(async || store.end_due(10, claimant()).await).await;
    assert_eq!(swept.len(), 1, "swept where it goes on");
    let scope = Scope::Everyone {
        created_before: None,
    };
    let cut = store.end_all(scope.clone(), EndReason::Forced.into()).await;
    expect(&cut.unwrap_err(), ErrorKind::Unavailable, &["end_all"]);
    cluster.0[0].go_on();
    again(async || store.end_all(scope.clone(), EndReason::Forced.into()).await).await;
    for id in first.iter().chain(&rest) {
        let answer = check_again(&store, *id).await;
        assert!(
            matches!(answer, CheckIn::Due(_) | CheckIn::Ended(_)),
            "{answer:?}: all are cut"
        );
    }
}
