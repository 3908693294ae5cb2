//! Wherever the endpoints are mounted: they work, or say what is wrong.

use crate::{
    contract::call,
    support::{Browser, Site, serve, serve_hyper},
};
use adjourn::{Session, Sessions, SessionsBuilder, session::StartError, store::MemoryStore};
use axum::{Router, response::Html, routing::post};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};

fn sessions(configure: fn(SessionsBuilder) -> SessionsBuilder) -> Sessions {
    configure(Sessions::builder(MemoryStore::new()))
        .build()
        .unwrap()
}

fn log_in() -> Router {
    let log_in = async |session: Session| -> Result<&'static str, StartError> {
        session.log_in("alice").await.map(|_| "in")
    };
    Router::new().route("/login", post(log_in))
}

/// Polls, extends and lists there, and follows the log-out to the page.
async fn works(browser: &Browser, at: &str) {
    let to = |method, name: &str| browser.fetch(method, &format!("{at}/{name}"));
    let got = call("status", to(Method::GET, "status")).await;
    assert_eq!(got.status, StatusCode::OK, "{at}: {got:?}");
    let id = got.json()["session_id"].as_str().unwrap().to_owned();
    let got = call("extend", to(Method::POST, "extend")).await;
    assert_eq!(got.status, StatusCode::OK, "{at}: {got:?}");
    let got = call("listSessions", to(Method::GET, "sessions")).await;
    assert_eq!(got.json()["sessions"][0]["id"], *id, "{at}");
    let got = call("endOtherSessions", to(Method::POST, "sessions/end-others")).await;
    assert_eq!(got.json()["ended"], 0, "{at}");
    let got = call("script", to(Method::GET, "adjourn.js")).await;
    assert_eq!(got.status, StatusCode::OK, "{at}");
    let form = browser.navigate(Method::POST, &format!("{at}/sessions/{id}/end"));
    let got = call("endSession", form).await;
    assert_eq!(got.header("location"), Some(&*format!("{at}/signed-out")));
    let page = browser.navigate(Method::GET, &format!("{at}/signed-out"));
    assert!(
        call("signedOut", page)
            .await
            .text()
            .contains("You signed out")
    );
    let got = call("status", to(Method::GET, "status")).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{at}: {got:?}");
}

async fn works_in(app: Router, at: &str) {
    let (address, server) = serve(app).await;
    let browser = Browser::new(address);
    let prefix = if at.starts_with("/app") { "/app" } else { "" };
    let got = browser.post_api(&format!("{prefix}/login")).await;
    assert_eq!(got.status, StatusCode::OK, "{got:?}");
    works(&browser, at).await;
    server.abort();
}

#[tokio::test]
async fn in_a_router_at_the_default_place() {
    let sessions = sessions(|b| b.with_public(["/login"]));
    let app = log_in()
        .nest_service("/session", sessions.endpoints())
        .layer(sessions.layer());
    works_in(app, "/session").await;
}

#[tokio::test]
async fn in_a_nested_router_with_the_layer_outside() {
    let sessions = sessions(|b| b.with_endpoints_at("/app/s/").with_public(["/app/login"]));
    let inner = log_in().nest_service("/s", sessions.endpoints());
    let app = Router::new().nest("/app", inner).layer(sessions.layer());
    works_in(app, "/app/s").await;
}

#[tokio::test]
async fn in_a_nested_router_with_the_layer_inside() {
    let sessions = sessions(|b| b.with_endpoints_at("/app/s"));
    let inner = log_in()
        .nest_service("/s", sessions.endpoints())
        .layer(sessions.layer());
    works_in(Router::new().nest("/app", inner), "/app/s").await;
}

#[tokio::test]
async fn as_the_fallback_of_a_nested_router() {
    let sessions = sessions(|b| b.with_endpoints_at("/app/s"));
    let inner = log_in().fallback_service(sessions.endpoints());
    let app = Router::new().nest("/app", inner).layer(sessions.layer());
    works_in(app, "/app/s").await;
}

#[tokio::test]
async fn inside_two_layers_of_the_same_sessions() {
    let sessions = sessions(|b| b.with_endpoints_at("/app/s"));
    let inner = log_in()
        .nest_service("/s", sessions.endpoints())
        .layer(sessions.layer());
    let app = Router::new().nest("/app", inner).layer(sessions.layer());
    works_in(app, "/app/s").await;
}

#[tokio::test]
async fn on_bare_hyper_without_a_router() {
    let sessions = sessions(|b| b);
    let endpoints = sessions.endpoints();
    let service = sessions
        .layer()
        .layer(service_fn(move |request: Request<_>| {
            let endpoints = endpoints.clone();
            async move {
                if request.uri().path() == "/login" {
                    let session = request.extensions().get::<Session>().unwrap();
                    session.log_in("alice").await?;
                    return Ok(axum::response::Response::default());
                }
                let answer = endpoints.oneshot(request).await.unwrap();
                Ok::<_, StartError>(answer.map(axum::body::Body::new))
            }
        }));
    let (address, server) = serve_hyper(service).await;
    let browser = Browser::new(address);
    assert_eq!(browser.post_api("/login").await.status, StatusCode::OK);
    works(&browser, "/session").await;
    server.abort();
}

// The mistakes of a set-up are told, and keep no session alive.
async fn is_misplaced(app: Router, path: &str, names: &str) {
    let (address, server) = serve(app).await;
    let browser = Browser::new(address);
    browser.post_api("/login").await;
    let got = call("status", browser.fetch(Method::GET, path)).await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR, "{got:?}");
    assert_eq!(got.reason(), "misplaced-endpoints");
    let title = got.json()["title"].as_str().unwrap().to_owned();
    assert!(title.contains(names), "{title}");
    server.abort();
}

#[tokio::test]
async fn without_a_layer_it_is_the_layer_that_is_missing() {
    let sessions = sessions(|b| b);
    let app = Router::new().nest_service("/session", sessions.endpoints());
    is_misplaced(app.clone(), "/session/status", "sessions.layer()").await;
    // The page needs none.
    let request = Request::get("/session/signed-out").body(axum::body::Body::empty());
    let page = app.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let page = page.into_body().collect().await.unwrap().to_bytes();
    assert!(page.starts_with(b"<!"), "{page:?}");
}

#[tokio::test]
async fn elsewhere_than_configured_it_is_the_setting_that_is_wrong() {
    let sessions = sessions(|b| b);
    let app = log_in()
        .nest_service("/auth", sessions.endpoints())
        .layer(sessions.layer());
    is_misplaced(app, "/auth/status", "with_endpoints_at").await;
}

#[tokio::test]
async fn inside_the_layer_of_others_it_is_the_layer_that_is_wrong() {
    let (ours, theirs) = (sessions(|b| b), sessions(|b| b));
    let app = log_in()
        .nest_service("/session", ours.endpoints())
        .layer(theirs.layer());
    is_misplaced(app, "/session/status", "another SessionLayer").await;
}

// They need no mention among the public paths, and make nothing else public.
#[tokio::test]
async fn the_gate_lets_them_through() {
    let site = Site::builder()
        .configure(|builder| builder.with_public(["/login"]))
        .routes(Router::new().route("/sessions", post(async || Html("theirs"))))
        .open()
        .await;
    let stranger = site.browser();
    for path in ["/session/status", "/session/sessions"] {
        let got = stranger.get_api(path).await;
        assert_eq!(got.json()["state"], "none", "{path}: {got:?}");
    }
    for path in ["/session/end", "/session/extend"] {
        let got = stranger.post_api(path).await;
        assert_ne!(got.status, StatusCode::SEE_OTHER, "{path}: {got:?}");
    }
    assert_eq!(
        stranger.get_api("/session/adjourn.js").await.status,
        StatusCode::OK
    );
    assert_eq!(stranger.post_api("/sessions").await.reason(), "no-session");
}
