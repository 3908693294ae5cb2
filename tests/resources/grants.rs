//! Permissions for a time.

use crate::support::{Browser, Site};
use adjourn::{LiveSession, Session, session::ValueError, time::Clock};
use axum::{
    Router,
    extract::Query,
    routing::{get, post},
};
use http::StatusCode;
use std::{collections::HashMap, time::Duration};

const MINUTE: Duration = Duration::from_mins(1);

type Asked = Query<HashMap<String, String>>;

fn routes() -> Router {
    Router::new()
        .route("/grant", post(grant))
        .route("/revoke", post(revoke))
        .route("/grant-and-revoke", post(grant_and_revoke))
        .route("/refund", post(refund))
        .route("/granted", get(granted))
}

async fn grant(session: Session, Query(asked): Asked) -> Result<String, String> {
    let lifetime = Duration::from_secs(asked["seconds"].parse().unwrap());
    give(&session, &asked["name"], lifetime).map_err(|error| error.to_string())
}

fn give(session: &Session, name: &str, lifetime: Duration) -> Result<String, ValueError> {
    session.grant(name, lifetime)?;
    Ok(session.granted(name).to_string())
}

async fn revoke(session: Session, Query(asked): Asked) -> Result<String, String> {
    let name = &asked["name"];
    let revoked = session.revoke_grant(name);
    revoked.map_err(|error| error.to_string())?;
    Ok(session.granted(name).to_string())
}

async fn grant_and_revoke(session: LiveSession) -> String {
    session.grant("a", MINUTE).unwrap();
    session.revoke_grant("a").unwrap();
    session.revoke_grant("b").unwrap();
    session.grant("b", MINUTE).unwrap();
    format!("{} {}", session.granted("a"), session.granted("b"))
}

async fn refund(session: LiveSession) -> StatusCode {
    if session.granted("billing:refund") {
        StatusCode::OK
    } else {
        StatusCode::FORBIDDEN
    }
}

async fn granted(session: Session, Query(asked): Asked) -> String {
    session.granted(&asked["name"]).to_string()
}

async fn site() -> (Site, Browser) {
    let site = Site::builder().routes(routes()).open().await;
    let browser = site.logged_in("alice").await;
    (site, browser)
}

async fn may_refund(browser: &Browser) -> bool {
    browser.post_api("/refund").await.status == StatusCode::OK
}

const GRANT: &str = "/grant?name=billing:refund&seconds=120";

// R-1-17
#[tokio::test]
async fn a_grant_is_held_at_once_and_ends_by_itself() {
    let (site, browser) = site().await;
    assert!(!may_refund(&browser).await);
    assert_eq!(browser.post_api(GRANT).await.text(), "true");
    assert!(may_refund(&browser).await);

    site.clock.advance(Duration::from_millis(119_999));
    assert!(may_refund(&browser).await);
    site.clock.advance(Duration::from_millis(1));
    assert!(!may_refund(&browser).await);
    assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);
}

// R-1-17
#[tokio::test]
async fn a_grant_ends_with_the_session() {
    let (_site, browser) = site().await;
    browser.post_api(GRANT).await;
    browser.post("/logout").await;
    assert_eq!(
        browser.post_api("/refund").await.status,
        StatusCode::UNAUTHORIZED
    );
    browser.log_in("alice").await;
    assert!(
        !may_refund(&browser).await,
        "a new session of the same user"
    );

    // Nor does it cross from the old session to the new one within one request.
    browser.post_api(GRANT).await;
    browser.log_in("alice").await;
    assert!(!may_refund(&browser).await);
}

#[tokio::test]
async fn a_grant_is_taken_back() {
    let (_site, browser) = site().await;
    browser.post_api(GRANT).await;
    assert_eq!(
        browser.post_api("/revoke?name=billing:refund").await.text(),
        "false"
    );
    assert!(!may_refund(&browser).await);
    assert_eq!(
        browser.post_api("/revoke?name=never-held").await.text(),
        "false"
    );
    browser.post_api(GRANT).await;
    assert!(may_refund(&browser).await, "granted anew");
    assert_eq!(
        browser.post_api("/grant-and-revoke").await.text(),
        "false true"
    );
    for (name, held) in [("a", "false"), ("b", "true"), ("billing:refund", "true")] {
        let got = browser.get_api(&format!("/granted?name={name}")).await;
        assert_eq!(got.text(), held, "{name}");
    }
}

#[tokio::test]
async fn grants_of_several_requests_add_up() {
    let (site, browser) = site().await;
    for name in ["one", "two", "three"] {
        let asked = browser
            .post_api(&format!("/grant?name={name}&seconds=60"))
            .await;
        assert_eq!(asked.text(), "true");
    }
    site.clock.advance(Duration::from_secs(59));
    for name in ["one", "two", "three"] {
        assert_eq!(
            browser
                .get_api(&format!("/granted?name={name}"))
                .await
                .text(),
            "true"
        );
    }
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_ends_grants_or_the_session_and_never_prolongs_beyond_the_jump() {
    let (site, browser) = site().await;
    browser.post_api(GRANT).await;
    let start = site.clock.now();
    let day = Duration::from_hours(24);

    // Back: what was granted is held; it ends at the instant it was granted for.
    site.clock.set(start.saturating_sub(day));
    assert!(may_refund(&browser).await);
    site.clock.set(start.saturating_add(2 * MINUTE));
    assert!(!may_refund(&browser).await);
    // Back again: a grant that is over stays over once the record was written.
    browser.post_api("/grant?name=other&seconds=60").await;
    site.clock.set(start);
    assert!(!may_refund(&browser).await, "dropped by the next write");
    // Forward: the session is over, and the grant with it.
    site.clock.set(start.saturating_add(day));
    assert_eq!(browser.post_api("/refund").await.reason(), "idle-timeout");
}

#[tokio::test]
async fn odd_names_and_lifetimes_are_refused_or_kept_exactly() {
    let (_site, browser) = site().await;
    let got = browser.post_api("/grant?name=&seconds=60").await;
    assert_eq!(
        got.text(),
        "a name in a session is 1 to 255 bytes long, not 0"
    );
    let got = browser
        .post_api(&format!("/grant?name={}&seconds=60", "x".repeat(256)))
        .await;
    assert_eq!(
        got.text(),
        "a name in a session is 1 to 255 bytes long, not 256"
    );
    let got = browser
        .post_api(&format!("/revoke?name={}", "x".repeat(256)))
        .await;
    assert_eq!(
        got.text(),
        "a name in a session is 1 to 255 bytes long, not 256"
    );

    let snowman = "%E2%98%83%00%0A";
    assert_eq!(
        browser
            .post_api(&format!("/grant?name={snowman}&seconds=0"))
            .await
            .text(),
        "false"
    );
    let forever = u64::MAX;
    let got = browser
        .post_api(&format!("/grant?name={snowman}&seconds={forever}"))
        .await;
    assert_eq!(got.text(), "true");
    assert_eq!(
        browser
            .get_api(&format!("/granted?name={snowman}"))
            .await
            .text(),
        "true"
    );
    assert_eq!(
        browser.get_api("/granted?name=%E2%98%83").await.text(),
        "false"
    );

    let nobody = browser.fresh();
    let got = nobody.post_api(GRANT).await;
    assert!(
        got.text().starts_with("there is no live session"),
        "{got:?}"
    );
}
