//! Tickets: a log-in that raced with "end everything" is recognised.

use super::fixture::{EVERYONE, Fixture, claimant, limit, must, of_subject, ok, plan, subject};
use crate::{
    id::SessionId,
    reason::EndReason,
    record::Scope,
    store::{AtLimit, CheckIn, Created, SessionStore, Ticket},
    testing::StoreHarness,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Old password checked, "end everything", session created: it must not live.
pub async fn a_log_in_that_raced_with_a_cut_is_outdated<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (alice, bob) = (subject("alice"), subject("bob"));
    let early = ok(fixture.store.begin_log_in(Some(&alice))).await;
    let bobs = ok(fixture.store.begin_log_in(Some(&bob))).await;
    let old = fixture.log_in("alice").await;
    fixture
        .end_all(of_subject("alice", Some(old)), EndReason::CredentialChange)
        .await;
    let late = ok(fixture.store.begin_log_in(Some(&alice))).await;

    let mut plan = fixture.plan(Some("alice")).await;
    (plan.ticket, plan.replaces) = (Some(early), Some(old));
    plan.limit = Some(limit(1, AtLimit::EndOldest));
    must!(
        fixture.create(plan.clone()).await,
        Created::Outdated,
        "credentials from before"
    );
    must!(
        fixture.peek(plan.id).await,
        CheckIn::Unknown,
        "it was not created"
    );
    fixture
        .expect_live(old, "what was refused ends nothing")
        .await;

    plan.ticket = Some(late);
    must!(
        fixture.create(plan).await,
        Created::Created { .. },
        "credentials from after the cut"
    );
    let mut plan = fixture.plan(Some("bob")).await;
    plan.ticket = Some(bobs);
    let bob = fixture.start(plan.clone()).await;
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    plan.id = ok(fixture.store.mint_id(Some(&subject("bob")))).await;
    must!(
        fixture.create(plan).await,
        Created::Outdated,
        "everybody's cut covers bob"
    );
    fixture
        .expect_due(bob, EndReason::Forced, "everybody's")
        .await;
}

/// A cut is remembered as long as a ticket may come back, also when nobody was there.
pub async fn a_ticket_is_judged_though_no_session_was_there<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let alice = subject("alice");
    for scope in [of_subject("alice", None), EVERYONE] {
        let ticket = ok(fixture.store.begin_log_in(Some(&alice))).await;
        fixture.end_all(scope, EndReason::Forced).await;
        for _ in 0..3 {
            fixture.end_due(10).await;
            fixture.advance(Duration::from_mins(3)).await;
        }
        let mut plan = fixture.plan(Some("alice")).await;
        plan.ticket = Some(ticket);
        must!(
            fixture.create(plan).await,
            Created::Outdated,
            "the sweep must not forget the cut"
        );
    }
}

/// "Everything from before the incident": a ticket from before it, not one from after it.
pub async fn a_narrow_cut_outdates_the_tickets_from_before_its_instant<H: StoreHarness>(
    harness: H,
) {
    let fixture = Fixture::open(harness).await;
    let alice = subject("alice");
    let before = ok(fixture.store.begin_log_in(Some(&alice))).await;
    fixture.advance(Duration::from_mins(1)).await;
    let instant = ok(fixture.store.begin_log_in(Some(&alice))).await.issued_at;
    fixture.advance(fixture.margin()).await;
    let after = ok(fixture.store.begin_log_in(Some(&alice))).await;
    let created_before = Some(instant);
    let scope = Scope::Everyone { created_before };
    fixture.end_all(scope, EndReason::Forced).await;

    let mut plan = fixture.plan(Some("alice")).await;
    plan.ticket = Some(before);
    let refused = fixture.create(plan.clone()).await;
    must!(
        refused,
        Created::Outdated,
        "a session from then would be cut"
    );
    plan.ticket = Some(after);
    fixture.start(plan).await;
}

/// A ticket is good for its lifetime, and no longer.
pub async fn a_ticket_has_a_lifetime<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let ticket = ok(fixture.store.begin_log_in(Some(&subject("alice")))).await;
    let mut plan = fixture.plan(Some("alice")).await;
    plan.ticket = Some(ticket);
    fixture.advance_until_just_before(Ticket::LIFETIME).await;
    fixture.start(plan.clone()).await;
    fixture.advance(fixture.margin() * 2).await;
    plan.id = ok(fixture.store.mint_id(plan.subject.as_ref())).await;
    must!(
        fixture.create(plan).await,
        Created::Outdated,
        "cuts are not remembered for ever"
    );
}

/// Log-ins race with "end everything": who was in before is out, who came after is in.
pub async fn a_cut_divides_parallel_log_ins<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for scope in [of_subject("alice", None), EVERYONE] {
        let (stop, over) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..4 {
            let (store, stop, over) = (
                Arc::clone(&fixture.store),
                Arc::clone(&stop),
                Arc::clone(&over),
            );
            tasks.spawn(log_in_until(store, number % 2 == 0, stop, over));
        }
        let mut before = Vec::new();
        for _ in 0..200 {
            before.push(fixture.log_in("alice").await);
            tokio::task::yield_now().await;
        }
        fixture.end_all(scope, EndReason::Forced).await;
        over.store(true, Ordering::SeqCst);
        for id in before {
            fixture
                .expect_due(id, EndReason::Forced, "it was created before end_all began")
                .await;
        }
        for _ in 0..50 {
            fixture.log_in("alice").await;
            tokio::task::yield_now().await;
        }
        stop.store(true, Ordering::SeqCst);
        for id in tasks.join_all().await.into_iter().flatten() {
            fixture
                .expect_live(id, "its log-in began after end_all had returned")
                .await;
        }
        loop {
            if fixture.end_due(1_000).await.len() < 1_000 {
                break;
            }
        }
    }
}

/// Those whose log-in began after the cut was over.
async fn log_in_until(
    store: Arc<dyn SessionStore>,
    with_ticket: bool,
    stop: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
) -> Vec<SessionId> {
    let (mut after, alice) = (Vec::new(), subject("alice"));
    while !stop.load(Ordering::SeqCst) {
        let began_after = over.load(Ordering::SeqCst);
        let mut session = plan(&store, Some("alice")).await;
        if with_ticket {
            session.ticket = Some(ok(store.begin_log_in(Some(&alice))).await);
            tokio::task::yield_now().await;
        }
        session.claimant = claimant();
        match ok(store.create(session)).await {
            Created::Created { live, .. } if began_after => after.push(live.id),
            Created::Created { .. } => {}
            Created::Outdated if with_ticket && !began_after => {}
            other => {
                panic!("{other:?}: a log-in that began after the cut (or without a ticket) is in")
            }
        }
        tokio::task::yield_now().await;
    }
    after
}
