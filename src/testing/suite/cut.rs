//! Cuts: "end everything up to now", effective at once and without walking the sessions.

use super::fixture::{
    ABSOLUTE, EVERYONE, Fixture, IDLE, SECRET, ids, must, of_subject, ok, secret, set, start,
    subject,
};
use crate::{
    id::SessionId,
    reason::{Cause, EndReason},
    record::{Activity, Scope},
    store::{CheckIn, Checked, NotLive, Rotated, Updated},
    testing::StoreHarness,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Every session of the subject is due from then on, to every operation, and others are not.
pub async fn a_cut_of_a_subject_covers_its_sessions_only<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let cut = [fixture.log_in("alice").await, fixture.log_in("alice").await];
    let (bob, nobody) = (
        fixture.log_in("bob").await,
        fixture.start(fixture.plan(None).await).await,
    );
    fixture
        .end_all(of_subject("alice", None), EndReason::CredentialChange)
        .await;

    let why = "the password changed: nobody may go on with the old sessions";
    for id in cut {
        fixture
            .expect_due(id, EndReason::CredentialChange, why)
            .await;
        let refused = fixture.expect_not_live(id, why).await;
        must!(refused, NotLive::Due(cause) if *cause.reason() == EndReason::CredentialChange,
            "{why}");
        let rotated = ok(fixture.store.rotate(id, &SECRET, &secret(2), IDLE)).await;
        must!(rotated, Rotated::NotLive(NotLive::Due(_)), "{why}");
    }
    let answers = ok(fixture.store.check(&cut, Activity::Active)).await;
    assert_eq!(answers, vec![Checked::Due(EndReason::CredentialChange); 2]);
    assert!(
        fixture.listed("alice").await.is_empty(),
        "a list shows live sessions only"
    );
    for id in [bob, nobody] {
        fixture.expect_live(id, "it is not of the subject").await;
    }
    let after = fixture.log_in("alice").await;
    fixture
        .expect_live(after, "it started after the cut, in the same millisecond")
        .await;
}

/// "Log me out everywhere else."
pub async fn the_kept_session_lives_on<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (other, kept) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    for _ in 0..2 {
        fixture
            .end_all(of_subject("alice", Some(kept)), EndReason::Logout)
            .await;
        fixture
            .expect_due(other, EndReason::Logout, "all but the kept one")
            .await;
        must!(
            fixture.check_in(kept).await,
            CheckIn::Live(_),
            "it was kept"
        );
        assert_eq!(fixture.listed("alice").await, [kept]);
        let written = fixture.write(kept, "cart", "1").await;
        must!(written, Updated::Written(_), "it was kept");
    }
    assert_eq!(ids(&fixture.end_due(10).await), [other]);
    fixture.expect_live(kept, "the sweep leaves it").await;
    fixture
        .end_all(of_subject("alice", None), EndReason::Forced)
        .await;
    fixture
        .expect_due(kept, EndReason::Forced, "kept once is not kept for ever")
        .await;
}

/// Only a live session of the subject can be kept.
pub async fn a_session_that_is_not_live_cannot_be_kept<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let idle = fixture.log_in("alice").await;
    fixture.advance(IDLE + fixture.margin()).await;
    let (ended, cut) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    fixture.end_first(ended, EndReason::Forced).await;
    fixture
        .end_all(of_subject("alice", None), EndReason::Policy)
        .await;
    let bob = fixture.log_in("bob").await;

    let unknown = SessionId::from_bytes([7; 16]);
    for kept in [idle, ended, cut, bob, unknown] {
        fixture
            .end_all(of_subject("alice", Some(kept)), EndReason::Logout)
            .await;
    }
    fixture
        .expect_due(idle, EndReason::IdleTimeout, "keeping does not revive")
        .await;
    fixture
        .expect_due(cut, EndReason::Policy, "keeping does not revive")
        .await;
    fixture
        .expect_ended(ended, EndReason::Forced, "keeping does not revive")
        .await;
    fixture
        .expect_live(bob, "a cut of alice does not reach bob")
        .await;
    fixture
        .end_all(of_subject("bob", None), EndReason::Forced)
        .await;
    fixture
        .expect_due(bob, EndReason::Forced, "bob was not kept by alice's cut")
        .await;
}

/// Everybody's sessions, those of nobody too.
pub async fn a_cut_of_everyone_covers_everyone<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut cut = vec![fixture.start(fixture.plan(None).await).await];
    for number in 0..40 {
        cut.push(fixture.log_in(&format!("user-{number}")).await);
    }
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    let mut late = vec![fixture.start(fixture.plan(None).await).await];
    for number in 0..40 {
        late.push(fixture.log_in(&format!("user-{number}")).await);
    }
    for id in &cut {
        fixture
            .expect_due(*id, EndReason::Forced, "everybody's")
            .await;
    }
    for id in &late {
        fixture.expect_live(*id, "it started after the cut").await;
    }
    let page = ok(fixture.store.page(None, 1_000)).await;
    assert!(
        page.sessions.iter().all(|listed| late.contains(&listed.id)),
        "only live ones"
    );
}

/// With very many sessions a cut is effective at once, before anything was swept.
pub async fn a_cut_is_effective_at_once_among_very_many<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (many, mut started) = (fixture.harness.many(), Vec::new());
    let template = fixture.plan(None).await;
    for number in 0..many {
        let mut plan = template.clone();
        let of = subject(&format!("user-{}", number % 1_000));
        plan.id = ok(fixture.store.mint_id(Some(&of))).await;
        plan.subject = Some(of);
        started.push(fixture.start(plan).await);
    }
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    for ids in started.chunks(500) {
        let answers = ok(fixture.store.check(ids, Activity::Active)).await;
        let cut = |answer: &Checked| *answer == Checked::Due(EndReason::Forced);
        assert!(
            answers.iter().all(cut),
            "end_all has returned: none of them is live"
        );
    }
    assert!(fixture.listed("user-7").await.is_empty());
    let page = ok(fixture.store.page(None, 100)).await;
    assert!(page.sessions.is_empty(), "a page shows live sessions only");
    fixture.log_in("user-7").await;
    assert_eq!(fixture.listed("user-7").await.len(), 1);
}

/// "Everything that started before the incident."
pub async fn created_before_narrows_a_cut<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let before = fixture.log_in("alice").await;
    fixture.advance(Duration::from_mins(1)).await;
    let instant = fixture.expect_live(before, "created").await.now;
    fixture.advance(fixture.margin()).await;
    let after = fixture.log_in("alice").await;
    let scope = |instant| Scope::Everyone {
        created_before: Some(instant),
    };
    fixture.end_all(scope(instant), EndReason::Forced).await;
    fixture
        .expect_due(
            before,
            EndReason::Forced,
            "it was created before the instant",
        )
        .await;
    fixture
        .expect_live(after, "it was created after the instant")
        .await;
    assert_eq!(
        ids(&fixture.end_due(10).await),
        [before],
        "the sweep narrows too"
    );
    fixture.expect_live(after, "the sweep narrows too").await;

    // An instant to come narrows nothing, and reaches nobody who comes later.
    fixture
        .end_all(scope(instant.saturating_add(ABSOLUTE)), EndReason::Policy)
        .await;
    let late = fixture.log_in("alice").await;
    fixture
        .expect_due(
            after,
            EndReason::Policy,
            "it was there when the cut was made",
        )
        .await;
    fixture
        .expect_live(late, "a session that starts after the cut is never covered")
        .await;
}

/// The first of several cuts names the reason, whatever scope each has.
pub async fn the_first_cut_names_the_reason<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (alice, bob) = (fixture.log_in("alice").await, fixture.log_in("bob").await);
    let first = fixture
        .end_all(of_subject("alice", None), EndReason::CredentialChange)
        .await;
    fixture.advance(Duration::from_mins(1)).await;
    let second = fixture.end_all(EVERYONE, EndReason::Forced).await;
    fixture.advance(Duration::from_mins(1)).await;
    fixture
        .end_all(of_subject("bob", None), EndReason::SubjectDisabled)
        .await;
    fixture
        .end_all(of_subject("alice", None), EndReason::Logout)
        .await;
    assert!(first < second, "each cut gets a greater number");
    fixture
        .expect_due(alice, EndReason::CredentialChange, "the first cut")
        .await;
    fixture
        .expect_due(bob, EndReason::Forced, "the first cut that covers bob")
        .await;
    // Between the cuts: only those that came after it started cover it.
    let mut departed = fixture.end_due(10).await;
    departed.sort_by_key(|departed| departed.id != alice);
    assert_eq!(ids(&departed), [alice, bob]);
    assert_eq!(*departed[0].ending.reason(), EndReason::CredentialChange);
    assert_eq!(departed[0].cut, Some(first), "the cut that ended it");
    assert_eq!(*departed[1].ending.reason(), EndReason::Forced);
    assert!(departed[1].cut.is_some(), "the cut that ended it");
}

/// A cut carries who did it and why, to each session that it ends.
pub async fn a_cut_keeps_its_whole_cause<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let cause = Cause::new(EndReason::custom("incident").expect("a valid code"))
        .with_actor(subject("admin-3"))
        .with_note("keys leaked");
    ok(fixture.store.end_all(EVERYONE, cause.clone())).await;
    must!(fixture.peek(id).await, CheckIn::Due(found) if found == cause, "who, why and what");
    let departed = fixture.end_first(id, EndReason::Logout).await;
    assert_eq!(*departed.ending.cause(), cause, "the cut came first");
}

/// A cut outlives its ticket's lifetime for the sessions that it covers.
pub async fn a_cut_holds_until_its_sessions_are_gone<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    for _ in 0..20 {
        fixture.advance(Duration::from_hours(1)).await;
        fixture
            .expect_due(
                id,
                EndReason::Forced,
                "nobody swept it: the cut still counts",
            )
            .await;
    }
    assert_eq!(ids(&fixture.end_due(10).await), [id]);
}

/// The kept session is kept in the same step: no moment in which it is cut.
pub async fn the_kept_session_is_live_at_every_moment<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let kept = start(&fixture.store, fixture.plan(Some("alice")).await).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (store, stopped) = (Arc::clone(&fixture.store), Arc::clone(&stop));
    let watcher = tokio::spawn(async move {
        while !stopped.load(Ordering::SeqCst) {
            let answer = ok(store.check_in(kept, &SECRET, Activity::Active)).await;
            must!(answer, CheckIn::Live(_), "it was never out");
            must!(
                ok(store.update(kept, set("a", "1"), None)).await,
                Updated::Written(_),
                "live"
            );
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..500 {
        fixture
            .end_all(of_subject("alice", Some(kept)), EndReason::Logout)
            .await;
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::SeqCst);
    watcher
        .await
        .expect("the kept session was live at every moment");
}
