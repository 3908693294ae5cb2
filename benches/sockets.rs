//! Ten thousand WebSockets of one user, all cut at once: `cargo bench --bench sockets --features ws`.
//!
//! Real sockets on the loopback: the server in one process with two worker threads, the clients in
//! another with one. Each needs as many files as there are sockets, and a few; `-- 5000` opens fewer.

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
    time::{Clock, SystemClock, Timestamp},
};
use axum::{Router, response::Response, routing::any};
use futures_util::StreamExt;
use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};

fn main() -> io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [role, address, cookie, count] if role == "--clients" => {
            let address = address.parse().expect("an address");
            let count = count.parse().expect("a number");
            run(1, clients(address, cookie.clone(), count))
        }
        others => {
            let most = others.iter().find_map(|argument| argument.parse().ok());
            run(2, cut(most.unwrap_or(MANY)))
        }
    }
}

fn run(threads: usize, work: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()?;
    runtime.block_on(async { tokio::spawn(work).await.expect("no panic") });
    Ok(())
}

async fn cut(count: usize) {
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

    let mut clients = Clients::start(address, &cookie, count);
    clients = clients.say("open").await;
    let (start, start_at) = (Instant::now(), SystemClock.now());
    let ended = sessions
        .terminator()
        .end_subject(&subject, None, EndReason::Forced)
        .await
        .expect("memory");
    let returned = start.elapsed();
    clients = clients.say("closed").await;
    let last = clients.last.saturating_since(start_at);
    clients.process.wait().expect("a process that ends");
    print(&format!(
        "{count} WebSockets of one user ({} session): the ending returned after {returned:.1?}, the last client \
         was told after {last:.1?}; {} got their Close frame",
        ended.concluded(),
        clients.closed,
    ));
}

/// The process of the clients, as the server sees it: a word and two numbers a line.
struct Clients {
    process: Child,
    lines: io::Lines<BufReader<ChildStdout>>,
    last: Timestamp,
    closed: u64,
}

impl Clients {
    fn start(address: SocketAddr, cookie: &str, count: usize) -> Self {
        let mut process = Command::new(env::current_exe().expect("a program"))
            .args([
                "--clients",
                &address.to_string(),
                cookie,
                &count.to_string(),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self {
            process,
            lines,
            last: Timestamp::default(),
            closed: 0,
        }
    }

    /// Waits until they say this.
    async fn say(mut self, word: &'static str) -> Self {
        let waits = tokio::task::spawn_blocking(move || {
            let line = self.lines.next().expect("a line").expect("a pipe");
            let numbers = line.strip_prefix(word).expect("what they are to say");
            let mut numbers = numbers.split_whitespace().map(str::parse::<u64>);
            let mut next = || numbers.next().expect("a number").expect("a number");
            self.last = Timestamp::from_unix_millis(next());
            self.closed = next();
            self
        });
        waits.await.expect("no panic")
    }
}

/// Opens them all, says so, and says when the last was told that it is over.
async fn clients(address: SocketAddr, cookie: String, count: usize) {
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let socket = open(address, &cookie).await;
        clients.spawn(until_closed(socket));
    }
    print("open 0 0");
    let (mut last, mut closed) = (Timestamp::default(), 0);
    while let Some(client) = clients.join_next().await {
        let (at, code) = client.expect("no panic");
        last = last.max(at);
        closed += usize::from(code == Some(3000));
    }
    print(&format!("closed {} {closed}", last.as_unix_millis()));
}

fn print(line: &str) {
    writeln!(io::stdout().lock(), "{line}").expect("somebody reads it");
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
        .expect("a connection: is `ulimit -n` more than the number?");
    let mut request = "ws://app.example/ws"
        .into_client_request()
        .expect("a request");
    let headers = request.headers_mut();
    headers.insert("cookie", cookie.parse().expect("base64url"));
    headers.insert("origin", "http://app.example".parse().expect("an origin"));
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let opened = client_async_with_config(request, stream, Some(config)).await;
    opened.expect("an upgrade").0
}

/// When the server said that it is over, and with which code.
async fn until_closed(mut socket: Socket) -> (Timestamp, Option<u16>) {
    let mut code = None;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(frame) = message {
            code = frame.map(|frame| frame.code.into());
            break;
        }
    }
    (SystemClock.now(), code)
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
        request_id: None,
    };
    store.create(session).await.expect("the store is not full");
    format!("__Host-sid={}", &*token.expose())
}

const MANY: usize = 10_000;

/// The usual 128 KiB are zeroed when the first message comes: here that would be measured.
const READ_BUFFER: usize = 4096;
