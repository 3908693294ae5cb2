//! Connections that are shut at the socket, whatever their handler does (R-14-7).

use crate::{
    client::{Client, Over, closed, show, soon},
    routes::{self, TellDrop, Told},
    support::{Gate, Site, SiteBuilder, read_all},
};
use adjourn::{
    LiveSession, Session,
    live::{CutListener, Peer},
    reason::EndReason,
};
use axum::{
    Router,
    extract::{ConnectInfo, Extension, ws::WebSocketUpgrade},
    response::Response,
    routing::{any, get},
};
use hyper::body::Body as _;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use std::{
    future::pending,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::yield_now};

fn site(told: &Told) -> SiteBuilder {
    let (quiet, blocked) = (told.clone(), told.clone());
    let foreign = Router::new()
        .route(
            "/foreign",
            // axum's own extractor, and a handler that never polls its socket.
            any(async move |upgrade: WebSocketUpgrade| -> Response {
                upgrade.on_upgrade(async move |socket| {
                    let _dropped = TellDrop(quiet, "foreign dropped");
                    let _socket = socket;
                    pending::<()>().await;
                })
            }),
        )
        .route(
            "/blocked",
            any(
                async move |upgrade: adjourn::WebSocketUpgrade| -> Response {
                    upgrade.on_upgrade(async move |socket| {
                        let _socket = socket;
                        blocked.tell("blocked");
                        blocked.block();
                    })
                },
            ),
        )
        .route("/who", get(who));
    routes::site(told)
        .routes(foreign)
        .configure(|builder| builder.with_socket_grace(Duration::from_millis(50)))
}

async fn who(session: Session, ConnectInfo(address): ConnectInfo<SocketAddr>) -> String {
    let known = session.request_client().address();
    assert_eq!(known, Some(address.ip()));
    address.to_string()
}

/// Serves a site by a listener that can shut its connections.
async fn serve(mut site: Site) -> Site {
    let listener = CutListener::bind(("127.0.0.1", 0)).await.unwrap();
    site.address = listener.local_addr().unwrap();
    let app = site.app.clone();
    tokio::spawn(async move {
        let service = app.into_make_service_with_connect_info::<Peer>();
        axum::serve(listener, service).await.unwrap();
    });
    site
}

async fn open(told: &Told) -> Site {
    serve(site(told).open().await).await
}

#[tokio::test]
async fn a_socket_of_a_foreign_extractor_is_shut() {
    let site = open(&Told::default()).await;
    let alice = site.logged_in("alice").await;
    let mut socket = Client::open(&site, &alice, "/foreign").await;
    assert_eq!(site.sessions.open_connections(), 1);
    let since = Instant::now();
    alice.post_api("/logout").await;
    assert_eq!(soon("the end", socket.over()).await, Over::Broken);
    show("a handler that knows nothing of sessions", since);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_is_shut() {
    let told = Told::default();
    let _unblock = told.unblock_at_last();
    let site = open(&told).await;
    let alice = site.logged_in("alice").await;
    let mut socket = Client::open(&site, &alice, "/blocked").await;
    soon("the handler", told.wait_for("blocked")).await;
    alice.post_api("/logout").await;
    assert_eq!(soon("the end", socket.over()).await, Over::Broken);
}

#[tokio::test]
async fn a_handler_that_cooperates_says_goodbye_first() {
    let site = open(&Told::default()).await;
    let alice = site.logged_in("alice").await;
    let mut socket = Client::open(&site, &alice, "/ws/echo").await;
    let open = site.sessions.open_connections();
    assert_eq!(open, 1, "held by its handler, and watched by the listener");
    let id = site.session_of(&alice).await;
    let ended = site.sessions.terminator().end(id, EndReason::Logout).await;
    assert_eq!(ended.unwrap().connections_cut(), Some(1));
    assert_eq!(soon("the end", socket.over()).await, closed("logout"));
}

// A user who comes and goes all day leaves nothing behind.
#[tokio::test]
async fn a_connection_that_closes_by_itself_is_forgotten() {
    let told = Told::default();
    let site = open(&told).await;
    let alice = site.logged_in("alice").await;
    for _ in 0..3 {
        drop(Client::open(&site, &alice, "/ws/echo").await);
    }
    let forgotten = async {
        while site.sessions.open_connections() > 0 {
            yield_now().await;
        }
    };
    soon("the end of the watch", forgotten).await;
}

#[tokio::test]
async fn handlers_find_the_address_where_they_are_used_to() {
    let site = open(&Told::default()).await;
    let got = site.browser().get_api("/who").await;
    assert_eq!(got.status, 200);
    assert!(got.text().starts_with("127.0.0.1:"), "{got:?}");
}

// The 101 of a session that ended meanwhile is a 401; but when the peer closes its half, hyper gives
// the connection to the handler all the same.
#[tokio::test]
async fn a_refused_upgrade_gives_nobody_a_socket_for_long() {
    let (gate, told) = (Gate::default(), Told::default());
    let (held, dropped) = (gate.clone(), told.clone());
    let late = async move |_: LiveSession, upgrade: WebSocketUpgrade| {
        held.pass().await;
        upgrade.on_upgrade(async move |mut socket| {
            let _dropped = TellDrop(dropped, "late dropped");
            while socket.send("secret".into()).await.is_ok() {}
        })
    };
    let routes = Router::new().route("/late", any(late));
    let site = serve(site(&told).routes(routes).open().await).await;
    let alice = site.logged_in("alice").await;
    let handshake = alice
        .fetch(http::Method::GET, "/late")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let mut stream = handshake.send_and_keep_socket().await;
    gate.arrived().await;
    alice.post_api("/logout").await;
    gate.open();
    stream.shutdown().await.unwrap();
    soon("the end", read_all(&mut stream)).await;
}

// A Close frame does not wait until what went before it is acknowledged.
#[tokio::test]
async fn connections_send_at_once() {
    let listener = CutListener::bind(("127.0.0.1", 0)).await.unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await;
    let stream = listener.accept().await.unwrap();
    assert!(stream.get_ref().nodelay().unwrap());

    let mut listener = listener;
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await;
    let (stream, _) = axum::serve::Listener::accept(&mut listener).await;
    assert!(stream.get_ref().nodelay().unwrap());
}

// An HTTP/2 connection carries the streams of others.
#[tokio::test]
async fn a_connection_of_http_2_is_never_shut() {
    let site = site(&Told::default()).open().await;
    let listener = CutListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = site.app.clone();
    tokio::spawn(async move {
        let stream = listener.accept().await.unwrap();
        let app = app.layer(Extension(stream.peer()));
        let service = TowerToHyperService::new(app);
        let builder = auto::Builder::new(TokioExecutor::new());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        connection.await.unwrap();
    });
    let stream = TcpStream::connect(address).await.unwrap();
    let client = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = client.await.unwrap();
    tokio::spawn(connection);

    let alice = site.logged_in("alice").await;
    let mut ask = async |path: &str, browser: &crate::support::Browser| {
        let mut request = browser.fetch(http::Method::GET, path).into_request();
        request.headers_mut().remove("host");
        *request.uri_mut() = format!("http://app.example{path}").parse().unwrap();
        sender.ready().await.unwrap();
        sender.send_request(request).await.unwrap()
    };
    let events = ask("/events", &alice).await;
    assert_eq!(events.status(), 200);
    alice.post_api("/logout").await;
    let ended = async {
        let mut body = events.into_body();
        while !body.is_end_stream() {
            http_body_util::BodyExt::frame(&mut body).await;
        }
    };
    soon("the end of the stream", ended).await;
    assert_eq!(ask("/", &alice).await.status(), 200);
}
