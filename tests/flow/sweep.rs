//! Ending very many sessions beside everything else.

use crate::support::{Op, Site, within};
use adjourn::{
    audit::{Event, EventKind, NonBlocking, Sink},
    id::{SessionId, Subject},
    reason::EndReason,
    record::Departed,
    terminate::Outcome,
};
use axum::{Router, body::Body};
use http::Request;
use http_body_util::BodyExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, task::yield_now};
use tower::ServiceExt;

/// Counts endings.
#[derive(Clone, Default)]
struct Endings(Arc<AtomicUsize>);

impl NonBlocking for Endings {}

impl Sink for Endings {
    fn record(&self, event: &Event) {
        if matches!(event.kind, EventKind::Ended { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Something else on the same thread, as a request is: notes how many endings it had to wait for
/// between two of its turns.
struct Neighbour {
    stop: Arc<AtomicBool>,
    longest_wait: tokio::task::JoinHandle<usize>,
}

impl Neighbour {
    fn beside(endings: &Endings) -> Self {
        let (stop, endings) = (Arc::<AtomicBool>::default(), endings.clone());
        let stopped = Arc::clone(&stop);
        let longest_wait = tokio::spawn(async move {
            let (mut longest, mut before) = (0, endings.0.load(Ordering::Relaxed));
            while !stopped.load(Ordering::Relaxed) {
                yield_now().await;
                let now = endings.0.load(Ordering::Relaxed);
                longest = longest.max(now - before);
                before = now;
            }
            longest
        });
        Self { stop, longest_wait }
    }

    async fn longest_wait(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.longest_wait.await.unwrap()
    }
}

/// Logs in without a network.
async fn log_in(app: &Router, name: &str) -> SessionId {
    let request = Request::post(format!("/login?as={name}"));
    let request = request.body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["session"].as_str().unwrap().parse().unwrap()
}

/// A site with many sessions, whose endings are counted.
async fn many() -> (Site, Endings) {
    let endings = Endings::default();
    let sink = endings.clone();
    let site = Site::builder().configure(move |builder| builder.add_audit_sink(sink));
    let site = site.open().await;
    for number in 0..MANY {
        log_in(&site.app, &format!("user-{}", number % 50)).await;
    }
    (site, endings)
}

// P9: on one thread, requests take turns with a sweep: it never ends more than a step between two.
#[tokio::test(start_paused = true)]
async fn a_large_sweep_lets_others_have_the_thread() {
    let (site, endings) = many().await;
    let neighbour = Neighbour::beside(&endings);
    yield_now().await;
    site.clock.advance(Duration::from_mins(15));
    let swept = site.sessions.terminator().sweep().await.unwrap();
    let waited = neighbour.longest_wait().await;
    assert_eq!(swept, MANY);
    assert_eq!(endings.0.load(Ordering::Relaxed), MANY);
    assert!((1..=STEP).contains(&waited), "{waited} endings in one go");
}

#[tokio::test(start_paused = true)]
async fn a_large_cut_lets_others_have_the_thread() {
    let (site, endings) = many().await;
    let neighbour = Neighbour::beside(&endings);
    yield_now().await;
    let terminator = site.sessions.terminator();
    let ended = terminator.end_everyone(None, EndReason::Forced).await;
    let waited = neighbour.longest_wait().await;
    assert_eq!(ended.unwrap().concluded(), MANY);
    assert!((1..=STEP).contains(&waited), "{waited} endings in one go");
}

// P4: the clean-up of one session that hangs does not make another session's timeout late.
#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_does_not_hold_up_the_next_timeout() {
    let stuck = Arc::new(Notify::new());
    let here = Arc::clone(&stuck);
    let site = Site::builder().configure(move |builder| {
        builder.on_end("alice's", move |ended: Arc<Departed>| {
            let here = Arc::clone(&here);
            async move {
                if ended.subject == Some(Subject::new("alice").unwrap()) {
                    here.notify_one();
                    std::future::pending::<()>().await;
                }
                Ok::<(), String>(())
            }
        })
    });
    let site = site.open().await;
    let alice = log_in(&site.app, "alice").await;
    site.clock.advance(Duration::from_secs(1));
    let bob = log_in(&site.app, "bob").await;
    site.clock.advance(Duration::from_secs(15 * 60 - 1));
    within(stuck.notified()).await;
    site.clock.advance(Duration::from_secs(1));
    let asked = tokio::time::Instant::now();
    let reason = site.events.wait_for_ending(bob).await;
    assert_eq!(reason, EndReason::IdleTimeout);
    assert!(asked.elapsed() <= Duration::from_secs(1), "of paused time");
    assert_eq!(site.events.reasons_of(alice), [], "its hook still hangs");
    assert_eq!(site.events.wait_for_ending(alice).await, reason);
}

/// A site whose hooks hang for alice's sessions, `MANY_HANGING` of them, and bob's session beside.
async fn with_hanging_hooks() -> (Site, SessionId) {
    let site = Site::builder().configure(|builder| {
        builder.on_end("alice's", |ended: Arc<Departed>| async move {
            if ended.subject == Some(Subject::new("alice").unwrap()) {
                std::future::pending::<()>().await;
            }
            Ok::<(), String>(())
        })
    });
    let site = site.open().await;
    for _ in 0..MANY_HANGING {
        log_in(&site.app, "alice").await;
    }
    site.clock.advance(Duration::from_secs(1));
    let bob = log_in(&site.app, "bob").await;
    (site, bob)
}

// P4: nor do very many.
#[tokio::test(start_paused = true)]
async fn hooks_that_hang_by_the_hundred_do_not_hold_up_the_next_timeout() {
    let (site, bob) = with_hanging_hooks().await;
    site.clock.advance(Duration::from_mins(15));
    // Of paused time, and long before the first hook is given up.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let ended = site.sessions.terminator().end(bob, EndReason::Forced).await;
    let ended = ended.unwrap();
    assert_eq!(ended.outcome(), Outcome::AlreadyEnded);
    assert_eq!(ended.ending().unwrap().reason(), &EndReason::IdleTimeout);
    // What finds no room, late neither, is left to its lease, and recorded when that is over.
    for _ in 0..40 {
        site.clock.advance(Duration::from_secs(15));
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
    assert_eq!(site.events.endings().len(), MANY_HANGING + 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_ends_a_subject_waits_for_its_hooks_only_so_long() {
    let (site, _bob) = with_hanging_hooks().await;
    let asked = tokio::time::Instant::now();
    let alice = Subject::new("alice").unwrap();
    let terminator = site.sessions.terminator();
    let ended = terminator
        .end_subject(&alice, None, EndReason::Forced)
        .await;
    let ended = ended.unwrap();
    assert!(ended.is_still_cleaning_up() && ended.more_follow());
    assert!(asked.elapsed() < Duration::from_secs(2), "of paused time");
}

// P4: a store, a clock or a recorder of somebody's that panics once.
#[tokio::test(start_paused = true)]
async fn a_sweeper_that_panicked_is_started_again() {
    let site = Site::open().await;
    let bob = log_in(&site.app, "bob").await;
    site.store.answer_later();
    site.store
        .when_delivered(Op::EndDue, || panic!("somebody's store does"));
    site.clock.advance(Duration::from_mins(15));
    tokio::time::sleep(Duration::from_secs(3)).await;
    // What the sweeper held in its hands then is taken over.
    site.clock.advance(Duration::from_secs(31));
    let reason = site.events.wait_for_ending(bob).await;
    assert_eq!(reason, EndReason::IdleTimeout);
}

#[tokio::test(start_paused = true)]
async fn timeouts_fire_as_soon_as_there_is_a_layer_without_a_request() {
    let site = Site::open().await;
    let bob = log_in(&site.app, "bob").await;
    let _left = site.sessions.shutdown().await;
    let again = Site::builder().beside(&site);
    let events = again.events.clone();
    let (sessions, _rest) = again.sessions();
    let _layer = sessions.layer();
    site.clock.advance(Duration::from_mins(15));
    assert_eq!(events.wait_for_ending(bob).await, EndReason::IdleTimeout);
}

/// A site with many sessions of alice, whose hooks take a while.
async fn with_slow_hooks(took: Duration) -> Site {
    let site = Site::builder().configure(move |builder| {
        builder.on_end("slow", move |_: Arc<Departed>| async move {
            tokio::time::sleep(took).await;
            Ok::<(), String>(())
        })
    });
    let site = site.open().await;
    for _ in 0..MANY {
        log_in(&site.app, "alice").await;
    }
    site
}

/// Each ending once, none of them as a copy of another's.
fn assert_each_recorded_once(site: &Site, count: usize) {
    let mut ids = Vec::new();
    for event in site.events.all() {
        if let EventKind::Ended {
            redelivered,
            connections_cut,
            ..
        } = event.kind
        {
            assert!(!redelivered, "nobody took over anything");
            assert_eq!(connections_cut, Some(0));
            ids.extend(event.session_id);
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), site.events.endings().len()), (count, count));
}

// P4: hooks that are slow and not stuck, of more sessions than may be cleaned up at a time.
#[tokio::test(start_paused = true)]
async fn what_waits_for_slow_hooks_is_recorded_in_its_turn_and_not_taken_over() {
    let site = with_slow_hooks(Duration::from_secs(1)).await;
    site.clock.advance(Duration::from_mins(15));
    tokio::time::sleep(Duration::from_secs(10)).await; // of paused time, and less than a lease
    assert_each_recorded_once(&site, MANY);
}

// P4, R-14-16: while the sweeper is at work, with most of what it ended still to be cleaned up.
#[tokio::test(start_paused = true)]
async fn a_shutdown_in_the_middle_of_a_sweep_waits_for_all_that_it_ended() {
    let site = with_slow_hooks(Duration::from_secs(1)).await;
    site.clock.advance(Duration::from_mins(15));
    site.events
        .wait_for(|event| matches!(event.kind, EventKind::Ended { .. }))
        .await;
    assert!(site.events.endings().len() < MANY, "it has only begun");
    let left = site.sessions.shutdown().await;
    assert!(left.is_complete(), "{left:?}");
    assert_each_recorded_once(&site, MANY);
}

// The same where a bulk ending has left most to the sweeper.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_what_a_cut_left_to_the_sweeper() {
    let site = with_slow_hooks(Duration::from_secs(1)).await;
    let alice = Subject::new("alice").unwrap();
    let terminator = site.sessions.terminator();
    let ended = terminator.end_subject(&alice, None, EndReason::Forced);
    assert!(ended.await.unwrap().more_follow());
    let left = site.sessions.shutdown().await;
    assert!(left.is_complete(), "{left:?}");
    assert_each_recorded_once(&site, MANY);
}

/// More than may be under way.
const MANY_HANGING: usize = 1_200;

const MANY: usize = 2_000;

/// How many sessions one step ends.
const STEP: usize = 64;
