//! What the application does when a session ends: retries, limits, take-over.

use crate::{
    causes::{self, Cause},
    support::{Events, Op, Site, Spy, When},
};
use adjourn::{
    BuildError, LiveSession, Sessions,
    audit::EventKind,
    id::{SessionId, Subject},
    reason::EndReason,
    record::Departed,
    store::MemoryStore,
    terminate::{HookOptions, HookOutcome, HookReport},
    time::{Clock, Timestamp},
};
use axum::{Router, body::Body, routing::post};
use http::{Request, StatusCode};
use std::{
    future::pending,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};
use tower::ServiceExt;

type Runs = Arc<Mutex<Vec<(Instant, Departed)>>>;

/// A hook that fails `failures` times and notes each run.
fn failing(
    failures: u32,
) -> (
    Runs,
    impl Fn(Arc<Departed>) -> std::future::Ready<io::Result<()>> + Send + Sync,
) {
    let (runs, count) = (Runs::default(), AtomicU32::new(0));
    let noted = Arc::clone(&runs);
    let hook = move |ended: Arc<Departed>| {
        noted
            .lock()
            .unwrap()
            .push((Instant::now(), (*ended).clone()));
        let failed = count.fetch_add(1, Ordering::SeqCst) < failures;
        std::future::ready(if failed {
            Err(io::Error::other("not yet"))
        } else {
            Ok(())
        })
    };
    (runs, hook)
}

fn retried(retries: u32, pause: Duration) -> HookOptions {
    HookOptions::new().with_retries(retries, pause)
}

fn failed_hooks(events: &Events, id: SessionId) -> Vec<String> {
    let of_it = events
        .all()
        .into_iter()
        .filter(|event| event.session_id == Some(id));
    of_it
        .filter_map(|event| match event.kind {
            EventKind::Ended { failed_hooks, .. } => Some(failed_hooks),
            _ => None,
        })
        .flatten()
        .map(|hook| hook.name.to_owned())
        .collect()
}

fn outcomes(reports: &[HookReport]) -> Vec<(&'static str, &HookOutcome, u32)> {
    let outcome = |report: &HookReport| report.attempts;
    reports
        .iter()
        .map(|report| (report.name, &report.outcome, outcome(report)))
        .collect()
}

// R-1-27 R-14-16 P2
#[tokio::test]
async fn a_hook_runs_once_with_the_id_of_the_session_whatever_ends_it() {
    for cause in Cause::ALL {
        let (runs, hook) = failing(0);
        let site = causes::site()
            .configure(|b| b.on_end("purge", hook))
            .open()
            .await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        let reason = cause.happen(&site, &browser, id).await;

        let runs = runs.lock().unwrap();
        let of_it: Vec<_> = runs.iter().filter(|(_, ended)| ended.id == id).collect();
        assert_eq!(of_it.len(), 1, "{cause:?}");
        let (_, ended) = of_it[0];
        assert_eq!(ended.ending.reason(), &reason, "{cause:?}");
        assert_eq!(ended.subject, Some(Subject::new("alice").unwrap()));
        assert!(!ended.redelivered);
    }
}

// R-14-16
#[tokio::test]
async fn a_hook_that_panics_hangs_or_fails_harms_neither_the_ending_nor_the_next_hook() {
    let (runs, last) = failing(0);
    let limit = HookOptions::new().with_time_limit(Duration::from_millis(5));
    let site = Site::builder()
        .configure(move |builder| {
            builder
                .on_end("panics-before", |_| -> std::future::Ready<io::Result<()>> {
                    panic!("before there is a future")
                })
                .on_end("panics", |_| async {
                    panic!("in the future") as io::Result<()>
                })
                .on_end_with("hangs", limit, |_| pending::<io::Result<()>>())
                .on_end("fails", |_| async {
                    Err::<(), _>(io::Error::other("disk full"))
                })
                .on_end("last", last)
        })
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    let id = site.session_of(&browser).await;

    let got = browser.post("/logout").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    let again = browser.fetch(http::Method::GET, "/api/me").token(&token);
    assert_eq!(again.send().await.reason(), "logout");
    site.events.wait_for_ending(id).await;
    let failed = ["panics-before", "panics", "hangs", "fails"];
    assert_eq!(failed_hooks(&site.events, id), failed);
    assert_eq!(runs.lock().unwrap().len(), 1);
}

// R-14-16
#[tokio::test]
async fn a_hook_that_fails_is_tried_again_with_the_same_facts() {
    let (runs, twice) = failing(2);
    let (hopeless_runs, hopeless) = failing(u32::MAX);
    let site = Site::builder()
        .configure(|builder| {
            builder
                .on_end_with("twice", retried(3, Duration::ZERO), twice)
                .on_end_with("hopeless", retried(2, Duration::from_millis(1)), hopeless)
                .on_end("once", |_| async { Ok::<(), io::Error>(()) })
        })
        .routes(Router::new().route("/leave", post(leave)))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    browser.post_api("/leave").await;
    let id = site.session_of(&browser).await;
    let ended = site
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();

    let not_yet = HookOutcome::Failed("not yet".to_owned());
    let expected = [
        ("twice", &HookOutcome::Done, 3),
        ("hopeless", &not_yet, 3),
        ("once", &HookOutcome::Done, 1),
    ];
    assert_eq!(outcomes(ended.hooks()), expected);
    assert_eq!(failed_hooks(&site.events, id), ["hopeless"]);
    let facts = |runs: &Runs| -> Vec<Departed> {
        let runs = runs.lock().unwrap();
        runs.iter().map(|(_, ended)| ended.clone()).collect()
    };
    let (first, second) = (facts(&runs), facts(&hopeless_runs));
    assert_eq!((first.len(), second.len()), (3, 3));
    assert_eq!(first, second);
    assert!(first.iter().all(|ended| *ended == first[0]));
    assert_eq!(first[0].leave_behind.get("key"), Some(&b"cache-7"[..]));
}

async fn leave(session: LiveSession) {
    session.leave_behind("key", "cache-7").unwrap();
}

/// A clock that goes with tokio's, which tests pause.
#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1_767_225_600_000).saturating_add(self.0.elapsed())
    }
}

/// A node and a session on it, without a network: time is paused, and leaps when all wait.
async fn node(
    configure: impl FnOnce(adjourn::SessionsBuilder) -> adjourn::SessionsBuilder,
) -> (Sessions, Spy, Events, SessionId) {
    let clock = Arc::new(TokioClock(Instant::now()));
    let store = Spy::around(MemoryStore::with_clock(Arc::clone(&clock)));
    let events = Events::default();
    let builder = Sessions::builder(store.clone()).with_clock(clock);
    let sessions = configure(builder.add_audit_sink(events.clone()))
        .build()
        .unwrap();
    let log_in = |session: adjourn::Session| async move {
        let logged_in = session.log_in("alice").await?;
        Ok::<_, adjourn::session::StartError>(logged_in.id().to_string())
    };
    let app = Router::new()
        .route("/", post(log_in))
        .layer(sessions.layer());
    let request = Request::post("/").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let id = axum::body::to_bytes(response.into_body(), 99)
        .await
        .unwrap();
    let id = std::str::from_utf8(&id).unwrap().parse().unwrap();
    (sessions, store, events, id)
}

#[tokio::test(start_paused = true)]
async fn the_pauses_double_and_the_lease_is_renewed_meanwhile() {
    let (runs, hook) = failing(4);
    let options = retried(4, Duration::from_secs(20));
    let (sessions, store, events, id) = node(|b| b.on_end_with("slow", options, hook)).await;

    let ended = sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert!(ended.is_still_cleaning_up() && ended.hooks().is_empty());
    events.wait_for_ending(id).await;

    let runs = runs.lock().unwrap().clone();
    let pauses: Vec<_> = runs.windows(2).map(|two| two[1].0 - two[0].0).collect();
    let seconds: Vec<_> = pauses.iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [20, 40, 60, 60]);
    // Else the sweeper would have taken the work over after 30 seconds, and run the hook anew.
    assert!(runs.iter().all(|(_, ended)| !ended.redelivered));
    assert!(store.calls(Op::Renew) >= 17, "{}", store.calls(Op::Renew));
    assert_eq!(events.reasons_of(id), [EndReason::Forced]);
    assert!(failed_hooks(&events, id).is_empty());
    let _left = sessions.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_whose_ending_was_taken_over_is_stopped() {
    let (sender, mut stopped) = mpsc::unbounded_channel();
    let hook = move |ended: Arc<Departed>| {
        hang_at_first(SaysWhenDropped(sender.clone(), ended.redelivered))
    };
    let hanging = HookOptions::new().with_time_limit(Duration::MAX);
    let (sessions, store, events, id) = node(|b| b.on_end_with("hangs", hanging, hook)).await;
    store.fail(Op::Renew, When::Before);

    let _receipt = sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert_eq!(
        stopped.recv().await,
        Some(true),
        "taken over when the lease was over"
    );
    store.heal();
    assert_eq!(
        stopped.recv().await,
        Some(false),
        "the first renewal after that says so"
    );
    assert_eq!(
        events.reasons_of(id),
        [EndReason::Forced],
        "recorded by one of them"
    );
    let _left = sessions.shutdown().await;
}

async fn hang_at_first(says: SaysWhenDropped) -> io::Result<()> {
    if !says.1 {
        pending::<()>().await;
    }
    Ok(())
}

struct SaysWhenDropped(mpsc::UnboundedSender<bool>, bool);

impl Drop for SaysWhenDropped {
    fn drop(&mut self) {
        let _nobody_listens = self.0.send(self.1);
    }
}

// P3
#[tokio::test]
async fn a_hook_runs_again_with_the_same_facts_when_nobody_heard_that_it_ran() {
    let (runs, hook) = failing(0);
    let site = Site::builder()
        .configure(|b| b.on_end("purge", hook))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    site.store.fail(Op::Acknowledge, When::Before);
    let terminator = site.sessions.terminator();
    let _receipt = terminator.end(id, EndReason::Forced).await.unwrap();
    site.store.heal();

    site.clock.advance(Duration::from_secs(31));
    terminator.sweep().await.unwrap();
    site.events
        .wait_for(|event| {
            matches!(
                event.kind,
                EventKind::Ended {
                    redelivered: true,
                    connections_cut: None,
                    ..
                }
            )
        })
        .await;
    let runs = runs.lock().unwrap();
    let [(_, first), (_, again)] = &runs[..] else {
        panic!("not twice: {runs:?}");
    };
    assert!(!first.redelivered && again.redelivered);
    let mut same = again.clone();
    (same.redelivered, same.claim) = (first.redelivered, first.claim);
    assert_eq!(&same, first);
}

#[tokio::test]
async fn a_hook_without_any_time_is_a_mistake() {
    for limit in [Duration::ZERO, Duration::from_nanos(999_999)] {
        let options = HookOptions::new().with_time_limit(limit);
        let hook = |_| async { Ok::<(), io::Error>(()) };
        let built = Sessions::builder(MemoryStore::new())
            .on_end_with("never", options, hook)
            .build();
        let setting = "on_end_with";
        assert!(
            matches!(built, Err(BuildError::Zero { setting: named, given }) if (named, given) == (setting, limit))
        );
    }
}
