//! Rotating: the secret changes, the session stays.

use super::fixture::{EVERYONE, Fixture, IDLE, SECRET, WRONG, must, ok, secret, value};
use crate::{
    id::{SecretHash, SessionId},
    reason::EndReason,
    record::Activity,
    store::{CheckIn, NotLive, Rotated},
    testing::StoreHarness,
};
use std::{sync::Arc, time::Duration};

const NEW: SecretHash = secret(2);
const GRACE: Duration = Duration::from_mins(1);

impl<H: StoreHarness> Fixture<H> {
    async fn rotate(
        &self,
        id: SessionId,
        old: &SecretHash,
        new: &SecretHash,
        grace: Duration,
    ) -> Rotated {
        ok(self.store.rotate(id, old, new, grace)).await
    }

    /// A session whose secret was rotated from [`SECRET`] to [`NEW`].
    async fn rotated(&self, grace: Duration) -> SessionId {
        let id = self.log_in("alice").await;
        must!(
            self.rotate(id, &SECRET, &NEW, grace).await,
            Rotated::Written,
            "SECRET is current"
        );
        id
    }

    async fn answer(&self, id: SessionId, secret: &SecretHash) -> CheckIn {
        self.present(id, secret, Activity::Active).await
    }
}

/// The id, the values and everything attached to them stay.
pub async fn a_rotation_keeps_the_session<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    drop(fixture.write(id, "cart", "1").await);
    let before = fixture.expect_live(id, "created").await;
    let answer = fixture.rotate(id, &SECRET, &NEW, Duration::ZERO).await;
    must!(answer, Rotated::Written, "SECRET is the current secret");
    let after =
        must!(fixture.answer(id, &NEW).await, CheckIn::Live(live) => live, "NEW is current");
    assert_eq!(
        value(&after, "cart").as_deref(),
        Some("1"),
        "values are kept"
    );
    assert_eq!(*after.record.secret_hash(), NEW);
    assert_eq!(after.record.created_at(), before.record.created_at());
    assert_eq!(
        after.record.absolute_deadline(),
        before.record.absolute_deadline()
    );
    assert_eq!(
        after.record.revision(),
        before.record.revision(),
        "no value was written"
    );
    assert_eq!(
        fixture.listed("alice").await,
        [id],
        "it is the same session"
    );
}

/// A privilege change has no grace: the old secret is outdated at once.
pub async fn without_grace_the_old_secret_is_outdated_at_once<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.rotated(Duration::ZERO).await;
    for _ in 0..2 {
        let answer = fixture.answer(id, &SECRET).await;
        must!(
            answer,
            CheckIn::Outdated,
            "no grace, although NEW was never presented"
        );
    }
    must!(
        fixture.answer(id, &NEW).await,
        CheckIn::Live(_),
        "NEW is current"
    );
}

/// Parallel requests that still carry the old cookie go through, for a while.
pub async fn within_its_grace_the_old_secret_is_good<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.rotated(GRACE).await;
    must!(
        fixture.answer(id, &SECRET).await,
        CheckIn::Live(_),
        "within its grace"
    );
    fixture.advance_until_just_before(GRACE).await;
    let live = must!(fixture.answer(id, &SECRET).await, CheckIn::Live(live) => live, "in grace");
    assert!(
        fixture.same(live.last_seen, live.now),
        "in its grace it touches like any other"
    );
    fixture.advance(fixture.margin()).await;
    must!(
        fixture.answer(id, &SECRET).await,
        CheckIn::Outdated,
        "the grace is over"
    );
    must!(
        fixture.answer(id, &NEW).await,
        CheckIn::Live(_),
        "NEW is good with or without grace"
    );
}

/// Who presents the new secret has it: the old one is only a thief's from then on.
pub async fn the_grace_is_over_once_the_new_secret_is_presented<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for activity in [Activity::Active, Activity::Passive] {
        let id = fixture.rotated(GRACE).await;
        let answer = fixture.present(id, &NEW, activity).await;
        must!(answer, CheckIn::Live(_), "NEW is current");
        for _ in 0..2 {
            let answer = fixture.answer(id, &SECRET).await;
            must!(
                answer,
                CheckIn::Outdated,
                "NEW was presented ({activity:?})"
            );
        }
        must!(
            fixture.answer(id, &NEW).await,
            CheckIn::Live(_),
            "NEW stays good"
        );
    }
}

/// A lost reply is repeated: the new secret must reach the client.
pub async fn an_exact_repeat_is_answered_written<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.rotated(GRACE).await;
    for _ in 0..2 {
        let answer = fixture.rotate(id, &SECRET, &NEW, GRACE).await;
        must!(
            answer,
            Rotated::Written,
            "the same rotation again: its reply was lost"
        );
    }
    must!(
        fixture.answer(id, &SECRET).await,
        CheckIn::Live(_),
        "the old one is in its grace"
    );
    must!(
        fixture.answer(id, &NEW).await,
        CheckIn::Live(_),
        "NEW is current"
    );
    let answer = fixture.rotate(id, &SECRET, &NEW, GRACE).await;
    must!(
        answer,
        Rotated::Written,
        "a repeat that comes late is still a repeat"
    );
    let answer = fixture.answer(id, &SECRET).await;
    must!(
        answer,
        CheckIn::Outdated,
        "a repeat does not open the grace again"
    );
}

/// Two requests rotate: the second is told that it was outrun, not that it is a thief.
pub async fn a_second_rotation_from_the_same_secret_is_outdated<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for grace in [Duration::ZERO, GRACE] {
        let id = fixture.rotated(grace).await;
        let answer = fixture.rotate(id, &SECRET, &secret(3), grace).await;
        must!(
            answer,
            Rotated::Outdated,
            "another rotation came first (grace {grace:?})"
        );
        must!(
            fixture.answer(id, &NEW).await,
            CheckIn::Live(_),
            "the first rotation stands"
        );
        let answer = fixture.answer(id, &secret(3)).await;
        must!(answer, CheckIn::WrongSecret, "the second wrote nothing");
    }
}

/// Of 16 parallel rotations one is written.
pub async fn parallel_rotations_let_one_through<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for _ in 0..20 {
        let id = fixture.log_in("alice").await;
        let gate = Arc::new(tokio::sync::Barrier::new(16));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..16 {
            let (store, gate) = (Arc::clone(&fixture.store), Arc::clone(&gate));
            tasks.spawn(async move {
                gate.wait().await;
                let new = secret(10 + number);
                (new, ok(store.rotate(id, &SECRET, &new, GRACE)).await)
            });
        }
        let mut winners = Vec::new();
        for (new, rotated) in tasks.join_all().await {
            match rotated {
                Rotated::Written => winners.push(new),
                Rotated::Outdated => {}
                other => panic!("{other:?}: a rotation wins or is outrun, nothing else"),
            }
        }
        assert_eq!(winners.len(), 1, "two secrets cannot both be current");
        must!(
            fixture.answer(id, &winners[0]).await,
            CheckIn::Live(_),
            "the winner's is current"
        );
    }
}

/// The secret is judged first here too.
pub async fn a_wrong_secret_rotates_nothing_and_learns_nothing<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let idle = fixture.log_in("alice").await;
    fixture.advance(IDLE).await;
    let (live, ended) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    fixture.end_first(ended, EndReason::Logout).await;
    for (id, state) in [(live, "live"), (idle, "due"), (ended, "ended")] {
        let answer = fixture.rotate(id, &WRONG, &secret(3), GRACE).await;
        must!(
            answer,
            Rotated::WrongSecret,
            "a wrong secret learns nothing of a {state} session"
        );
    }
    let answer = fixture.answer(live, &secret(3)).await;
    must!(
        answer,
        CheckIn::WrongSecret,
        "a wrong secret writes nothing"
    );
    fixture.expect_live(live, "its secret is what it was").await;
}

/// A rotation revives nothing, and a dead session's secret does not change.
pub async fn a_session_that_is_not_live_is_not_rotated<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let unknown = SessionId::from_bytes([7; 16]);
    let answer = fixture.rotate(unknown, &SECRET, &NEW, GRACE).await;
    must!(
        answer,
        Rotated::NotLive(NotLive::Unknown),
        "nobody created it"
    );
    must!(
        fixture.answer(unknown, &NEW).await,
        CheckIn::Unknown,
        "a rotation inserts nothing"
    );

    let (ended, idle) = (fixture.log_in("alice").await, fixture.log_in("alice").await);
    fixture.end_first(ended, EndReason::Logout).await;
    fixture.advance(IDLE + fixture.margin()).await;
    let cut = fixture.log_in("alice").await;
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    let answer = fixture.rotate(ended, &SECRET, &NEW, GRACE).await;
    must!(answer, Rotated::NotLive(NotLive::Ended(_)), "it ended");
    for id in [idle, cut] {
        let answer = fixture.rotate(id, &SECRET, &NEW, GRACE).await;
        must!(answer, Rotated::NotLive(NotLive::Due(_)), "it is due");
    }
    for id in [ended, idle, cut] {
        must!(
            fixture.answer(id, &NEW).await,
            CheckIn::WrongSecret,
            "nothing was rotated"
        );
    }
}

/// A repeat cannot be told from the first by a session that ended between.
pub async fn a_repeat_after_the_ending_is_not_written<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.rotated(GRACE).await;
    fixture.end_first(id, EndReason::Logout).await;
    let answer = fixture.rotate(id, &SECRET, &NEW, GRACE).await;
    must!(
        answer,
        Rotated::NotLive(NotLive::Ended(_)),
        "a cookie for a dead session is no use"
    );
}

/// Both secrets are dead with the session, and both are told so.
pub async fn an_ending_is_told_to_both_secrets<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for grace in [Duration::ZERO, GRACE] {
        let id = fixture.rotated(grace).await;
        fixture.end_first(id, EndReason::Forced).await;
        for secret in [SECRET, NEW] {
            let answer = fixture.answer(id, &secret).await;
            must!(answer, CheckIn::Ended(tombstone) if {
                tombstone.knows(&SECRET) && tombstone.knows(&NEW)
            }, "the tombstone keeps both hashes (grace {grace:?})");
        }
        must!(
            fixture.answer(id, &WRONG).await,
            CheckIn::WrongSecret,
            "and no others"
        );
    }
}

/// Due comes before outdated, so that whoever comes first concludes it.
pub async fn a_due_session_is_due_to_both_secrets<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.rotated(Duration::ZERO).await;
    fixture.advance(IDLE).await;
    for secret in [SECRET, NEW] {
        must!(
            fixture.answer(id, &secret).await,
            CheckIn::Due(_),
            "it idled out"
        );
    }
}

/// Only the secret directly before is remembered.
pub async fn the_secret_before_the_previous_is_wrong<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.rotated(GRACE).await;
    must!(
        fixture.rotate(id, &NEW, &secret(3), GRACE).await,
        Rotated::Written,
        "NEW is current"
    );
    must!(
        fixture.answer(id, &SECRET).await,
        CheckIn::WrongSecret,
        "two rotations ago"
    );
    must!(
        fixture.answer(id, &NEW).await,
        CheckIn::Live(_),
        "in its grace"
    );
    must!(
        fixture.answer(id, &secret(3)).await,
        CheckIn::Live(_),
        "current"
    );
}
