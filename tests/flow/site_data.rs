//! What is cleared in the browser, what may be stored of a response, and every header that could
//! send somebody elsewhere after an ending.

use crate::support::{Browser, Got, Site, SiteBuilder};
use adjourn::{
    BuildError, Session, Sessions, SessionsBuilder, cacheable, farewell::ClearSiteData,
    reason::EndReason, session::LogOutError, store::MemoryStore,
};
use axum::{
    Router,
    extract::Path,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use std::time::Duration;

const MARKER: &str = "__Host-adjourn-ended";
const SIGNED_OUT: &str = "/session/signed-out";

fn clears(got: &Got) -> Option<&str> {
    let value = got.header("clear-site-data");
    // R-6-8: what clears all cookies sets none.
    if value.is_some_and(|value| value.contains("\"cookies\"")) {
        for line in got.set_cookies() {
            assert!(line.contains("Max-Age=0"), "{got:?}");
        }
    }
    // R-6-5 R-6-9
    assert!(value.is_none_or(|value| !value.contains("executionContexts")));
    assert!(value.is_none() || got.header("cache-control") == Some("no-store"));
    value
}

fn clearing(what: ClearSiteData) -> SiteBuilder {
    Site::builder().configure(move |builder| builder.with_clear_site_data(what))
}

// R-6-1 R-6-3 R-6-4 R-6-15 R-7-9
#[tokio::test]
async fn each_preset_clears_what_it_says_once_and_without_taking_the_reason_away() {
    for (what, on_redirect, on_page) in [
        (ClearSiteData::storage(), "\"storage\"", "\"storage\""),
        (
            ClearSiteData::site(),
            "\"storage\"",
            "\"cookies\", \"storage\"",
        ),
        (
            ClearSiteData::kiosk(),
            "\"cache\", \"storage\"",
            "\"cache\", \"cookies\", \"storage\"",
        ),
        (
            ClearSiteData::site().and_speculation(),
            "\"storage\", \"prefetchCache\", \"prerenderCache\"",
            "\"cookies\", \"storage\", \"prefetchCache\", \"prerenderCache\"",
        ),
    ] {
        let site = clearing(what).open().await;
        let browser = site.logged_in("alice").await;
        // Beside the marker, which is to stay, no cookie is cleared (R-6-8).
        let redirect = browser.post("/logout").await;
        assert_eq!(clears(&redirect), Some(on_redirect), "{redirect:?}");
        assert!(redirect.set_cookie(MARKER).is_some());
        let page = browser.get(SIGNED_OUT).await;
        assert_eq!(clears(&page), Some(on_page), "{page:?}");
        assert!(
            page.text().contains("You signed out"),
            "the reason is still known"
        );
        assert_eq!(clears(&browser.get(SIGNED_OUT).await), None);

        // An answer that is the page itself.
        browser.log_in("alice").await;
        let answer = not_by_fetch(&browser, "/logout").await;
        assert_eq!(clears(&answer), Some(on_page), "{answer:?}");
        // A log-in of somebody else keeps its cookie.
        browser.log_in("alice").await;
        let other = not_by_fetch(&browser, "/login?as=bob").await;
        assert_eq!(clears(&other), Some(on_redirect), "{other:?}");
        assert_eq!(browser.get("/me").await.text(), "Private page of bob");
    }
}

/// For who leaves it to the script: cookies go all the same, and the reason is told.
#[tokio::test]
async fn who_wants_nothing_cleared_gets_no_header() {
    let site = Site::builder().configure(SessionsBuilder::without_clear_site_data);
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    let redirect = browser.post("/logout").await;
    assert_eq!(clears(&redirect), None, "{redirect:?}");
    let page = browser.get(SIGNED_OUT).await;
    assert_eq!(clears(&page), None, "{page:?}");
    assert!(page.text().contains("You signed out"));
    browser.log_in("alice").await;
    let other = not_by_fetch(&browser, "/login?as=bob").await;
    assert_eq!(clears(&other), None, "{other:?}");
    assert_eq!(browser.get("/me").await.text(), "Private page of bob");
}

/// The answer to a `fetch`, which a service worker may have sent, clears nothing.
async fn not_by_fetch(browser: &Browser, path: &str) -> Got {
    let ask = browser.ask(Method::POST, path);
    ask.header("sec-fetch-site", "same-origin").send().await
}

// R-6-8
#[tokio::test]
async fn a_page_that_sets_a_cookie_of_its_own_keeps_it() {
    async fn form() -> impl IntoResponse {
        ([("set-cookie", "csrf=1; Path=/")], Html("Sign in here"))
    }
    let site = clearing(ClearSiteData::site())
        .configure(|builder| builder.with_default_exit_page("/form"))
        .routes(Router::new().route("/form", get(form)))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    browser.post("/logout").await;
    let page = browser.get("/form").await;
    assert_eq!(
        page.header("clear-site-data"),
        Some("\"storage\""),
        "{page:?}"
    );
    assert_eq!(browser.jar().names(), ["csrf"]);
}

#[test]
fn who_clears_all_cookies_brings_nobody_back() {
    for what in [ClearSiteData::site(), ClearSiteData::kiosk()] {
        let builder = Sessions::builder(MemoryStore::new()).with_clear_site_data(what);
        let error = builder.with_return_to().build().unwrap_err();
        assert!(matches!(error, BuildError::ReturnWithCookiesCleared));
        assert!(error.to_string().contains("with_clear_site_data"));
    }
}

// R-14-15
#[tokio::test]
async fn browsers_are_told_who_is_logged_in_if_that_is_wanted() {
    async fn visit(session: Session) -> &'static str {
        session.start().await.unwrap();
        "a visitor"
    }
    for wanted in [false, true] {
        let site = Site::builder()
            .configure(move |builder| {
                if wanted {
                    builder.with_login_status()
                } else {
                    builder
                }
            })
            .routes(Router::new().route("/visit", post(visit)))
            .open()
            .await;
        let browser = site.browser();
        let status = |got: &Got| got.header("set-login").map(str::to_owned);
        let said = |word: &str| wanted.then(|| word.to_owned());
        assert_eq!(
            status(&browser.post_api("/visit").await),
            None,
            "nobody logged in"
        );
        assert_eq!(status(&browser.post_api("/login").await), said("logged-in"));
        assert_eq!(status(&browser.get("/me").await), None, "nothing changed");
        assert_eq!(status(&browser.post("/logout").await), said("logged-out"));
        assert_eq!(status(&browser.get(SIGNED_OUT).await), None);
        browser.log_in("alice").await;
        site.clock.advance(Duration::from_mins(15));
        assert_eq!(status(&browser.get("/me").await), said("logged-out"));
    }
}

async fn asset(Path(kind): Path<String>) -> Response {
    let mut response = Html("body { }").into_response();
    let headers = response.headers_mut();
    let mut add = |name: &'static str, value: &'static str| {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    };
    if kind != "silent" {
        add("cache-control", "private, max-age=600");
    }
    match kind.as_str() {
        "varied" => add("vary", "Accept-Encoding, COOKIE"),
        "encoded" => add("vary", "accept-encoding"),
        "any" => add("vary", "*"),
        _ => {}
    }
    response
}

async fn leave(session: Session) -> Result<Response, LogOutError> {
    let _receipt = session.log_out().await?;
    Ok(([("cache-control", "max-age=600")], "So long.").into_response())
}

fn storing() -> SiteBuilder {
    let routes = Router::new()
        .route("/asset/{kind}", get(asset))
        .route("/leave", post(leave))
        .route("/gate", get(|_: adjourn::LiveSession| async { "SECRET" }));
    Site::builder().routes(routes.route_layer(cacheable()))
}

fn vary(got: &Got) -> Vec<String> {
    let lines = got.headers.get_all("vary").iter();
    lines
        .map(|line| line.to_str().unwrap().to_owned())
        .collect()
}

// R-7-8
#[tokio::test]
async fn a_route_may_let_its_own_cache_control_stand() {
    let site = storing().open().await;
    let (visitor, browser) = (site.browser(), site.logged_in("alice").await);
    for (kind, varies) in [
        ("plain", &["cookie"][..]),
        ("encoded", &["accept-encoding", "cookie"]),
        ("varied", &["Accept-Encoding, COOKIE"]),
        ("any", &["*"]),
    ] {
        for who in [&visitor, &browser] {
            let got = who.get(&format!("/asset/{kind}")).await;
            assert_eq!(
                got.header("cache-control"),
                Some("private, max-age=600"),
                "{kind}"
            );
            assert_eq!(vary(&got), varies, "{kind}");
        }
    }
    let silent = browser.get("/asset/silent").await;
    assert_eq!(
        silent.header("cache-control"),
        Some("no-store"),
        "said nothing"
    );
    assert_eq!(
        visitor.get("/asset/silent").await.header("cache-control"),
        None
    );
    // Elsewhere nothing changes.
    assert_eq!(
        browser.get("/").await.header("cache-control"),
        Some("no-store")
    );
    assert!(vary(&visitor.get("/").await).is_empty());
}

// R-7-1 R-7-8
#[tokio::test]
async fn what_belongs_to_an_ending_is_stored_nowhere() {
    let site = storing().open().await;
    let browser = site.logged_in("alice").await;
    let got = browser.post("/leave").await;
    assert_eq!(
        (got.text(), got.header("cache-control")),
        ("So long.", Some("no-store"))
    );
    browser.log_in("alice").await;
    browser.post("/logout").await;
    let landing = browser.get("/asset/plain").await;
    assert_eq!(
        landing.header("cache-control"),
        Some("no-store"),
        "{landing:?}"
    );
    assert_eq!(landing.header("clear-site-data"), Some("\"storage\""));
    browser.log_in("alice").await;
    site.clock.advance(Duration::from_mins(15));
    for path in ["/gate", "/asset/plain"] {
        let dead = browser
            .navigate(Method::GET, path)
            .token(&browser.token().unwrap());
        let got = dead.send().await;
        assert_eq!(
            got.header("cache-control"),
            Some("no-store"),
            "{path}: {got:?}"
        );
        assert!(got.removes_session());
    }
}

// R-7-8: with both carriers, both decide.
#[tokio::test]
async fn what_is_stored_differs_by_every_carrier() {
    let site = storing()
        .configure(SessionsBuilder::with_bearer)
        .open()
        .await;
    let got = site.browser().get("/asset/plain").await;
    assert_eq!(vary(&got), ["cookie", "authorization"]);
}

/// A site whose `/bye/{header}` logs out and sets a header to the body of the request.
fn bye_site() -> SiteBuilder {
    async fn bye(session: Session, name: Path<String>, to: Bytes) -> Response {
        let _receipt = session.log_out().await.unwrap();
        let Ok(to) = HeaderValue::from_bytes(&to) else {
            return (StatusCode::IM_A_TEAPOT, "not a header value").into_response();
        };
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let mut response = Html("Bye").into_response();
        response.headers_mut().insert(name, to);
        response
    }
    Site::builder()
        .routes(Router::new().route("/bye/{header}", post(bye)))
        .configure(|builder| {
            builder
                .with_public(["/", "/login", "/logout", "/bye/*"])
                .with_origin("https://app.example")
                .add_exit_origin("https://idp.example")
                .with_exit_page(EndReason::Logout, "/")
        })
}

async fn bye(site: &Site, header: &str, to: &[u8]) -> Got {
    let browser: Browser = site.logged_in("alice").await;
    let ask = browser.fetch(Method::POST, &format!("/bye/{header}"));
    let got = ask
        .header("hx-request", "true")
        .body(to.to_vec())
        .send()
        .await;
    assert!(got.removes_session(), "{got:?}");
    got
}

fn corpus() -> Vec<Vec<u8>> {
    let lines = include_bytes!("../data/hostile-return-to.txt").split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.map(unescaped).collect()
}

/// With `\xNN` read.
fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = line;
    while let [first, tail @ ..] = rest {
        let digits = rest.strip_prefix(b"\\x").and_then(|after| after.get(..2));
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &rest[4..] } else { tail };
    }
    out
}

// R-8-13 R-8-14 P6
#[tokio::test]
async fn no_header_moves_a_browser_to_a_hostile_place_after_an_ending() {
    let site = bye_site().open().await;
    for header in [
        "hx-redirect",
        "hx-location",
        "refresh",
        "refresh-url",
        "refresh-blank",
        "refresh-comma",
    ] {
        let (mut refused, mut impossible) = (0, 0);
        for line in corpus() {
            let escapes = line
                .iter()
                .flat_map(|byte| format!("%{byte:02X}").into_bytes());
            let encoded: Vec<u8> = escapes.collect();
            for line in [line, encoded] {
                let shown = format!("{header}: {}", String::from_utf8_lossy(&line));
                let got = match header {
                    "refresh" => bye(&site, "refresh", &[b"0; url=", &*line].concat()).await,
                    "refresh-url" => bye(&site, "refresh", &[b"3;", &*line].concat()).await,
                    "refresh-blank" => bye(&site, "refresh", &[b"0 url=", &*line].concat()).await,
                    "refresh-comma" => {
                        bye(&site, "refresh", &[b"0.5 ", &*line, b","].concat()).await
                    }
                    header => bye(&site, header, &line).await,
                };
                if got.status == StatusCode::IM_A_TEAPOT {
                    impossible += 1;
                    continue;
                }
                refused += 1;
                assert_eq!(got.text(), "Bye", "{shown}");
                assert_eq!(got.header("hx-location"), None, "{shown}");
                assert_eq!(got.header("refresh"), None, "{shown}");
                let exit = header.starts_with("hx").then_some("/");
                assert_eq!(got.header("hx-redirect"), exit, "{shown}: {got:?}");
            }
        }
        assert!(
            refused > 180 && impossible > 5,
            "{refused} and {impossible}"
        );
    }
    assert!(
        site.events.count("redirect-refused") >= 20,
        "until the limit of events"
    );
}

// R-8-13
#[tokio::test]
async fn a_harmless_place_is_kept_in_every_header() {
    let site = bye_site().open().await;
    for (header, value) in [
        ("hx-redirect", "/login?x=1"),
        ("hx-redirect", "https://idp.example/end"),
        ("hx-location", "/login"),
        ("refresh", "5"),
        ("refresh", "5;"),
        ("refresh", "5; url=/login"),
        ("refresh", "5 /login"),
        ("refresh", "0;URL=https://app.example/login"),
    ] {
        let got = bye(&site, header, value.as_bytes()).await;
        assert_eq!(got.header(header), Some(value), "{got:?}");
    }
    assert_eq!(site.events.count("redirect-refused"), 0);
    for (header, value) in [
        ("hx-redirect", "/me"),
        ("hx-location", r#"{"path":"/login"}"#),
        ("refresh", "5; url=/me"),
        ("refresh", "5; url='/login'"),
    ] {
        let got = bye(&site, header, value.as_bytes()).await;
        assert_ne!(got.header(header), Some(value), "{got:?}");
    }
    assert_eq!(site.events.count("redirect-refused"), 4);
}
