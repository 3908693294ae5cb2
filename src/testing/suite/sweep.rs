//! Sweeping: what is due is found and ended, each session once, nothing early.

use super::fixture::{EVERYONE, Fixture, IDLE, LEASE, claimant, ids, must, ok, set};
use crate::{
    id::SessionId,
    reason::EndReason,
    store::{CheckIn, SessionStore},
    testing::StoreHarness,
};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// Nothing is ended before its time, everything at its time, with its own cause.
pub async fn each_session_is_ended_at_its_time_and_not_before<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    assert!(
        fixture.end_due(10).await.is_empty(),
        "an empty store has nothing to end"
    );
    let idle = fixture.log_in("alice").await;
    let mut plan = fixture.plan(Some("alice")).await;
    (plan.idle_timeout, plan.absolute_timeout) = (None, Duration::from_mins(20));
    let old = fixture.start(plan).await;

    fixture.advance_until_just_before(IDLE).await;
    assert!(fixture.end_due(10).await.is_empty(), "never early");
    fixture.advance(fixture.margin()).await;
    let departed = fixture.end_due(10).await;
    assert_eq!(ids(&departed), [idle], "the idle timeout has passed");
    assert_eq!(*departed[0].ending.reason(), EndReason::IdleTimeout);
    assert!(!departed[0].redelivered);
    let (due_at, ended_at) = (departed[0].due_at, departed[0].ending.at());
    assert!(
        due_at.is_some_and(|due_at| departed[0].created_at < due_at && due_at <= ended_at),
        "it says since when it was due: {due_at:?}"
    );
    fixture
        .expect_ended(idle, EndReason::IdleTimeout, "the sweep ended it")
        .await;

    fixture
        .advance_until_just_before(Duration::from_mins(5))
        .await;
    assert!(fixture.end_due(10).await.is_empty(), "never early");
    fixture.advance(fixture.margin()).await;
    let departed = fixture.end_due(10).await;
    assert_eq!(ids(&departed), [old], "its lifetime is over");
    assert_eq!(*departed[0].ending.reason(), EndReason::AbsoluteTimeout);
    assert!(fixture.end_due(10).await.is_empty(), "each once");
}

/// A touched session survives its first deadline, and is found at its later one.
pub async fn a_touched_session_is_found_later<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    for _ in 0..4 {
        fixture.advance(Duration::from_mins(10)).await;
        must!(fixture.check_in(id).await, CheckIn::Live(_), "live");
        assert!(fixture.end_due(10).await.is_empty(), "it was seen just now");
    }
    fixture.advance_until_just_before(IDLE).await;
    assert!(fixture.end_due(10).await.is_empty(), "never early");
    fixture.advance(fixture.margin()).await;
    assert_eq!(
        ids(&fixture.end_due(10).await),
        [id],
        "re-armed, not forgotten"
    );
}

/// A session whose first deadline a sweep looked at is not lost from later sweeps.
pub async fn many_touched_sessions_are_all_found_later<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut started = HashSet::new();
    for number in 0..300 {
        started.insert(fixture.log_in(&format!("user-{number}")).await);
    }
    fixture.advance(Duration::from_mins(8)).await;
    for id in &started {
        must!(fixture.check_in(*id).await, CheckIn::Live(_), "live");
    }
    fixture.advance(Duration::from_mins(8)).await;
    // A small limit: entries that are re-armed must not eat it up.
    for _ in 0..5 {
        assert!(
            fixture.end_due(7).await.is_empty(),
            "each was seen 8 minutes ago"
        );
    }
    let lone = fixture.log_in("late").await;
    fixture.advance(Duration::from_mins(7)).await;
    let mut found = HashSet::new();
    loop {
        let departed = fixture.end_due(7).await;
        assert!(departed.len() <= 7, "at most the limit");
        let last = departed.len() < 7;
        for departed in departed {
            assert!(found.insert(departed.id), "each once");
        }
        if last {
            break;
        }
    }
    assert_eq!(found, started, "each is found at its second deadline");
    fixture.expect_live(lone, "it is not due").await;
}

/// Fewer than the limit means that no more are due.
pub async fn fewer_than_the_limit_means_none_are_left<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for number in 0..25 {
        fixture.log_in(&format!("user-{}", number % 5)).await;
        if number % 2 == 0 {
            fixture.advance(Duration::from_secs(1)).await;
        }
    }
    fixture.advance(IDLE).await;
    let mut sizes = Vec::new();
    for _ in 0..4 {
        sizes.push(fixture.end_due(10).await.len());
    }
    assert_eq!(
        sizes,
        [10, 10, 5, 0],
        "at most 10, and fewer only when none are left"
    );
}

/// Cut sessions are found although no deadline of theirs has passed.
pub async fn cut_sessions_are_found<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut cut = HashSet::new();
    for number in 0..120 {
        cut.insert(fixture.log_in(&format!("user-{}", number % 30)).await);
    }
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    let late = fixture.log_in("user-1").await;
    let mut found = HashSet::new();
    for round in 0.. {
        let departed = fixture.end_due(50).await;
        assert_eq!(
            departed.len(),
            [50, 50, 20, 0][round],
            "all that are cut are due"
        );
        for departed in &departed {
            assert_eq!(*departed.ending.reason(), EndReason::Forced);
            assert!(found.insert(departed.id), "each once");
        }
        if departed.is_empty() {
            break;
        }
    }
    assert_eq!(found, cut);
    fixture.expect_live(late, "it started after the cut").await;
    fixture
        .end_all(
            super::fixture::of_subject("user-1", None),
            EndReason::Policy,
        )
        .await;
    assert_eq!(
        ids(&fixture.end_due(50).await),
        [late],
        "a later cut is swept too"
    );
}

/// Several sweepers at once, while sessions are touched and logged out: each ending once.
pub async fn parallel_sweepers_end_each_session_once<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (mut due, mut touched) = (HashSet::new(), Vec::new());
    for number in 0..2_000 {
        let id = fixture.log_in(&format!("user-{}", number % 100)).await;
        if number % 10 == 0 {
            touched.push(id);
        } else {
            due.insert(id);
        }
    }
    fixture.advance(Duration::from_mins(10)).await;
    for id in &touched {
        must!(fixture.check_in(*id).await, CheckIn::Live(_), "live");
    }
    fixture.advance(Duration::from_mins(5)).await;
    let mut sweepers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = Arc::clone(&fixture.store);
        sweepers.spawn(sweep_all(store));
    }
    let mut found = HashSet::new();
    for id in sweepers.join_all().await.into_iter().flatten() {
        assert!(
            found.insert(id),
            "{id} was ended twice: its consequences would run twice"
        );
    }
    found.extend(ids(&fixture.end_due(5_000).await));
    assert_eq!(found, due, "each that is due, and no other");
    fixture.advance(Duration::from_mins(10)).await;
    let later: HashSet<SessionId> = ids(&fixture.end_due(5_000).await).into_iter().collect();
    assert_eq!(
        later,
        touched.into_iter().collect(),
        "the touched ones were re-armed"
    );
}

/// A sweep and a logout at once: one ending, one winner.
pub async fn a_sweep_and_a_logout_have_one_winner<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for _ in 0..200 {
        let id = fixture.log_in("alice").await;
        fixture.advance(IDLE).await;
        let (one, two) = (Arc::clone(&fixture.store), Arc::clone(&fixture.store));
        let (swept, ended) = super::race::together(
            async move { ok(one.end_due(10, claimant())).await },
            async move { ok(two.end(id, EndReason::Logout.into(), claimant())).await },
        )
        .await;
        let first = matches!(ended, crate::store::End::First(_));
        assert_eq!(
            usize::from(first) + swept.len(),
            1,
            "one ending has one winner: {ended:?}"
        );
        fixture
            .expect_ended(id, EndReason::IdleTimeout, "the earliest cause")
            .await;
    }
}

/// What a sweep ended is pending like any other ending, and its values are gone.
pub async fn the_work_of_a_sweep_is_leased<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let mut update = set("card", "4111");
    update.leave_behind = update.leave_behind.set("bucket", *b"a");
    drop(ok(fixture.store.update(id, update, None)).await);
    fixture.advance(IDLE).await;
    let departed = fixture.end_due(10).await;
    assert_eq!(
        departed[0].leave_behind.get("bucket"),
        Some(b"a".as_slice())
    );
    assert!(
        ok(fixture.store.pending(10, LEASE)).await.is_empty(),
        "it is leased to the sweeper"
    );
    fixture.advance(LEASE + fixture.margin()).await;
    let taken = ok(fixture.store.pending(10, LEASE)).await;
    assert_eq!(
        ids(&taken),
        [id],
        "the sweeper died: somebody else takes over"
    );
    assert!(taken[0].redelivered);
}

async fn sweep_all(store: Arc<dyn SessionStore>) -> Vec<SessionId> {
    let mut found = Vec::new();
    loop {
        let departed = ok(store.end_due(37, claimant())).await;
        if departed.is_empty() {
            return found;
        }
        found.extend(ids(&departed));
        tokio::task::yield_now().await;
    }
}
