//! A WebSocket that ends with its session: one type name is different from axum's own.
//!
//! ```text
//! cargo run --example websocket_cut --features ws       # PORT=0 picks a free port
//! ```
//!
//! Open <http://localhost:3000> in two tabs, and log out in one of them: the other one's socket is
//! closed at once, with code 3000 and the reason, though its handler does nothing for it.

use adjourn::{
    Farewell, LiveSession, Session, Sessions, WebSocketUpgrade,
    layer::websocket::WebSocket,
    session::{LogOutError, StartError},
    store::MemoryStore,
};
use axum::{
    Form, Router,
    extract::ws::Message,
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{any, get, post},
    serve::ListenerExt,
};
use serde::Deserialize;
use std::{
    env,
    error::Error,
    io::{Write, stderr, stdout},
    net::SocketAddr,
    time::Duration,
};
use tokio::{net::TcpListener, time::interval};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(stderr).init();
    let sessions = Sessions::builder(MemoryStore::new())
        .with_public(["/login", "/logout"]) // everything else needs a live session
        .with_log_in_page("/login")
        .build()?;
    let app = Router::new()
        .route("/", get(|_: LiveSession| async { Html(PAGE) }))
        .route("/ticker", any(ticker))
        .route("/login", get(|| async { Html(LOG_IN) }).post(log_in))
        .route("/logout", post(log_out))
        .nest_service("/session", sessions.endpoints())
        .layer(sessions.layer());

    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse::<u16>())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(stdout(), "listening on http://{}", listener.local_addr()?)?;
    // Without Nagle's algorithm: a Close frame need not wait until the last tick is acknowledged.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    let _left = sessions.shutdown().await; // waits for endings that are under way
    Ok(())
}

/// The name that changes: adjourn's `WebSocketUpgrade`, not axum's.
async fn ticker(session: LiveSession, upgrade: WebSocketUpgrade) -> Response {
    let name = session
        .subject()
        .map_or_else(String::new, ToString::to_string);
    upgrade.on_upgrade(move |socket| tick(socket, name))
}

async fn tick(mut socket: WebSocket, name: String) {
    let mut seconds = interval(Duration::from_secs(1));
    for tick in 0_u64.. {
        seconds.tick().await;
        let text = format!("tick {tick} for {name}");
        if socket.send(Message::text(text)).await.is_err() {
            return;
        }
    }
}

#[derive(Deserialize)]
struct Credentials {
    password: String,
}

async fn log_in(session: Session, Form(form): Form<Credentials>) -> Result<Response, StartError> {
    // Hashes are compared in the same time wherever the difference is.
    if blake3::hash(form.password.as_bytes()) != blake3::hash(b"engine") {
        return Ok((StatusCode::UNAUTHORIZED, "Wrong password").into_response());
    }
    session.log_in("ada").await?;
    Ok(Redirect::to("/").into_response())
}

async fn log_out(session: Session) -> Result<Farewell, LogOutError> {
    Ok(session.log_out().await?.into())
}

const LOG_IN: &str = "<!doctype html><title>Log in</title><form method=post>\
    <label>Password (it is “engine”) <input type=password name=password></label> \
    <button>Log in</button></form>";
const PAGE: &str = "<!doctype html><title>Ticker</title><output>Opening ...</output>\
    <form method=post action=/logout><button>Log out</button></form>\
    <script>\
      const out = document.querySelector('output');\
      const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ticker');\
      socket.onmessage = (event) => { out.textContent = event.data; };\
      socket.onclose = (event) => { out.textContent = `Over: ${event.code} ${event.reason}`; };\
    </script>";
