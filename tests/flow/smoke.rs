use adjourn::{
    Farewell, LiveSession, Session, Sessions,
    session::{LogOutError, StartError},
    store::MemoryStore,
};
use axum::{
    Router,
    body::Body,
    response::Redirect,
    routing::{get, post},
};
use http::{Request, StatusCode};
use tower::ServiceExt;

async fn log_in(session: Session) -> Result<Redirect, StartError> {
    session.log_in("user-17").await?;
    Ok(Redirect::to("/account"))
}
async fn log_out(session: Session) -> Result<Farewell, LogOutError> {
    Ok(session.log_out().await?.into())
}
async fn account(session: LiveSession) -> String {
    format!(
        "Balance of {}",
        session.subject().map_or("nobody", |s| s.as_str())
    )
}

#[tokio::test]
async fn smoke() {
    let sessions = Sessions::builder(MemoryStore::new())
        .with_public(["/", "/login", "/logout"])
        .with_log_in_page("/login")
        .build()
        .unwrap();
    let app: Router = Router::new()
        .route("/", get(|| async { "Welcome" }))
        .route("/login", get(|| async { "form" }).post(log_in))
        .route("/logout", post(log_out))
        .route("/account", get(account))
        .nest_service("/session", sessions.endpoints())
        .layer(sessions.layer());
    let r = app
        .clone()
        .oneshot(Request::post("/login").body(Body::empty()).unwrap())
        .await
        .unwrap();
    let cookie = r.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let r = app
        .clone()
        .oneshot(
            Request::get("/account")
                .header("cookie", &cookie)
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(r.status(), StatusCode::OK);
    let r = app
        .clone()
        .oneshot(
            Request::post("/logout")
                .header("accept", "text/html")
                .header("sec-fetch-site", "same-origin")
                .header("cookie", &cookie)
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(r.status(), StatusCode::SEE_OTHER);
    let r = app
        .clone()
        .oneshot(
            Request::get("/account")
                .header("cookie", &cookie)
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(r.status(), StatusCode::UNAUTHORIZED);
    sessions.shutdown().await;
}
