//! An ending is done when its record is kept: before that, a crash would lose it.

use crate::support::{Op, Site, SiteBuilder};
use adjourn::{
    audit::{Event, Flush, NonBlocking, Sink},
    reason::EndReason,
    record::Departed,
    terminate::Outcome,
};
use axum::body::Body;
use http::{Request, StatusCode};
use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;
use tower::ServiceExt;

/// Keeps nothing before the test lets it.
#[derive(Clone)]
struct Slow {
    kept: watch::Sender<bool>,
    recorded: Arc<Mutex<Vec<&'static str>>>,
}

impl Slow {
    fn new() -> Self {
        Self {
            kept: watch::Sender::new(false),
            recorded: Arc::default(),
        }
    }
}

impl NonBlocking for Slow {}

impl Sink for Slow {
    fn record(&self, event: &Event) {
        self.recorded.lock().unwrap().push(event.kind.code());
    }

    fn flush(&self) -> Flush {
        let mut kept = self.kept.subscribe();
        Box::pin(async move {
            let _or_gone = kept.wait_for(|kept| *kept).await;
        })
    }
}

fn site(sink: &Slow, hook: bool) -> SiteBuilder {
    let sink = sink.clone();
    Site::builder().configure(move |builder| {
        let builder = builder.add_audit_sink(sink);
        if !hook {
            return builder;
        }
        builder.on_end("nothing", |_: Arc<Departed>| async {
            Ok::<(), io::Error>(())
        })
    })
}

// P3 R-13-6
#[tokio::test]
async fn an_ending_is_acknowledged_when_its_record_is_kept() {
    for hook in [false, true] {
        let sink = Slow::new();
        let site = site(&sink, hook).open().await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        let ended = site.sessions.terminator().end(id, EndReason::Forced).await;
        // Whoever ended it need not wait for that.
        assert_eq!(ended.unwrap().outcome(), Outcome::Ended);
        assert!(sink.recorded.lock().unwrap().contains(&"session-ended"));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(site.store.calls(Op::Acknowledge), 0, "hook: {hook}");
        sink.kept.send_replace(true);
        while site.store.calls(Op::Acknowledge) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(site.store.calls(Op::Acknowledge), 1, "hook: {hook}");
    }
}

/// A shutdown waits for both, the record and the word that it is kept.
#[tokio::test]
async fn a_shutdown_acknowledges_what_was_kept_late() {
    let sink = Slow::new();
    let site = site(&sink, false).open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    drop(site.sessions.terminator().end(id, EndReason::Forced).await);
    let sessions = site.sessions.clone();
    let shutdown = tokio::spawn(async move { sessions.shutdown().await });
    tokio::task::yield_now().await;
    assert_eq!(site.store.calls(Op::Acknowledge), 0);
    sink.kept.send_replace(true);
    assert!(shutdown.await.unwrap().is_complete());
    assert_eq!(site.store.calls(Op::Acknowledge), 1);
}

/// One that never keeps anything holds up neither an ending nor, for long, a shutdown.
#[tokio::test(start_paused = true)]
async fn a_sink_that_keeps_nothing_leaves_the_ending_to_others() {
    let sink = Slow::new();
    let site = site(&sink, false).open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    drop(site.sessions.terminator().end(id, EndReason::Forced).await);
    let left = site.sessions.shutdown().await;
    assert!(!left.is_complete());
    assert_eq!((left.endings(), left.hooks().len()), (1, 0));
    assert_eq!(site.store.calls(Op::Acknowledge), 0);
}

/// Logs in without a network.
async fn log_in(site: &Site, number: usize) {
    let request = Request::post(format!("/login?as=user-{number}"));
    let request = request.body(Body::empty()).unwrap();
    let response = site.app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

// P3: a sink that hangs makes no more than so many tasks; what finds no room is done again.
#[tokio::test(start_paused = true)]
async fn only_so_many_endings_wait_for_a_sink_and_the_rest_is_left_to_its_lease() {
    let sink = Slow::new();
    let site = site(&sink, false).open().await;
    for number in 0..MOST_WAITING + BEYOND {
        log_in(&site, number).await;
    }
    let terminator = site.sessions.terminator();
    let ended = terminator.end_everyone(None, EndReason::Forced).await;
    assert_eq!(ended.unwrap().concluded(), MOST_WAITING + BEYOND);
    pass_time(&site).await;
    let recorded = sink.recorded.lock().unwrap().clone();
    let ended = recorded.iter().filter(|code| **code == "session-ended");
    let all = MOST_WAITING + BEYOND;
    assert_eq!(ended.count(), all, "none again where the sink still hangs");
    let left = site.sessions.shutdown().await;
    assert_eq!(left.endings(), MOST_WAITING);

    let other = Site::builder().beside(&site).open().await;
    pass_time(&site).await;
    assert_eq!(other.events.count("session-ended"), BEYOND);
    assert_eq!(site.store.calls(Op::Acknowledge), BEYOND);
}

/// Twice the time of a lease, on both clocks; those that wait renew theirs, and none is late.
async fn pass_time(site: &Site) {
    for _ in 0..8 {
        site.clock.advance(Duration::from_secs(8));
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

/// How many endings may wait.
const MOST_WAITING: usize = 4_096;

const BEYOND: usize = 10;
