//! A user who says that they are still there (R-12-1, R-12-2).

use crate::support::{Op, Site, When};
use adjourn::{
    Session, SessionsBuilder, audit::EventKind, policy::Timeouts, reason::EndReason,
    record::Activity, session::ExtendError,
};
use axum::{Json, Router, routing::post};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

async fn extend(session: Session) -> Result<Json<Value>, ExtendError> {
    let left = session.extend().await?;
    let idle = left.idle.map(|idle| idle.as_secs());
    Ok(Json(
        json!({ "idle": idle, "absolute": left.absolute.as_secs() }),
    ))
}

/// No request of this site is activity by itself.
fn passive(builder: SessionsBuilder) -> SessionsBuilder {
    let timeouts = Timeouts::new(15 * MINUTE, 60 * MINUTE).unwrap();
    builder
        .with_timeouts(timeouts)
        .with_activity(|_| Activity::Passive)
}

async fn site() -> Site {
    let routes = Router::new().route("/extend", post(extend).get(extend));
    Site::builder()
        .configure(passive)
        .routes(routes)
        .open()
        .await
}

// R-12-2 R-1-9: one POST moves the idle deadline, as often as the user likes; never the absolute one.
#[tokio::test]
async fn one_post_moves_the_idle_deadline_and_is_recorded() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    for extended in 1..=4 {
        site.clock.advance(14 * MINUTE);
        let got = browser.post_api("/extend").await;
        let left = 60 - 14 * extended;
        let said = json!({ "idle": 15 * 60, "absolute": left * 60 });
        assert_eq!(got.json(), said, "{got:?}");
        assert_eq!(site.events.count("session-extended"), extended);
    }
    let event = site.events.all().pop().unwrap();
    assert!(matches!(event.kind, EventKind::Extended), "{event:?}");
    assert_eq!(event.session_id, Some(id));
    assert_eq!(event.subject.unwrap().as_str(), "alice");
    assert!(event.client.unwrap().address().is_some());

    site.clock.advance(4 * MINUTE);
    let got = browser.post_api("/extend").await;
    assert_eq!(got.reason(), "absolute-timeout", "{got:?}");
    assert_eq!(site.events.reasons_of(id), [EndReason::AbsoluteTimeout]);
}

// R-12-3: everything else of this site is passive, and the session idles out under it.
#[tokio::test]
async fn without_it_the_session_idles_out_and_cannot_be_extended() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    for _ in 0..14 {
        site.clock.advance(MINUTE);
        assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);
    }
    site.clock.advance(MINUTE);
    let got = browser.post_api("/extend").await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert_eq!(got.reason(), "idle-timeout");
    assert_eq!(site.events.count("session-extended"), 0);
}

// R-9-7: what another site sends extends nothing, and is told so.
#[tokio::test]
async fn nobody_else_can_extend_a_session() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(14 * MINUTE);
    for (name, value, why) in [
        ("sec-fetch-site", "cross-site", "cross-site"),
        ("sec-fetch-site", "same-site", "same-site"),
        ("origin", "null", "origin-null"),
    ] {
        let ask = browser.ask(Method::POST, "/extend").header(name, value);
        let got = ask.send().await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{got:?}");
        assert_eq!(got.reason(), why);
    }
    let got = browser.get_api("/extend").await;
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(got.header("allow"), Some("POST"));
    assert_eq!(site.events.count("session-extended"), 0);

    site.clock.advance(MINUTE);
    assert_eq!(browser.get_api("/api/me").await.reason(), "idle-timeout");
}

// R-1-10: not with the token of a session that is over, and not without one.
#[tokio::test]
async fn what_is_over_is_not_extended() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    browser.post("/logout").await;
    let ask = site.browser().fetch(Method::POST, "/extend").token(&token);
    let got = ask.send().await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert_eq!(got.reason(), "logout");
    let got = site.browser().post_api("/extend").await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert_eq!(site.events.count("session-extended"), 0);
}

// R-1-33
#[tokio::test]
async fn a_store_that_fails_extends_nothing_and_says_so() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    site.store.fail(Op::Check, When::Before);
    let got = browser.post_api("/extend").await;
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{got:?}");
    assert_eq!(site.events.count("session-extended"), 0);
    assert_eq!(site.events.count("store-failed"), 1);
}

// An ending between the request's arrival and its wish wins.
#[tokio::test]
async fn a_session_that_ends_meanwhile_is_not_extended() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let held = site.store.hold(Op::Check, When::Before);
    let waiting = browser.fetch(Method::POST, "/extend").spawn();
    held.reached().await;
    site.end(id, EndReason::Forced).await;
    held.release();
    let got = waiting.await.unwrap();
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{got:?}");
    assert_eq!(got.reason(), "forced");
    assert_eq!(site.events.count("session-extended"), 0);
}
