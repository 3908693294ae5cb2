//! The site of the requirements: its routes, on a loopback port.

use super::{Browser, Events, Gate, Spy};
use adjourn::{
    Farewell, LiveSession, Session, Sessions, SessionsBuilder,
    id::SessionId,
    reason::EndReason,
    session::{LogOutError, StartError},
    terminate::Outcome,
    time::ManualClock,
};
use axum::{
    Json, Router,
    extract::{Path, Query},
    response::Html,
    routing::{get, post},
};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use serde_json::{Value, json};
use std::{collections::HashMap, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tower::Service;

/// A running site, with a hand on its time, its store and its requests.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) sessions: Sessions,
    pub(crate) clock: ManualClock,
    pub(crate) store: Spy,
    pub(crate) events: Events,
    /// The gate of `/held/{what}`.
    pub(crate) gate: Gate,
    /// The routes, for those who call them without a network.
    pub(crate) app: Router,
    server: JoinHandle<()>,
}

impl Site {
    /// The site as the requirements describe it.
    pub(crate) async fn open() -> Self {
        Self::builder().open().await
    }

    pub(crate) fn builder() -> SiteBuilder {
        let clock = ManualClock::default();
        SiteBuilder {
            store: Spy::new(&clock),
            clock,
            events: Events::default(),
            gate: Gate::default(),
            routes: Router::new(),
            configure: Box::new(|builder| builder),
            wrap: Box::new(|app| app),
        }
    }

    /// A browser that has not been here yet.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A browser that is logged in.
    pub(crate) async fn logged_in(&self, subject: &str) -> Browser {
        let browser = self.browser();
        browser.log_in(subject).await;
        browser
    }

    /// Ends a session as an administrator or a job would.
    pub(crate) async fn end(&self, id: SessionId, reason: EndReason) {
        let ended = self.sessions.terminator().end(id, reason).await.unwrap();
        assert_eq!(ended.outcome(), Outcome::Ended);
    }

    /// The public name of a browser's session.
    pub(crate) async fn session_of(&self, browser: &Browser) -> SessionId {
        let got = browser.get_api("/api/me").await;
        got.json()["session"].as_str().unwrap().parse().unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Configure = Box<dyn FnOnce(SessionsBuilder) -> SessionsBuilder>;

/// The site, before it opens.
pub(crate) struct SiteBuilder {
    pub(crate) clock: ManualClock,
    pub(crate) store: Spy,
    pub(crate) events: Events,
    pub(crate) gate: Gate,
    routes: Router,
    configure: Configure,
    wrap: Box<dyn FnOnce(Router) -> Router>,
}

impl SiteBuilder {
    /// Changes the configuration of the sessions; what was asked for before stays.
    pub(crate) fn configure(
        mut self,
        more: impl FnOnce(SessionsBuilder) -> SessionsBuilder + 'static,
    ) -> Self {
        let before = self.configure;
        self.configure = Box::new(|builder| more(before(builder)));
        self
    }

    /// Adds routes inside the session layer.
    pub(crate) fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Puts layers outside the session layer.
    pub(crate) fn outside(mut self, wrap: impl FnOnce(Router) -> Router + 'static) -> Self {
        self.wrap = Box::new(wrap);
        self
    }

    /// Works on this store and time, as another node of the same site would.
    pub(crate) fn beside(mut self, other: &Site) -> Self {
        self.store = other.store.clone();
        self.clock = other.clock.clone();
        self
    }

    /// The store answers later from the start.
    pub(crate) fn later(self) -> Self {
        self.store.answer_later();
        self
    }

    /// The sessions alone, without a server.
    pub(crate) fn sessions(self) -> (Sessions, Self) {
        let Self {
            clock,
            store,
            events,
            gate,
            routes,
            configure,
            wrap,
        } = self;
        let builder = Sessions::builder(store.clone())
            .with_clock(clock.clone())
            .add_audit_sink(events.clone())
            .with_log_in_page("/login")
            .with_sensitive(["/me", "/api/me"]);
        let sessions = configure(builder).build().unwrap();
        let rest = Self {
            clock,
            store,
            events,
            gate,
            routes,
            configure: Box::new(|builder| builder),
            wrap,
        };
        (sessions, rest)
    }

    /// Opens it.
    pub(crate) async fn open(self) -> Site {
        let (sessions, rest) = self.sessions();
        let app = Router::new()
            .merge(fixture(&rest.gate))
            .merge(rest.routes)
            .nest_service("/session", sessions.endpoints())
            .layer(sessions.layer());
        let app = (rest.wrap)(app);
        let (address, server) = serve(app.clone()).await;
        Site {
            address,
            sessions,
            clock: rest.clock,
            store: rest.store,
            events: rest.events,
            gate: rest.gate,
            app,
            server,
        }
    }
}

/// The routes that every site has.
///
/// `/` is public; `/me` and `/api/me` need a session; `/login?as=alice` and `/logout` do what they
/// say; `/held/{what}` waits at the gate and then reads, writes, rotates or ends; `/value/{name}`
/// sets (POST `?is=`) and shows (GET) a value.
fn fixture(gate: &Gate) -> Router {
    let gate = gate.clone();
    Router::new()
        .route("/", get(|| async { Html("Welcome") }))
        .route("/me", get(me))
        .route("/api/me", get(api_me))
        .route("/login", get(|| async { Html("Sign in") }).post(log_in))
        .route("/logout", post(log_out).get(log_out))
        .route(
            "/held/{what}",
            get({
                let gate = gate.clone();
                move |session, what| held(gate, session, what)
            })
            .post(move |session, what| held(gate, session, what)),
        )
        .route("/value/{name}", get(show_value).post(set_value))
        .route("/rotate", post(rotate))
}

async fn me(session: LiveSession) -> Html<String> {
    Html(format!("Private page of {}", subject(&session)))
}

async fn api_me(session: LiveSession) -> Json<Value> {
    let id = session.session_id().to_string();
    Json(json!({ "subject": subject(&session), "session": id }))
}

fn subject(session: &Session) -> String {
    session
        .subject()
        .map_or_else(|| "(anonymous)".to_owned(), |subject| subject.to_string())
}

async fn log_in(
    session: Session,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, StartError> {
    let subject = query.get("as").map_or("alice", String::as_str);
    let logged_in = session.log_in(subject).await?;
    Ok(Json(json!({ "session": logged_in.id().to_string() })))
}

async fn log_out(session: Session) -> Result<Farewell, LogOutError> {
    Ok(session.log_out().await?.into())
}

async fn held(gate: Gate, session: Session, Path(what): Path<String>) -> Json<Value> {
    let before = subject(&session);
    gate.pass().await;
    match what.as_str() {
        "read" => {}
        "write" => drop(session.set("held", &"written")),
        "rotate" => drop(session.rotate()),
        "update" => drop(session.update_if("held", |_: Option<u32>| 1).await),
        "log-in" => drop(session.log_in("mallory").await),
        "keep" => drop(session.leave_behind("file", "/tmp/x")),
        other => panic!("a held request does not {other}"),
    }
    Json(json!({ "secret of": before }))
}

async fn set_value(
    session: Session,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<&'static str, String> {
    let value = query.get("is").map_or("", String::as_str);
    session
        .set(&name, value)
        .map(|()| "set")
        .map_err(|error| error.to_string())
}

async fn show_value(session: Session, Path(name): Path<String>) -> Result<Json<Value>, String> {
    let value: Option<Value> = session.get(&name).map_err(|error| error.to_string())?;
    Ok(Json(value.unwrap_or(Value::Null)))
}

async fn rotate(session: Session) -> Result<&'static str, String> {
    session
        .rotate()
        .map(|()| "rotated")
        .map_err(|error| error.to_string())
}

/// Serves routes on a free port of this machine.
pub(crate) async fn serve(app: Router) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move {
        axum::serve(listener, service).await.unwrap();
    });
    (address, server)
}

/// Serves any service on hyper alone, HTTP/1 and HTTP/2.
pub(crate) async fn serve_hyper<S, B>(service: S) -> (SocketAddr, JoinHandle<()>)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let connection = auto::Builder::new(TokioExecutor::new());
                let io = TokioIo::new(stream);
                // A client that hangs up is an error here, and meant.
                let _over = connection.serve_connection_with_upgrades(io, service).await;
            });
        }
    });
    (address, server)
}

/// Sends these bytes as they are, and reads what comes until the server closes.
///
/// Put `Connection: close` into a request that the server is to answer.
pub(crate) async fn raw_bytes(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read_all(&mut stream).await
}

/// [`raw_bytes`], and the answer as text.
pub(crate) async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(&raw_bytes(address, bytes.as_ref()).await).into_owned()
}

/// Everything that comes until the connection ends, in whatever way.
pub(crate) async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let mut part = [0; 4096];
    while let Ok(bytes @ 1..) = stream.read(&mut part).await {
        read.extend_from_slice(&part[..bytes]);
    }
    read
}
