//! Ending: the compare-and-set that decides the one ending.

use super::fixture::{
    ABSOLUTE, EVERYONE, Fixture, IDLE, LEASE, SECRET, claimant, ids, must, ok, set, subject,
};
use crate::{
    id::SessionId,
    reason::{Cause, EndReason, Initiator},
    record::{Client, Tombstone, Values},
    store::{CheckIn, Claimant, End},
    testing::StoreHarness,
};
use std::{sync::Arc, time::Duration};

/// The winner is told everything that the consequences need, and no values.
pub async fn the_winner_is_told_the_facts<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut plan = fixture.plan(Some("alice")).await;
    let client = Client::new(Some([192, 0, 2, 7].into()), Some(b"agent/1.0"));
    plan.client = Some(Arc::new(client.clone()));
    let id = fixture.start(plan).await;
    fixture.advance(Duration::from_mins(5)).await;
    must!(fixture.check_in(id).await, CheckIn::Live(_), "live");
    let live = fixture.expect_live(id, "live").await;
    let mut update = set("card", "4111");
    update.leave_behind = update.leave_behind.set("bucket", *b"a");
    drop(ok(fixture.store.update(id, update, None)).await);

    let cause = Cause::new(EndReason::Forced)
        .with_initiator(Initiator::Risk)
        .with_actor(subject("admin-3"))
        .with_note("lost laptop \u{e9}");
    let end = ok(fixture.store.end(id, cause.clone(), claimant())).await;
    let departed = must!(end, End::First(departed) => departed, "nobody had ended it");
    assert_eq!(
        (departed.id, departed.subject),
        (id, Some(subject("alice")))
    );
    assert_eq!(
        *departed.ending.cause(),
        cause,
        "reason, initiator, actor and note are kept"
    );
    assert!(
        fixture.same(departed.ending.at(), live.now),
        "decided now, in store time"
    );
    assert_eq!(departed.cut, None, "no cut did it");
    assert_eq!(departed.created_at, live.record.created_at());
    assert_eq!(departed.last_seen, live.last_seen);
    assert_eq!(departed.client.map(|found| (*found).clone()), Some(client));
    assert_eq!(
        departed.leave_behind,
        Values::from_iter([("bucket", b"a".as_slice())])
    );
    assert!(!departed.redelivered, "nobody worked on it before");

    let tombstone = fixture
        .expect_ended(id, EndReason::Forced, "it was ended")
        .await;
    let expected = Tombstone {
        id,
        secret_hash: SECRET,
        previous_hash: None,
        subject: Some(subject("alice")),
        ending: departed.ending,
    };
    assert_eq!(*tombstone, expected);
    let asked = ok(fixture.store.tombstone(id)).await;
    assert_eq!(
        asked.map(|tombstone| (*tombstone).clone()),
        Some(expected),
        "by id, the same"
    );
}

/// Nothing can be ended that nobody started.
pub async fn an_unknown_session_is_not_ended<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = SessionId::from_bytes([7; 16]);
    must!(
        fixture.end(id, EndReason::Logout).await,
        End::Unknown,
        "nobody created it"
    );
    must!(
        fixture.check_in(id).await,
        CheckIn::Unknown,
        "an ending inserts nothing"
    );
    let mut plan = fixture.plan(None).await;
    plan.id = ok(fixture.store.mint_id(None)).await;
    must!(
        fixture.end(plan.id, EndReason::Logout).await,
        End::Unknown,
        "minted, not created"
    );
    fixture.start(plan).await;
}

/// The same attempt again is the first again: its reply was lost, and nobody else works.
pub async fn a_repeated_attempt_is_first_again<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (id, claimant) = (fixture.log_in("alice").await, claimant());
    let end = |reason| fixture.store.end(id, Cause::new(reason), claimant);
    let first = must!(ok(end(EndReason::Logout)).await, End::First(first) => first, "first");
    for reason in [EndReason::Logout, EndReason::Forced] {
        let again = ok(end(reason)).await;
        let again = must!(again, End::First(again) => again, "the same attempt");
        assert_eq!(
            (again.id, &again.ending),
            (id, &first.ending),
            "the ending was decided once"
        );
        assert!(
            ok(fixture.store.renew(id, again.claim, LEASE)).await,
            "the work is the caller's"
        );
    }
    let other = fixture.end(id, EndReason::Forced).await;
    must!(other, End::Already(tombstone) if tombstone.ending == first.ending,
        "another attempt comes too late, and learns the one ending");
}

/// The retry may come late: its work is its own for a whole lease again.
pub async fn a_repeated_attempt_is_leased_again<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (id, claimant) = (fixture.log_in("alice").await, claimant());
    let end = || fixture.store.end(id, EndReason::Logout.into(), claimant);
    must!(ok(end()).await, End::First(_), "nobody had ended it");
    fixture.advance(LEASE + fixture.margin()).await;
    must!(ok(end()).await, End::First(_), "nobody took it over");
    let taken = ok(fixture.store.pending(10, LEASE)).await;
    assert!(
        taken.is_empty(),
        "who is answered First has a lease, and nobody else works"
    );
}

/// What is done is not handed out again.
pub async fn a_repeated_attempt_after_the_work_is_already<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (id, claimant) = (fixture.log_in("alice").await, claimant());
    let end = || fixture.store.end(id, EndReason::Logout.into(), claimant);
    let first = must!(ok(end()).await, End::First(first) => first, "nobody had ended it");
    assert!(ok(fixture.store.acknowledge(id, first.claim)).await);
    must!(
        ok(end()).await,
        End::Already(_),
        "the work was acknowledged: nothing is pending"
    );
}

/// A logout of a session that idled out long ago is an idle timeout.
pub async fn the_earliest_cause_wins<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let idle = fixture.log_in("alice").await;
    let mut plan = fixture.plan(Some("alice")).await;
    (plan.idle_timeout, plan.absolute_timeout) = (None, Duration::from_mins(20));
    let old = fixture.start(plan).await;
    fixture.advance(Duration::from_mins(10)).await;
    let cut = fixture.log_in("bob").await;
    fixture.advance(Duration::from_mins(14)).await;
    let generation = fixture
        .end_all(
            super::fixture::of_subject("bob", None),
            EndReason::SubjectDisabled,
        )
        .await;
    // Cut now, idle a minute later; the other way round for alice.
    fixture
        .end_all(super::fixture::of_subject("alice", None), EndReason::Forced)
        .await;
    fixture.advance(ABSOLUTE).await;

    for (id, reason, by) in [
        (idle, EndReason::IdleTimeout, None),
        (old, EndReason::AbsoluteTimeout, None),
        (cut, EndReason::SubjectDisabled, Some(generation)),
    ] {
        fixture
            .expect_due(id, reason.clone(), "the earliest cause counts")
            .await;
        let departed = fixture.end_first(id, EndReason::Logout).await;
        assert_eq!(
            *departed.ending.reason(),
            reason,
            "it was dead before somebody logged out"
        );
        assert_eq!(departed.cut, by, "the cut that ended it, if one did");
        assert_eq!(departed.ending.cause().actor(), None);
        fixture
            .expect_ended(id, reason, "the tombstone says the same")
            .await;
    }
}

/// A logout beats the deadlines that come after it.
pub async fn an_ending_is_not_changed_by_later_deadlines<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let first = fixture.end_first(id, EndReason::Logout).await;
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    fixture.advance(IDLE).await;
    assert!(
        fixture.end_due(10).await.is_empty(),
        "what ended is not due"
    );
    let tombstone = fixture
        .expect_ended(id, EndReason::Logout, "the first cause wins")
        .await;
    assert_eq!(tombstone.ending, first.ending);
}

/// 64 parallel ends: one first, the others learn its ending; never unknown.
pub async fn parallel_ends_have_one_winner<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for round in 0..20 {
        let id = fixture.log_in("alice").await;
        let dead = round % 2 == 1;
        if dead {
            fixture.advance(IDLE).await;
        }
        let gate = Arc::new(tokio::sync::Barrier::new(64));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..64 {
            let (store, gate) = (Arc::clone(&fixture.store), Arc::clone(&gate));
            let reason = if number % 2 == 0 {
                EndReason::Logout
            } else {
                EndReason::Forced
            };
            tasks.spawn(async move {
                gate.wait().await;
                ok(store.end(id, reason.into(), claimant())).await
            });
        }
        let (mut first, mut already) = (Vec::new(), Vec::new());
        for end in tasks.join_all().await {
            match end {
                End::First(departed) => first.push(departed.ending),
                End::Already(tombstone) => already.push(tombstone.ending.clone()),
                End::Unknown => panic!("an id that was created is never unknown while it is kept"),
            }
        }
        assert_eq!(first.len(), 1, "one ending has one winner");
        assert!(
            already.iter().all(|ending| *ending == first[0]),
            "all learn the one ending"
        );
        assert!(
            !dead || *first[0].reason() == EndReason::IdleTimeout,
            "the earliest cause wins"
        );
    }
}

/// Several at once: those that this call ended, each with its own earliest cause.
pub async fn end_many_answers_those_that_it_ended<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let idle = fixture.log_in("alice").await;
    fixture.advance(IDLE).await;
    let (live, ended) = (fixture.log_in("alice").await, fixture.log_in("bob").await);
    let first = fixture.end_first(ended, EndReason::Logout).await;
    let (left, unknown) = (fixture.log_in("bob").await, SessionId::from_bytes([7; 16]));

    let asked = [unknown, live, ended, idle, live, unknown, idle];
    let cause = Cause::new(EndReason::Forced).with_note("incident 7");
    let departed = ok(fixture.store.end_many(&asked, cause.clone(), claimant())).await;
    let mut found = ids(&departed);
    found.sort_unstable();
    let mut expected = [live, idle];
    expected.sort_unstable();
    assert_eq!(
        found, expected,
        "each that it ended, once, though asked twice"
    );
    for departed in departed {
        if departed.id == live {
            assert_eq!(*departed.ending.cause(), cause);
        } else {
            assert_eq!(
                *departed.ending.reason(),
                EndReason::IdleTimeout,
                "dead before"
            );
        }
        assert!(
            ok(fixture.store.acknowledge(departed.id, departed.claim)).await,
            "it is leased"
        );
    }
    let tombstone = fixture
        .expect_ended(ended, EndReason::Logout, "first cause")
        .await;
    assert_eq!(tombstone.ending, first.ending);
    fixture.expect_live(left, "nobody named it").await;
    let none = ok(fixture.store.end_many(&[], cause, claimant())).await;
    assert!(none.is_empty());
}

/// An attempt belongs to one ending: the same claimant may end many sessions.
pub async fn one_attempt_may_end_several_sessions<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (one, two, shared) = (
        fixture.log_in("a").await,
        fixture.log_in("b").await,
        claimant(),
    );
    let other = Claimant {
        attempt: claimant().attempt,
        ..shared
    };
    for id in [one, two] {
        let end = ok(fixture.store.end(id, EndReason::Logout.into(), shared)).await;
        must!(end, End::First(departed) if departed.id == id, "nobody had ended {id}");
    }
    let end = ok(fixture.store.end(one, EndReason::Logout.into(), other)).await;
    must!(end, End::Already(_), "it is another attempt");
}
