//! Checking in: the secret is judged first, then the session, and only then is it touched.

use super::fixture::{ABSOLUTE, EVERYONE, Fixture, IDLE, SECRET, WRONG, must, of_subject, ok};
use crate::{
    id::SessionId,
    reason::EndReason,
    record::Activity,
    store::{CheckIn, Checked},
    testing::StoreHarness,
};
use std::time::Duration;

/// An id that nobody minted is unknown, to every operation that asks.
pub async fn an_id_that_nobody_minted_is_unknown<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let minted = ok(fixture.store.mint_id(None)).await;
    for id in [SessionId::from_bytes([7; 16]), minted] {
        must!(
            fixture.check_in(id).await,
            CheckIn::Unknown,
            "no id is adopted"
        );
        must!(
            fixture.check_in(id).await,
            CheckIn::Unknown,
            "asking creates nothing"
        );
        assert!(ok(fixture.store.tombstone(id)).await.is_none());
    }
}

/// Ids are public: else anybody could read reasons, or forge a sign of theft.
pub async fn a_wrong_secret_learns_nothing<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let idle = fixture.log_in("idle").await;
    fixture.advance(IDLE + fixture.margin()).await;
    let cut = fixture.log_in("cut").await;
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    let (live, ended) = (fixture.log_in("live").await, fixture.log_in("ended").await);
    fixture.end_first(ended, EndReason::Logout).await;

    for (id, state) in [
        (live, "live"),
        (idle, "idle"),
        (cut, "cut"),
        (ended, "ended"),
    ] {
        for activity in [Activity::Active, Activity::Passive] {
            let answer = fixture.present(id, &WRONG, activity).await;
            must!(
                answer,
                CheckIn::WrongSecret,
                "a wrong secret learns nothing of {state}"
            );
        }
    }
    fixture.expect_live(live, "the right secret is told").await;
    fixture
        .expect_due(idle, EndReason::IdleTimeout, "the right secret is told")
        .await;
    fixture
        .expect_due(cut, EndReason::Forced, "the right secret is told")
        .await;
    fixture
        .expect_ended(ended, EndReason::Logout, "the right secret is told")
        .await;
}

/// Else a stranger who knows an id keeps the session alive.
pub async fn a_wrong_secret_touches_nothing<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    fixture.advance_until_just_before(IDLE).await;
    let before = fixture.expect_live(id, "not yet idle").await.last_seen;
    must!(
        fixture.present(id, &WRONG, Activity::Active).await,
        CheckIn::WrongSecret,
        "wrong"
    );
    assert_eq!(
        fixture.expect_live(id, "not yet idle").await.last_seen,
        before
    );
    fixture.advance(fixture.margin()).await;
    fixture
        .expect_due(id, EndReason::IdleTimeout, "a wrong secret is no activity")
        .await;
}

/// The store judges before it touches: otherwise idle never fires.
pub async fn a_session_that_idled_out_is_not_touched_back_to_life<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    fixture.advance(IDLE).await;
    let why = "the first request after the idle timeout must not revive it";
    for _ in 0..3 {
        let answer = fixture.check_in(id).await;
        must!(&answer, CheckIn::Due(cause) if *cause.reason() == EndReason::IdleTimeout, "{why}");
        ok(fixture.store.check(&[id], Activity::Active)).await;
        let _refused = fixture.expect_not_live(id, why).await;
        fixture.advance(fixture.margin()).await;
    }
    let departed = fixture.end_first(id, EndReason::Logout).await;
    let age = departed.last_seen.saturating_since(departed.created_at);
    assert!(
        age < IDLE,
        "last seen {age:?} after the start: it was touched when it was due"
    );
}

/// No activity moves the absolute deadline.
pub async fn the_absolute_deadline_is_not_moved_by_activity<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let step = Duration::from_mins(10);
    for _ in 0..47 {
        fixture.advance(step).await;
        must!(
            fixture.check_in(id).await,
            CheckIn::Live(_),
            "active, and not yet 8 hours old"
        );
    }
    fixture
        .advance_until_just_before(ABSOLUTE.saturating_sub(step * 47))
        .await;
    must!(
        fixture.check_in(id).await,
        CheckIn::Live(_),
        "a timeout is never early"
    );
    fixture.advance(fixture.margin()).await;
    let answer = fixture.check_in(id).await;
    must!(&answer, CheckIn::Due(cause) if *cause.reason() == EndReason::AbsoluteTimeout,
        "the absolute lifetime is over");
    fixture
        .expect_due(id, EndReason::AbsoluteTimeout, "it was not touched back")
        .await;
}

/// A cut session stays cut, however often it asks.
pub async fn a_cut_session_is_not_touched_back_to_life<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    fixture.end_all(EVERYONE, EndReason::Forced).await;
    for _ in 0..3 {
        let answer = fixture.check_in(id).await;
        must!(&answer, CheckIn::Due(cause) if *cause.reason() == EndReason::Forced, "it is cut");
    }
}

/// Idle fires in [idle, idle + touch interval], and never early.
pub async fn idle_fires_within_the_touch_interval_and_never_early<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let interval = Duration::from_mins(1);
    let mut plan = fixture.plan(Some("alice")).await;
    plan.touch_interval = interval;
    let id = fixture.start(plan).await;
    // Seen as late as can be without being written down.
    fixture.advance_until_just_before(interval).await;
    must!(fixture.check_in(id).await, CheckIn::Live(_), "live");
    fixture.advance_until_just_before(IDLE).await;
    fixture
        .expect_live(id, "the user was there less than the idle timeout ago")
        .await;
    fixture.advance(fixture.margin() * 2).await;
    fixture
        .expect_due(id, EndReason::IdleTimeout, "idle plus interval has passed")
        .await;
}

/// Touches are coalesced: below the interval nothing is written, at the interval it is.
pub async fn a_touch_is_written_once_an_interval<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let interval = Duration::from_mins(1);
    let mut plan = fixture.plan(Some("alice")).await;
    plan.touch_interval = interval;
    let id = fixture.start(plan).await;
    let started = fixture.expect_live(id, "created").await.last_seen;
    fixture.advance_until_just_before(interval).await;
    let early = must!(fixture.check_in(id).await, CheckIn::Live(live) => live, "live");
    assert_eq!(
        early.last_seen, started,
        "the interval has not passed: nothing is written"
    );
    fixture.advance(fixture.margin()).await;
    let late = must!(fixture.check_in(id).await, CheckIn::Live(live) => live, "live");
    assert!(
        fixture.same(late.last_seen, late.now),
        "the interval has passed: this request counts"
    );
    assert_eq!(
        fixture.expect_live(id, "live").await.last_seen,
        late.last_seen,
        "and is kept"
    );
}

/// A poll is no sign that the user is there.
pub async fn passive_requests_do_not_keep_a_session_alive<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    for left in (1..=14).rev() {
        fixture.advance(Duration::from_mins(1)).await;
        fixture.expect_live(id, "not yet idle").await;
        let answers = fixture.check(&[id], Activity::Passive).await;
        let due_in = Duration::from_mins(left);
        assert_eq!(answers, [Checked::Live { due_in }]);
    }
    fixture.advance(Duration::from_mins(1)).await;
    fixture
        .expect_due(id, EndReason::IdleTimeout, "polls are no activity")
        .await;
}

/// A session without an idle timeout ends at its absolute deadline only.
pub async fn without_idle_timeout_only_the_absolute_deadline_counts<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut plan = fixture.plan(Some("alice")).await;
    plan.idle_timeout = None;
    let id = fixture.start(plan).await;
    fixture.advance_until_just_before(ABSOLUTE).await;
    assert!(fixture.end_due(10).await.is_empty(), "nothing is due");
    fixture.expect_live(id, "it has no idle timeout").await;
    fixture.advance(fixture.margin()).await;
    fixture
        .expect_due(id, EndReason::AbsoluteTimeout, "its lifetime is over")
        .await;
    let ended = fixture.end_due(10).await;
    assert_eq!(super::fixture::ids(&ended), [id], "the sweep finds it");
}

/// Nothing that ended comes back, and last-seen never moves back, when a clock is corrected.
pub async fn a_clock_set_back_revives_nothing<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let (ended, cut) = (fixture.log_in("alice").await, fixture.log_in("bob").await);
    let live = fixture.log_in("carol").await;
    fixture.advance(Duration::from_mins(5)).await;
    must!(fixture.check_in(live).await, CheckIn::Live(_), "live");
    let seen = fixture.expect_live(live, "live").await.last_seen;
    fixture.end_first(ended, EndReason::Logout).await;
    fixture
        .end_all(of_subject("bob", None), EndReason::Forced)
        .await;
    if !fixture.harness.set_back(Duration::from_mins(10)).await {
        return;
    }
    fixture
        .expect_ended(
            ended,
            EndReason::Logout,
            "an ending does not depend on time",
        )
        .await;
    fixture
        .expect_due(
            cut,
            EndReason::Forced,
            "a cut is ordered by numbers, not by time",
        )
        .await;
    let now = must!(fixture.check_in(live).await, CheckIn::Live(now) => now, "nothing is due");
    assert!(now.last_seen >= seen, "last-seen never moves back");
    let late = fixture.log_in("bob").await;
    fixture
        .expect_live(late, "a later log-in is later, whatever the clock says")
        .await;
}

/// `check` answers each id in its place, by id alone, and touches only the live.
pub async fn check_answers_in_the_order_of_the_ids<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let due = fixture.log_in("idle").await;
    fixture.advance(Duration::from_mins(10)).await;
    let (live, ended) = (fixture.log_in("live").await, fixture.log_in("ended").await);
    fixture.end_first(ended, EndReason::Forced).await;
    fixture.advance(Duration::from_mins(5)).await;
    let unknown = SessionId::from_bytes([9; 16]);

    let asked = [unknown, ended, live, due, live, unknown];
    for (activity, minutes) in [
        (Activity::Passive, 10),
        (Activity::Active, 15),
        (Activity::Active, 15),
    ] {
        let due_in = Duration::from_mins(minutes);
        let expected = [
            Checked::Unknown,
            Checked::Ended(EndReason::Forced),
            Checked::Live { due_in },
            Checked::Due(EndReason::IdleTimeout),
            Checked::Live { due_in },
            Checked::Unknown,
        ];
        let answers = fixture.check(&asked, activity).await;
        assert_eq!(
            answers, expected,
            "one answer an id, in their order ({activity:?})"
        );
    }
    assert!(
        ok(fixture.store.check(&[], Activity::Active))
            .await
            .is_empty()
    );
    let seen = fixture.expect_live(live, "it was touched").await;
    assert!(
        fixture.same(seen.last_seen, seen.now),
        "an active check touches"
    );
    // Touched at 15 minutes: the deadline is 15 minutes later, and no secret was presented.
    fixture.advance_until_just_before(IDLE).await;
    must!(
        fixture.present(live, &SECRET, Activity::Passive).await,
        CheckIn::Live(_),
        "touched"
    );
}

/// 500 ids at once, as many as a node may ask for.
pub async fn check_takes_five_hundred_ids<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut asked = Vec::new();
    for number in 0..500 {
        let id = fixture.log_in(&format!("user-{}", number % 50)).await;
        asked.push(id);
        if number % 5 == 0 {
            fixture.end_first(id, EndReason::Logout).await;
        }
    }
    let answers = ok(fixture.store.check(&asked, Activity::Active)).await;
    assert_eq!(answers.len(), 500, "one answer an id");
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(
            matches!(answer, Checked::Live { .. }),
            number % 5 != 0,
            "id {number} is {answer:?}"
        );
    }
}
