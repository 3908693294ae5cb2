//! Nearly ten thousand WebSockets of one user, all cut at once: `cargo bench --bench sockets`.
//!
//! Real sockets on the loopback, server and clients in one process with two worker threads. Each
//! takes two file descriptors: with `ulimit -n 20000`, `-- 9900` opens 9,900.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has to stop, and says where"
)]

use adjourn::{
    LiveSession, Sessions, WebSocketUpgrade,
    id::{SessionId, Subject, Token},
    layer::websocket::WebSocket,
    reason::EndReason,
    record::Values,
    store::{Attempt, Claimant, MemoryStore, NewSession, SessionStore},
};
use axum::{Router, response::Response, routing::any};
use futures_util::StreamExt;
use std::{
    env,
    io::{self, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

fn main() -> io::Result<()> {
    let most = env::args().find_map(|argument| argument.parse().ok());
    let count = most.unwrap_or(MANY);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let report = runtime.block_on(async { tokio::spawn(cut(count)).await });
    writeln!(io::stdout().lock(), "{}", report.expect("no panic"))
}

async fn cut(count: usize) -> String {
    let store = MemoryStore::new();
    let subject = Subject::new("alice").expect("a name");
    let cookie = create(&store, &subject).await;
    let sessions = Sessions::builder(store)
        .with_origin("http://app.example")
        .build()
        .expect("a configuration without mistakes");
    let app = Router::new()
        .route("/ws", any(upgrade))
        .layer(sessions.layer());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut clients = JoinSet::new();
    for _ in 0..count {
        let socket = open(address, &cookie).await;
        clients.spawn(until_closed(socket));
    }
    let start = Instant::now();
    let ended = sessions
        .terminator()
        .end_subject(&subject, None, EndReason::Forced)
        .await
        .expect("memory");
    let returned = start.elapsed();
    let (mut last, mut closed) = (Duration::ZERO, 0);
    while let Some(client) = clients.join_next().await {
        let (at, code) = client.expect("no panic");
        last = last.max(at.duration_since(start));
        closed += usize::from(code == Some(3000));
    }
    format!(
        "{count} WebSockets of one user ({} session): the ending returned after {returned:.1?}, the last client \
         was told after {last:.1?}; {closed} got their Close frame",
        ended.concluded()
    )
}

async fn upgrade(_: LiveSession, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(echo)
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

async fn open(address: SocketAddr, cookie: &str) -> Socket {
    let stream = TcpStream::connect(address)
        .await
        .expect("a connection: is `ulimit -n` more than twice the number?");
    let mut request = "ws://app.example/ws"
        .into_client_request()
        .expect("a request");
    let headers = request.headers_mut();
    headers.insert("cookie", cookie.parse().expect("base64url"));
    headers.insert("origin", "http://app.example".parse().expect("an origin"));
    let (socket, _) = client_async(request, stream).await.expect("an upgrade");
    socket
}

/// When the server said that it is over, and with which code.
async fn until_closed(mut socket: Socket) -> (Instant, Option<u16>) {
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(frame) = message {
            return (Instant::now(), frame.map(|frame| frame.code.into()));
        }
    }
    (Instant::now(), None)
}

async fn create(store: &MemoryStore, subject: &Subject) -> String {
    let id = store.mint_id(None).await.expect("random bytes");
    let token = Token::new(id).expect("random bytes");
    let hour = Duration::from_hours(1);
    let session = NewSession {
        id,
        secret_hash: token.secret_hash(),
        subject: Some(subject.clone()),
        idle_timeout: Some(hour),
        touch_interval: Duration::ZERO,
        absolute_timeout: hour * 8,
        client: None,
        values: Values::default(),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: Claimant {
            attempt: Attempt::from_bytes(*SessionId::as_bytes(&id)),
            lease: hour,
        },
    };
    store.create(session).await.expect("the store is not full");
    format!("__Host-sid={}", &*token.expose())
}

const MANY: usize = 9_900;
