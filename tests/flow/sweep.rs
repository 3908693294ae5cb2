//! Ending very many sessions beside everything else.

use crate::support::{Site, within};
use adjourn::{
    audit::{Event, EventKind, NonBlocking, Sink},
    id::{SessionId, Subject},
    reason::EndReason,
    record::Departed,
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

const MANY: usize = 2_000;

/// How many sessions one step ends.
const STEP: usize = 64;
