//! Pending work: leased to the winner, taken over when the winner dies, done once acknowledged.

use super::fixture::{
    ABSOLUTE, EVERYONE, Fixture, IDLE, LEASE, claimant, ids, limit, must, ok, set,
};
use crate::{
    id::SessionId,
    reason::EndReason,
    record::{Departed, Tombstone},
    store::{AtLimit, Created, End, SessionStore},
    testing::StoreHarness,
};
use std::{collections::HashSet, sync::Arc, time::Duration};

impl<H: StoreHarness> Fixture<H> {
    async fn pending(&self, limit: usize) -> Vec<Departed> {
        ok(self.store.pending(limit, LEASE)).await
    }

    async fn renew(&self, id: SessionId, claim: u64) -> bool {
        ok(self.store.renew(id, claim, LEASE)).await
    }

    async fn acknowledge(&self, id: SessionId, claim: u64) -> bool {
        ok(self.store.acknowledge(id, claim)).await
    }
}

/// While the winner's lease lasts, nobody else works.
pub async fn leased_work_is_not_handed_out<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    assert!(fixture.pending(10).await.is_empty(), "nothing has ended");
    let departed = fixture.end_first(id, EndReason::Logout).await;
    assert_eq!(departed.due_at, None, "nobody had waited for it");
    fixture.advance_until_just_before(LEASE).await;
    assert!(
        fixture.pending(10).await.is_empty(),
        "the winner is still at work"
    );
    assert!(fixture.acknowledge(id, departed.claim).await);
    fixture.advance(ABSOLUTE).await;
    assert!(
        fixture.pending(10).await.is_empty(),
        "what is done is not handed out"
    );
}

/// Who takes over sees the same facts, knows that it comes second, and shuts the winner out.
pub async fn work_is_taken_over_when_the_lease_is_over<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let mut update = set("card", "4111");
    update.leave_behind = update.leave_behind.set("bucket", *b"a");
    drop(ok(fixture.store.update(id, update, None)).await);
    let first = fixture.end_first(id, EndReason::Forced).await;

    fixture.advance(LEASE + fixture.margin()).await;
    let mut taken = fixture.pending(10).await;
    let second = taken.pop().expect("its lease is over");
    assert!(taken.is_empty(), "once");
    assert!(second.redelivered && !first.redelivered, "a copy says so");
    assert_ne!(second.claim, first.claim, "a new claim");
    let same = Departed {
        claim: first.claim,
        redelivered: false,
        ..second.clone()
    };
    assert_eq!(same, first, "the same facts for both");
    assert!(fixture.pending(10).await.is_empty(), "it is leased again");

    assert!(
        !fixture.renew(id, first.claim).await,
        "the winner lost its lease and must stop"
    );
    assert!(
        !fixture.acknowledge(id, first.claim).await,
        "it is not its work any more"
    );
    assert!(
        fixture.renew(id, second.claim).await,
        "the work is the second's"
    );
    fixture.advance(LEASE + fixture.margin()).await;
    let third = fixture.pending(10).await;
    assert_eq!(ids(&third), [id], "the second died as well");
    assert!(
        third[0].claim != first.claim && third[0].claim != second.claim,
        "never used twice"
    );
    assert!(fixture.acknowledge(id, third[0].claim).await);
    fixture
        .expect_ended(id, EndReason::Forced, "the ending is what it was")
        .await;
}

/// A winner that works for long keeps its lease by renewing it.
pub async fn a_renewed_lease_lasts<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let departed = fixture.end_first(id, EndReason::Logout).await;
    for _ in 0..5 {
        fixture.advance_until_just_before(LEASE).await;
        assert!(
            fixture.pending(10).await.is_empty(),
            "the lease was renewed"
        );
        assert!(
            fixture.renew(id, departed.claim).await,
            "it is the caller's"
        );
    }
    // Late, but nobody took it over: it is still the caller's.
    fixture.advance(LEASE * 3).await;
    assert!(
        fixture.renew(id, departed.claim).await,
        "nobody took it over meanwhile"
    );
    assert!(
        fixture.pending(10).await.is_empty(),
        "renewed counts from now"
    );
    assert!(fixture.acknowledge(id, departed.claim).await);
}

/// Acknowledging again does no harm and nobody else's claim counts.
pub async fn acknowledging_twice_is_harmless<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (id, other) = (fixture.log_in("alice").await, fixture.log_in("bob").await);
    let unknown = SessionId::from_bytes([7; 16]);
    assert!(
        !fixture.acknowledge(unknown, 0).await && !fixture.renew(unknown, 0).await,
        "unknown"
    );
    assert!(
        !fixture.acknowledge(id, 0).await && !fixture.renew(id, 0).await,
        "it is live"
    );
    let departed = fixture.end_first(id, EndReason::Logout).await;
    let theirs = fixture.end_first(other, EndReason::Logout).await;
    let foreign = departed.claim.wrapping_add(1_000_003);
    assert!(!fixture.renew(id, foreign).await && !fixture.acknowledge(id, foreign).await);

    assert!(
        fixture.acknowledge(id, departed.claim).await,
        "it is the caller's"
    );
    let _either = fixture.acknowledge(id, departed.claim).await;
    assert!(
        !fixture.renew(id, departed.claim).await,
        "there is nothing left to work on"
    );
    fixture.advance(LEASE + fixture.margin()).await;
    assert_eq!(
        ids(&fixture.pending(10).await),
        [other],
        "another session's work is untouched"
    );
    assert!(
        !fixture.acknowledge(other, theirs.claim).await,
        "taken over"
    );
}

/// Takers at once get each piece of work once, and never more than they asked for.
pub async fn parallel_takers_get_each_piece_once<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut ended = HashSet::new();
    for number in 0..200 {
        let id = fixture.log_in(&format!("user-{}", number % 20)).await;
        ended.insert(id);
    }
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    assert_eq!(fixture.end_due(1_000).await.len(), 200);
    fixture.advance(LEASE + fixture.margin()).await;
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = Arc::clone(&fixture.store);
        takers.spawn(take_all(store));
    }
    let (mut found, mut claims) = (HashSet::new(), HashSet::new());
    let mut taken: Vec<Departed> = takers.join_all().await.into_iter().flatten().collect();
    taken.extend(fixture.pending(1_000).await);
    for departed in taken {
        assert!(
            found.insert(departed.id),
            "{} was leased to two at once",
            departed.id
        );
        claims.insert((departed.id, departed.claim));
        assert!(departed.redelivered);
    }
    assert_eq!(found, ended, "no ending is forgotten");
    for (id, claim) in claims {
        assert!(fixture.acknowledge(id, claim).await, "each claim is good");
    }
}

/// The work of sessions that ended for a new one is pending too, if the creator dies.
pub async fn the_work_of_superseded_sessions_is_taken_over<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (old, replaced) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    let mut plan = fixture.plan(Some("alice")).await;
    (plan.limit, plan.replaces) = (Some(limit(1, AtLimit::EndOldest)), Some(replaced));
    let again = plan.clone();
    must!(fixture.create(plan).await, Created::Created { ended, .. } if ended.len() == 2, "both");
    // The reply was lost: the repeat has nothing, so that somebody must take over.
    must!(fixture.create(again).await, Created::Created { ended, .. } if ended.is_empty(), "");
    assert!(
        fixture.pending(10).await.is_empty(),
        "leased to the creator"
    );
    fixture.advance(LEASE + fixture.margin()).await;
    let taken = fixture.pending(10).await;
    let found: HashSet<_> = ids(&taken).into_iter().collect();
    assert_eq!(
        found,
        HashSet::from([old, replaced]),
        "no ending is forgotten"
    );
}

/// An attempt repeated after somebody took over must not have two at work.
pub async fn a_repeat_after_a_take_over_does_not_shut_out_the_taker<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (id, claimant) = (fixture.log_in("alice").await, claimant());
    let end = || fixture.store.end(id, EndReason::Logout.into(), claimant);
    must!(ok(end()).await, End::First(_), "nobody had ended it");
    fixture.advance(LEASE + fixture.margin()).await;
    let taken = fixture.pending(10).await;
    drop(ok(end()).await);
    assert!(
        fixture.renew(id, taken[0].claim).await,
        "the taker's lease has not ended"
    );
}

/// All nodes were down for a day: the consequences still come, though the tombstone went.
pub async fn pending_work_outlives_the_tombstone<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let mut update = set("card", "4111");
    update.leave_behind = update.leave_behind.set("bucket", *b"a");
    drop(ok(fixture.store.update(id, update, None)).await);
    let first = fixture.end_first(id, EndReason::Logout).await;
    fixture
        .advance(ABSOLUTE + Tombstone::MIN_RETENTION + IDLE)
        .await;
    for _ in 0..3 {
        fixture.end_due(10).await;
    }
    let taken = fixture.pending(10).await;
    assert_eq!(
        ids(&taken),
        [id],
        "an ending is audited though nobody was there for a day"
    );
    assert_eq!(
        (&taken[0].ending, &taken[0].leave_behind),
        (&first.ending, &first.leave_behind)
    );
    assert!(fixture.acknowledge(id, taken[0].claim).await);
    fixture.advance(Duration::from_hours(24)).await;
    fixture.end_due(10).await;
    assert!(fixture.pending(10).await.is_empty(), "done");
}

async fn take_all(store: Arc<dyn SessionStore>) -> Vec<Departed> {
    let mut taken = Vec::new();
    loop {
        let more = ok(store.pending(7, LEASE)).await;
        assert!(more.len() <= 7, "at most the limit");
        if more.is_empty() {
            return taken;
        }
        taken.extend(more);
        tokio::task::yield_now().await;
    }
}
