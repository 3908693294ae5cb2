//! How the session stands (R-12-1, R-12-3, R-1-24).

use crate::{
    contract::call,
    support::{Ask, Browser, Got, Op, Site, When},
};
use adjourn::{
    Session, SessionsBuilder,
    policy::Timeouts,
    reason::EndReason,
    record::Activity,
    session::{LogIn, StartError},
};
use axum::{Router, routing::post};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const STATUS: &str = "/session/status";

pub(crate) fn ask(browser: &Browser) -> Ask {
    browser.fetch(Method::GET, STATUS)
}

pub(crate) async fn status(browser: &Browser) -> Got {
    call("status", ask(browser)).await
}

#[tokio::test]
async fn a_live_session_says_what_a_script_needs() {
    let site = Site::builder()
        .configure(|builder| {
            builder
                .with_exit_page(EndReason::IdleTimeout, "/timed-out")
                .with_exit_page(EndReason::IdleTimeout, "/never")
        })
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    site.clock.advance(Duration::from_millis(1_500));
    let got = status(&browser).await;
    assert_eq!(got.status, StatusCode::OK);
    let said = got.json();
    let key = said["subject_key"].as_str().unwrap().to_owned();
    assert!(!key.contains("alice"));
    assert_eq!(
        said,
        json!({
            "state": "live",
            "session_id": id.to_string(),
            "subject_key": key,
            "idle_seconds_left": 898.5,
            "absolute_seconds_left": 28_798.5,
            "idle_timeout_seconds": 900,
            "warn_seconds": 60,
            "exits": { "default": "/session/signed-out", "idle-timeout": "/timed-out" },
            "log_in": "/login",
        })
    );
}

// Tabs notice that somebody else is logged in now, and that it is the same user again.
#[tokio::test]
async fn keys_tell_users_and_sessions_apart() {
    let site = Site::open().await;
    let read = async |browser: &Browser| {
        let said = status(browser).await.json();
        (said["session_id"].clone(), said["subject_key"].clone())
    };
    let browser = site.logged_in("alice").await;
    let first = read(&browser).await;
    assert_eq!(read(&browser).await, first);
    browser.log_in("alice").await;
    let again = read(&browser).await;
    assert_ne!(again.0, first.0);
    assert_eq!(again.1, first.1);
    browser.log_in("bob").await;
    let bob = read(&browser).await;
    assert_ne!(bob.0, again.0);
    assert_ne!(bob.1, again.1);
}

// R-12-3: polling keeps nobody logged in, also where the application calls everything activity.
#[tokio::test]
async fn polling_is_never_activity() {
    for insistent in [false, true] {
        let site = Site::builder()
            .configure(move |builder| {
                if insistent {
                    return builder.with_activity(|_| Activity::Active);
                }
                builder
            })
            .open()
            .await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        for poll in 1..90 {
            site.clock.advance(Duration::from_secs(10));
            let got = match poll % 3 {
                0 => call("status", browser.navigate(Method::GET, STATUS)).await,
                1 => call("status", browser.ask(Method::HEAD, STATUS)).await,
                _ => status(&browser).await,
            };
            assert_eq!(got.status, StatusCode::OK, "{poll}");
            if poll % 3 == 2 {
                assert_eq!(got.json()["idle_seconds_left"], 900 - 10 * poll);
            }
        }
        site.clock.advance(Duration::from_secs(10));
        let got = status(&browser).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        assert_eq!(got.reason(), "idle-timeout");
        assert_eq!(got.json()["exit"], "/session/signed-out");
        assert!(got.removes_session(), "{got:?}");
        assert_eq!(site.events.reasons_of(id), [EndReason::IdleTimeout]);
    }
}

// R-7-5: a dead session is 401 and no-store, for whoever asks: never a redirect.
#[tokio::test]
async fn a_dead_session_is_told_with_its_reason_and_its_exit() {
    for (reason, exit) in [
        (EndReason::Forced, "/by-force"),
        (EndReason::Policy, "/session/signed-out"),
    ] {
        for navigates in [false, true] {
            let site = Site::builder()
                .configure(|builder| builder.with_exit_page(EndReason::Forced, "/by-force"))
                .open()
                .await;
            let browser = site.logged_in("alice").await;
            site.end(site.session_of(&browser).await, reason.clone())
                .await;
            let ask = if navigates {
                browser.navigate(Method::GET, STATUS)
            } else {
                ask(&browser)
            };
            let got = call("status", ask).await;
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{got:?}");
            let said = got.json();
            assert_eq!(said["reason"], reason.code());
            assert_eq!(said["state"], "ended");
            assert_eq!(said["exit"], exit);
            assert!(got.removes_session(), "{got:?}");
        }
    }
}

#[tokio::test]
async fn without_a_session_there_is_none() {
    let site = Site::open().await;
    let unknown = "A".repeat(64);
    for ask in [
        ask(&site.browser()),
        ask(&site.browser()).token(&unknown),
        ask(&site.browser()).token("nonsense"),
        ask(&site.browser()).header("cookie", "__Host-adjourn-ended=nonsense"),
    ] {
        let got = call("status", ask).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        let said = got.json();
        assert_eq!(said["state"], "none");
        assert_eq!(said["reason"], "no-session");
        assert_eq!(said["exit"], "/session/signed-out");
        assert_eq!(said["log_in"], "/login");
    }
}

// The tab that did not log out: its cookie is gone, but the marker still says where to go.
#[tokio::test]
async fn another_tab_goes_where_the_first_went() {
    let site = Site::builder()
        .configure(|builder| builder.with_exit_page(EndReason::Logout, "/bye"))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let got = browser.post("/logout").await;
    assert_eq!(got.header("location"), Some("/bye"));
    let got = status(&browser).await;
    assert_eq!(got.json()["state"], "none");
    assert_eq!(got.json()["exit"], "/bye");
}

// A poll that a rotation overtook is no ending.
#[tokio::test]
async fn a_replaced_token_is_no_ending() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let late = browser.stolen_copy();
    assert_eq!(browser.post_api("/rotate").await.status, StatusCode::OK);
    let got = status(&late).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert_eq!(got.json()["state"], "outdated");
    assert!(got.set_cookies().is_empty(), "{got:?}");
    assert_eq!(status(&browser).await.status, StatusCode::OK);
}

// R-1-24
#[tokio::test]
async fn no_other_site_can_load_it() {
    let site = Site::builder()
        .configure(|builder| builder.with_origin("https://app.example"))
        .open()
        .await;
    let alive = site.logged_in("alice").await;
    for (browser, honest) in [
        (&alive, StatusCode::OK),
        (&site.browser(), StatusCode::UNAUTHORIZED),
    ] {
        let bare = || browser.ask(Method::GET, STATUS);
        for refused in [
            bare().header("sec-fetch-site", "cross-site"),
            bare()
                .header("sec-fetch-site", "cross-site")
                .header("sec-fetch-dest", "image")
                .header("sec-fetch-mode", "no-cors"),
            bare()
                .header("sec-fetch-site", "cross-site")
                .header("sec-fetch-dest", "document")
                .header("sec-fetch-mode", "navigate"),
            bare().header("sec-fetch-site", "same-site"),
            bare().header("origin", "https://evil.example"),
            bare().header("origin", "null"),
        ] {
            let got = call("status", refused).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{got:?}");
            assert!(got.set_cookies().is_empty(), "{got:?}");
        }
        for allowed in [
            bare(),
            bare().header("sec-fetch-site", "none"),
            bare().header("sec-fetch-site", "same-origin"),
            bare().header("origin", "https://app.example"),
        ] {
            assert_eq!(call("status", allowed).await.status, honest);
        }
    }
    // Nor execute it: JSON and nosniff, and an object is no script.
    let got = status(&alive).await;
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert!(got.text().starts_with('{'));
}

#[tokio::test]
async fn programs_with_a_token_need_not_say_where_they_come_from() {
    let site = bearer_site(false).await;
    let token = site.browser().post_api("/token").await.text().to_owned();
    let ask = || {
        let robot = site.browser().ask(Method::GET, STATUS);
        robot.bearer(&token).header("sec-fetch-site", "cross-site")
    };
    let got = call("status", ask()).await;
    assert_eq!(got.status, StatusCode::OK, "{got:?}");
    assert_eq!(got.json()["state"], "live");
    let id = got.json()["session_id"].as_str().unwrap().parse().unwrap();
    site.end(id, EndReason::Forced).await;
    let got = call("status", ask()).await;
    assert_eq!(got.json()["reason"], "forced");
    assert_eq!(
        got.header("www-authenticate"),
        Some("Bearer realm=\"session\", error=\"invalid_token\"")
    );
    assert!(got.set_cookies().is_empty(), "{got:?}");
}

/// A site that programs log in to, with or without cookies beside.
pub(crate) async fn bearer_site(only: bool) -> Site {
    Site::builder()
        .configure(move |builder| {
            if only {
                return builder.with_bearer().without_cookie();
            }
            builder.with_bearer()
        })
        .routes(Router::new().route("/token", post(bearer_log_in)))
        .open()
        .await
}

async fn bearer_log_in(session: Session) -> Result<String, StartError> {
    let receipt = session
        .log_in_with(LogIn::new("robot".try_into()?).bearer())
        .await?;
    let token = receipt.token().map(|token| token.expose().to_string());
    Ok(token.unwrap_or_default())
}

#[tokio::test]
async fn sessions_without_an_idle_timeout_or_a_user_are_told_as_they_are() {
    let anonymous = async |session: Session| session.start().await.map(|_| "started");
    let timeouts = Timeouts::new(None, 60 * MINUTE).unwrap();
    let site = Site::builder()
        .configure(move |builder| builder.with_timeouts(timeouts))
        .routes(Router::new().route("/start", post(anonymous)))
        .open()
        .await;
    let browser = site.browser();
    assert_eq!(browser.post_api("/start").await.status, StatusCode::OK);
    let said = status(&browser).await.json();
    assert_eq!(said["subject_key"], Value::Null);
    assert_eq!(said["idle_seconds_left"], Value::Null);
    assert_eq!(said["idle_timeout_seconds"], Value::Null);
    assert_eq!(said["absolute_seconds_left"], 3600);
}

// R-12-1
#[tokio::test]
async fn the_warning_is_configured_and_never_too_late() {
    let warned = async |configure: fn(SessionsBuilder) -> SessionsBuilder| {
        let site = Site::builder().configure(configure).open().await;
        let browser = site.logged_in("alice").await;
        status(&browser).await.json()["warn_seconds"].clone()
    };
    assert_eq!(warned(|b| b.with_warning(2 * MINUTE)).await, 120);
    let short = |b: SessionsBuilder| {
        b.with_timeouts(Timeouts::new(Duration::from_secs(50), MINUTE).unwrap())
    };
    assert_eq!(warned(short).await, 25);
    let store = adjourn::store::MemoryStore::new();
    let refused = adjourn::Sessions::builder(store)
        .with_warning(Duration::from_millis(19_999))
        .build();
    let message = refused.unwrap_err().to_string();
    assert!(
        message.contains("with_warning") && message.contains("19.999s"),
        "{message}"
    );
}

// R-1-33: nothing is known, and nobody is told that a session ended.
#[tokio::test]
async fn a_store_that_is_down_is_no_ending() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    site.store.fail(Op::CheckIn, When::Before);
    let got = status(&browser).await;
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(got.reason(), "store-unavailable");
    assert!(got.set_cookies().is_empty(), "{got:?}");
    site.store.heal();
    assert_eq!(status(&browser).await.status, StatusCode::OK);
}

// It ended between the question to the store and the answer.
#[tokio::test]
async fn a_session_that_ends_meanwhile_is_not_called_live() {
    let site = Site::builder().later().open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let held = site.store.hold(Op::CheckIn, When::After);
    let poll = ask(&browser).spawn();
    held.reached().await;
    site.end(id, EndReason::Forced).await;
    held.release();
    let got = poll.await.unwrap();
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{got:?}");
    assert_eq!(got.reason(), "forced");
    // And said like any other ending: the script reads the state.
    assert_eq!(got.json()["state"], "ended");
    assert_eq!(got.json()["exit"], "/session/signed-out");
    assert_eq!(
        got.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
    assert!(got.removes_session(), "{got:?}");
}

// R-8-11
#[tokio::test]
async fn a_timeout_says_whether_the_user_may_come_back() {
    for (reason, on, may_return) in [
        (EndReason::IdleTimeout, true, true),
        (EndReason::AbsoluteTimeout, true, true),
        (EndReason::IdleTimeout, false, false),
        (EndReason::Forced, true, false),
        (EndReason::Logout, true, false),
    ] {
        let site = Site::builder()
            .configure(move |builder| {
                if on {
                    return builder.with_return_to();
                }
                builder
            })
            .open()
            .await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        site.end(id, reason.clone()).await;
        let first = status(&browser).await.json();
        assert_eq!(first["state"], "ended");
        // Another tab, whose cookie is gone, and which hears the same by the marker.
        let second = status(&browser).await.json();
        assert_eq!(second["state"], "none");
        for said in [first, second] {
            assert_eq!(said["reason"], reason.code(), "{said}");
            assert_eq!(said["may_return"], may_return, "{reason} {on}: {said}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    for browser in [&browser, &site.browser()] {
        let got = status(browser).await;
        let head = call("status", browser.fetch(Method::HEAD, STATUS)).await;
        assert_eq!(head.status, got.status);
        assert!(head.body.is_empty());
        for name in ["content-length", "content-type", "cache-control", "vary"] {
            assert_eq!(head.header(name), got.header(name), "{name}");
        }
    }
}
