//! Notices: a hint to every node, or an honest gap.

use super::fixture::{EVERYONE, Fixture, IDLE, limit, must, of_subject, ok};
use crate::{
    id::SessionId,
    reason::EndReason,
    store::{AtLimit, Notice, Notices},
    testing::StoreHarness,
};
use std::{collections::HashSet, time::Duration};

/// Only a store that does not notify at all makes this pass.
const PATIENCE: Duration = Duration::from_secs(5);

async fn next(notices: &mut Notices) -> Notice {
    match tokio::time::timeout(PATIENCE, notices.recv()).await {
        Ok(Some(notice)) => notice,
        Ok(None) => panic!("the store is open, but its notices are over"),
        Err(late) => panic!("no notice came ({late}): other nodes would go on with a dead session"),
    }
}

/// Every way to end a session tells the other nodes.
pub async fn every_ending_is_told<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let before = fixture.log_in("alice").await;
    fixture.end_first(before, EndReason::Logout).await;
    let (mut one, mut two) = (fixture.store.notices(), fixture.store.notices());
    let mut expected: Vec<(SessionId, EndReason)> = Vec::new();

    let ended = fixture.log_in("alice").await;
    fixture.end_first(ended, EndReason::Logout).await;
    expected.push((ended, EndReason::Logout));
    let many = fixture.log_in("alice").await;
    let forced = EndReason::Forced.into();
    ok(fixture
        .store
        .end_many(&[many], forced, super::fixture::claimant()))
    .await;
    expected.push((many, EndReason::Forced));
    let swept = fixture.log_in("alice").await;
    fixture.advance(IDLE).await;
    fixture.end_due(10).await;
    expected.push((swept, EndReason::IdleTimeout));
    let (oldest, replaced) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    let mut plan = fixture.plan(Some("alice")).await;
    (plan.limit, plan.replaces) = (Some(limit(1, AtLimit::EndOldest)), Some(replaced));
    fixture.start(plan).await;
    expected.extend([
        (oldest, EndReason::Superseded),
        (replaced, EndReason::Reauthenticated),
    ]);

    for notices in [&mut one, &mut two] {
        let mut told = Vec::new();
        for _ in &expected {
            must!(next(notices).await, Notice::Ended { id, reason } => told.push((id, reason)),
                "five endings happened, and nothing else");
        }
        told.sort_by_key(|(id, _)| *id);
        expected.sort_by_key(|(id, _)| *id);
        assert_eq!(
            told, expected,
            "each ending once, with its reason, from now on only"
        );
    }
}

/// A cut is told as one notice, with its scope.
pub async fn a_cut_is_told<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let kept = fixture.log_in("alice").await;
    let mut notices = fixture.store.notices();
    for scope in [
        of_subject("alice", Some(kept)),
        of_subject("nobody-there", None),
        EVERYONE,
    ] {
        fixture.end_all(scope.clone(), EndReason::Forced).await;
        must!(next(&mut notices).await, Notice::Cut(told) if told == scope, "{scope:?} was cut");
    }
}

/// The loser of a race says nothing: the ending was told.
pub async fn an_ending_is_told_once<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (id, last) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    let mut notices = fixture.store.notices();
    fixture.end_first(id, EndReason::Logout).await;
    for _ in 0..3 {
        drop(fixture.end(id, EndReason::Forced).await);
    }
    fixture.end_first(last, EndReason::Logout).await;
    for expected in [id, last] {
        must!(next(&mut notices).await, Notice::Ended { id, .. } if id == expected, "once each");
    }
}

/// Who falls behind gets everything, or a gap: never silence.
pub async fn a_node_that_falls_behind_is_told_of_the_gap<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut notices = fixture.store.notices();
    let mut missing = HashSet::new();
    for number in 0..5_000.min(fixture.harness.many()) {
        let id = fixture.log_in(&format!("user-{}", number % 50)).await;
        fixture.end_first(id, EndReason::Logout).await;
        missing.insert(id);
    }
    while !missing.is_empty() {
        match next(&mut notices).await {
            Notice::Ended { id, .. } => _ = missing.remove(&id),
            Notice::Gap => break,
            unexpected @ (Notice::Cut(_) | Notice::Silence) => panic!("nobody did {unexpected:?}"),
        }
    }
    // After the gap it goes on.
    let last = fixture.log_in("last").await;
    fixture.end_first(last, EndReason::Policy).await;
    loop {
        match next(&mut notices).await {
            Notice::Ended { id, reason } if id == last => {
                break assert_eq!(reason, EndReason::Policy);
            }
            Notice::Ended { .. } | Notice::Gap => {}
            unexpected @ (Notice::Cut(_) | Notice::Silence) => panic!("nobody did {unexpected:?}"),
        }
    }
}
