//! One request of each client: what it is told when the session is over, and when it logs out.

use crate::support::{Ask, Got, Site};
use adjourn::{LiveSession, reason::EndReason};
use axum::{Router, routing::any};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{Method, StatusCode};

const EXIT: &str = "/session/signed-out";
const TURBO: &str = "text/vnd.turbo-stream.html, text/html, application/xhtml+xml";

/// What a client understands.
enum Told {
    /// 303 to this page.
    Page(&'static str),
    /// 200, nothing inside, and the script goes to this page.
    Htmx(&'static str),
    /// 401, a challenge, a problem document.
    Program,
    /// 200 with the status in the headers, of this content type.
    Grpc(&'static str),
}

/// Both gates: the layer's path rule and the route's own.
async fn site() -> Site {
    Site::builder()
        .configure(|builder| builder.with_bearer().with_sensitive(["/gated"]))
        .routes(
            Router::new()
                .route("/gated", any(|| async { "SECRET" }))
                .route("/guarded", any(|_: LiveSession| async { "SECRET" })),
        )
        .open()
        .await
}

fn clients(site: &Site, path: &str, exit: &'static str) -> Vec<(&'static str, Ask, Told)> {
    let browser = site.browser();
    let ask = |method| browser.ask(method, path);
    let fetch = |method| browser.fetch(method, path);
    let navigate = |method| browser.navigate(method, path);
    let grpc = |kind: &'static str| ask(Method::POST).header("content-type", kind);
    vec![
        ("a link", navigate(Method::GET), Told::Page(exit)),
        ("a form", navigate(Method::POST), Told::Page(exit)),
        ("a HEAD of a page", navigate(Method::HEAD), Told::Page(exit)),
        ("a fetch", fetch(Method::GET), Told::Program),
        ("a fetch that changes", fetch(Method::PUT), Told::Program),
        (
            "XHR of an old browser",
            ask(Method::GET)
                .header("accept", "text/html, */*; q=0.01")
                .header("x-requested-with", "XMLHttpRequest"),
            Told::Program,
        ),
        (
            "curl",
            ask(Method::GET).header("accept", "*/*"),
            Told::Program,
        ),
        (
            "htmx",
            fetch(Method::GET)
                .header("accept", "*/*")
                .header("hx-request", "true"),
            Told::Htmx(exit),
        ),
        (
            "htmx that posts",
            fetch(Method::POST)
                .header("accept", "text/html")
                .header("hx-request", "true"),
            Told::Htmx(exit),
        ),
        (
            "a Turbo form",
            fetch(Method::POST).header("accept", TURBO),
            Told::Page(exit),
        ),
        (
            "a Turbo frame",
            fetch(Method::GET)
                .header("accept", "text/html")
                .header("turbo-frame", "cart"),
            Told::Page(exit),
        ),
        (
            "a Turbo visit",
            fetch(Method::GET)
                .header("accept", "text/html")
                .header("x-turbo-request-id", "7"),
            Told::Page(exit),
        ),
        (
            "an EventSource",
            fetch(Method::GET).header("accept", "text/event-stream"),
            Told::Program,
        ),
        (
            "a WebSocket",
            ask(Method::GET)
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-fetch-mode", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            Told::Program,
        ),
        (
            "gRPC",
            grpc("application/grpc+proto"),
            Told::Grpc("application/grpc"),
        ),
        (
            "gRPC-Web",
            grpc("application/grpc-web+proto").header("sec-fetch-mode", "cors"),
            Told::Grpc("application/grpc-web+proto"),
        ),
        (
            "gRPC-Web as text",
            grpc("application/grpc-web-text").header("sec-fetch-mode", "cors"),
            Told::Grpc("application/grpc-web-text+proto"),
        ),
    ]
}

fn assert_told(case: &str, told: &Told, got: &Got, reason: &str) {
    let head = case.contains("HEAD");
    assert!(!got.text().contains("SECRET"), "{case}: {got:?}");
    assert_eq!(got.header("cache-control"), Some("no-store"), "{case}");
    let (location, htmx) = (got.header("location"), got.header("hx-redirect"));
    match told {
        Told::Page(page) => {
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{case}: {got:?}");
            assert_eq!((location, htmx), (Some(*page), None), "{case}");
            assert!(got.body.is_empty(), "{case}");
        }
        Told::Htmx(page) => {
            assert_eq!(got.status, StatusCode::OK, "{case}: {got:?}");
            assert_eq!((location, htmx), (None, Some(*page)), "{case}");
            assert!(got.body.is_empty(), "{case}");
        }
        Told::Program => {
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{case}: {got:?}");
            assert_eq!((location, htmx), (None, None), "{case}");
            assert!(head || got.reason() == reason, "{case}: {got:?}");
            let challenges: Vec<_> = got.headers.get_all("www-authenticate").iter().collect();
            assert!(!challenges.is_empty(), "{case}: {got:?}");
        }
        Told::Grpc(kind) => {
            assert_eq!(got.status, StatusCode::OK, "{case}: {got:?}");
            assert_eq!(got.header("content-type"), Some(*kind), "{case}");
            assert_eq!(got.header("grpc-status"), Some("16"), "{case}");
            assert!(
                got.header("grpc-message").is_some() && got.body.is_empty(),
                "{case}"
            );
        }
    }
    if !matches!(told, Told::Grpc(_)) {
        // R-14-12: which answer it is, depends on these.
        let vary = got.header("vary").unwrap();
        for name in [
            "Accept",
            "Cookie",
            "HX-Request",
            "Sec-Fetch-Mode",
            "Turbo-Frame",
        ] {
            assert!(
                vary.split(", ").any(|known| known == name),
                "{case}: {vary}"
            );
        }
    }
}

// P7 R-14-1 R-14-6 R-14-10 R-14-11 R-14-12 R-14-13
#[tokio::test]
async fn each_client_is_told_that_its_session_ended() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    site.end(site.session_of(&browser).await, EndReason::Forced)
        .await;
    for path in ["/gated", "/guarded"] {
        for (case, ask, told) in clients(&site, path, EXIT) {
            let got = ask.token(&token).send().await;
            assert_told(&format!("{case} {path}"), &told, &got, "forced");
            assert!(got.removes_session(), "{case}: {got:?}");
        }
    }
}

// P7 R-14-14
#[tokio::test]
async fn each_client_without_a_session_is_told_so() {
    let site = site().await;
    for path in ["/gated", "/guarded"] {
        for (case, ask, told) in clients(&site, path, "/login") {
            let got = ask.send().await;
            assert_told(&format!("{case} {path}"), &told, &got, "no-session");
        }
    }
}

// R-14-3: whatever else it says of itself.
#[tokio::test]
async fn who_presents_a_bearer_token_is_a_program() {
    let site = site().await;
    for (case, ask, told) in clients(&site, "/gated", EXIT) {
        let got = ask.bearer("junk").send().await;
        let told = match told {
            Told::Grpc(kind) => Told::Grpc(kind),
            Told::Htmx(_) | Told::Page(_) | Told::Program => Told::Program,
        };
        assert_told(case, &told, &got, "no-session");
        assert!(got.set_cookies().is_empty(), "{case}: {got:?}");
    }
}

// R-14-14
#[tokio::test]
async fn a_preflight_of_cors_passes_and_other_options_do_not() {
    let site = site().await;
    let options = || site.browser().ask(Method::OPTIONS, "/gated");
    let preflight = options()
        .header("origin", "https://app.example")
        .header("access-control-request-method", "PUT");
    assert_eq!(preflight.send().await.status, StatusCode::OK);
    let got = options()
        .header("origin", "https://app.example")
        .send()
        .await;
    assert_told("options", &Told::Program, &got, "no-session");
}

// R-14-12 R-14-13
#[tokio::test]
async fn each_client_that_logs_out_is_sent_where_it_understands() {
    let site = site().await;
    for (case, change, told) in [
        ("a form", None, Told::Page(EXIT)),
        ("htmx", Some(("hx-request", "true")), Told::Htmx(EXIT)),
        ("Turbo", Some(("accept", TURBO)), Told::Page(EXIT)),
    ] {
        let browser = site.logged_in("alice").await;
        let got = match change {
            None => browser.post("/logout").await,
            Some((name, value)) => {
                let ask = browser.fetch(Method::POST, "/logout").header(name, value);
                ask.send().await
            }
        };
        assert_told(case, &told, &got, "logout");
        assert!(got.removes_session(), "{case}: {got:?}");
        // The page behind it says why, and clears where the first answer could not.
        assert!(
            browser.get(EXIT).await.text().contains("You signed out"),
            "{case}"
        );
        assert!(browser.jar().is_empty(), "{case}");
    }
    let browser = site.logged_in("alice").await;
    let got = browser.post_api("/logout").await;
    assert_eq!(got.json()["ended"], true);
    assert!(got.header("vary").unwrap().contains("HX-Request"));
}

/// Every client of the table, from this site's own pages, with this method.
fn own(
    site: &Site,
    path: &str,
    method: &Method,
) -> impl Iterator<Item = (&'static str, Ask, Told)> {
    let method = method.clone();
    let all = clients(site, path, EXIT).into_iter();
    all.map(move |(case, ask, told)| {
        let ask = ask.header("sec-fetch-site", "same-origin");
        (case, ask.method(method.clone()), told)
    })
}

// R-14-1 R-14-6 R-14-10 R-14-11 R-14-12 R-14-13: by a handler, and by the endpoint.
#[tokio::test]
async fn each_client_is_told_in_its_way_that_it_logged_out() {
    let site = site().await;
    for path in ["/logout", "/session/end"] {
        for (case, ask, told) in own(&site, path, &Method::POST) {
            let token = site.logged_in("alice").await.token().unwrap();
            let got = ask.token(&token).send().await;
            let case = format!("{case} {path}");
            match told {
                Told::Page(_) | Told::Htmx(_) => assert_told(&case, &told, &got, "logout"),
                Told::Program => {
                    assert_eq!(got.status, StatusCode::OK, "{case}: {got:?}");
                    assert_eq!(
                        got.header("content-type"),
                        Some("application/json"),
                        "{case}"
                    );
                    assert_eq!(got.text(), r#"{"ended":true,"reason":"logout"}"#, "{case}");
                }
                Told::Grpc(kind) => {
                    assert_eq!(got.status, StatusCode::OK, "{case}: {got:?}");
                    assert_eq!(got.header("content-type"), Some(kind), "{case}");
                    assert_eq!(got.header("grpc-status"), None, "{case}: in the trailers");
                    assert_eq!(grpc_body(&got), "0 bytes, grpc-status:0", "{case}");
                }
            }
            assert_eq!(got.header("cache-control"), Some("no-store"), "{case}");
            assert!(got.removes_session(), "{case}: {got:?}");
        }
    }
}

/// The one message and, in gRPC-Web, the trailers.
fn grpc_body(got: &Got) -> String {
    let body = match got.header("content-type") {
        Some(text) if text.contains("-text") => BASE64_STANDARD.decode(&got.body).unwrap(),
        _ => got.body.to_vec(),
    };
    let (message, trailers) = body.split_at(5);
    assert_eq!(message, [0; 5], "not compressed, and empty");
    let Some((head, trailers)) = trailers.split_at_checked(5) else {
        // HTTP/1.1 has none; `sockets::grpc` reads them.
        return "0 bytes, grpc-status:0".to_owned();
    };
    assert_eq!(head, [0x80, 0, 0, 0, u8::try_from(trailers.len()).unwrap()]);
    let trailers = std::str::from_utf8(trailers).unwrap();
    format!("0 bytes, {}", trailers.strip_suffix("\r\n").unwrap())
}

// A forged log-out has no effect, and each client understands so.
#[tokio::test]
async fn each_client_is_told_in_its_way_that_its_log_out_was_refused() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    for path in ["/logout", "/session/end", "/session/extend"] {
        for (case, ask, told) in own(&site, path, &Method::POST) {
            let forged = ask.header("sec-fetch-site", "cross-site");
            let got = forged.token(&token).send().await;
            let case = format!("{case} {path}");
            match told {
                Told::Grpc(kind) => {
                    assert_eq!(got.status, StatusCode::OK, "{case}: {got:?}");
                    assert_eq!(got.header("content-type"), Some(kind), "{case}");
                    assert_eq!(got.header("grpc-status"), Some("7"), "{case}");
                    assert!(got.body.is_empty(), "{case}");
                }
                Told::Htmx(_) | Told::Page(_) | Told::Program => {
                    assert_eq!(got.status, StatusCode::FORBIDDEN, "{case}: {got:?}");
                    assert_eq!(got.reason(), "cross-site", "{case}");
                }
            }
            assert!(got.set_cookies().is_empty(), "{case}: {got:?}");
        }
    }
    assert_eq!(browser.get("/me").await.status, StatusCode::OK);
    assert!(site.events.endings().is_empty());
}

// What docs/openapi.json describes is not negotiated: whoever asks gets the document.
#[tokio::test]
async fn how_the_session_stands_is_the_same_document_for_every_client() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    let asks = |site: &Site| {
        let status = own(site, "/session/status", &Method::GET);
        let extend = own(site, "/session/extend", &Method::POST);
        status.chain(extend).collect::<Vec<_>>()
    };
    for (case, ask, _) in asks(&site) {
        let got = ask.token(&token).send().await;
        assert_eq!(got.status, StatusCode::OK, "{case}: {got:?}");
        assert_eq!(
            got.header("content-type"),
            Some("application/json"),
            "{case}"
        );
        assert_eq!(got.json()["state"], "live", "{case}");
    }
    browser.post("/logout").await;
    for (case, ask, _) in asks(&site) {
        let got = ask.token(&token).send().await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{case}: {got:?}");
        assert_eq!(
            got.header("content-type"),
            Some("application/problem+json"),
            "{case}"
        );
        assert_eq!(got.json()["state"], "ended", "{case}");
        assert_eq!(got.reason(), "logout", "{case}");
    }
}

// Turbo fetches the page behind the redirect itself, and then loads it: only that is a landing.
#[tokio::test]
async fn what_turbo_fetches_is_no_landing() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    browser
        .fetch(Method::POST, "/logout")
        .header("accept", TURBO)
        .send()
        .await;
    let followed = browser
        .fetch(Method::GET, EXIT)
        .header("accept", TURBO)
        .send()
        .await;
    assert!(
        followed
            .text()
            .contains("<meta name=\"turbo-visit-control\" content=\"reload\">")
    );
    assert!(followed.text().contains("You signed out"));
    assert!(followed.header("clear-site-data").is_none() && followed.set_cookies().is_empty());
    let loaded = browser.get(EXIT).await;
    assert!(loaded.header("clear-site-data").is_some(), "{loaded:?}");
}

// R-9-8
#[tokio::test]
async fn a_refused_log_out_says_on_what_it_depends() {
    let site = site().await;
    let browser = site.logged_in("alice").await;
    let forged = browser
        .navigate(Method::POST, "/logout")
        .header("sec-fetch-site", "cross-site");
    for got in [forged.send().await, browser.get("/logout").await] {
        let vary = got.header("vary").unwrap();
        assert!(
            vary.contains("Origin") && vary.contains("Sec-Fetch-Site"),
            "{got:?}"
        );
        assert!(got.set_cookies().is_empty(), "{got:?}");
    }
}
