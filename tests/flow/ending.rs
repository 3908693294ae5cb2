//! Every ending takes one road: decided once, told to everybody, worked off by whoever is there.

use crate::support::{
    Browser, Dropped, Endless, Events, Gate, Op, Site, SiteBuilder, Spy, When, within,
};
use adjourn::{
    Session, Sessions, Terminator,
    audit::{Event, EventKind, NonBlocking, Sink},
    id::{SessionId, Subject},
    reason::{Cause, EndReason, Initiator},
    record::Departed,
    session::EndOthersError,
    store,
    terminate::{HookOutcome, Outcome},
};
use axum::{
    Router,
    body::Body,
    routing::{get, post},
};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};
use tower::ServiceExt;

fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

/// What hooks were told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Arc<Departed>>>>);

impl Told {
    fn hook(
        &self,
    ) -> impl Fn(Arc<Departed>) -> std::future::Ready<Result<(), Infallible>> + Send + Sync + 'static
    {
        let told = self.clone();
        move |departed| {
            told.0.lock().unwrap().push(departed);
            std::future::ready(Ok(()))
        }
    }

    fn all(&self) -> Vec<Arc<Departed>> {
        self.0.lock().unwrap().clone()
    }

    fn of(&self, id: SessionId) -> Vec<Arc<Departed>> {
        let mut all = self.all();
        all.retain(|departed| departed.id == id);
        all
    }
}

/// Logs in without a network.
async fn log_in(app: &Router, name: &str) -> (SessionId, String) {
    let request = Request::post(format!("/login?as={name}"));
    let request = request.body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    (body["session"].as_str().unwrap().parse().unwrap(), cookie)
}

async fn reason_for(site: &Site, token: &str) -> String {
    let got = site.browser().fetch(Method::GET, "/api/me").token(token);
    got.send().await.reason()
}

// --- The ways to end, and who is told what. -------------------------------------------------------

// P2 P3 P7 R-13-12: the same reason everywhere.
#[tokio::test]
async fn receipt_audit_hook_and_answer_name_the_same_reason() {
    for (reason, initiator) in [
        (EndReason::Forced, Initiator::Administrator),
        (EndReason::Policy, Initiator::Policy),
        (EndReason::CredentialChange, Initiator::User),
        (EndReason::IdentityProvider, Initiator::IdentityProvider),
        (EndReason::SubjectDisabled, Initiator::Administrator),
        (
            EndReason::custom("account-closed").unwrap(),
            Initiator::System,
        ),
    ] {
        let told = Told::default();
        let hook = told.hook();
        let builder = Site::builder().configure(move |builder| builder.on_end("collect", hook));
        let site = builder.open().await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        site.clock.advance(Duration::from_secs(5));
        let cause = Cause::from(reason.clone())
            .with_actor(subject("admin-3"))
            .with_note("lost laptop");
        let ended = site
            .sessions
            .terminator()
            .end(id, cause.clone())
            .await
            .unwrap();

        assert_eq!((ended.id(), ended.outcome()), (Some(id), Outcome::Ended));
        let ending = ended.ending().unwrap();
        assert_eq!(ending.cause(), &cause);
        assert_eq!(ended.hooks()[0].outcome, HookOutcome::Done);
        assert!(!ended.is_still_cleaning_up());

        let told = told.of(id);
        assert_eq!(told.len(), 1);
        assert_eq!(&told[0].ending, ending);
        assert_eq!(told[0].subject, Some(subject("alice")));
        assert!(!told[0].redelivered);

        let event = site
            .events
            .wait_for(|e| e.kind.code() == "session-ended")
            .await;
        assert_eq!(event.session_id, Some(id));
        assert_eq!(event.at, ending.at());
        assert_recorded(event, &cause, initiator);
        assert_eq!(browser.get_api("/api/me").await.reason(), reason.code());
    }
}

/// The record of an ending five seconds after the log-in, by an administrator for a reason.
fn assert_recorded(event: Event, cause: &Cause, initiator: Initiator) {
    assert_eq!(event.subject, Some(subject("alice")));
    let EventKind::Ended {
        cause: recorded,
        lived,
        idle,
        failed_hooks,
        redelivered,
        ..
    } = event.kind
    else {
        panic!("not an ending");
    };
    assert_eq!(&recorded, cause);
    assert_eq!(recorded.initiator(), initiator);
    assert_eq!(recorded.actor(), Some(&subject("admin-3")));
    assert_eq!(recorded.note(), Some("lost laptop"));
    assert_eq!(lived, Duration::from_secs(5));
    assert_eq!(idle, Duration::from_secs(5));
    assert!(failed_hooks.is_empty() && !redelivered);
}

// P3: the first cause wins; asking again does no harm.
#[tokio::test]
async fn the_second_who_ends_a_session_is_told_of_the_first() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let terminator = site.sessions.terminator();
    let first = terminator.end(id, EndReason::Forced).await.unwrap();
    site.clock.advance(Duration::from_secs(9));
    let second = terminator.end(id, EndReason::Logout).await.unwrap();
    assert_eq!(second.outcome(), Outcome::AlreadyEnded);
    assert_eq!(second.ending(), first.ending());
    assert_eq!(site.events.count("session-ended"), 1);

    let unknown = SessionId::random().unwrap();
    let nothing = terminator.end(unknown, EndReason::Forced).await.unwrap();
    assert_eq!(
        (nothing.outcome(), nothing.ending()),
        (Outcome::Unknown, None)
    );
    assert_eq!(site.events.count("session-ended"), 1);
}

// P3 R-2-7: past the deadline it is the deadline that ended it, whoever comes.
#[tokio::test]
async fn a_log_out_after_the_deadline_does_not_hide_the_timeout() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    site.clock.advance(Duration::from_mins(15));
    let ended = site
        .sessions
        .terminator()
        .end(id, EndReason::Logout)
        .await
        .unwrap();
    assert_eq!(ended.ending().unwrap().reason(), &EndReason::IdleTimeout);
    assert_eq!(site.events.reasons_of(id), [EndReason::IdleTimeout]);
}

// R-1-10 R-2-6: the dead cookie on every door, from another client.
#[tokio::test]
async fn after_a_log_out_the_old_token_opens_no_door() {
    let dropped = Dropped::default();
    let routes = Router::new()
        .route(
            "/account/events",
            get(move || async move { Body::new(Endless::new("", &dropped)) }),
        )
        .route_layer(adjourn::require_session());
    let site = Site::builder().routes(routes).open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    assert_eq!(browser.post("/logout").await.status, StatusCode::SEE_OTHER);
    for path in ["/me", "/api/me", "/account/events"] {
        for method in [Method::GET, Method::POST, Method::HEAD] {
            let ask = site.browser().fetch(method.clone(), path).token(&token);
            let got = ask.send().await;
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert!(got.removes_session());
        }
        let upgrade = site
            .browser()
            .fetch(Method::GET, path)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .token(&token);
        assert_eq!(upgrade.send().await.status, StatusCode::UNAUTHORIZED); // R-14-6
    }
    // Each is the strongest sign of theft.
    assert_eq!(site.events.count("use-after-end"), 12);
    assert_eq!(site.events.count("session-ended"), 1);
}

// R-1-11 P4: account disabled; open streams are closed, on every device.
#[tokio::test]
async fn disabling_a_subject_ends_all_its_sessions_and_nobody_elses() {
    let dropped = Dropped::default();
    let stream = {
        let dropped = dropped.clone();
        get(move |_: Session| async move {
            let body = Body::new(Endless::new("data: 1\n\n", &dropped));
            ([("content-type", "text/event-stream")], body)
        })
    };
    let site = Site::builder().routes(Router::new().route("/events", stream));
    let site = site.open().await;
    let mut devices = Vec::new();
    let mut streams = Vec::new();
    for _ in 0..3 {
        let device = site.logged_in("alice").await;
        streams.push(device.fetch(Method::GET, "/events").open().await);
        devices.push(device);
    }
    let bob = site.logged_in("bob").await;
    assert_eq!(site.sessions.open_connections(), 3);

    let terminator = site.sessions.terminator();
    let alice = subject("alice");
    let ended = terminator.end_subject(&alice, None, EndReason::SubjectDisabled);
    let ended = ended.await.unwrap();
    assert_eq!((ended.concluded(), ended.more_follow()), (3, false));
    for stream in streams {
        let body = within(stream.into_body().collect())
            .await
            .unwrap()
            .to_bytes();
        assert!(
            body.ends_with(b"{\"reason\":\"subject-disabled\"}\n\n"),
            "{body:?}"
        );
    }
    for device in devices {
        assert_eq!(device.get_api("/api/me").await.reason(), "subject-disabled");
    }
    assert_eq!(bob.get_api("/api/me").await.status, StatusCode::OK);
    assert_eq!(site.events.count("session-ended"), 3);
}

// R-1-12: a password was changed; the session that did it lives on with a new secret.
#[tokio::test]
async fn a_change_of_password_ends_the_other_sessions_and_rotates_this_one() {
    async fn change(session: Session) -> Result<String, EndOthersError> {
        let ended = session.end_others(EndReason::CredentialChange).await?;
        session.rotate().unwrap();
        Ok(ended.concluded().to_string())
    }
    let routes = Router::new().route(
        "/password",
        post(|session: Session| async {
            change(session)
                .await
                .map_err(|error| (StatusCode::CONFLICT, error.to_string()))
        }),
    );
    let site = Site::builder().routes(routes).open().await;
    let (mine, others) = (
        site.logged_in("alice").await,
        [site.logged_in("alice").await, site.logged_in("alice").await],
    );
    let bob = site.logged_in("bob").await;
    let old = mine.token().unwrap();
    let got = mine.post_api("/password").await;
    assert_eq!((got.status, got.text()), (StatusCode::OK, "2"));
    for other in others {
        assert_eq!(other.get_api("/api/me").await.reason(), "credential-change");
    }
    assert_ne!(mine.token(), Some(old.clone()));
    assert_eq!(mine.get_api("/api/me").await.status, StatusCode::OK);
    assert_eq!(reason_for(&site, &old).await, "outdated");
    assert_eq!(bob.get_api("/api/me").await.status, StatusCode::OK);
    // A log-in afterwards is not covered, and nobody without a session has others.
    assert_eq!(
        site.logged_in("alice")
            .await
            .get_api("/api/me")
            .await
            .status,
        StatusCode::OK
    );
    assert_eq!(
        site.browser().post_api("/password").await.status,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn ending_all_of_a_subject_is_an_ending_of_this_request_too() {
    async fn everywhere(session: Session) -> String {
        let ended = session.end_all_of_subject(EndReason::Logout).await.unwrap();
        ended.concluded().to_string()
    }
    let routes = Router::new().route("/everywhere", post(everywhere));
    let site = Site::builder().routes(routes).open().await;
    let (mine, other) = (site.logged_in("alice").await, site.logged_in("alice").await);
    let got = mine.post_api("/everywhere").await;
    assert_eq!(
        (got.status, got.text()),
        (StatusCode::OK, "2"),
        "the handler's own page"
    );
    assert!(got.removes_session());
    assert!(mine.jar().is_signed_out());
    assert_eq!(other.get_api("/api/me").await.reason(), "logout");
    assert_eq!(site.events.count("session-ended"), 2);
}

// R-1-14: an administrator ends everybody's, also through the extractor; who logs in later lives.
#[tokio::test]
async fn ending_everyone_ends_every_session_that_began_before() {
    async fn revoke(terminator: Terminator) -> String {
        let ended = terminator
            .end_everyone(None, EndReason::Forced)
            .await
            .unwrap();
        ended.concluded().to_string()
    }
    let routes = Router::new().route("/admin/revoke", post(revoke));
    let site = Site::builder().routes(routes).open().await;
    let mut before = Vec::new();
    for name in ["alice", "bob", "carol", "carol"] {
        before.push(site.logged_in(name).await);
    }
    let got = site.browser().post_api("/admin/revoke").await;
    assert_eq!(got.text(), "4");
    for browser in before {
        assert_eq!(browser.get_api("/api/me").await.reason(), "forced");
    }
    let after = site.logged_in("alice").await;
    assert_eq!(after.get_api("/api/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn ending_everyone_before_an_instant_spares_the_later_ones() {
    let site = Site::open().await;
    let early = site.logged_in("alice").await;
    site.clock.advance(Duration::from_secs(10));
    let instant = adjourn::time::Clock::now(&site.clock);
    let late = site.logged_in("bob").await;
    let terminator = site.sessions.terminator();
    let ended = terminator.end_everyone(Some(instant), EndReason::Policy);
    assert_eq!(ended.await.unwrap().concluded(), 1);
    assert_eq!(early.get_api("/api/me").await.reason(), "policy");
    assert_eq!(late.get_api("/api/me").await.status, StatusCode::OK);
}

// P4 R-4-5: nobody comes, and it ends all the same.
#[tokio::test]
async fn a_session_that_nobody_uses_any_more_ends_without_a_request() {
    let told = Told::default();
    let hook = told.hook();
    let builder = Site::builder().configure(move |builder| builder.on_end("collect", hook));
    let site = builder.open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let terminator = site.sessions.terminator();
    site.clock
        .advance(Duration::from_mins(15) - Duration::from_millis(1));
    assert_eq!(terminator.sweep().await.unwrap(), 0, "never early");
    site.clock.advance(Duration::from_millis(1));
    terminator.sweep().await.unwrap();
    assert_eq!(
        site.events.wait_for_ending(id).await,
        EndReason::IdleTimeout
    );
    assert_eq!(told.of(id).len(), 1);
    assert_eq!(browser.get_api("/api/me").await.reason(), "idle-timeout");
    assert_eq!(site.events.count("session-ended"), 1);
}

// P4: the sweeper of the background needs nobody to call it.
#[tokio::test(start_paused = true)]
async fn the_background_sweeper_ends_what_is_due() {
    let (sessions, rest) = Site::builder().sessions();
    let site = Site::builder();
    drop((sessions, rest));
    let site = site.open().await;
    let (id, _) = log_in(&site.app, "alice").await;
    site.clock.advance(Duration::from_mins(15));
    assert_eq!(
        site.events.wait_for_ending(id).await,
        EndReason::IdleTimeout
    );
}

// P4: what another node ended is cut here.
#[tokio::test]
async fn a_stream_on_another_node_is_cut() {
    let here = Site::open().await;
    let dropped = Dropped::default();
    let stream = {
        let dropped = dropped.clone();
        get(move |_: Session| async move { Body::new(Endless::new("first", &dropped)) })
    };
    let there = Site::builder()
        .beside(&here)
        .routes(Router::new().route("/stream", stream));
    let there = there.open().await;
    let browser = here.logged_in("alice").await;
    let (token, id) = (browser.token().unwrap(), here.session_of(&browser).await);
    let ask = there.browser().fetch(Method::GET, "/stream").token(&token);
    let mut response = ask.open().await;
    assert!(response.body_mut().frame().await.unwrap().is_ok());
    here.end(id, EndReason::Forced).await;
    assert!(
        within(response.into_body().collect()).await.is_err(),
        "broken off"
    );
    dropped.wait().await;
    assert!(there.events.endings().is_empty(), "the winner's to record");
}

// P4: a cut names no sessions, so the other node asks for those it holds.
#[tokio::test]
async fn a_stream_on_another_node_is_cut_when_the_subject_is() {
    let here = Site::open().await;
    let dropped = Dropped::default();
    let stream = {
        let dropped = dropped.clone();
        get(move |_: Session| async move { Body::new(Endless::new("first", &dropped)) })
    };
    let there = Site::builder()
        .beside(&here)
        .routes(Router::new().route("/stream", stream));
    let there = there.open().await;
    let browser = here.logged_in("alice").await;
    let token = browser.token().unwrap();
    let ask = there.browser().fetch(Method::GET, "/stream").token(&token);
    let mut response = ask.open().await;
    assert!(response.body_mut().frame().await.unwrap().is_ok());
    let terminator = here.sessions.terminator();
    let _receipt = terminator
        .end_subject(&subject("alice"), None, EndReason::SubjectDisabled)
        .await
        .unwrap();
    assert!(
        within(response.into_body().collect()).await.is_err(),
        "broken off"
    );
}

// --- Once. ----------------------------------------------------------------------------------------

// P3 R-13-6
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_end_a_session_at_once_it_is_recorded_and_worked_off_once() {
    for later in [false, true] {
        let told = Told::default();
        let hook = told.hook();
        let builder = Site::builder().configure(move |builder| builder.on_end("collect", hook));
        let site = if later { builder.later() } else { builder }.open().await;
        for round in 0..40 {
            let browser = site.logged_in("alice").await;
            let id = site.session_of(&browser).await;
            if round % 2 == 0 {
                // Due as well: the timeout is the cause then, whoever comes first.
                site.clock.advance(Duration::from_mins(15));
            }
            let mut racers = Vec::new();
            for racer in 0..8 {
                let (browser, terminator) = (browser.clone(), site.sessions.terminator());
                racers.push(tokio::spawn(async move {
                    match racer % 5 {
                        0 => drop(browser.post_api("/logout").await),
                        1 => drop(terminator.sweep().await.unwrap()),
                        2 => drop(terminator.end(id, EndReason::Forced).await.unwrap()),
                        3 => {
                            let alice = subject("alice");
                            let cut = terminator.end_subject(&alice, None, EndReason::Policy);
                            let _receipt = cut.await.unwrap();
                        }
                        _ => drop(browser.get_api("/api/me").await),
                    }
                }));
            }
            for racer in racers {
                racer.await.unwrap();
            }
            let reason = site.events.wait_for_ending(id).await;
            if round % 2 == 0 {
                assert_eq!(reason, EndReason::IdleTimeout);
            }
            let got = browser.get_api("/api/me").await;
            assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        }
        let _left = site.sessions.shutdown().await;
        let mut recorded: Vec<_> = site
            .events
            .endings()
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        let mut worked_off: Vec<_> = told.all().iter().map(|departed| departed.id).collect();
        assert_eq!((recorded.len(), worked_off.len()), (40, 40));
        recorded.sort();
        recorded.dedup();
        worked_off.sort();
        worked_off.dedup();
        assert_eq!(recorded.len(), 40);
        assert_eq!(recorded, worked_off);
    }
}

// --- Hooks. ---------------------------------------------------------------------------------------

fn panics(_: Arc<Departed>) -> std::future::Ready<Result<(), Infallible>> {
    panic!("as the test wants")
}

async fn panics_later(_: Arc<Departed>) -> Result<(), Infallible> {
    tokio::task::yield_now().await;
    panic!("as the test wants")
}

async fn fails(_: Arc<Departed>) -> io::Result<()> {
    Err(io::Error::other("the disk is full"))
}

async fn hangs(_: Arc<Departed>) -> Result<(), Infallible> {
    std::future::pending().await
}

// P2 R-14-16: time is paused, so the hook that hangs costs nothing.
#[tokio::test(start_paused = true)]
async fn hooks_that_panic_fail_or_hang_neither_stop_the_ending_nor_each_other_nor_hide() {
    for later in [false, true] {
        let told = Told::default();
        let hook = told.hook();
        let builder = Site::builder().configure(move |builder| {
            builder
                .on_end("panics", panics)
                .on_end("panics-later", panics_later)
                .on_end("fails", fails)
                .on_end("hangs", hangs)
                .on_end("collects", hook)
                .with_clean_up_patience(Duration::from_mins(1))
        });
        let site = if later { builder.later() } else { builder }.open().await;
        let (id, _) = log_in(&site.app, "alice").await;
        let ended = site
            .sessions
            .terminator()
            .end(id, EndReason::Forced)
            .await
            .unwrap();
        assert_eq!(ended.outcome(), Outcome::Ended);
        let outcomes: Vec<_> = ended
            .hooks()
            .iter()
            .map(|h| (h.name, h.outcome.clone()))
            .collect();
        assert_eq!(
            outcomes,
            [
                ("panics", HookOutcome::Panicked),
                ("panics-later", HookOutcome::Panicked),
                ("fails", HookOutcome::Failed("the disk is full".to_owned())),
                ("hangs", HookOutcome::TimedOut),
                ("collects", HookOutcome::Done),
            ]
        );
        assert_eq!(ended.failed_hooks().count(), 4);
        assert_eq!(told.of(id).len(), 1);
        let event = site
            .events
            .wait_for(|e| e.kind.code() == "session-ended")
            .await;
        let EventKind::Ended { failed_hooks, .. } = event.kind else {
            panic!("not an ending");
        };
        let failed: Vec<_> = failed_hooks.iter().map(|hook| hook.name).collect();
        assert_eq!(failed, ["panics", "panics-later", "fails", "hangs"]);
    }
}

// P2 P4: whoever asked for the ending does not wait for ever, and what goes on is said.
#[tokio::test]
async fn an_ending_does_not_wait_for_its_hooks_longer_than_its_patience() {
    let gate = Gate::default();
    let site = site_with_gated_hook(&gate, Duration::ZERO).open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let got = browser.post("/logout").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert!(browser.jar().get("__Host-sid").is_none());
    assert_eq!(
        browser.get_api("/api/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    gate.arrived().await;
    assert!(
        site.events.endings().is_empty(),
        "recorded with the outcome of the hooks"
    );
    let ended = site
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert_eq!(ended.outcome(), Outcome::AlreadyEnded);
    gate.open();
    assert_eq!(site.events.wait_for_ending(id).await, EndReason::Logout);
}

#[tokio::test]
async fn the_receipt_says_that_clean_up_goes_on() {
    let gate = Gate::default();
    let site = site_with_gated_hook(&gate, Duration::ZERO).open().await;
    let (id, _) = log_in(&site.app, "alice").await;
    let ended = site
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert!(ended.is_still_cleaning_up());
    assert!(ended.hooks().is_empty());
    gate.open();
    site.events.wait_for_ending(id).await;
}

fn site_with_gated_hook(gate: &Gate, patience: Duration) -> SiteBuilder {
    let gate = gate.clone();
    Site::builder().configure(move |builder| {
        builder
            .on_end("gated", gated(&gate))
            .with_hook_time_limit(Duration::from_hours(10))
            .with_clean_up_patience(patience)
    })
}

fn gated(
    gate: &Gate,
) -> impl Fn(Arc<Departed>) -> store::BoxFuture<'static, Result<(), Infallible>> + Send + Sync + 'static
{
    let gate = gate.clone();
    move |_| {
        let gate = gate.clone();
        Box::pin(async move {
            gate.pass().await;
            Ok(())
        })
    }
}

// A hook may use everything, also the road it is on.
#[tokio::test]
async fn a_hook_may_end_other_sessions() {
    let slot: Arc<Mutex<Option<Terminator>>> = Arc::default();
    let hook = {
        let slot = Arc::clone(&slot);
        move |departed: Arc<Departed>| {
            let terminator = slot.lock().unwrap().clone().unwrap();
            async move {
                let again = terminator.end(departed.id, EndReason::Logout).await?;
                assert_eq!(again.outcome(), Outcome::AlreadyEnded);
                let bob = subject("bob");
                let _receipt = terminator
                    .end_subject(&bob, None, EndReason::Policy)
                    .await?;
                Ok::<(), adjourn::terminate::EndError>(())
            }
        }
    };
    let builder = Site::builder().configure(move |builder| builder.on_end("spreads", hook));
    let site = builder.open().await;
    *slot.lock().unwrap() = Some(site.sessions.terminator());
    let (alice, _) = log_in(&site.app, "alice").await;
    let (bob, _) = log_in(&site.app, "bob").await;
    let ended = site
        .sessions
        .terminator()
        .end(alice, EndReason::Forced)
        .await
        .unwrap();
    assert_eq!(ended.failed_hooks().count(), 0, "{ended:?}");
    assert_eq!(site.events.wait_for_ending(bob).await, EndReason::Policy);
    slot.lock().unwrap().take();
}

// R-1-27: what is left behind reaches the hooks, the values never.
#[tokio::test]
async fn hooks_get_what_was_left_behind_and_never_the_values() {
    async fn work(session: Session) {
        session.set("card", &"4111-1111").unwrap();
        session.leave_behind("file", "/tmp/report-17").unwrap();
        session.leave_behind("wrong", "/tmp/other").unwrap();
        session.leave_behind("wrong", "/tmp/right").unwrap();
    }
    let told = Told::default();
    let hook = told.hook();
    let site = Site::builder()
        .routes(Router::new().route("/work", post(work)))
        .configure(move |builder| builder.on_end("collect", hook))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let token = browser.token().unwrap();
    assert_eq!(browser.post_api("/work").await.status, StatusCode::OK);
    site.end(id, EndReason::Forced).await;
    let told = told.of(id);
    let left: Vec<_> = told[0].leave_behind.iter().collect();
    assert_eq!(
        left,
        [
            ("file", &b"/tmp/report-17"[..]),
            ("wrong", &b"/tmp/right"[..])
        ]
    );
    let shown = format!("{:?}", told[0]);
    for secret in ["4111", "card", &token[22..]] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

// --- The lease. -----------------------------------------------------------------------------------

/// A store with a live session in it, and nobody at work on it.
async fn left_alone() -> (Site, SessionId) {
    let site = Site::open().await;
    let (id, _) = log_in(&site.app, "alice").await;
    let _left = site.sessions.shutdown().await;
    (site, id)
}

/// A node beside a site that nobody sends requests to, so that nothing runs by itself.
fn node(
    site: &Site,
    store: Spy,
    configure: impl FnOnce(adjourn::SessionsBuilder) -> adjourn::SessionsBuilder + 'static,
) -> (Sessions, Events) {
    let mut builder = Site::builder().beside(site).configure(configure);
    builder.store = store;
    let events = builder.events.clone();
    (builder.sessions().0, events)
}

fn slow(
    gate: &Gate,
) -> impl FnOnce(adjourn::SessionsBuilder) -> adjourn::SessionsBuilder + 'static {
    let gate = gate.clone();
    move |builder| {
        builder
            .on_end("gated", gated(&gate))
            .with_hook_time_limit(Duration::from_hours(10))
            .with_clean_up_patience(Duration::ZERO)
            .with_lease(LEASE)
    }
}

const LEASE: Duration = Duration::from_secs(30);

/// Moves both clocks: the store's, and the one that tells a worker to renew.
async fn pass_time(site: &Site, by: Duration) {
    for _ in 0..by.as_secs() {
        site.clock.advance(Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }
}

// P3: as long as the winner works, nobody takes over.
#[tokio::test(start_paused = true)]
async fn the_lease_is_renewed_while_a_hook_works() {
    let (site, id) = left_alone().await;
    let (gate, told) = (Gate::default(), Told::default());
    let (winner, recorded) = node(&site, site.store.clone(), slow(&gate));
    let hook = told.hook();
    let (other, _) = node(&site, site.store.clone(), move |b| {
        b.on_end("collect", hook)
    });
    let _receipt = winner
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    gate.arrived().await;
    for _ in 0..5 {
        pass_time(&site, LEASE).await;
        assert_eq!(other.terminator().sweep().await.unwrap(), 0);
    }
    assert!(
        site.store.calls(Op::Renew) >= 10,
        "{}",
        site.store.calls(Op::Renew)
    );
    gate.open();
    assert_eq!(recorded.wait_for_ending(id).await, EndReason::Forced);
    let _left = winner.shutdown().await;
    pass_time(&site, LEASE * 2).await;
    assert_eq!(other.terminator().sweep().await.unwrap(), 0, "acknowledged");
    assert!(told.all().is_empty());
}

/// Whether an ending was recorded as redelivered, once.
fn redelivered(events: &Events, id: SessionId) -> Vec<bool> {
    let of_it = |event: Event| match event.kind {
        EventKind::Ended { redelivered, .. } if event.session_id == Some(id) => Some(redelivered),
        _ => None,
    };
    events.all().into_iter().filter_map(of_it).collect()
}

// P3: the winner died in the middle; another node does it again, and says so.
#[tokio::test(start_paused = true)]
async fn after_the_lease_another_node_takes_over() {
    let (site, id) = left_alone().await;
    let (gate, told) = (Gate::default(), Told::default());
    // Its lines to the store are cut after the ending.
    let dying_store = Spy::around(site.store.clone());
    let (dying, recorded_by_dying) = node(&site, dying_store.clone(), slow(&gate));
    let hook = told.hook();
    let (other, recorded) = node(&site, site.store.clone(), move |b| {
        b.on_end("collect", hook)
    });
    let ended = dying.terminator().end(id, EndReason::Forced).await.unwrap();
    gate.arrived().await;
    dying_store.fail(Op::Renew, When::Before);
    dying_store.fail(Op::Acknowledge, When::Before);

    pass_time(&site, LEASE - Duration::from_secs(1)).await;
    assert_eq!(
        other.terminator().sweep().await.unwrap(),
        0,
        "not before its time"
    );
    pass_time(&site, Duration::from_secs(2)).await;
    assert_eq!(other.terminator().sweep().await.unwrap(), 1);
    assert_eq!(recorded.reasons_of(id), [EndReason::Forced]);
    assert_eq!(redelivered(&recorded, id), [true]);
    let told = told.of(id);
    assert_eq!(told.len(), 1);
    assert!(told[0].redelivered);
    assert_eq!(Some(&told[0].ending), ended.ending(), "otherwise equal");

    // It comes back, is told that the work is not its any more, and stops without a word.
    dying_store.heal();
    pass_time(&site, LEASE).await;
    gate.open();
    let _left = dying.shutdown().await;
    assert!(recorded_by_dying.endings().is_empty());
    assert_eq!(other.terminator().sweep().await.unwrap(), 0);
}

// P3: the node died right after the store had decided; nothing was done yet.
#[tokio::test(start_paused = true)]
async fn an_ending_whose_reply_was_lost_is_worked_off_by_the_next_sweep_after_the_lease() {
    let (site, id) = left_alone().await;
    let told = Told::default();
    let hook = told.hook();
    let (node, events) = node(&site, site.store.clone(), move |b| {
        b.on_end("collect", hook)
    });
    site.store.fail(Op::End, When::After);
    let error = node
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap_err();
    assert_eq!(error.store_error().kind(), store::ErrorKind::Unavailable);
    site.store.heal();
    // Asking again does no harm: it is over, and this is somebody else's ending by now.
    let again = node.terminator().end(id, EndReason::Logout).await.unwrap();
    assert_eq!(again.outcome(), Outcome::AlreadyEnded);
    assert!(told.all().is_empty());
    pass_time(&site, LEASE + Duration::from_secs(1)).await;
    assert_eq!(node.terminator().sweep().await.unwrap(), 1);
    assert_eq!(events.reasons_of(id), [EndReason::Forced]);
    assert_eq!(redelivered(&events, id), [true]);
    assert_eq!(told.of(id).len(), 1);
}

// P3: not acknowledged is done again.
#[tokio::test(start_paused = true)]
async fn an_ending_that_could_not_be_acknowledged_is_redelivered() {
    let (site, id) = left_alone().await;
    let (node, events) = node(&site, site.store.clone(), |builder| builder);
    site.store.fail(Op::Acknowledge, When::Before);
    let _receipt = node.terminator().end(id, EndReason::Forced).await.unwrap();
    assert_eq!(events.count("store-failed"), 1);
    site.store.heal();
    pass_time(&site, LEASE + Duration::from_secs(1)).await;
    assert_eq!(node.terminator().sweep().await.unwrap(), 1);
    assert_eq!(redelivered(&events, id), [false, true]);
    pass_time(&site, LEASE * 2).await;
    assert_eq!(node.terminator().sweep().await.unwrap(), 0);
}

// --- Shutdown and sinks. --------------------------------------------------------------------------

// P2
#[tokio::test]
async fn a_graceful_shutdown_waits_for_the_endings_under_way() {
    let gate = Gate::default();
    let site = site_with_gated_hook(&gate, Duration::ZERO).open().await;
    let browser: Browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
    gate.arrived().await;
    let mut shutdown = pin!(site.sessions.shutdown());
    for _ in 0..20 {
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(shutdown.as_mut().poll(&mut context), Poll::Pending);
        tokio::task::yield_now().await;
    }
    assert!(site.events.endings().is_empty());
    gate.open();
    assert!(shutdown.await.is_complete());
    assert_eq!(site.events.reasons_of(id), [EndReason::Logout]);
}

struct Panics;

impl NonBlocking for Panics {}

impl Sink for Panics {
    fn record(&self, event: &Event) {
        panic!("no room for {}", event.kind.code());
    }
}

// P2 R-13-10
#[tokio::test]
async fn a_sink_that_panics_neither_stops_a_log_in_nor_an_ending_nor_the_next_sink() {
    let after = Events::default();
    let last = after.clone();
    let builder = Site::builder()
        .configure(move |builder| builder.add_audit_sink(Panics).add_audit_sink(last));
    let site = builder.open().await;
    let browser = site.logged_in("alice").await;
    assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
    assert_eq!(
        browser.get_api("/api/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(site.events.codes(), ["session-started", "session-ended"]);
    assert_eq!(after.codes(), site.events.codes());
}
