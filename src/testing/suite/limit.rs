//! The limit of concurrent sessions, enforced in the step that creates.

use super::fixture::{EVERYONE, Fixture, IDLE, claimant, ids, limit, must, of_subject, ok, plan};
use crate::{
    id::RequestId,
    reason::EndReason,
    record::Departed,
    store::{AtLimit, CheckIn, Created},
    testing::StoreHarness,
};
use std::sync::Arc;

/// A log-in beyond the limit is refused, and nothing happens.
pub async fn a_log_in_beyond_the_limit_is_refused<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut started = Vec::new();
    for _ in 0..2 {
        let mut plan = fixture.plan(Some("alice")).await;
        plan.limit = Some(limit(2, AtLimit::RefuseNew));
        started.push(fixture.start(plan).await);
    }
    let mut plan = fixture.plan(Some("alice")).await;
    (plan.limit, plan.replaces) = (Some(limit(2, AtLimit::RefuseNew)), None);
    let refused = plan.id;
    must!(fixture.create(plan.clone()).await, Created::LimitReached(at) if at.max.get() == 2,
        "alice has two live sessions already");
    assert_eq!(
        fixture.listed("alice").await,
        started,
        "a refusal ends and starts nothing"
    );
    must!(
        fixture.peek(refused).await,
        CheckIn::Unknown,
        "what was refused does not exist"
    );

    fixture.end_first(started[0], EndReason::Logout).await;
    fixture.start(plan).await;
}

/// The oldest end, as many as needed, and their work is the creator's.
pub async fn a_log_in_beyond_the_limit_ends_the_oldest<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut started = Vec::new();
    for _ in 0..4 {
        started.push(fixture.log_in("alice").await);
        fixture.advance(fixture.margin()).await;
    }
    let bob = fixture.log_in("bob").await;
    // The limit was lowered to 2 meanwhile: three must go.
    let mut plan = fixture.plan(Some("alice")).await;
    plan.limit = Some(limit(2, AtLimit::EndOldest));
    plan.request_id = RequestId::new("log-in");
    let asked_by = plan.request_id.clone();
    let (id, created) = (plan.id, fixture.create(plan).await);
    let ended = must!(created, Created::Created { ended, .. } => ended, "the oldest make room");

    assert_eq!(
        sorted(&ended),
        sort(started[..3].to_vec()),
        "the three oldest end, no other"
    );
    for departed in &ended {
        assert_eq!(*departed.ending.reason(), EndReason::Superseded);
        assert_eq!(
            departed.ending.cause().request_id(),
            asked_by.as_ref(),
            "by the request that made the new one"
        );
        assert!(
            ok(fixture.store.renew(departed.id, departed.claim, IDLE)).await,
            "the work is leased to whoever created the new session"
        );
    }
    for id in &started[..3] {
        fixture
            .expect_ended(*id, EndReason::Superseded, "it was superseded")
            .await;
    }
    assert_eq!(
        fixture.listed("alice").await,
        [started[3], id],
        "the limit holds"
    );
    fixture
        .expect_live(bob, "the limit is each subject's own")
        .await;
}

/// Else a user at limit 1 could not log in again in the same browser.
pub async fn the_replaced_session_is_not_counted<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for at_limit in [AtLimit::RefuseNew, AtLimit::EndOldest] {
        let of = format!("{at_limit:?}");
        let (other, old) = (fixture.log_in(&of).await, fixture.log_in(&of).await);
        let mut plan = fixture.plan(Some(&of)).await;
        (plan.limit, plan.replaces) = (Some(limit(2, at_limit)), Some(old));
        plan.request_id = RequestId::new("again");
        let id = plan.id;
        let ended = must!(fixture.create(plan).await, Created::Created { ended, .. } => ended,
            "{of}: with the replaced session gone there is room");
        assert_eq!(ids(&ended), [old], "{of}: only the replaced session ends");
        assert_eq!(
            *ended[0].ending.reason(),
            EndReason::Reauthenticated,
            "{of}"
        );
        let asked_by = ended[0].ending.cause().request_id();
        assert_eq!(asked_by.map(RequestId::as_str), Some("again"), "{of}");
        fixture
            .expect_ended(old, EndReason::Reauthenticated, "it was replaced")
            .await;
        assert_eq!(
            fixture.listed(&of).await,
            [other, id],
            "{of}: the other one lives on"
        );
    }
}

/// A refusal is whole: the session that was to be replaced lives on.
pub async fn a_refused_log_in_leaves_the_replaced_session_alone<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (other, old) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    let mut plan = fixture.plan(Some("alice")).await;
    (plan.limit, plan.replaces) = (Some(limit(1, AtLimit::RefuseNew)), Some(old));
    must!(
        fixture.create(plan).await,
        Created::LimitReached(_),
        "one other session is live"
    );
    assert_eq!(
        fixture.listed("alice").await,
        [other, old],
        "a refusal changes nothing"
    );
}

/// Nobody ends a stranger's session by logging in over its cookie.
pub async fn the_replaced_session_of_another_subject_is_left_alone<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let bob = fixture.log_in("bob").await;
    let nobody = fixture.start(fixture.plan(None).await).await;
    for replaced in [bob, nobody] {
        let mut plan = fixture.plan(Some("alice")).await;
        plan.replaces = Some(replaced);
        must!(fixture.create(plan).await, Created::Created { ended, .. } => {
            assert!(ended.is_empty(), "it is the caller's to end");
        }, "nothing stands in its way");
        fixture
            .expect_live(replaced, "it is not of the same subject")
            .await;
    }
    let mut plan = fixture.plan(None).await;
    plan.replaces = Some(nobody);
    must!(fixture.create(plan).await, Created::Created { ended, .. } if ended.is_empty(),
        "nobody is not one subject");
    fixture.expect_live(nobody, "the caller ends it").await;
}

/// A session that ended or is due was not replaced: its own cause stands.
pub async fn a_replaced_session_that_is_dead_keeps_its_cause<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (ended, idle) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    fixture.end_first(ended, EndReason::Forced).await;
    fixture.advance(IDLE).await;
    for (id, reason) in [(ended, EndReason::Forced), (idle, EndReason::IdleTimeout)] {
        let mut plan = fixture.plan(Some("alice")).await;
        plan.replaces = Some(id);
        must!(fixture.create(plan).await, Created::Created { ended, .. } => {
            assert!(ended.is_empty(), "it was not live, so that this did not end it");
        }, "nothing stands in its way");
        let end = fixture.end(id, EndReason::Reauthenticated).await;
        let found = match end {
            crate::store::End::First(departed) => departed.ending.reason().clone(),
            crate::store::End::Already(tombstone) => tombstone.reason().clone(),
            crate::store::End::Unknown => panic!("{id} is known"),
        };
        assert_eq!(found, reason, "the first cause wins");
    }
}

/// The limit counts by the one predicate, not by rows.
pub async fn dead_sessions_are_not_counted<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let ended = fixture.log_in("alice").await;
    let idle = fixture.log_in("alice").await;
    fixture.end_first(ended, EndReason::Logout).await;
    fixture.advance(IDLE + fixture.margin()).await;
    let cut = fixture.log_in("alice").await;
    fixture
        .end_all(of_subject("alice", None), EndReason::Forced)
        .await;

    let mut plan = fixture.plan(Some("alice")).await;
    plan.limit = Some(limit(1, AtLimit::RefuseNew));
    let id = fixture.start(plan).await;
    assert_eq!(
        fixture.listed("alice").await,
        [id],
        "three dead sessions do not count"
    );
    fixture
        .expect_due(idle, EndReason::IdleTimeout, "the limit concludes nothing")
        .await;
    fixture
        .expect_due(cut, EndReason::Forced, "the limit concludes nothing")
        .await;

    // Nor do those that everybody's cut covers.
    fixture.end_all(EVERYONE, EndReason::Policy).await;
    let mut plan = fixture.plan(Some("alice")).await;
    plan.limit = Some(limit(1, AtLimit::EndOldest));
    must!(fixture.create(plan).await, Created::Created { ended, .. } => {
        assert!(ended.is_empty(), "a cut session makes no room: it was gone");
    }, "a cut session is not live");
}

/// Nobody is not one subject with many sessions.
pub async fn anonymous_sessions_are_not_limited<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for at_limit in [AtLimit::RefuseNew, AtLimit::EndOldest] {
        for _ in 0..3 {
            let mut plan = fixture.plan(None).await;
            plan.limit = Some(limit(1, at_limit));
            must!(fixture.create(plan).await, Created::Created { ended, .. } => {
                assert!(ended.is_empty(), "strangers must not end each other's sessions");
            }, "strangers must not lock each other out");
        }
    }
}

/// 64 parallel log-ins, refusing the new: never more than the limit.
pub async fn parallel_log_ins_never_exceed_the_limit_when_refusing<H: StoreHarness>(harness: H) {
    parallel_log_ins(harness, AtLimit::RefuseNew).await;
}

/// 64 parallel log-ins, ending the oldest: never more than the limit.
pub async fn parallel_log_ins_never_exceed_the_limit_when_ending<H: StoreHarness>(harness: H) {
    parallel_log_ins(harness, AtLimit::EndOldest).await;
}

async fn parallel_log_ins<H: StoreHarness>(harness: H, at_limit: AtLimit) {
    let fixture = Fixture::open(harness).await;
    for round in 0..8 {
        let of = format!("alice-{round}");
        let (mut tasks, gate) = (
            tokio::task::JoinSet::new(),
            Arc::new(tokio::sync::Barrier::new(64)),
        );
        for _ in 0..64 {
            let (store, gate) = (Arc::clone(&fixture.store), Arc::clone(&gate));
            let mut plan = plan(&store, Some(&of)).await;
            (plan.limit, plan.claimant) = (Some(limit(3, at_limit)), claimant());
            let of = crate::testing::suite::fixture::subject(&of);
            tasks.spawn(async move {
                gate.wait().await;
                let created = ok(store.create(plan)).await;
                let live = ok(store.list(&of)).await.len();
                assert!(
                    live <= 3,
                    "{live} sessions of one subject were live, the limit is 3"
                );
                created
            });
        }
        let (mut started, mut ended) = (0, Vec::new());
        for created in tasks.join_all().await {
            if let Created::Created { ended: more, .. } = created {
                started += 1;
                ended.extend(ids(&more));
            }
        }
        let live = fixture.listed(&of).await.len();
        assert_eq!(live, 3, "64 log-ins fill the limit of 3 exactly");
        let (superseded, all) = (ended.len(), sort(ended.clone()));
        ended.sort_unstable();
        ended.dedup();
        assert_eq!(ended, all, "each session is superseded by one log-in only");
        assert_eq!(
            started - superseded,
            3,
            "who did not get in did not end anybody"
        );
        let expected = if at_limit == AtLimit::EndOldest {
            64
        } else {
            3
        };
        assert_eq!(started, expected, "log-ins that came in");
    }
}

fn sorted(departed: &[Departed]) -> Vec<crate::id::SessionId> {
    sort(ids(departed))
}

fn sort(mut ids: Vec<crate::id::SessionId>) -> Vec<crate::id::SessionId> {
    ids.sort_unstable();
    ids
}
