//! An interface for programs: bearer tokens, no cookies, no browser.
//!
//! ```text
//! cargo run --example bearer            # PORT=0 picks a free port
//! ```
//!
//! Log in, use the token, log out, and see that the token is worth nothing any more:
//!
//! ```sh
//! TOKEN=$(curl -s -d 'username=ada&password=engine' http://localhost:3000/token | cut -d '"' -f 4)
//! curl -s -H "Authorization: Bearer $TOKEN" http://localhost:3000/balance
//! curl -s -X DELETE -H "Authorization: Bearer $TOKEN" http://localhost:3000/token
//! curl -s -H "Authorization: Bearer $TOKEN" http://localhost:3000/balance
//! ```

use adjourn::{
    Farewell, LiveSession, Session, Sessions,
    id::{Subject, Token},
    session::{LogIn, LogOutError, StartError},
    store::MemoryStore,
};
use axum::{
    Form, Json, Router,
    http::{StatusCode, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    env,
    error::Error,
    io::{Write, stdout},
    net::SocketAddr,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let sessions = Sessions::builder(MemoryStore::new())
        .with_bearer()
        .without_cookie()
        .with_public(["/token"]) // everything else needs a live session
        .build()?;
    let app = Router::new()
        .route("/token", post(log_in).delete(log_out))
        .route("/balance", get(balance))
        .layer(sessions.layer());

    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse::<u16>())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(stdout(), "listening on http://{}", listener.local_addr()?)?;
    axum::serve(
        listener,
        // So that the audit trail knows the address of the client.
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
    .await?;
    let _left = sessions.shutdown().await;
    Ok(())
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

async fn log_in(session: Session, Form(given): Form<Credentials>) -> Result<Response, StartError> {
    let subject = Subject::new(given.username)?;
    // Before the password is checked: "end everything of this user" meanwhile refuses this log-in.
    session.begin_log_in(Some(&subject)).await?;
    let right = blake3::hash(given.password.as_bytes()) == blake3::hash(b"engine");
    if !right || subject.as_str() != "ada" {
        let challenge = [(WWW_AUTHENTICATE, r#"Bearer realm="session""#)];
        return Ok((StatusCode::UNAUTHORIZED, challenge).into_response());
    }
    let logged_in = session.log_in_with(LogIn::new(subject).bearer()).await?;
    let token = logged_in.token().map(Token::expose);
    Ok(Json(json!({ "token": token.as_deref() })).into_response())
}

async fn balance(session: LiveSession) -> Json<Value> {
    let subject = session.subject().map(Subject::as_str);
    Json(json!({ "subject": subject, "balance": "4,217.00" }))
}

/// Says `{"ended":true,"reason":"logout"}`. A bearer token may also be ended with DELETE: no browser
/// adds it to a request by itself.
async fn log_out(session: Session) -> Result<Farewell, LogOutError> {
    Ok(session.log_out().await?.into())
}
