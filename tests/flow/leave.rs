//! What becomes of a response when the session of its request ended, started or changed: every row
//! of the table.

use crate::support::{Ask, Browser, Dropped, Endless, Got, Op, Site, SiteBuilder, When, within};
use adjourn::{Session, reason::EndReason};
use axum::{
    Router,
    body::Body,
    extract::{Query, WebSocketUpgrade},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{any, get, post},
};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use std::{collections::HashMap, convert::Infallible, fmt::Write, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Mutex, oneshot},
};
use tower::{Service, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

const STORAGE: Option<&str> = Some("\"storage\"");

fn assert_farewell(got: &Got) {
    assert!(got.removes_session(), "{got:?}");
    assert_eq!(got.header("cache-control"), Some("no-store"), "{got:?}");
    assert_eq!(
        got.header("referrer-policy"),
        Some("no-referrer"),
        "{got:?}"
    );
}

// --- This request's handler ended the session. ---------------------------------------------------

async fn bye(session: Session) -> Response {
    let _receipt = session.end(EndReason::Policy).await.unwrap();
    let headers = [
        ("cache-control", "public, max-age=600"),
        ("etag", "\"bye\""),
        ("x-own", "kept"),
    ];
    (StatusCode::ACCEPTED, headers, Html("Farewell, dear user")).into_response()
}

// P5 R-4-9 R-7-1 R-6-9
#[tokio::test]
async fn the_page_of_a_handler_that_ended_the_session_is_kept_with_the_headers_of_the_ending() {
    let routes = || Router::new().route("/bye", post(bye));
    for navigates in [true, false] {
        let site = Site::builder().routes(routes()).open().await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        let got = if navigates {
            browser.post("/bye").await
        } else {
            browser.post_api("/bye").await
        };
        assert_eq!(got.status, StatusCode::ACCEPTED);
        assert_eq!(got.text(), "Farewell, dear user");
        assert_eq!(got.header("content-length"), Some("19"));
        assert_eq!(got.header("x-own"), Some("kept"));
        assert_farewell(&got);
        // After a `fetch`, which a service worker may have sent, the next page clears.
        let clears = got.header("clear-site-data");
        assert_eq!(clears, STORAGE.filter(|_| navigates));
        assert!(browser.jar().is_signed_out(), "{:?}", browser.jar());
        assert_eq!(browser.jar().is_empty(), navigates);
        assert_eq!(site.events.reasons_of(id), [EndReason::Policy]);
    }
}

async fn bye_to(session: Session, Query(query): Query<HashMap<String, String>>) -> Response {
    let _receipt = session.end(EndReason::Logout).await.unwrap();
    let status: u16 = query["status"].parse().unwrap();
    let mut response = StatusCode::from_u16(status).unwrap().into_response();
    for name in ["to", "and"] {
        if let Some(to) = query.get(name) {
            let to = to.parse().unwrap();
            response.headers_mut().append("location", to);
        }
    }
    response
}

fn leaving(configured: bool) -> SiteBuilder {
    let builder = Site::builder().routes(Router::new().route("/bye", post(bye_to)));
    if !configured {
        return builder;
    }
    builder.configure(|builder| {
        builder
            .with_origin("https://app.example")
            .add_exit_origin("https://idp.example")
            .with_exit_page(EndReason::Logout, "/goodbye")
    })
}

async fn sent_to(site: &Site, to: &str, status: u16) -> Got {
    let browser = site.logged_in("alice").await;
    let mut encoded = String::new();
    for byte in to.bytes() {
        write!(encoded, "%{byte:02X}").unwrap();
    }
    let path = format!("/bye?status={status}&to={encoded}");
    let got = browser.post(&path).await;
    assert_farewell(&got);
    got
}

// P6 R-8-7 R-8-8 R-8-9
#[tokio::test]
async fn nobody_is_sent_to_a_sensitive_page_or_off_the_site_after_an_ending() {
    let site = leaving(true).open().await;
    for to in [
        "/me",
        "/me/",
        "/ME",
        "/%6De",
        "/./me",
        "//me",
        "/me?page=1",
        "/me#top",
        "/me/deeper",
        "/api/me",
        "https://app.example/me",
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "https:evil.example",
        "https://idp.example.evil.example/",
        "https://idp.example@evil.example/",
        "https://idp.example:444/",
        "http://idp.example/",
        "javascript:alert(1)",
        "me",
        "../me",
        "?next=1",
        "",
    ] {
        let got = sent_to(&site, to, 303).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{to}");
        assert_eq!(got.header("location"), Some("/goodbye"), "{to}");
    }
}

// P6 R-8-8: whatever redirect it was, no method and no body is repeated.
#[tokio::test]
async fn a_handlers_own_harmless_redirect_is_kept_and_becomes_303() {
    let site = leaving(true).open().await;
    for to in [
        "/",
        "/welcome",
        "/login?reason=logout",
        "/menu",
        "https://app.example/",
        "https://app.example/welcome?a=1",
        "https://idp.example",
        "https://idp.example/logout?id_token_hint=x.y.z",
    ] {
        for status in [301, 302, 303, 307, 308] {
            let got = sent_to(&site, to, status).await;
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{to}");
            assert_eq!(got.header("location"), Some(to));
            assert_eq!(got.header("clear-site-data"), STORAGE);
        }
    }
}

// P6: nothing is configured; a page of the same site written out in full is not known as one.
#[tokio::test]
async fn without_a_configured_origin_only_local_paths_are_followed() {
    let site = leaving(false).open().await;
    for (to, location) in [
        ("/welcome", "/welcome"),
        ("https://app.example/welcome", "/session/signed-out"),
        ("https://idp.example/", "/session/signed-out"),
    ] {
        assert_eq!(
            sent_to(&site, to, 302).await.header("location"),
            Some(location)
        );
    }
}

// P6: a redirect that says nothing, or two things, goes to the exit page.
#[tokio::test]
async fn a_redirect_without_one_clear_target_goes_to_the_exit_page() {
    let site = leaving(true).open().await;
    for query in ["status=303", "status=303&to=%2Fa&and=%2Fb", "status=300"] {
        let browser = site.logged_in("alice").await;
        let got = browser.post(&format!("/bye?{query}")).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{query}");
        assert_eq!(got.header("location"), Some("/goodbye"), "{query}");
    }
}

// P8: the response of a handler that failed after the ending says so, and still removes.
#[tokio::test]
async fn an_error_page_after_an_ending_keeps_its_status() {
    let site = leaving(true).open().await;
    let browser = site.logged_in("alice").await;
    let got = browser.post("/bye?status=500").await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_farewell(&got); // R-5-16
    assert!(browser.jar().is_empty());
}

// --- This request logged in. ----------------------------------------------------------------------

async fn log_in_to(session: Session, Query(query): Query<HashMap<String, String>>) -> Response {
    session.log_in(query["as"].as_str()).await.unwrap();
    Redirect::to("/me").into_response()
}

async fn start(session: Session) -> &'static str {
    session.start().await.unwrap();
    "started"
}

fn entering() -> SiteBuilder {
    let routes = Router::new()
        .route("/enter", post(log_in_to))
        .route("/start", post(start));
    Site::builder().routes(routes)
}

// R-1-7 R-7-2: not a farewell, though the old session ended.
#[tokio::test]
async fn a_log_in_sets_the_new_cookie_and_removes_nothing() {
    let site = entering().open().await;
    let browser = site.browser();
    let mut last = None;
    for _ in 0..3 {
        let got = browser.post("/enter?as=alice").await;
        assert_eq!(got.status, StatusCode::SEE_OTHER);
        assert_eq!(
            got.header("location"),
            Some("/me"),
            "a sensitive page is where they want"
        );
        assert_eq!(got.set_cookies().len(), 1, "{got:?}");
        assert!(!got.removes_session());
        assert_eq!(got.header("cache-control"), Some("no-store"));
        assert_eq!(
            got.header("clear-site-data"),
            None,
            "the storage is their own"
        );
        let token = browser.token();
        assert_ne!(token, last);
        last = token;
    }
    assert_eq!(site.events.count("session-ended"), 2);
}

// P5
#[tokio::test]
async fn a_log_in_as_somebody_else_clears_the_storage_of_the_one_before() {
    let site = entering().open().await;
    let browser = site.browser();
    assert_eq!(browser.post("/start").await.header("clear-site-data"), None);
    let got = browser.post("/enter?as=alice").await;
    assert_eq!(
        got.header("clear-site-data"),
        None,
        "what a visitor stored is theirs"
    );
    let got = browser.post("/enter?as=bob").await;
    assert_eq!(got.header("clear-site-data"), STORAGE);
    assert!(!got.removes_session());
    assert_eq!(browser.get("/me").await.text(), "Private page of bob");
    let got = browser.post("/start").await;
    assert_eq!(
        got.header("clear-site-data"),
        STORAGE,
        "bob's, and the next is not bob"
    );
}

// A log-out and a log-in in one request: the last word counts.
#[tokio::test]
async fn a_handler_that_ends_and_then_logs_in_leaves_a_session() {
    async fn both(session: Session) -> Redirect {
        let _receipt = session.end(EndReason::Policy).await.unwrap();
        session.log_in("bob").await.unwrap();
        Redirect::to("/me")
    }
    let routes = Router::new().route("/both", post(both));
    let site = Site::builder().routes(routes).open().await;
    let browser = site.logged_in("alice").await;
    let got = browser.post("/both").await;
    assert_eq!(got.header("location"), Some("/me"));
    assert!(!got.removes_session());
    assert_eq!(browser.get("/me").await.text(), "Private page of bob");
}

#[tokio::test]
async fn a_handler_that_logs_in_and_then_ends_leaves_nothing() {
    async fn both(session: Session) -> &'static str {
        session.log_in("bob").await.unwrap();
        let _receipt = session.end(EndReason::Policy).await.unwrap();
        "over"
    }
    let routes = Router::new().route("/both", post(both));
    let site = Site::builder().routes(routes).open().await;
    let browser = site.logged_in("alice").await;
    let got = browser.post("/both").await;
    assert_eq!(got.text(), "over");
    assert_farewell(&got);
    assert!(browser.jar().is_empty());
    let endings: Vec<_> = site
        .events
        .endings()
        .into_iter()
        .map(|(_, why)| why)
        .collect();
    assert_eq!(endings, [EndReason::Reauthenticated, EndReason::Policy]);
}

// --- It ended elsewhere. --------------------------------------------------------------------------

const HEADERS: [(&str, &str); 9] = [
    ("content-encoding", "gzip"),
    ("content-language", "en"),
    ("etag", "\"secret\""),
    ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ("location", "/me"),
    ("set-cookie", "app=secret; Path=/"),
    ("x-balance", "1000"),
    ("link", "</me>; rel=next"),
    ("accept-ranges", "bytes"),
];

/// A page that waits at the gate and then answers with all that an answer can have.
fn waiting(builder: SiteBuilder) -> SiteBuilder {
    let gate = builder.gate.clone();
    let page = move || {
        let gate = gate.clone();
        async move {
            gate.pass().await;
            (StatusCode::OK, HEADERS, "the balance is 1000")
        }
    };
    builder.routes(Router::new().route("/wait", any(page)))
}

/// A request during which an administrator ends the session.
async fn overtaken(site: &Site, browser: &Browser, ask: Ask) -> Got {
    let id = site.session_of(browser).await;
    let slow = ask.spawn();
    site.gate.arrived().await;
    site.end(id, EndReason::Forced).await;
    site.gate.open();
    slow.await.unwrap()
}

// P1 P7 R-5-7 R-5-9
#[tokio::test]
async fn nothing_of_a_response_survives_whose_session_ended_meanwhile() {
    let site = waiting(Site::builder()).open().await;
    for method in [Method::GET, Method::POST, Method::PUT] {
        let browser = site.logged_in("alice").await;
        let ask = browser.fetch(method, "/wait");
        let got = overtaken(&site, &browser, ask).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        assert_eq!(got.reason(), "forced");
        for (name, _) in HEADERS {
            if name != "set-cookie" {
                assert_eq!(got.header(name), None, "{name}");
            }
        }
        assert_eq!(got.set_cookie("app"), None);
        assert_eq!(
            got.header("content-length"),
            Some(got.body.len().to_string().as_str())
        );
        assert_farewell(&got);
        assert!(got.headers.contains_key("www-authenticate")); // R-14-2
        assert!(browser.jar().get("__Host-sid").is_none());
    }
}

// P6 P7 R-14-1
#[tokio::test]
async fn a_navigation_whose_session_ended_meanwhile_lands_on_the_exit_page() {
    let site = waiting(Site::builder())
        .configure(|builder| builder.with_exit_page(EndReason::Forced, "/removed"))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let ask = browser.navigate(Method::GET, "/wait");
    let got = overtaken(&site, &browser, ask).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert_eq!(got.header("location"), Some("/removed"));
    assert!(got.body.is_empty());
    assert_farewell(&got);
    assert_eq!(got.header("clear-site-data"), STORAGE);
}

#[tokio::test]
async fn a_head_request_whose_session_ended_meanwhile_is_answered_without_a_body() {
    let site = waiting(Site::builder()).open().await;
    let browser = site.logged_in("alice").await;
    let ask = browser.fetch(Method::HEAD, "/wait");
    let got = overtaken(&site, &browser, ask).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert!(got.body.is_empty() && !got.broken);
    assert_eq!(got.header("x-balance"), None);
    assert_farewell(&got);
}

#[tokio::test]
async fn a_site_may_keep_the_responses_that_are_on_their_way() {
    let site = waiting(Site::builder())
        .configure(adjourn::SessionsBuilder::with_in_flight_responses_kept)
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let ask = browser.fetch(Method::GET, "/wait");
    let got = overtaken(&site, &browser, ask).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.text(), "the balance is 1000");
    assert_eq!(got.header("x-balance"), Some("1000"));
    assert_farewell(&got);
    assert_eq!(browser.token(), None, "told of the ending all the same");
    assert_eq!(
        browser.get_api("/api/me").await.status,
        StatusCode::UNAUTHORIZED
    );
}

// A request that was never logged in is nobody's business.
#[tokio::test]
async fn an_anonymous_request_is_not_touched_by_the_endings_of_others() {
    let site = waiting(Site::builder()).open().await;
    let (visitor, browser) = (site.browser(), site.logged_in("alice").await);
    let got = overtaken(&site, &browser, visitor.fetch(Method::GET, "/wait")).await;
    assert_eq!(got.text(), "the balance is 1000");
    assert_eq!(got.header("cache-control"), None);
    assert_eq!(got.header("location"), Some("/me"));
    assert_eq!(got.set_cookies(), ["app=secret; Path=/"]);
}

// More endings during one request than the node remembers: the store is asked.
#[tokio::test]
async fn a_request_outlasts_the_memory_of_endings_and_is_still_told() {
    let site = waiting(Site::builder()).open().await;
    let (browser, other) = (site.logged_in("alice").await, site.logged_in("carol").await);
    let id = site.session_of(&browser).await;
    let (lost, kept) = (
        browser.fetch(Method::GET, "/wait").spawn(),
        other.fetch(Method::GET, "/wait").spawn(),
    );
    site.gate.arrived().await;
    site.gate.arrived().await;
    let terminator = site.sessions.terminator();
    let _receipt = terminator.end(id, EndReason::Forced).await.unwrap();
    let churn: Router = site.app.clone();
    for _ in 0..adjourn::live::Live::DEFAULT_MEMORY + 2 {
        let request = Request::post("/login?as=bob").body(Body::empty()).unwrap();
        let logged_in = churn.clone().oneshot(request).await.unwrap();
        let body = logged_in.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let id = body["session"].as_str().unwrap().parse().unwrap();
        let _receipt = terminator.end(id, EndReason::Logout).await.unwrap();
    }
    site.gate.open();
    site.gate.open();
    let lost = lost.await.unwrap();
    assert_eq!(lost.status, StatusCode::UNAUTHORIZED);
    assert_eq!(lost.reason(), "forced");
    assert_eq!(kept.await.unwrap().text(), "the balance is 1000");
}

// --- Its head was sent already. -------------------------------------------------------------------

fn streams(builder: SiteBuilder, dropped: &Dropped) -> SiteBuilder {
    let stream = |content_type: &'static str, first: &'static str| {
        let dropped = dropped.clone();
        get(move |_: Session| async move {
            let body = Body::new(Endless::new(first, &dropped));
            ([("content-type", content_type)], body)
        })
    };
    let routes = Router::new()
        .route("/events", stream("text/event-stream", "data: one\n\n"))
        .route("/download", stream("application/pdf", "%PDF-1.7"))
        .route("/grpc", stream("application/grpc", "\0\0\0\0\0"))
        .route("/whole", get(|| async { vec![b'x'; 4 << 20] }));
    builder.routes(routes)
}

/// Opens a stream of a live session, reads its first frame, and ends the session.
async fn cut(site: &Site, path: &str) -> (Bytes, Bytes, bool) {
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let mut response = browser.fetch(Method::GET, path).open().await;
    assert_eq!(response.status(), StatusCode::OK);
    let first = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(site.sessions.open_connections(), 1);
    site.end(id, EndReason::Forced).await;
    let mut rest = Vec::new();
    let mut broken = false;
    while let Some(frame) = within(response.body_mut().frame()).await {
        match frame {
            Ok(frame) => rest.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => broken = true,
        }
    }
    (first.into_data().unwrap(), rest.into(), broken)
}

// P2 P4 P7 R-14-10
#[tokio::test]
async fn an_event_stream_gets_its_last_event_and_ends_cleanly() {
    let dropped = Dropped::default();
    let site = streams(Site::builder(), &dropped).open().await;
    let (first, rest, broken) = cut(&site, "/events").await;
    assert_eq!(first, "data: one\n\n");
    assert_eq!(
        rest,
        "event: session-ended\ndata: {\"reason\":\"forced\"}\n\n"
    );
    assert!(!broken);
    dropped.wait().await;
    assert_eq!(site.sessions.open_connections(), 0);
}

// P4: a cut download never looks complete.
#[tokio::test]
async fn any_other_stream_breaks_off() {
    let dropped = Dropped::default();
    let site = streams(Site::builder(), &dropped).open().await;
    let (first, rest, broken) = cut(&site, "/download").await;
    assert_eq!((&*first, &*rest), (&b"%PDF-1.7"[..], &b""[..]));
    assert!(broken);
    dropped.wait().await;
    assert_eq!(site.sessions.open_connections(), 0);
}

// P7 R-14-11
#[tokio::test]
async fn a_grpc_stream_ends_with_its_status_as_trailers() {
    let dropped = Dropped::default();
    let site = streams(Site::builder(), &dropped).open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let request = browser.ask(Method::GET, "/grpc").into_request();
    let mut body = site.app.clone().oneshot(request).await.unwrap().into_body();
    assert!(body.frame().await.unwrap().unwrap().is_data());
    site.end(id, EndReason::IdleTimeout).await;
    let trailers = within(body.frame())
        .await
        .unwrap()
        .unwrap()
        .into_trailers()
        .unwrap();
    assert_eq!(trailers["grpc-status"], "16");
    assert!(body.frame().await.is_none());
}

// What is whole is not guarded, and not cut.
#[tokio::test]
async fn a_body_of_known_size_is_sent_to_its_end() {
    let site = streams(Site::builder(), &Dropped::default()).open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let response = browser.fetch(Method::GET, "/whole").open().await;
    assert_eq!(site.sessions.open_connections(), 0);
    site.end(id, EndReason::Forced).await;
    let whole = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(whole.len(), 4 << 20);
}

#[tokio::test]
async fn a_stream_without_a_session_is_not_cut_and_not_counted() {
    let dropped = Dropped::default();
    let site = streams(Site::builder(), &dropped).open().await;
    let mut response = site.browser().fetch(Method::GET, "/events").open().await;
    assert!(response.body_mut().frame().await.is_some());
    assert_eq!(site.sessions.open_connections(), 0);
}

// P4: a client that goes away takes its registration along.
#[tokio::test]
async fn a_stream_whose_client_hung_up_is_not_held_any_more() {
    let dropped = Dropped::default();
    let site = streams(Site::builder(), &dropped).open().await;
    let browser = site.logged_in("alice").await;
    let mut socket = browser
        .fetch(Method::GET, "/events")
        .send_and_keep_socket()
        .await;
    let _head = socket.read_u8().await.unwrap();
    drop(socket);
    dropped.wait().await;
    assert_eq!(site.sessions.open_connections(), 0);
}

// --- 101. -----------------------------------------------------------------------------------------

async fn upgrade(address: std::net::SocketAddr, token: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Cookie: __Host-sid={token}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    (socket, String::from_utf8(head).unwrap())
}

// P1 R-14-6. hyper may hand over the connection that was refused once it is closed: the guard says
// that it is over.
#[tokio::test]
async fn an_upgrade_whose_session_ended_meanwhile_becomes_401() {
    let builder = Site::builder();
    let gate = builder.gate.clone();
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let ws = move |session: Session, up: WebSocketUpgrade| {
        let (gate, tell) = (gate.clone(), Arc::clone(&tell));
        async move {
            let guard = session.live().unwrap();
            gate.pass().await;
            let (failed, upgraded) = (Arc::clone(&tell), tell);
            up.on_failed_upgrade(move |_| {
                let tell = failed.try_lock().unwrap().take().unwrap();
                tell.send(None).unwrap();
            })
            .on_upgrade(move |_| async move {
                let tell = upgraded.lock().await.take().unwrap();
                tell.send(Some(guard.reason())).unwrap();
            })
        }
    };
    let routes = Router::new().route("/ws", any(ws));
    let site = builder.routes(routes).open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let (token, address) = (browser.token().unwrap(), site.address);
    let upgrading = tokio::spawn(async move { upgrade(address, &token).await });
    site.gate.arrived().await;
    site.end(id, EndReason::Forced).await;
    site.gate.open();
    let (socket, head) = upgrading.await.unwrap();
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    let head = head.to_ascii_lowercase();
    for name in ["upgrade:", "sec-websocket-accept:"] {
        assert!(!head.contains(name), "{head}");
    }
    drop(socket);
    let came_through = within(told).await.unwrap();
    assert!(matches!(came_through, None | Some(Some(EndReason::Forced))));
}

// P4 R-14-7: after the 101 it is the guard that tells.
#[tokio::test]
async fn a_socket_that_holds_the_session_is_told_when_it_ends() {
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let ws = move |session: Session, up: WebSocketUpgrade| async move {
        let guard = session.live().unwrap();
        up.on_upgrade(move |socket| async move {
            let reason = guard.ended().await;
            drop(socket);
            tell.lock().await.take().unwrap().send(reason).unwrap();
        })
    };
    let site = Site::builder()
        .routes(Router::new().route("/ws", any(ws)))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let (mut socket, head) = upgrade(site.address, &browser.token().unwrap()).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(site.sessions.open_connections(), 1);
    assert_eq!(browser.post_api("/logout").await.status, StatusCode::OK);
    assert_eq!(within(told).await.unwrap(), EndReason::Logout);
    let rest = crate::support::read_all(&mut socket).await;
    assert_eq!(rest, b"", "the connection is closed");
    assert_eq!(site.sessions.open_connections(), 0);
}

// --- The inner service failed, panicked, or was dropped. ------------------------------------------

#[derive(Debug, Eq, PartialEq)]
struct OutOfPaper(u32);

/// A service that does something with its session and fails.
async fn fails(site: &Site, what: &'static str, browser: &Browser) -> OutOfPaper {
    let inner = service_fn(move |request: Request<Body>| async move {
        let session: Session = request.extensions().get().cloned().unwrap();
        match what {
            "log-in" => drop(session.log_in("bob").await.unwrap()),
            "end" => drop(session.end(EndReason::Policy).await.unwrap()),
            "set" => session.set("draft", &1).unwrap(),
            "rotate" => session.rotate().unwrap(),
            other => panic!("{other}"),
        }
        Err::<http::Response<Body>, _>(OutOfPaper(7))
    });
    let mut service = tower::Layer::layer(&site.sessions.layer(), inner);
    let request = browser.ask(Method::POST, "/").into_request();
    match service.ready().await.unwrap().call(request).await {
        Ok(_) => panic!("it failed"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn the_error_of_the_inner_service_is_handed_on_and_commits_nothing() {
    for later in [false, true] {
        let builder = Site::builder();
        let site = if later { builder.later() } else { builder }.open().await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        for what in ["set", "rotate"] {
            assert_eq!(fails(&site, what, &browser).await, OutOfPaper(7));
        }
        let got = browser.get_api("/value/draft").await;
        assert_eq!(
            got.text(),
            "null",
            "nothing was written, and the secret is the old one"
        );
        assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);

        assert_eq!(fails(&site, "end", &browser).await, OutOfPaper(7));
        assert_eq!(
            site.events.reasons_of(id),
            [EndReason::Policy],
            "an ending stays"
        );
        assert_eq!(browser.get_api("/api/me").await.reason(), "policy");
    }
}

#[tokio::test]
async fn a_session_whose_response_became_an_error_is_ended_undelivered() {
    for later in [false, true] {
        let builder = Site::builder();
        let site = if later { builder.later() } else { builder }.open().await;
        let browser = site.browser();
        assert_eq!(fails(&site, "log-in", &browser).await, OutOfPaper(7));
        let ended = site
            .events
            .wait_for(|event| event.kind.code() == "session-ended");
        let id = ended.await.session_id.unwrap();
        assert_eq!(site.events.reasons_of(id), [EndReason::Undelivered]);
        assert!(
            site.sessions
                .page(None, 10)
                .await
                .unwrap()
                .sessions
                .is_empty()
        );
    }
}

/// Routes that log in and then never answer.
fn log_in_and_hang(builder: SiteBuilder) -> SiteBuilder {
    let gate = builder.gate.clone();
    let hang = move |session: Session| async move {
        session.log_in("bob").await.unwrap();
        gate.pass().await;
        "too late"
    };
    builder.routes(Router::new().route("/hang", post(hang)))
}

async fn assert_only_undelivered(site: &Site) {
    let ended = site
        .events
        .wait_for(|event| event.kind.code() == "session-ended");
    let _first = ended.await;
    let _left = site.sessions.shutdown().await;
    let reasons: Vec<_> = site
        .events
        .endings()
        .into_iter()
        .map(|(_, why)| why)
        .collect();
    assert_eq!(reasons, [EndReason::Undelivered]);
    let left = site.sessions.page(None, 10).await.unwrap().sessions;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_session_whose_client_hung_up_before_the_response_is_ended_undelivered() {
    for later in [false, true] {
        let builder = log_in_and_hang(Site::builder());
        let site = if later { builder.later() } else { builder }.open().await;
        let ask = site.browser().fetch(Method::POST, "/hang");
        let socket = ask.send_and_keep_socket().await;
        site.gate.arrived().await;
        drop(socket);
        site.gate.gone().await;
        assert_only_undelivered(&site).await;
    }
}

// The client goes while the store creates the session.
#[tokio::test]
async fn a_session_whose_client_hung_up_while_it_was_created_is_ended_undelivered() {
    for when in [When::Before, When::After] {
        let site = Site::builder().later().open().await;
        let held = site.store.hold(Op::Create, when);
        let ask = site.browser().fetch(Method::POST, "/login");
        let socket = ask.send_and_keep_socket().await;
        held.reached().await;
        drop(socket);
        held.release();
        assert_only_undelivered(&site).await;
    }
}

// The client goes while the session of somebody else, which the new one replaces, is ended.
#[tokio::test]
async fn a_session_whose_client_hung_up_while_the_old_one_was_ended_is_ended_undelivered() {
    for when in [When::Before, When::After] {
        let site = Site::builder().later().open().await;
        let browser = site.logged_in("alice").await;
        let old = site.session_of(&browser).await;
        let held = site.store.hold(Op::End, when);
        let ask = browser.fetch(Method::POST, "/login?as=bob");
        let socket = ask.send_and_keep_socket().await;
        held.reached().await;
        drop(socket);
        held.release();
        let undelivered = site.events.wait_for(|event| {
            event.kind.code() == "session-ended" && event.session_id != Some(old)
        });
        let new = undelivered.await.session_id.unwrap();
        assert_eq!(site.events.reasons_of(new), [EndReason::Undelivered]);
        assert_eq!(
            site.events.wait_for_ending(old).await,
            EndReason::Reauthenticated
        );
        assert!(
            site.sessions
                .page(None, 10)
                .await
                .unwrap()
                .sessions
                .is_empty()
        );
    }
}

// The response is there and the client is gone while the store commits.
#[tokio::test]
async fn a_session_whose_client_hung_up_during_the_commit_is_ended_undelivered() {
    async fn log_in_and_set(session: Session) -> &'static str {
        session.log_in("bob").await.unwrap();
        session.set("a", &1).unwrap();
        "hello"
    }
    let routes = Router::new().route("/set", post(log_in_and_set));
    let site = Site::builder().later().routes(routes).open().await;
    let held = site.store.hold(Op::Update, When::Before);
    let socket = site
        .browser()
        .fetch(Method::POST, "/set")
        .send_and_keep_socket();
    let socket = socket.await;
    held.reached().await;
    drop(socket);
    assert_only_undelivered(&site).await;
}

fn panicking() -> Router {
    async fn set_and_panic(session: Session) {
        session.set("draft", &"kept").unwrap();
        panic!("as the test wants");
    }
    async fn log_in_and_panic(session: Session) {
        session.log_in("bob").await.unwrap();
        panic!("as the test wants");
    }
    Router::new()
        .route("/set-and-panic", post(set_and_panic))
        .route("/log-in-and-panic", post(log_in_and_panic))
}

#[tokio::test]
async fn what_was_set_before_a_5xx_is_written() {
    async fn set_and_fail(session: Session) -> StatusCode {
        session.set("draft", &"kept").unwrap();
        StatusCode::BAD_GATEWAY
    }
    for later in [false, true] {
        let routes = Router::new().route("/fail", post(set_and_fail));
        let builder = Site::builder().routes(routes);
        let site = if later { builder.later() } else { builder }.open().await;
        let browser = site.logged_in("alice").await;
        assert_eq!(
            browser.post_api("/fail").await.status,
            StatusCode::BAD_GATEWAY
        );
        assert_eq!(browser.get_api("/value/draft").await.text(), "\"kept\"");
    }
}

#[tokio::test]
async fn what_was_set_before_a_panic_that_is_caught_inside_is_written() {
    let site = Site::builder()
        .routes(panicking().layer(CatchPanicLayer::new()))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let got = browser.post_api("/set-and-panic").await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.get_api("/value/draft").await.text(), "\"kept\"");
    // The 500 is a response as any other: it carries the cookie of the log-in before it.
    let got = browser.post_api("/log-in-and-panic").await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.get("/me").await.text(), "Private page of bob");
}

#[tokio::test]
async fn a_panic_that_goes_through_the_layer_writes_nothing_and_leaves_no_session() {
    let site = Site::builder()
        .routes(panicking())
        .outside(|app| app.layer(CatchPanicLayer::new()))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let got = browser.post_api("/set-and-panic").await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.get_api("/value/draft").await.text(), "null");

    let visitor = site.browser();
    let got = visitor.post_api("/log-in-and-panic").await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(visitor.jar().is_empty());
    let ended = site
        .events
        .wait_for(|event| event.kind.code() == "session-ended");
    let id = ended.await.session_id.unwrap();
    assert_eq!(site.events.reasons_of(id), [EndReason::Undelivered]);
    assert_eq!(browser.get("/me").await.text(), "Private page of alice");
}

// A future that is dropped before it was ever polled did nothing.
#[tokio::test]
async fn a_future_that_was_never_polled_did_nothing() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let inner = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(http::Response::new(Body::empty()))
    });
    let mut service = tower::Layer::layer(&site.sessions.layer(), inner);
    let request = browser.ask(Method::POST, "/").into_request();
    drop(service.ready().await.unwrap().call(request));
    assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);
    assert_eq!(site.events.codes(), ["session-started"]);
}
