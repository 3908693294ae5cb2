//! The validated request in figures: `cargo bench --bench request`. See `benches/README.md`.

#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    reason = "figures are shown rounded, and a bench that cannot run has to stop"
)]

mod harness;

use adjourn::{
    LiveSession, Session, Sessions,
    id::{SessionId, Subject, Token},
    record::Values,
    session::{LogOutError, StartError},
    store::{Attempt, Claimant, MemoryStore, NewSession, SessionStore},
};
use axum::{
    Router,
    body::Body,
    routing::{get, post},
};
use bytes::Bytes;
use harness::{Figures, Scenario, at_once};
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{
    alloc::System, cell::RefCell, convert::Infallible, env, fmt, io, io::Write, rc::Rc,
    time::Duration,
};
use tower::{Layer, service_fn};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> io::Result<()> {
    // The layer wants to start its background tasks; nothing here gives them time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let arguments: Vec<_> = env::args().collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    if let [_, "--callgrind", stack, scenario] = *arguments {
        let mut scenarios = scenarios(stack, &Population::new(COUNTED_WITH, stack));
        let scenario = scenarios.iter_mut().find(|it| it.name == scenario);
        harness::run_for_callgrind(scenario.expect("a scenario of this program"));
        return Ok(());
    }
    let mut out = io::stdout().lock();
    for count in [1, 10_000, 1_000_000] {
        for stack in STACKS {
            let population = Population::new(count, stack);
            writeln!(out, "{count} sessions, {stack}")?;
            let mut scenarios = scenarios(stack, &population);
            let mut figures = harness::measure(Some(ALLOCATOR), &mut scenarios, 201);
            if count == COUNTED_WITH {
                count_instructions(stack, &mut figures)?;
            }
            writeln!(out, "{}", harness::table(&figures))?;
        }
    }
    Ok(())
}

fn count_instructions(stack: &str, figures: &mut [Figures]) -> io::Result<()> {
    for row in figures {
        row.instructions = harness::instructions(&["--callgrind", stack, row.name])?;
    }
    Ok(())
}

/// A number of live sessions, and the cookies of some of them that are spread over all.
struct Population {
    sessions: Sessions,
    cookies: Rc<[HeaderValue]>,
}

impl Population {
    fn new(count: usize, stack: &str) -> Self {
        let store = MemoryStore::new();
        let cookies = (0..count)
            .filter_map(|number| {
                let cookie = create(&store, number);
                number
                    .is_multiple_of(count.div_ceil(MOST_COOKIES))
                    .then_some(cookie)
            })
            .collect();
        let mut builder = Sessions::builder(store);
        if stack.ends_with(PATH_RULES) {
            builder = builder.with_public(["/", "/log-in", "/log-out"]);
        }
        let sessions = builder.build().expect("a configuration without mistakes");
        Self { sessions, cookies }
    }

    /// Requests of one session after another: of a few, spread over all, as when users click
    /// through pages; or of so many that no cache holds them.
    fn requests(&self, path: &'static str, most: usize) -> impl FnMut() -> Request<Body> + 'static {
        let cookies = Rc::clone(&self.cookies);
        let (most, mut number) = (most.min(cookies.len()), 0);
        move || {
            number = (number + 1) % most;
            request(path, cookies.get(number * 7_919 % cookies.len()))
        }
    }
}

fn create(store: &MemoryStore, number: usize) -> HeaderValue {
    let id = at_once(store.mint_id(None).into_future()).expect("random bytes");
    let token = Token::new(id).expect("random bytes");
    let hour = Duration::from_hours(1);
    let session = NewSession {
        id,
        secret_hash: token.secret_hash(),
        subject: Subject::new(format!("user-{number:011}")).ok(),
        idle_timeout: Some(hour),
        touch_interval: Duration::ZERO,
        absolute_timeout: hour * 8,
        client: None,
        values: Values::from_iter([("value", [b'7'; 32].as_slice())]),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: Claimant {
            attempt: Attempt::from_bytes(*SessionId::as_bytes(&id)),
            lease: hour,
        },
        request_id: None,
    };
    at_once(store.create(session).into_future()).expect("the store is not full");
    cookie(&token.expose())
}

/// The scenarios of a stack. The log-outs take the sessions of the log-ins.
fn scenarios(stack: &str, population: &Population) -> Vec<Scenario> {
    let layer = population.sessions.layer();
    if stack.starts_with("axum") {
        // `with_state`, as `axum::serve` does it: makes the routes once and not at each request.
        let bare = router().with_state(());
        return all(&bare, &router().layer(layer).with_state(()), population);
    }
    all(
        &service_fn(bare),
        &layer.layer(service_fn(plain)),
        population,
    )
}

fn all<A, B, X, Y>(bare: &A, service: &B, population: &Population) -> Vec<Scenario>
where
    A: tower::Service<Request<Body>, Response = Response<X>, Error = Infallible> + Clone + 'static,
    B: tower::Service<Request<Body>, Response = Response<Y>, Error = Infallible> + Clone + 'static,
    X: http_body::Body<Error: fmt::Debug>,
    Y: http_body::Body<Error: fmt::Debug>,
{
    let scenario =
        |name, path| Scenario::new(name, service.clone(), population.requests(path, HOT));
    let browser = {
        let mut requests = population.requests("/account", HOT);
        Scenario::new(
            "live read, a browser's headers",
            service.clone(),
            move || with_browser_headers(requests()),
        )
    };
    let cold = population.requests("/account", usize::MAX);
    let logged_in = Rc::new(RefCell::new(Vec::<HeaderValue>::new()));
    let (tokens, log_out) = (Rc::clone(&logged_in), service.clone());
    let mut log_in = service.clone();
    let mut log_ins = Scenario::new("log-in", service.clone(), || post_to("/log-in", None));
    log_ins.collect = Box::new(move |cookie| tokens.borrow_mut().push(pair_of(&cookie)));
    vec![
        Scenario::new("bare service", bare.clone(), || request("/", None)),
        Scenario::new("anonymous", service.clone(), || request("/", None)),
        scenario("live, not read", "/"),
        scenario("live read", "/account"),
        browser,
        Scenario::new("live read, cold caches", service.clone(), cold),
        scenario("value written", "/write"),
        log_ins,
        Scenario::new("log-out", log_out, move || {
            let cookie = logged_in.borrow_mut().pop();
            let cookie = cookie.or_else(|| {
                // Alone, without the log-ins.
                let set = harness::exchange(&mut log_in, post_to("/log-in", None));
                set.as_ref().map(pair_of)
            });
            post_to("/log-out", cookie.as_ref())
        }),
    ]
}

fn router() -> Router {
    Router::new()
        .route("/", get(async || name_of(None)))
        .route("/account", get(account))
        .route("/write", get(write))
        .route("/log-in", post(log_in))
        .route("/log-out", post(log_out))
}

async fn account(session: LiveSession) -> String {
    name_of(session.subject())
}

async fn write(session: Session) -> Result<&'static str, &'static str> {
    session.set("value", VALUE).map_err(|_| "not live")?;
    Ok("Hello, somebody.")
}

async fn log_in(session: Session) -> Result<&'static str, StartError> {
    session.log_in("user-17").await?;
    Ok("Hello, somebody.")
}

async fn log_out(session: Session) -> Result<&'static str, LogOutError> {
    let _receipt = session.log_out().await?;
    Ok("Bye, somebody.")
}

/// What a service does that knows nothing of sessions: the same as `plain` at "/".
async fn bare(request: Request<Body>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = match request.uri().path() {
        "/account" => HELLO,
        _ => Bytes::from(name_of(None)),
    };
    Ok(plain_text(text))
}

/// The same without a router.
async fn plain(request: Request<Body>) -> Result<Response<Full<Bytes>>, Infallible> {
    let session = request.extensions().get::<Session>();
    let session = session.expect("the layer is there");
    let text = match request.uri().path() {
        "/account" => Bytes::from(name_of(session.subject().as_ref())),
        "/write" => session.set("value", VALUE).map(|()| HELLO).expect("live"),
        "/log-in" => session
            .log_in("user-17")
            .await
            .map(|_| HELLO)
            .expect("log-in"),
        "/log-out" => session.log_out().await.map(|_| HELLO).expect("log-out"),
        _ => Bytes::from(name_of(None)),
    };
    Ok(plain_text(text))
}

fn plain_text(text: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text));
    let text_plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, text_plain);
    response
}

/// A text of 16 characters, made anew: with a session, and as well without.
fn name_of(subject: Option<&Subject>) -> String {
    subject
        .map_or("Hello, somebody.", Subject::as_str)
        .to_owned()
}

fn request(path: &'static str, cookie: Option<&HeaderValue>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = http::Uri::from_static(path);
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("localhost:3000"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(cookie) = cookie {
        headers.insert(header::COOKIE, cookie.clone());
    }
    request
}

fn post_to(path: &'static str, cookie: Option<&HeaderValue>) -> Request<Body> {
    let mut request = request(path, cookie);
    *request.method_mut() = http::Method::POST;
    let same_origin = HeaderValue::from_static("same-origin");
    request.headers_mut().insert("sec-fetch-site", same_origin);
    request
}

/// What Chromium sends to open a page.
fn with_browser_headers(mut request: Request<Body>) -> Request<Body> {
    for (name, value) in BROWSER {
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(name, value);
    }
    request
}

fn cookie(token: &str) -> HeaderValue {
    format!("__Host-sid={token}").parse().expect("base64url")
}

/// `name=value` of a `Set-Cookie` line.
fn pair_of(line: &HeaderValue) -> HeaderValue {
    let line = line.to_str().expect("our lines are ASCII");
    let pair = line.split(';').next().unwrap_or_default();
    pair.parse().expect("a part of a header value")
}

const HELLO: Bytes = Bytes::from_static(b"Hello, somebody.");
const VALUE: &str = "thirty-two characters of a value";
/// The gate in the routes, as the crate recommends, and the path rules besides.
const STACKS: [&str; 4] = ["tower", "tower, path rules", "axum", "axum, path rules"];
const PATH_RULES: &str = "path rules";
const COUNTED_WITH: usize = 10_000;
/// How many sessions are asked for again and again.
const HOT: usize = 64;
const MOST_COOKIES: usize = 65_536;
const BROWSER: [(&str, &str); 13] = [
    ("connection", "keep-alive"),
    ("cache-control", "max-age=0"),
    ("sec-ch-ua", "\"Chromium\";v=\"130\""),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", "\"Linux\""),
    ("upgrade-insecure-requests", "1"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9"),
];
