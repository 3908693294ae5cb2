//! The layer wherever it may be put: around routers, routes, services, other layers, itself.

use crate::support::{Ask, Browser, Dropped, Endless, Op, Site, raw, serve, serve_hyper, within};
use adjourn::{
    Endpoints, Farewell, LiveSession, PeerAddr, Session, SessionLayer, SessionService, Sessions,
    SessionsBuilder, Terminator,
    carrier::CookieSpec,
    layer::{RequireSession, ResponseFuture},
    live::{LiveGuard, SessionBody},
    reason::EndReason,
    require_session,
    session::LogIn,
    store::MemoryStore,
    terminate::{Ended, EndedAll},
};
use axum::{
    Router,
    body::Body,
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    cell::Cell,
    convert::Infallible,
    fmt,
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, cors::CorsLayer,
    timeout::TimeoutLayer, trace::TraceLayer,
};

async fn log_in(session: Session) -> &'static str {
    session.log_in("alice").await.unwrap();
    "hello"
}

async fn me(session: LiveSession) -> String {
    session.subject().unwrap().to_string()
}

async fn log_out(session: Session) -> Farewell {
    session.log_out().await.unwrap().into()
}

fn routes() -> Router {
    Router::new()
        .route("/login", post(log_in))
        .route("/me", get(me))
        .route("/logout", post(log_out))
}

/// Log in, be known, log out, be nobody.
async fn assert_works(browser: &Browser) {
    let got = browser.post_api("/login").await;
    assert_eq!(got.status, StatusCode::OK, "{got:?}");
    assert_eq!(got.set_cookies().len(), 1, "{got:?}");
    let old = browser.token().unwrap();
    let got = browser.get_api("/me").await;
    assert_eq!((got.status, got.text()), (StatusCode::OK, "alice"));
    assert_eq!(got.header("cache-control"), Some("no-store"));
    let got = browser.post_api("/logout").await;
    assert_eq!(
        (got.status, got.removes_session()),
        (StatusCode::OK, true),
        "{got:?}"
    );
    let stale = browser.fetch(Method::GET, "/me").token(&old).send().await;
    assert_eq!(stale.reason(), "logout");
    assert_eq!(browser.get_api("/me").await.reason(), "no-session");
}

// --- Arrangements. --------------------------------------------------------------------------------

#[tokio::test]
async fn around_a_router_its_routes_and_by_a_service_builder() {
    for arrangement in 0..4 {
        let (sessions, rest) = Site::builder().sessions();
        let layer = sessions.layer();
        let app = match arrangement {
            0 => routes().layer(layer),
            1 => routes().route_layer(layer),
            2 => routes().layer(
                ServiceBuilder::new()
                    .layer(layer)
                    .layer(CatchPanicLayer::new()),
            ),
            _ => Router::new().fallback_service(routes_in_a_service(&layer)),
        };
        let (address, server) = serve(app).await;
        assert_works(&Browser::new(address)).await;
        assert!(rest.store.calls(Op::CheckIn) >= 3);
        server.abort();
    }
}

fn routes_in_a_service(layer: &SessionLayer) -> SessionService<Router> {
    layer.layer(routes())
}

// Two layers of one `Sessions`: one check-in, one cookie, one commit.
#[tokio::test]
async fn several_layers_of_the_same_sessions_are_one() {
    let (sessions, rest) = Site::builder().sessions();
    let inner = Router::new()
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/me", get(me))
        .route(
            "/set",
            post(|session: Session| async move { session.set("a", &1).unwrap() }),
        )
        .route(
            "/rotate",
            post(|session: Session| async move { session.rotate().unwrap() }),
        )
        .route_layer(sessions.layer())
        .layer(sessions.clone().layer());
    let app = inner.layer(sessions.layer());
    let (address, server) = serve(app).await;
    let browser = Browser::new(address);
    assert_works(&browser).await;
    let got = browser.post_api("/login").await;
    assert!(got.set_cookie("__Host-sid").is_some(), "{got:?}");
    assert_eq!(got.set_cookies().len(), 2, "and the marker goes: {got:?}");
    let before = rest.store.calls(Op::CheckIn);
    assert_eq!(browser.get_api("/me").await.status, StatusCode::OK);
    assert_eq!(rest.store.calls(Op::CheckIn), before + 1);
    assert_eq!(browser.post_api("/set").await.status, StatusCode::OK);
    assert_eq!(rest.store.calls(Op::Update), 1);
    assert_eq!(browser.post_api("/rotate").await.set_cookies().len(), 1);
    assert_eq!(rest.store.calls(Op::Rotate), 1);
    server.abort();
}

// Two `Sessions` with cookies of their own: neither knows the other.
#[tokio::test]
async fn layers_of_different_sessions_keep_apart() {
    let (staff, _) = Site::builder()
        .configure(|builder| builder.with_cookie(CookieSpec::new("__Host-staff")))
        .sessions();
    let (public, _) = Site::builder().sessions();
    let staff_only = routes().layer(staff.layer());
    let app = Router::new()
        .nest("/staff", staff_only)
        .merge(routes())
        .layer(public.layer());
    let (address, server) = serve(app).await;
    let browser = Browser::new(address);
    assert_eq!(browser.post_api("/login").await.status, StatusCode::OK);
    assert_eq!(
        browser.get_api("/staff/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        browser.post_api("/staff/login").await.status,
        StatusCode::OK
    );
    assert_eq!(browser.jar().names(), ["__Host-sid", "__Host-staff"]);
    assert_eq!(browser.get_api("/staff/me").await.text(), "alice");
    assert_eq!(
        browser.post_api("/staff/logout").await.status,
        StatusCode::OK
    );
    assert_eq!(browser.jar().names(), ["__Host-sid"]);
    assert_eq!(
        browser.get_api("/staff/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(browser.get_api("/me").await.text(), "alice");
    server.abort();
}

/// The documented order, outermost first: trace, panics, CORS, compression, session, timeout.
fn usual_stack(sessions: &Sessions, dropped: &Dropped) -> Router {
    let origin = HeaderValue::from_static("https://spa.example");
    let cors = CorsLayer::new()
        .allow_origin(origin)
        .allow_credentials(true);
    let (streamed, slow) = (dropped.clone(), dropped.clone());
    routes()
        .route(
            "/page",
            get(|_: LiveSession| async { "a page ".repeat(100) }),
        )
        .route(
            "/stream",
            get(move |_: LiveSession| async move {
                let body = Body::new(Endless::new("plain text that goes on", &streamed));
                ([("content-type", "text/plain")], body)
            }),
        )
        .route(
            "/slow",
            get(move |session: Session| async move {
                session.set("a", &1).unwrap();
                let _tells = Endless::new("", &slow);
                std::future::pending::<()>().await;
            }),
        )
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_millis(1),
        ))
        .layer(sessions.layer())
        .layer(CompressionLayer::new())
        .layer(cors)
        .layer(CatchPanicLayer::new())
        .layer(TraceLayer::new_for_http())
}

#[tokio::test]
async fn among_the_usual_layers_in_the_documented_order() {
    let dropped = Dropped::default();
    let (sessions, _) = Site::builder().sessions();
    let app = usual_stack(&sessions, &dropped);
    let (address, server) = serve(app).await;
    let browser = Browser::new(address);
    let from_the_spa = |path: &str| {
        let ask: Ask = browser.fetch(Method::GET, path);
        ask.header("origin", "https://spa.example")
    };
    // A script of the other origin can read the 401.
    let got = from_the_spa("/me").send().await;
    assert_eq!(got.reason(), "no-session");
    assert_eq!(
        got.header("access-control-allow-origin"),
        Some("https://spa.example")
    );

    assert_works(&browser).await;
    assert_eq!(browser.post_api("/login").await.status, StatusCode::OK);
    let got = from_the_spa("/page")
        .header("accept-encoding", "gzip")
        .send()
        .await;
    assert_eq!(got.header("content-encoding"), Some("gzip"));
    assert_eq!(got.header("cache-control"), Some("no-store"));

    // What ran into the timeout inside is a response like any other.
    let got = from_the_spa("/slow").send().await;
    assert_eq!(got.status, StatusCode::REQUEST_TIMEOUT);
    dropped.wait().await;
    assert_eq!(from_the_spa("/page").send().await.status, StatusCode::OK);

    // A stream is cut, compressed or not.
    for encoding in ["identity", "gzip"] {
        assert_eq!(browser.post_api("/login").await.status, StatusCode::OK);
        let ask = from_the_spa("/stream").header("accept-encoding", encoding);
        let response = ask.open().await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
        assert!(
            within(response.into_body().collect()).await.is_err(),
            "{encoding}: broken off"
        );
        dropped.wait().await;
    }
    server.abort();
}

// --- Without axum. --------------------------------------------------------------------------------

async fn plain_hyper(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let session = request.extensions().get::<Session>().cloned().unwrap();
    assert!(request.extensions().get::<PeerAddr>().is_none());
    let text = |text: String| Response::new(Full::from(text));
    Ok(match (request.method(), request.uri().path()) {
        (&Method::POST, "/login") => text(log_in(session).await.to_owned()),
        (&Method::POST, "/logout") => match session.log_out().await {
            Ok(ended) => Farewell::from(ended).into_http_response(),
            Err(error) => text(error.to_string()),
        },
        _ => text(session.subject().unwrap().to_string()),
    })
}

// Bare hyper, HTTP/1.
#[tokio::test]
async fn in_a_bare_hyper_stack_over_http_1() {
    let (sessions, _) = Site::builder().sessions();
    let service = sessions.layer().layer(service_fn(plain_hyper));
    let (address, server) = serve_hyper(service).await;
    assert_works(&Browser::new(address)).await;
    let malformed = raw(
        address,
        "GET /me HTTP/1.1\r\nConnection: close\r\nHost: a\r\n\r\n",
    )
    .await;
    assert!(malformed.starts_with("HTTP/1.1 401 "), "{malformed}");
    server.abort();
}

// Bare hyper, HTTP/2: several requests on one connection, cookies in crumbs (R-5-12).
#[tokio::test]
async fn in_a_bare_hyper_stack_over_http_2() {
    let (sessions, _) = Site::builder().sessions();
    let service = sessions.layer().layer(service_fn(plain_hyper));
    let (address, server) = serve_hyper(service).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let request = |method: Method, path: &str, token: Option<&str>| {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://app.example{path}"))
            .header("sec-fetch-site", "same-origin")
            .header("accept", "application/json");
        if let Some(token) = token {
            request = request.header("cookie", "a=1").header("cookie", token);
        }
        request.body(Empty::<Bytes>::new()).unwrap()
    };
    let logged_in = sender
        .send_request(request(Method::POST, "/login", None))
        .await
        .unwrap();
    let token = logged_in.headers()["set-cookie"].to_str().unwrap();
    let token = token.split(';').next().unwrap();
    let me = || request(Method::GET, "/me", Some(token));
    let (one, other) = (sender.send_request(me()), sender.clone().send_request(me()));
    for got in [one.await.unwrap(), other.await.unwrap()] {
        assert_eq!(got.status(), StatusCode::OK);
        assert_eq!(got.into_body().collect().await.unwrap().to_bytes(), "alice");
    }
    let got = sender
        .send_request(request(Method::POST, "/logout", Some(token)))
        .await
        .unwrap();
    assert_eq!(got.status(), StatusCode::OK);
    assert_eq!(
        sender.send_request(me()).await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    server.abort();
}

// HTTP/2: a cut stream is reset, and the connection lives on for the others.
#[tokio::test]
async fn over_http_2_only_the_stream_of_the_session_is_reset() {
    let dropped = Dropped::default();
    let stream = {
        let dropped = dropped.clone();
        get(move |_: LiveSession| async move { Body::new(Endless::new("first", &dropped)) })
    };
    let site = Site::builder().routes(Router::new().route("/stream", stream));
    let site = site.open().await;
    let (address, server) = serve_hyper(site.app.clone()).await;
    let (alice, bob) = (site.logged_in("alice").await, site.logged_in("bob").await);
    let tcp = TcpStream::connect(address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tcp));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let mut bodies = Vec::new();
    for browser in [&alice, &bob] {
        let mut request = browser.fetch(Method::GET, "/stream").into_request();
        *request.uri_mut() = "https://app.example/stream".parse().unwrap();
        request.headers_mut().remove("host");
        let mut response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.body_mut().frame().await.unwrap().is_ok());
        bodies.push(response.into_body());
    }
    let (mut bobs, mut alices) = (bodies.pop().unwrap(), bodies.pop().unwrap());
    let id = site.session_of(&alice).await;
    site.end(id, EndReason::Forced).await;
    assert!(within(alices.frame()).await.unwrap().is_err());
    assert_eq!(site.sessions.open_connections(), 1, "bob's goes on");
    let id = site.session_of(&bob).await;
    site.end(id, EndReason::Forced).await;
    assert!(within(bobs.frame()).await.unwrap().is_err());
    server.abort();
}

// The address of the peer comes by the extensions there.
#[tokio::test]
async fn a_bare_server_tells_the_peers_address_by_an_extension() {
    let site = Site::open().await;
    let inner = service_fn(|request: Request<Body>| async move {
        let session = request.extensions().get::<Session>().unwrap();
        let address = session.request_client().address().unwrap().to_string();
        Ok::<_, Infallible>(Response::new(address))
    });
    let mut service = site.sessions.layer().layer(inner);
    let mut request = Request::new(Body::empty());
    let peer: std::net::SocketAddr = ([192, 0, 2, 7], 443).into();
    request.extensions_mut().insert(PeerAddr(peer));
    let got = service.ready().await.unwrap().call(request).await.unwrap();
    let body = got.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "192.0.2.7");
}

// --- Any service. ---------------------------------------------------------------------------------

async fn answer<S, B>(
    sessions: &Sessions,
    inner: S,
    request: Request<B>,
) -> Result<String, S::Error>
where
    S: Service<Request<B>> + Clone,
    SessionService<S>: Service<Request<B>, Error = S::Error>,
    <SessionService<S> as Service<Request<B>>>::Response: Into<Response<SessionBody<Full<Bytes>>>>,
{
    let mut service = sessions.layer().layer(inner);
    let response = service.ready().await?.call(request).await?;
    let body = response.into().into_body().collect().await;
    Ok(String::from_utf8(body.unwrap().to_bytes().to_vec()).unwrap())
}

struct NotAnErrorTrait(u8);

// Any request body, any error type, `!Send` services and futures.
#[tokio::test]
async fn any_body_any_error_and_services_that_stay_on_their_thread() {
    let (sessions, _) = Site::builder().later().sessions();
    let token = adjourn::id::Token::new(adjourn::id::SessionId::random().unwrap()).unwrap();
    let with_cookie = |body| {
        let cookie = format!("__Host-sid={}", token.expose().as_str());
        Request::builder()
            .header("cookie", cookie)
            .body(body)
            .unwrap()
    };

    let calls = Rc::new(Cell::new(0));
    let local = {
        let calls = Rc::clone(&calls);
        service_fn(move |request: Request<Rc<str>>| {
            let calls = Rc::clone(&calls);
            async move {
                tokio::task::yield_now().await;
                calls.set(calls.get() + 1);
                let body = request.into_body().to_string();
                Ok::<_, NotAnErrorTrait>(Response::new(Full::from(body)))
            }
        })
    };
    let got = answer(&sessions, local, with_cookie(Rc::<str>::from("local"))).await;
    assert_eq!(got.ok().as_deref(), Some("local"));
    assert_eq!(calls.get(), 1);

    let failing =
        service_fn(|_: Request<()>| async { Err::<Response<Full<Bytes>>, _>(NotAnErrorTrait(7)) });
    match answer(&sessions, failing, Request::new(())).await {
        Err(NotAnErrorTrait(seven)) => assert_eq!(seven, 7),
        Ok(body) => panic!("{body}"),
    }
}

// Response bodies of other types.
#[tokio::test]
async fn any_response_body_of_bytes() {
    async fn body_of<R>(sessions: &Sessions, body: R) -> Bytes
    where
        R: http_body::Body<Data = Bytes> + Clone + Send + 'static,
        R::Error: Into<Box<dyn std::error::Error + Send + Sync>> + fmt::Debug,
    {
        let inner = service_fn(move |_: Request<()>| {
            ready(Ok::<_, Infallible>(Response::new(body.clone())))
        });
        let mut service = sessions.layer().layer(inner);
        let response = service.ready().await.unwrap().call(Request::new(())).await;
        response
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
    }
    let (sessions, _) = Site::builder().sessions();
    assert_eq!(
        body_of(&sessions, Full::new(Bytes::from("full"))).await,
        "full"
    );
    assert_eq!(body_of(&sessions, String::from("string")).await, "string");
    assert_eq!(body_of(&sessions, Empty::<Bytes>::new()).await, "");
}

/// Counts what it promised, and panics when it is called without.
#[derive(Debug, Default)]
struct Careful {
    ready: bool,
}

impl Clone for Careful {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl Service<Request<Body>> for Careful {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(self.ready, "called without having been polled ready");
        self.ready = false;
        ready(Ok(Response::new(Body::empty())))
    }
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called() {
    for later in [false, true] {
        let builder = Site::builder();
        let site = if later { builder.later() } else { builder }.open().await;
        let browser = site.logged_in("alice").await;
        let mut service = site.sessions.layer().layer(Careful::default());
        for _ in 0..3 {
            let request = browser.ask(Method::GET, "/").into_request();
            let answered = service.ready().await.unwrap().call(request);
            assert_eq!(answered.await.unwrap().status(), StatusCode::OK);
            let request = Request::new(Body::empty());
            let answered = service.ready().await.unwrap().call(request);
            assert_eq!(answered.await.unwrap().status(), StatusCode::OK);
        }
        // The gate in the routes as well.
        let gated = require_session().layer(Careful::default());
        let mut service = site.sessions.layer().layer(gated);
        let request = browser.ask(Method::GET, "/").into_request();
        let answered = service.ready().await.unwrap().call(request);
        assert_eq!(answered.await.unwrap().status(), StatusCode::OK);
    }
}

#[derive(Clone)]
struct NeverReady;

impl Service<Request<Body>> for NeverReady {
    type Response = Response<Body>;
    type Error = &'static str;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, &'static str>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Err("overloaded"))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        panic!("never ready")
    }
}

#[tokio::test]
async fn the_readiness_of_the_inner_service_is_the_layers() {
    let (sessions, _) = Site::builder().sessions();
    let mut service = sessions.layer().layer(NeverReady);
    assert_eq!(service.ready().await.err(), Some("overloaded"));
}

// --- Mistakes. ------------------------------------------------------------------------------------

// A missing layer is named.
#[tokio::test]
async fn without_the_layer_the_error_says_what_is_missing() {
    let app = Router::new()
        .route("/session", get(|_: Session| async {}))
        .route("/live", get(|_: LiveSession| async {}))
        .route("/maybe", get(|_: Option<LiveSession>| async {}))
        .route("/terminator", get(|_: Terminator| async {}))
        .route(
            "/gated",
            get(|| async { "reached" }).layer(require_session()),
        );
    let (address, server) = serve(app).await;
    let browser = Browser::new(address);
    for path in ["/session", "/live", "/maybe", "/terminator"] {
        let got = browser.get_api(path).await;
        assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(got.text().starts_with("no session layer"), "{got:?}");
        assert!(got.text().contains(".layer(sessions.layer())"), "{got:?}");
    }
    let got = browser.get_api("/gated").await;
    assert_eq!(
        (got.status, got.text()),
        (StatusCode::INTERNAL_SERVER_ERROR, ""),
        "closed"
    );
    server.abort();
}

// Routes added after the layer have none: they fail, they do not leak.
#[tokio::test]
async fn a_route_added_after_the_layer_fails_closed() {
    let (sessions, _) = Site::builder().sessions();
    let app = routes()
        .layer(sessions.layer())
        .route("/late", get(me))
        .route(
            "/later",
            get(|| async { "reached" }).layer(require_session()),
        );
    let (address, server) = serve(app).await;
    let browser = Browser::new(address);
    assert_eq!(browser.post_api("/login").await.status, StatusCode::OK);
    for path in ["/late", "/later"] {
        assert_eq!(
            browser.get_api(path).await.status,
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
    server.abort();
}

// --- Types and runtimes. --------------------------------------------------------------------------

#[test]
fn everything_is_made_before_a_runtime_exists() {
    let sessions = Sessions::builder(MemoryStore::new())
        .on_end("hook", |_| async { Ok::<(), Infallible>(()) })
        .build()
        .unwrap();
    sessions.start();
    let (layer, terminator) = (sessions.layer(), sessions.terminator());
    let app = routes()
        .nest_service("/session", sessions.endpoints())
        .layer(layer);
    drop(app.clone());
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let request = Request::post("/login").body(Body::empty()).unwrap();
            let got = app.clone().oneshot(request).await.unwrap();
            assert_eq!(got.status(), StatusCode::OK);
            assert_eq!(terminator.sweep().await.unwrap(), 0);
        });
    }
    drop(terminator);
}

#[test]
fn what_must_move_between_threads_can() {
    fn all<T: Clone + Send + Sync + Unpin + fmt::Debug + 'static>() {}
    fn shared<T: Send + Sync + Unpin + fmt::Debug + 'static>() {}
    fn sent<T: Send + fmt::Debug>() {}

    all::<Sessions>();
    all::<SessionLayer>();
    all::<SessionService<Router>>();
    all::<RequireSession<Router>>();
    all::<Session>();
    all::<LiveSession>();
    all::<Terminator>();
    all::<Endpoints>();
    all::<Farewell>();
    all::<Ended>();
    all::<EndedAll>();
    all::<LogIn>();
    all::<PeerAddr>();
    shared::<LiveGuard>();
    shared::<SessionBody<Full<Bytes>>>();
    sent::<SessionsBuilder>();
    sent::<ResponseFuture<Router, Body, Body>>();
}

// Futures that handlers hold across awaits: checked by being compiled.
#[expect(dead_code, reason = "only type-checked")]
fn futures(session: &Session) {
    fn is_send<T: Send>(_: &T) {}
    is_send(&session.log_in("a"));
    is_send(&session.log_out());
    is_send(&session.end(EndReason::Policy));
    is_send(&session.end_others(EndReason::Policy));
    is_send(&session.update_if("a", |a: Option<u8>| a.unwrap_or(0)));
    is_send(&session.rotate_bearer());
}
