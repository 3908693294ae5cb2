//! Two nodes on one store: what ends on one of them is cut on the other.
//!
//! ```text
//! cargo run --example nodes --all-features -- --redis redis://127.0.0.1/
//! cargo run --example nodes --all-features -- --postgres postgres://ada:engine@localhost/ada
//! cargo run --example nodes --all-features -- --sqlite sessions.db
//! ```
//!
//! Open <http://localhost:3000>, a page of the first node, and log in: its WebSocket is held open by
//! the second node, which ticks every second. Log out: the first node ends the session, the store
//! tells the second, and that one cuts the socket. The page shows how long it took.
//!
//! Here both nodes are in one process, each with connections of its own to the store; nothing else is
//! shared. `PORT` is the first node's port, the second's is the next one (`PORT=0`: two free ones).

use adjourn::{
    Farewell, LiveSession, Session, Sessions, WebSocketUpgrade,
    layer::websocket::WebSocket,
    session::{LogOutError, StartError},
    store::{PostgresStore, RedisStore, SessionStore, SqliteStore},
};
use axum::{
    Form, Router,
    extract::{State, ws::Message},
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
    let flags: Vec<_> = env::args().skip(1).collect();
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    match *flags {
        ["--redis", url] => {
            let open = async || RedisStore::builder(url)?.open().await;
            serve(open().await?, open().await?).await
        }
        ["--postgres", url] => {
            let open = async || {
                let store = PostgresStore::builder(sqlx::PgPool::connect_lazy(url)?);
                store.migrate().await?; // does nothing when it was done
                Ok::<_, Box<dyn Error>>(store.open().await?)
            };
            serve(open().await?, open().await?).await
        }
        ["--sqlite", file] => {
            let open = async || SqliteStore::open(file).await;
            serve(open().await?, open().await?).await
        }
        _ => Err("which store? --redis URL, --postgres URL or --sqlite FILE".into()),
    }
}

/// Serves both nodes until Ctrl-C.
async fn serve(first: impl SessionStore, second: impl SessionStore) -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse::<u16>())?;
    let next = if port == 0 { 0 } else { port + 1 };
    let one = TcpListener::bind(("127.0.0.1", port)).await?;
    let two = TcpListener::bind(("127.0.0.1", next)).await?;
    let (port, next) = (one.local_addr()?.port(), two.local_addr()?.port());
    let (first, of_first) = node(first, 1, port, next)?;
    let (second, of_second) = node(second, 2, next, port)?;
    writeln!(stdout(), "listening on http://{}", one.local_addr()?)?;
    writeln!(stdout(), "the second node on http://{}", two.local_addr()?)?;
    tokio::try_join!(run(one, first), run(two, second))?;
    let _left = of_first.shutdown().await;
    let _left = of_second.shutdown().await;
    Ok(())
}

/// One node: its routes, and its sessions. `other`: the port of the other node.
fn node(
    store: impl SessionStore,
    number: usize,
    port: u16,
    other: u16,
) -> Result<(Router, Sessions), Box<dyn Error>> {
    let origins = [port, other]
        .into_iter()
        .flat_map(|port| ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{port}")));
    let sessions = Sessions::builder(store)
        .with_public(["/login", "/logout"]) // everything else needs a live session
        .with_log_in_page("/login")
        // The page of one node opens a socket at the other, whose port is another origin.
        .with_websocket_origins(origins)
        .build()?;
    let page = PAGE.replace("{number}", &number.to_string());
    let page = page.replace("{other}", &other.to_string());
    let routes = Router::new()
        .route("/", get(move |_: LiveSession| async { Html(page) }))
        .route("/ticker", any(ticker))
        .route("/login", get(|| async { Html(LOG_IN) }).post(log_in))
        .route("/logout", post(log_out))
        .nest_service("/session", sessions.endpoints())
        .layer(sessions.layer())
        .with_state(number);
    Ok((routes, sessions))
}

async fn run(listener: TcpListener, routes: Router) -> std::io::Result<()> {
    // Without Nagle's algorithm: a Close frame need not wait until the last tick is acknowledged.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await
}

async fn ticker(_: LiveSession, State(node): State<usize>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| tick(socket, node))
}

async fn tick(mut socket: WebSocket, node: usize) {
    let mut seconds = interval(Duration::from_secs(1));
    for tick in 0_u64.. {
        seconds.tick().await;
        let text = format!("tick {tick} of node {node}");
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

const LOG_IN: &str = "<!doctype html><html lang=en><meta name=viewport content=width=device-width>\
    <title>Log in</title><form method=post>\
    <label>Password (it is “engine”) <input type=password name=password></label> \
    <button>Log in</button></form></html>";
const PAGE: &str = "<!doctype html><html lang=en><meta name=viewport content=width=device-width>\
    <title>Node {number}</title>\
    <h1>Node {number} served this page</h1>\
    <p>Its WebSocket, at the other node: <output>opening ...</output></p>\
    <button>Log out at node {number}</button> <a href=/>Load again</a>\
    <script>\
      const out = document.querySelector('output');\
      const socket = new WebSocket(`ws://${location.hostname}:{other}/ticker`);\
      let answered;\
      socket.onmessage = (event) => { out.textContent = event.data; };\
      socket.onclose = (event) => {\
        const after = answered ? `${Math.ceil(performance.now() - answered)} ms after` : 'before';\
        out.textContent = `closed (${event.code} ${event.reason}), ${after} the log-out was answered`;\
      };\
      document.querySelector('button').onclick = async () => {\
        await fetch('/logout', { method: 'POST' });\
        answered = performance.now();\
      };\
    </script></html>";
