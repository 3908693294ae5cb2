//! Timeouts, activity and limits, as a client meets them.

use crate::support::{Browser, Site, SiteBuilder};
use adjourn::{
    Session, Sessions,
    audit::EventKind,
    id::Subject,
    policy::{Timeouts, TimeoutsError, default_activity},
    reason::EndReason,
    record::Activity,
    session::{LogIn, StartError},
    store::{AtLimit, Limit, MemoryStore},
    time::{Clock, Timestamp},
};
use axum::{
    Json, Router,
    routing::{get, post},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::{num::NonZeroU32, time::Duration};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

async fn is_live(browser: &Browser) -> bool {
    browser.get_api("/api/me").await.status == StatusCode::OK
}

/// Sends a request that is not a sign of the user.
async fn look(site: &Site, browser: &Browser) -> StatusCode {
    let token = browser.token().unwrap();
    let ask = site.browser().fetch(Method::GET, "/api/me").token(&token);
    ask.header("sec-fetch-site", "cross-site")
        .send()
        .await
        .status
}

// R-1-8 R-3-9 R-4-5
#[tokio::test]
async fn an_idle_session_ends_at_its_timeout_and_stays_dead() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let start = site.clock.now();
    let token = browser.token().unwrap();

    site.clock.advance(15 * MINUTE - SECOND);
    assert!(is_live(&browser).await);
    site.clock.advance(15 * MINUTE - Duration::from_millis(1));
    assert!(is_live(&browser).await, "never early");
    site.clock.advance(15 * MINUTE);
    assert_eq!(browser.get_api("/api/me").await.reason(), "idle-timeout");
    // The first request after it ended it, with all that belongs to it.
    assert_eq!(
        site.events.wait_for_ending(id).await,
        EndReason::IdleTimeout
    );

    for at in [start, start.saturating_add(MINUTE), Timestamp::default()] {
        site.clock.set(at);
        let got = site
            .browser()
            .fetch(Method::GET, "/api/me")
            .token(&token)
            .send()
            .await;
        assert_eq!(got.reason(), "idle-timeout", "the clock was rewound");
    }
    assert_eq!(site.events.reasons_of(id), [EndReason::IdleTimeout]);
}

// R-1-9 R-3-9: neither activity nor writes nor rotations move the absolute timeout.
#[tokio::test]
async fn the_absolute_timeout_comes_whatever_the_user_does() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    for minute in 1..8 * 60 {
        site.clock.advance(MINUTE);
        let got = match minute % 40 {
            0 => browser.post_api("/rotate").await,
            20 => browser.post_api("/value/draft?is=1").await,
            _ => browser.get_api("/api/me").await,
        };
        assert_eq!(got.status, StatusCode::OK, "minute {minute}: {got:?}");
    }
    site.clock.advance(MINUTE - Duration::from_millis(1));
    assert!(is_live(&browser).await);
    site.clock.advance(Duration::from_millis(1));
    assert_eq!(
        browser.get_api("/api/me").await.reason(),
        "absolute-timeout"
    );
    assert_eq!(site.events.reasons_of(id), [EndReason::AbsoluteTimeout]);
}

// R-1-4 R-2-7 R-4-14: what a client says of time is not asked.
#[tokio::test]
async fn forged_times_of_the_client_change_nothing() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    site.clock.advance(15 * MINUTE);
    let forged = format!(
        "expires=4102444800; last_seen=4102444799; __Host-sid={token}; Max-Age=99999; \
         idle=999999; session_expires=never"
    );
    let ask = site
        .browser()
        .fetch(Method::GET, "/api/me")
        .header("cookie", forged)
        .header("date", "Fri, 01 Jan 2100 00:00:00 GMT")
        .header("if-unmodified-since", "Fri, 01 Jan 2100 00:00:00 GMT")
        .without_jar();
    assert_eq!(ask.send().await.reason(), "idle-timeout");
}

// P4: idle fires in [idle, idle + touch interval], never early.
#[tokio::test]
async fn with_a_touch_interval_idle_fires_within_one_interval_of_it() {
    let timeouts = Timeouts::new(15 * MINUTE, 8 * HOUR).unwrap();
    let timeouts = timeouts.with_touch_interval(MINUTE).unwrap();
    let site = Site::builder().configure(|builder| builder.with_timeouts(timeouts));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    // Younger than the interval: not written.
    site.clock.advance(59 * SECOND);
    assert!(is_live(&browser).await);
    site.clock.advance(15 * MINUTE);
    assert_eq!(look(&site, &browser).await, StatusCode::OK, "never early");
    site.clock.advance(SECOND);
    assert_eq!(look(&site, &browser).await, StatusCode::UNAUTHORIZED);
}

// --- What counts as activity. ---------------------------------------------------------------------

// R-9-7 R-9-10 R-14-9 R-14-14 R-11-4
#[tokio::test]
async fn what_no_user_does_keeps_no_session_alive() {
    for (method, name, value) in [
        (Method::GET, "sec-fetch-site", "cross-site"),
        (Method::POST, "sec-fetch-site", "cross-site"),
        (Method::GET, "sec-purpose", "prefetch"),
        (Method::GET, "accept", "text/event-stream"),
        (Method::GET, "upgrade", "websocket"),
        (Method::GET, "sec-secure-session-id", "abc"),
        (Method::HEAD, "x-a", "head"),
        (Method::OPTIONS, "x-a", "options"),
    ] {
        let site = Site::open().await;
        let browser = site.logged_in("alice").await;
        for _ in 0..3 {
            site.clock.advance(5 * MINUTE - SECOND);
            let ask = browser.fetch(method.clone(), "/api/me").header(name, value);
            assert_ne!(
                ask.send().await.status,
                StatusCode::UNAUTHORIZED,
                "{method} {name}"
            );
        }
        site.clock.advance(3 * SECOND);
        let got = browser.get_api("/api/me").await;
        assert_eq!(got.reason(), "idle-timeout", "{method} {name}: {value}");
    }
}

// R-3-9: reading counts, on any page, also on one that needs no session.
#[tokio::test]
async fn what_a_user_does_keeps_the_session_alive() {
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/me"),
        (Method::POST, "/value/draft?is=1"),
        (Method::GET, "/no/such/page"),
        (Method::DELETE, "/me"),
    ] {
        let site = Site::open().await;
        let browser = site.logged_in("alice").await;
        for _ in 0..10 {
            site.clock.advance(10 * MINUTE);
            let _any = browser.navigate(method.clone(), path).send().await;
        }
        assert!(is_live(&browser).await, "{method} {path}");
    }
}

// R-12-3 R-14-9: only the application knows its polls.
#[tokio::test]
async fn an_application_says_what_its_activity_is() {
    let builder = Site::builder().configure(|builder| {
        builder.with_activity(|facts| {
            if facts.is_htmx() {
                Activity::Passive
            } else {
                default_activity(facts)
            }
        })
    });
    let site = builder.open().await;
    let (polling, clicking) = (site.logged_in("alice").await, site.logged_in("bob").await);
    for _ in 0..2 {
        site.clock.advance(5 * MINUTE);
        let poll = polling
            .fetch(Method::GET, "/api/me")
            .header("hx-request", "true");
        let _poll = poll.send().await;
        assert!(is_live(&clicking).await);
    }
    site.clock.advance(5 * MINUTE);
    assert_eq!(polling.get_api("/api/me").await.reason(), "idle-timeout");
    assert!(is_live(&clicking).await);
}

// tower-sessions#220: who is refused does not live longer for it.
#[tokio::test]
async fn a_refused_request_extends_nothing() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    assert_eq!(browser.post_api("/rotate").await.status, StatusCode::OK);
    let (id, current) = (site.session_of(&browser).await, browser.token().unwrap());
    let wrong = format!("{}{}", &current[..60], "AAAA");
    for _ in 0..3 {
        site.clock.advance(5 * MINUTE);
        let ask = site.browser().fetch(Method::GET, "/api/me").token(&wrong);
        assert_eq!(ask.send().await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(browser.get_api("/api/me").await.reason(), "idle-timeout");
    assert_eq!(site.events.reasons_of(id), [EndReason::IdleTimeout]);
}

// A clock that is corrected backwards ends nothing, and gives no time beyond what it took back.
#[tokio::test]
async fn a_clock_that_goes_backwards_loses_no_session() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(10 * MINUTE);
    assert!(is_live(&browser).await);
    let then = site.clock.now();
    site.clock.set(then.saturating_sub(9 * MINUTE));
    assert!(is_live(&browser).await);
    assert_eq!(site.sessions.terminator().sweep().await.unwrap(), 0);
    // Last seen was not moved back: it idles out fifteen minutes after the latest activity.
    site.clock.set(then.saturating_add(15 * MINUTE - SECOND));
    assert_eq!(look(&site, &browser).await, StatusCode::OK);
    site.clock.set(then.saturating_add(15 * MINUTE));
    assert_eq!(look(&site, &browser).await, StatusCode::UNAUTHORIZED);
}

// --- How long. ------------------------------------------------------------------------------------

async fn remaining(session: Session) -> Json<Value> {
    let left = session.expires_in();
    let seconds = |duration: Duration| duration.as_secs();
    Json(json!({
        "idle": left.and_then(|left| left.idle).map(seconds),
        "absolute": left.map(|left| seconds(left.absolute)),
        "idle timeout": session.idle_timeout().map(seconds),
    }))
}

fn showing_time() -> SiteBuilder {
    async fn remember(session: Session) -> Result<(), StartError> {
        let month = Timeouts::new(48 * HOUR, 30 * 24 * HOUR).unwrap();
        let log_in = LogIn::new(Subject::new("alice").unwrap()).with_timeouts(month);
        session.log_in_with(log_in).await.map(drop)
    }
    let routes = Router::new()
        .route("/remaining", get(remaining))
        .route("/remember", post(remember));
    Site::builder().routes(routes)
}

// R-1-1 R-4-1 R-4-2 R-4-3
#[tokio::test]
async fn the_presets_of_nist_are_in_force() {
    for (timeouts, idle, absolute) in [
        (Timeouts::aal1(), None, 30 * 24 * HOUR),
        (Timeouts::aal2(), Some(HOUR), 24 * HOUR),
        (Timeouts::aal3(), Some(15 * MINUTE), 12 * HOUR),
    ] {
        let site = showing_time().configure(|builder| builder.with_timeouts(timeouts));
        let site = site.open().await;
        assert_eq!(
            site.sessions.policy().idle_seconds,
            idle.map(|d| d.as_secs())
        );
        assert_eq!(site.sessions.policy().absolute_seconds, absolute.as_secs());
        let browser = site.logged_in("alice").await;
        let left = browser.get_api("/remaining").await.json();
        assert_eq!(left["idle"].as_u64(), idle.map(|d| d.as_secs()));
        assert_eq!(left["absolute"].as_u64(), Some(absolute.as_secs()));
        let (reason, last) = match idle {
            Some(idle) => ("idle-timeout", idle),
            None => ("absolute-timeout", absolute),
        };
        site.clock.advance(last - SECOND);
        assert_eq!(look(&site, &browser).await, StatusCode::OK);
        site.clock.advance(SECOND);
        assert_eq!(browser.get_api("/api/me").await.reason(), reason);
    }
}

// R-1-1 R-4-2 R-4-3
#[test]
fn what_a_standard_forbids_cannot_be_built() {
    let too_long = Timeouts::aal3().with_absolute(12 * HOUR + SECOND);
    assert!(
        matches!(too_long, Err(TimeoutsError::Forbidden { .. })),
        "no reason helps"
    );
    let with_reason = Timeouts::aal3().with_deviation("we know").unwrap();
    let too_long = with_reason.with_absolute(12 * HOUR + SECOND);
    assert!(matches!(too_long, Err(TimeoutsError::Forbidden { .. })));
    assert!(Timeouts::aal2().with_idle(2 * HOUR).is_err());
    assert!(
        Timeouts::new(MINUTE, Duration::ZERO).is_err(),
        "absolute is never without end"
    );
    assert!(Timeouts::new(Duration::ZERO, HOUR).is_err());
    assert!(Timeouts::new(2 * HOUR, HOUR).is_err());
    assert!(Timeouts::new(None, Duration::MAX).is_err());
}

// R-4-6: activity resets the inactivity, a new authentication both.
#[tokio::test]
async fn to_log_in_again_restarts_both_timeouts_and_activity_only_one() {
    let site = showing_time().configure(|builder| builder.with_timeouts(Timeouts::aal2()));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    for _ in 0..23 {
        site.clock.advance(HOUR - SECOND);
        assert!(is_live(&browser).await);
    }
    let left = browser.get_api("/remaining").await.json();
    assert_eq!(left["idle"], 3600);
    assert_eq!(left["absolute"], 3600 + 23);
    browser.log_in("alice").await;
    let left = browser.get_api("/remaining").await.json();
    assert_eq!(
        (&left["idle"], &left["absolute"]),
        (&json!(3600), &json!(86_400))
    );
}

// "Remember me" that still ends.
#[tokio::test]
async fn a_session_may_have_timeouts_of_its_own() {
    let site = showing_time().open().await;
    let (usual, remembered) = (site.logged_in("alice").await, site.browser());
    assert_eq!(
        remembered.post_api("/remember").await.status,
        StatusCode::OK
    );
    site.clock.advance(47 * HOUR);
    assert_eq!(usual.get_api("/api/me").await.reason(), "idle-timeout");
    assert!(is_live(&remembered).await);
    for _ in 0..((30 * 24 - 47) / 40) {
        site.clock.advance(40 * HOUR);
        assert!(is_live(&remembered).await);
    }
    site.clock.advance(40 * HOUR);
    assert_eq!(
        remembered.get_api("/api/me").await.reason(),
        "absolute-timeout"
    );
    // To log in again without being remembered is the usual again.
    remembered.log_in("alice").await;
    let left = remembered.get_api("/remaining").await.json();
    assert_eq!(
        (&left["idle timeout"], &left["absolute"]),
        (&json!(900), &json!(28_800))
    );
}

// P4: a poll is nobody's sign of life.
#[tokio::test]
async fn what_pages_ask_for_by_themselves_keeps_no_session_alive() {
    let routes = Router::new()
        .route("/poll", get(|| async { "0" }))
        .route("/poll/unread", get(|| async { "0" }))
        .route("/polling", get(|| async { "0" }));
    let site = Site::builder().routes(routes).configure(|builder| {
        // Whatever the application's rule says.
        builder
            .with_activity(|_| Activity::Active)
            .add_passive(["/poll"])
    });
    let site = site.open().await;
    for (path, keeps) in [
        ("/poll", false),
        ("/poll/unread?since=7", false),
        ("/%70oll/unread", false),
        ("//poll", false),
        ("/polling", true),
        ("/", true),
    ] {
        let browser = site.logged_in("alice").await;
        site.clock.advance(10 * MINUTE);
        browser.get_api(path).await;
        site.clock.advance(10 * MINUTE);
        assert_eq!(is_live(&browser).await, keeps, "{path}");
    }
}

// --- How many. ------------------------------------------------------------------------------------

fn limited(max: u32, at_limit: AtLimit) -> SiteBuilder {
    let max = NonZeroU32::new(max).unwrap();
    Site::builder().configure(move |builder| builder.with_limit(Limit { max, at_limit }))
}

// R-1-2
#[tokio::test]
async fn beyond_the_limit_the_oldest_session_ends() {
    let site = limited(2, AtLimit::EndOldest).open().await;
    assert_eq!(site.sessions.policy().max_sessions, Some(2));
    let first = site.logged_in("alice").await;
    let id = site.session_of(&first).await;
    site.clock.advance(SECOND);
    let second = site.logged_in("alice").await;
    let others = site.logged_in("bob").await;
    site.clock.advance(SECOND);
    // The oldest is the one that began first, however busy it is.
    assert!(is_live(&first).await && is_live(&second).await);
    let third = site.logged_in("alice").await;
    assert_eq!(first.get_api("/api/me").await.reason(), "superseded");
    assert!(is_live(&second).await && is_live(&third).await && is_live(&others).await);
    assert_eq!(site.events.reasons_of(id), [EndReason::Superseded]);
    // The session that is replaced is not counted.
    third.log_in("alice").await;
    assert!(is_live(&second).await && is_live(&third).await);
}

// R-1-2
#[tokio::test]
async fn beyond_the_limit_a_log_in_is_refused() {
    let site = limited(2, AtLimit::RefuseNew).open().await;
    let (first, second) = (site.logged_in("alice").await, site.logged_in("alice").await);
    let third = site.browser();
    let got = third.post_api("/login?as=alice").await;
    assert_eq!(got.status, StatusCode::CONFLICT);
    assert_eq!(got.reason(), "limit-reached");
    assert!(third.jar().is_empty(), "{got:?}");
    assert!(is_live(&first).await && is_live(&second).await);
    let event = site
        .events
        .wait_for(|event| event.kind.code() == "limit-reached")
        .await;
    assert!(matches!(event.kind, EventKind::LimitReached { max: 2 }));
    assert_eq!(event.subject, Some(Subject::new("alice").unwrap()));

    // One goes, one may come; and to log in again in one's own place is no new session.
    second.log_in("alice").await;
    assert_eq!(first.post_api("/logout").await.status, StatusCode::OK);
    third.log_in("alice").await;
    assert!(is_live(&second).await && is_live(&third).await);
}

// R-2-11
#[tokio::test]
async fn of_a_hundred_log_ins_the_last_two_live() {
    let site = limited(2, AtLimit::EndOldest).open().await;
    let mut browsers = Vec::new();
    for _ in 0..100 {
        browsers.push(site.logged_in("alice").await);
        site.clock.advance(SECOND);
    }
    let last = browsers.split_off(98);
    for browser in browsers {
        assert_eq!(browser.get_api("/api/me").await.reason(), "superseded");
    }
    for browser in last {
        assert!(is_live(&browser).await);
    }
    let alice = Subject::new("alice").unwrap();
    assert_eq!(site.sessions.list(&alice).await.unwrap().len(), 2);
    assert_eq!(site.events.count("session-ended"), 98);
}

// R-1-2 R-2-11: all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_log_ins_at_once_never_exceed_the_limit() {
    for (at_limit, later) in [
        (AtLimit::EndOldest, false),
        (AtLimit::EndOldest, true),
        (AtLimit::RefuseNew, false),
        (AtLimit::RefuseNew, true),
    ] {
        let builder = limited(3, at_limit);
        let site = if later { builder.later() } else { builder }.open().await;
        let attempts: Vec<_> = (0..100)
            .map(|_| {
                site.browser()
                    .fetch(Method::POST, "/login?as=alice")
                    .spawn()
            })
            .collect();
        let mut let_in = 0;
        for attempt in attempts {
            let got = attempt.await.unwrap();
            match (got.status, at_limit) {
                (StatusCode::OK, _) => let_in += 1,
                (StatusCode::CONFLICT, AtLimit::RefuseNew) => {}
                // Superseded by the others before it was answered.
                (StatusCode::UNAUTHORIZED, AtLimit::EndOldest) => {
                    assert_eq!(got.reason(), "superseded");
                    let_in += 1;
                }
                _ => panic!("{got:?}"),
            }
        }
        let alice = Subject::new("alice").unwrap();
        assert_eq!(site.sessions.list(&alice).await.unwrap().len(), 3);
        let refuses = at_limit == AtLimit::RefuseNew;
        assert_eq!(let_in, if refuses { 3 } else { 100 });
        let _left = site.sessions.shutdown().await;
        assert_eq!(site.events.count("session-ended"), let_in - 3);
    }
}

// Sessions that ended in whatever way make room at once, concluded or not.
#[tokio::test]
async fn a_session_that_is_over_does_not_count() {
    let site = limited(1, AtLimit::RefuseNew).open().await;
    let first = site.logged_in("alice").await;
    assert_eq!(
        site.browser().post_api("/login").await.status,
        StatusCode::CONFLICT
    );
    site.clock.advance(15 * MINUTE);
    let second = site.logged_in("alice").await;
    assert_eq!(first.get_api("/api/me").await.reason(), "idle-timeout");
    assert!(is_live(&second).await);
}

// R-1-1: the configuration that nobody wrote is the safe one.
#[test]
fn the_defaults_are_fifteen_minutes_and_eight_hours() {
    let sessions = Sessions::builder(MemoryStore::new()).build().unwrap();
    let policy = sessions.policy();
    assert_eq!(
        (policy.idle_seconds, policy.absolute_seconds),
        (Some(900), 28_800)
    );
    assert_eq!(policy.max_sessions, None);
}
