//! Races with an ending: once it has returned, nothing brings the session back.
//!
//! Each case runs a thousand rounds or so. Both sides leave from one gate on threads of their own,
//! one of them late by a part of the time that the other takes; the part sweeps over the rounds, so
//! that every interleaving of their steps has its turn. Every fourth round the loser is asked first,
//! polled once, and left there while the ending runs from start to end: with a store that answers
//! later, the ending then lands between the loser's first step and its last.

use super::fixture::{
    Fixture, IDLE, SECRET, WRONG, claimant, must, of_subject, ok, plan, secret, set, start,
};
use crate::{
    id::{SecretHash, SessionId},
    reason::EndReason,
    record::Activity,
    store::{Answer, CheckIn, Checked, Created, End, NotLive, Rotated, SessionStore, Updated},
    testing::StoreHarness,
};
use std::{
    future::Future,
    hint,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, task::JoinHandle};

const ROUNDS: usize = 1_000;
const NEW: SecretHash = secret(2);

/// Runs both from one gate, on threads of their own.
pub(super) async fn together<A, B>(a: A, b: B) -> (A::Output, B::Output)
where
    A: Future<Output: Send> + Send + 'static,
    B: Future<Output: Send> + Send + 'static,
{
    Pace::default().together(0, a, b).await
}

/// How long each side takes: how far the other must be late to meet any of its steps.
#[derive(Default)]
struct Pace {
    a: Duration,
    b: Duration,
}

impl Pace {
    /// Runs both from one gate; one of them leaves late, by a part of the time that the other
    /// takes, a different part in each round.
    async fn together<A, B>(&mut self, round: usize, a: A, b: B) -> (A::Output, B::Output)
    where
        A: Future<Output: Send> + Send + 'static,
        B: Future<Output: Send> + Send + 'static,
    {
        let part = u32::try_from(round / 2 % 64).unwrap_or(0);
        let (a_late, b_late) = if round.is_multiple_of(2) {
            (Duration::ZERO, self.a * part / 48)
        } else {
            (self.b * part / 48, Duration::ZERO)
        };
        let gate = Arc::new(AtomicUsize::new(0));
        let a = on_a_thread(Arc::clone(&gate), a, a_late);
        let b = on_a_thread(gate, b, b_late);
        let (a, a_took) = a.await.expect("the first side");
        let (b, b_took) = b.await.expect("the second side");
        self.a = paced(self.a, a_took);
        self.b = paced(self.b, b_took);
        (a, b)
    }
}

/// Follows slowly, so that a side that had to wait for its core counts little.
fn paced(before: Duration, took: Duration) -> Duration {
    if before.is_zero() {
        return took;
    }
    (before * 7 + took.min(before * 2)) / 8
}

/// On a thread of its own, where no other task comes between the gate and the first step.
fn on_a_thread<F>(
    gate: Arc<AtomicUsize>,
    side: F,
    late: Duration,
) -> JoinHandle<(F::Output, Duration)>
where
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        runtime.block_on(async move {
            pass(&gate);
            let opened = Instant::now();
            while opened.elapsed() < late {
                hint::spin_loop();
            }
            let started = Instant::now();
            (side.await, started.elapsed())
        })
    })
}

/// Waits for both to be at the gate, wide awake.
fn pass(gate: &AtomicUsize) {
    gate.fetch_add(1, Ordering::SeqCst);
    let mut waited = 0_u64;
    while gate.load(Ordering::SeqCst) < 2 {
        waited += 1;
        if waited.is_multiple_of(10_000) {
            // There may be one core only.
            std::thread::yield_now();
        }
        hint::spin_loop();
    }
}

/// Asks for `loser`, lets it take its first step, ends the session, and lets the loser finish.
async fn overtaken<T>(loser: Answer<T>, end: impl Future<Output = End>) -> (T, End) {
    let mut loser = pin!(ok(loser));
    let first = tokio::select! {
        biased;
        answer = &mut loser => Some(answer),
        () = std::future::ready(()) => None,
    };
    let end = end.await;
    let answer = match first {
        Some(answer) => answer,
        None => loser.await,
    };
    (answer, end)
}

/// One side of the race, and what it may answer.
type Loser<T> = fn(&Arc<dyn SessionStore>, SessionId) -> Answer<T>;

/// `loser` races with an ending, [`ROUNDS`] times; `judge` says what it may answer.
async fn race<H, T>(harness: H, loser: Loser<T>, judge: fn(&T) -> bool)
where
    H: StoreHarness,
    T: std::fmt::Debug + Send + 'static,
{
    let fixture = Fixture::open(harness).await;
    let mut pace = Pace::default();
    for round in 0..ROUNDS {
        let id = fixture.log_in("alice").await;
        fixture.advance(Duration::from_millis(1)).await;
        let store = Arc::clone(&fixture.store);
        let end = {
            let store = Arc::clone(&store);
            async move { ok(store.end(id, EndReason::Logout.into(), claimant())).await }
        };
        let (answer, end) = if round % 4 == 3 {
            overtaken(loser(&store, id), end).await
        } else {
            pace.together(round, async move { ok(loser(&store, id)).await }, end)
                .await
        };
        assert!(
            judge(&answer),
            "round {round}: {answer:?} is no answer to a session that ends"
        );
        let departed = must!(end, End::First(departed) => departed, "nobody else ended it");
        assert_eq!(*departed.ending.reason(), EndReason::Logout);
        expect_dead(&fixture, id, round).await;
    }
}

/// Whatever the loser did: no secret, no write and no list finds the session again.
async fn expect_dead<H: StoreHarness>(fixture: &Fixture<H>, id: SessionId, round: usize) {
    let mut ended = 0;
    for presented in [SECRET, NEW, WRONG] {
        match fixture.present(id, &presented, Activity::Active).await {
            CheckIn::Ended(tombstone) => {
                assert_eq!(*tombstone.reason(), EndReason::Logout);
                ended += 1;
            }
            CheckIn::WrongSecret => {}
            other => panic!("round {round}: end has returned, but {other:?}: it was revived"),
        }
    }
    assert!(
        ended >= 1,
        "round {round}: the last secret is told of the ending"
    );
    let refused = fixture.expect_not_live(id, "end has returned").await;
    must!(
        refused,
        NotLive::Ended(_),
        "round {round}: end has returned"
    );
    let answers = ok(fixture.store.check(&[id], Activity::Active)).await;
    assert_eq!(
        answers,
        [Checked::Ended(EndReason::Logout)],
        "round {round}"
    );
    assert!(
        fixture.listed("alice").await.is_empty(),
        "round {round}: end has returned"
    );
    must!(
        fixture.end(id, EndReason::Forced).await,
        End::Already(_),
        "round {round}: it ended"
    );
}

/// A request that touches while the session ends does not revive it.
pub async fn a_touch_never_revives<H: StoreHarness>(harness: H) {
    race(
        harness,
        |store, id| store.check_in(id, &SECRET, Activity::Active),
        |answer| matches!(answer, CheckIn::Live(_) | CheckIn::Ended(_)),
    )
    .await;
}

/// A held connection that touches by id while the session ends does not revive it.
pub async fn a_touch_by_id_never_revives<H: StoreHarness>(harness: H) {
    race(
        harness,
        |store, id| store.check(&[id], Activity::Active),
        |answer| matches!(&answer[..], [Checked::Live { .. } | Checked::Ended(_)]),
    )
    .await;
}

/// A slow request that writes while the session ends does not revive it.
pub async fn an_update_never_revives<H: StoreHarness>(harness: H) {
    race(
        harness,
        |store, id| store.update(id, set("late", "1"), None),
        |answer| {
            matches!(
                answer,
                Updated::Written(_) | Updated::NotLive(NotLive::Ended(_))
            )
        },
    )
    .await;
}

/// A rotation while the session ends revives it under neither secret.
pub async fn a_rotation_never_revives<H: StoreHarness>(harness: H) {
    race(
        harness,
        |store, id| store.rotate(id, &SECRET, &NEW, IDLE),
        |answer| {
            matches!(
                answer,
                Rotated::Written | Rotated::NotLive(NotLive::Ended(_))
            )
        },
    )
    .await;
}

/// "Keep this session" while it ends does not revive it.
pub async fn keeping_never_revives<H: StoreHarness>(harness: H) {
    race(
        harness,
        |store, id| store.end_all(of_subject("alice", Some(id)), EndReason::Policy.into()),
        |_| true,
    )
    .await;
}

/// A repeat of the log-in while the session ends does not revive it.
pub async fn a_repeated_create_never_revives<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut pace = Pace::default();
    for round in 0..ROUNDS {
        let session = fixture.plan(Some("alice")).await;
        let id = fixture.start(session.clone()).await;
        let (one, two) = (Arc::clone(&fixture.store), Arc::clone(&fixture.store));
        let end = async move { ok(two.end(id, EndReason::Logout.into(), claimant())).await };
        let (created, end) = if round % 4 == 3 {
            overtaken(one.create(session), end).await
        } else {
            pace.together(round, async move { ok(one.create(session)).await }, end)
                .await
        };
        must!(
            created,
            Created::Created { .. } | Created::Conflict,
            "a repeat, or too late"
        );
        must!(end, End::First(_), "nobody else ended it");
        expect_dead(&fixture, id, round).await;
    }
}

/// A log-in that takes the place of a session while it ends: one ending, one winner.
pub async fn replacing_and_ending_have_one_winner<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut pace = Pace::default();
    for round in 0..ROUNDS / 4 {
        let of = format!("alice-{round}");
        let old = fixture.log_in(&of).await;
        let mut session = plan(&fixture.store, Some(&of)).await;
        session.replaces = Some(old);
        let (one, two) = (Arc::clone(&fixture.store), Arc::clone(&fixture.store));
        let (created, end) = pace
            .together(
                round,
                async move { ok(one.create(session)).await },
                async move { ok(two.end(old, EndReason::Logout.into(), claimant())).await },
            )
            .await;
        let replaced = must!(created, Created::Created { ended, .. } => ended.len(), "room");
        let first = usize::from(matches!(end, End::First(_)));
        assert_eq!(replaced + first, 1, "one ending has one winner: {end:?}");
        must!(
            fixture.check_in(old).await,
            CheckIn::Ended(_),
            "it ended either way"
        );
        assert_eq!(fixture.listed(&of).await.len(), 1, "the new one lives");
    }
}

/// A request and the sweeper at the idle deadline: touched in time or ended, never both.
pub async fn a_touch_at_the_deadline_is_in_time_or_too_late<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    for round in 0..ROUNDS / 4 {
        let id = start(&fixture.store, fixture.plan(Some("alice")).await).await;
        fixture.advance_until_just_before(IDLE).await;
        let (one, two) = (Arc::clone(&fixture.store), Arc::clone(&fixture.store));
        let touch =
            tokio::spawn(async move { ok(one.check_in(id, &SECRET, Activity::Active)).await });
        let sweep = tokio::spawn(async move { ok(two.end_due(10, claimant())).await });
        fixture.advance(fixture.margin()).await;
        let touched = touch.await.expect("the request");
        let swept = sweep.await.expect("the sweeper");
        let late = fixture.end_due(10).await;
        match touched {
            CheckIn::Live(_) => {
                assert!(
                    swept.is_empty() && late.is_empty(),
                    "round {round}: it was touched"
                );
                fixture.expect_live(id, "it was touched in time").await;
                fixture.end_first(id, EndReason::Logout).await;
            }
            CheckIn::Due(_) | CheckIn::Ended(_) => {
                assert_eq!(swept.len() + late.len(), 1, "round {round}: ended once");
                fixture
                    .expect_ended(id, EndReason::IdleTimeout, "too late")
                    .await;
            }
            other => panic!("round {round}: {other:?} is no answer to the right secret"),
        }
    }
}
