//! Operations that want a recent log-in.

use crate::support::{Browser, Got, Site, SiteBuilder};
use adjourn::{
    FreshSession, LiveSession, Session, Sessions, Terminator,
    id::SessionId,
    reason::EndReason,
    require_fresh,
    session::{LogIn, NotFresh, StartError},
    store::MemoryStore,
    time::{Clock, Timestamp},
};
use axum::{
    Extension, Json, Router,
    extract::Path,
    response::IntoResponse,
    routing::{delete, get, post},
};
use http::{Method, StatusCode};
use std::{sync::OnceLock, time::Duration};

/// Every way to ask for a log-in at most five minutes ago.
const GATED: [&str; 3] = ["/fresh/layer", "/fresh/extractor", "/fresh/function"];

const MINUTE: Duration = Duration::from_mins(1);

fn routes() -> Router {
    let layered = Router::new()
        .route(
            "/fresh/layer",
            post(|| async { "changed" }).get(|| async { "changed" }),
        )
        .route_layer(require_fresh(5 * MINUTE));
    Router::new()
        .merge(layered)
        .route("/fresh/extractor", post(by_extractor).get(by_extractor))
        .route("/fresh/function", post(by_function).get(by_function))
        .route("/start", post(start))
        .route("/bearer", post(log_in_bearer))
}

async fn by_extractor(session: FreshSession<300>) -> &'static str {
    assert!(session.subject().is_some());
    "changed"
}

async fn by_function(session: Session) -> Result<&'static str, NotFresh> {
    session.require_fresh(5 * MINUTE)?;
    Ok("changed")
}

async fn start(session: Session) -> Result<(), StartError> {
    session.start().await.map(drop)
}

async fn log_in_bearer(session: Session) -> Result<String, StartError> {
    let log_in = LogIn::new("alice".try_into().unwrap()).bearer();
    let logged_in = session.log_in_with(log_in).await?;
    Ok(logged_in.token().unwrap().expose().to_string())
}

fn site() -> SiteBuilder {
    Site::builder().routes(routes())
}

/// Minutes pass, in each of which the user does something.
async fn active_for(site: &Site, browser: &Browser, minutes: u32) {
    for _ in 0..minutes {
        site.clock.advance(MINUTE);
        assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);
    }
}

fn wants_a_new_log_in(got: &Got) {
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{got:?}");
    assert_eq!(got.reason(), "reauthentication-required");
    let challenge = got.header("www-authenticate").unwrap();
    assert!(
        challenge.contains(r#"error="insufficient_user_authentication""#),
        "{challenge}"
    );
    assert!(challenge.contains(r#"max_age="300""#), "{challenge}");
    assert_eq!(got.header("cache-control"), Some("no-store"));
    assert!(got.set_cookies().is_empty(), "{got:?}");
    assert_eq!(got.header("clear-site-data"), None);
}

// R-1-15 R-1-17
#[tokio::test]
async fn a_log_in_of_twenty_minutes_ago_is_too_old_for_five_and_the_session_lives_on() {
    let site = site().open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    for path in GATED {
        assert_eq!(browser.post_api(path).await.text(), "changed", "{path}");
    }

    active_for(&site, &browser, 20).await;
    for path in GATED {
        let got = browser.post_api(path).await;
        wants_a_new_log_in(&got);
        let challenge = got.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Cookie "), "{challenge}");
    }

    assert_eq!(site.session_of(&browser).await, id, "the same session");
    assert!(site.events.endings().is_empty());
}

// R-1-15 R-1-17
#[tokio::test]
async fn a_person_is_sent_to_log_in_and_passes_after_that() {
    let site = site().open().await;
    let browser = site.logged_in("alice").await;
    active_for(&site, &browser, 6).await;
    for path in GATED {
        let got = browser.get(path).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!(got.header("location"), Some("/login"));
        assert!(got.set_cookies().is_empty(), "{got:?}");
    }
    let old = site.session_of(&browser).await;
    browser.log_in("alice").await;
    for path in GATED {
        assert_eq!(browser.get(path).await.text(), "changed", "{path}");
    }
    assert_eq!(
        site.events.reasons_of(old),
        [EndReason::Reauthenticated],
        "a new log-in is a new session"
    );
}

// R-1-15
#[tokio::test]
async fn the_boundary_is_the_limit_itself() {
    let site = site().open().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(5 * MINUTE);
    for path in GATED {
        assert_eq!(browser.post_api(path).await.text(), "changed", "{path}");
    }
    site.clock.advance(Duration::from_millis(1));
    for path in GATED {
        wants_a_new_log_in(&browser.post_api(path).await);
    }
}

// R-1-15
#[tokio::test]
async fn a_bearer_client_is_challenged_with_its_scheme() {
    let site = site()
        .configure(adjourn::SessionsBuilder::with_bearer)
        .open()
        .await;
    let browser = site.browser();
    let token = browser.post_api("/bearer").await.text().to_owned();
    site.clock.advance(6 * MINUTE);
    for path in GATED {
        let ask = browser.navigate(Method::POST, path).bearer(&token);
        let got = ask.send().await;
        wants_a_new_log_in(&got);
        let challenge = got.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer "), "{challenge}");
    }
}

// R-1-15
#[tokio::test]
async fn nobody_an_anonymous_visitor_and_an_ended_session_do_not_pass() {
    let site = site().open().await;
    let nobody = site.browser();
    for path in GATED {
        assert_eq!(nobody.post_api(path).await.reason(), "no-session");
    }
    let visitor = site.browser();
    assert_eq!(visitor.post_api("/start").await.status, StatusCode::OK);
    for path in GATED {
        let got = visitor.post_api(path).await;
        assert_eq!(got.reason(), "reauthentication-required", "{path}");
        assert!(!got.removes_session());
    }
    let alice = site.logged_in("alice").await;
    let token = alice.token().unwrap();
    alice.post("/logout").await;
    for path in GATED {
        let got = alice.fetch(Method::POST, path).token(&token).send().await;
        assert_eq!(got.reason(), "logout", "{path}");
        assert!(got.removes_session(), "{path}");
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_no_old_log_in_fresh() {
    let site = site().open().await;
    let browser = site.logged_in("alice").await;
    let before = site.clock.now();
    site.clock
        .set(before.saturating_sub(Duration::from_hours(24)));
    for path in GATED {
        wants_a_new_log_in(&browser.post_api(path).await);
    }
    // And a day forward: the session itself is over.
    site.clock
        .set(before.saturating_add(Duration::from_hours(24)));
    let got = browser.post_api(GATED[0]).await;
    assert_eq!(got.reason(), "idle-timeout");
}

#[tokio::test]
async fn a_preflight_passes_and_a_missing_layer_is_a_mistake_of_the_server() {
    let site = site().open().await;
    let asks = || site.browser().ask(Method::OPTIONS, GATED[0]);
    let preflight = asks()
        .header("origin", "https://other.example")
        .header("access-control-request-method", "POST");
    let got = preflight.send().await;
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED, "axum's answer");
    let got = asks().send().await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "no preflight");

    let (address, server) = crate::support::serve(routes()).await;
    for path in GATED {
        let got = Browser::new(address).post_api(path).await;
        assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }
    server.abort();
}

// R-1-16
#[tokio::test]
async fn the_list_of_sessions_shows_no_credential_and_ending_one_wants_a_fresh_log_in() {
    let handed = std::sync::Arc::new(OnceLock::<Sessions>::new());
    let app = Router::new()
        .route("/devices", get(devices))
        .route("/devices/{id}", delete(end_device))
        .layer(Extension(std::sync::Arc::clone(&handed)));
    let site = site().routes(app).open().await;
    handed.set(site.sessions.clone()).unwrap();

    let phone = site.logged_in("alice").await;
    let laptop = site.logged_in("alice").await;
    let mallory = site.logged_in("mallory").await;
    let lost = site.session_of(&phone).await;
    let shown = laptop.get_api("/devices").await;
    assert!(shown.text().contains(&lost.to_string()));
    for browser in [&phone, &laptop] {
        let token = browser.token().unwrap();
        assert!(!shown.text().contains(&token));
        assert!(!shown.text().contains(&token[22..]), "nor its secret");
    }

    let path = format!("/devices/{lost}");
    active_for(&site, &laptop, 6).await;
    wants_a_new_log_in(&laptop.fetch(Method::DELETE, &path).send().await);
    assert_eq!(phone.get_api("/api/me").await.status, StatusCode::OK);

    laptop.log_in("alice").await;
    let got = mallory.fetch(Method::DELETE, &path).send().await;
    assert!(!got.status.is_success(), "somebody else's: {got:?}");
    let got = laptop.fetch(Method::DELETE, &path).send().await;
    assert_eq!(got.status, StatusCode::NO_CONTENT, "{got:?}");
    assert_eq!(phone.get_api("/api/me").await.reason(), "forced");
}

async fn devices(
    session: LiveSession,
    Extension(sessions): Extension<std::sync::Arc<OnceLock<Sessions>>>,
) -> Json<Vec<String>> {
    let subject = session.subject().unwrap();
    let listed = sessions.get().unwrap().list(subject).await.unwrap();
    Json(listed.iter().map(|listed| format!("{listed:?}")).collect())
}

async fn end_device(
    session: FreshSession<300>,
    terminator: Terminator,
    Extension(sessions): Extension<std::sync::Arc<OnceLock<Sessions>>>,
    Path(id): Path<String>,
) -> Result<StatusCode, axum::response::Response> {
    let id: SessionId = id
        .parse()
        .map_err(|_| StatusCode::NOT_FOUND.into_response())?;
    let subject = session.subject().unwrap();
    let listed = sessions.get().unwrap().list(subject).await.unwrap();
    if !listed.iter().any(|listed| listed.id == id) {
        return Err(StatusCode::NOT_FOUND.into_response());
    }
    let ended = terminator.end(id, EndReason::Forced).await;
    let _receipt = ended.map_err(IntoResponse::into_response)?;
    Ok(StatusCode::NO_CONTENT)
}

#[tokio::test]
async fn the_error_says_how_old_the_log_in_is() {
    let clock = adjourn::time::ManualClock::at(Timestamp::from_unix_millis(1_000_000));
    let store = MemoryStore::with_clock(clock.clone());
    let sessions = Sessions::builder(store)
        .with_clock(clock.clone())
        .build()
        .unwrap();
    let look = |session: Session| async move {
        let error = session.require_fresh(Duration::from_secs(30)).unwrap_err();
        assert_eq!(error.max_age(), Duration::from_secs(30));
        format!("{:?} {error}", error.age())
    };
    let app = Router::new()
        .route("/look", get(look))
        .route(
            "/login",
            post(|s: Session| async move { s.log_in("alice").await.map(drop) }),
        )
        .layer(sessions.layer());
    let (address, server) = crate::support::serve(app).await;
    let browser = Browser::new(address);
    assert_eq!(
        browser.get_api("/look").await.text(),
        "None a log-in at most 30 seconds ago is needed: there is no live session"
    );
    assert_eq!(browser.post_api("/login").await.status, StatusCode::OK);
    clock.advance(Duration::from_secs(31));
    assert_eq!(
        browser.get_api("/look").await.text(),
        "Some(31s) a log-in at most 30 seconds ago is needed: the last one is older"
    );
    server.abort();
}
