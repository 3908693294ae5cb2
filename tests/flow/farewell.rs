//! What a browser sees of an ending: the answer, the headers, the page on which it lands.

use crate::cookies::bearer_log_in;
use crate::support::{Ask, Browser, Got, Site, SiteBuilder, raw};
use adjourn::{
    Farewell, Session, carrier::CookieSpec, id::SessionId, reason::EndReason, session::LogOutError,
};
use axum::{
    Router,
    body::Bytes,
    extract::Path,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ETAG, IF_NONE_MATCH, LOCATION},
};
use std::time::Duration;

const MARKER: &str = "__Host-adjourn-ended";
const SIGNED_OUT: &str = "/session/signed-out";

fn clears(got: &Got) -> bool {
    let value = got.header("clear-site-data");
    // R-6-1 R-6-3 R-6-4 R-6-5: quoted, and nothing but the storage.
    assert!(value.is_none() || value == Some("\"storage\""), "{value:?}");
    // R-6-9
    assert!(value.is_none() || got.header("cache-control") == Some("no-store"));
    value.is_some()
}

fn removes(got: &Got, name: &str) -> bool {
    got.set_cookie(name)
        .is_some_and(|line| line.starts_with(&format!("{name}=;")) && line.contains("Max-Age=0"))
}

async fn end(site: &Site, browser: &Browser, reason: EndReason) -> SessionId {
    let id = site.session_of(browser).await;
    let receipt = site.sessions.terminator().end(id, reason).await.unwrap();
    assert_eq!(receipt.id(), Some(id));
    id
}

// R-6-6 R-6-7 R-6-9 R-6-1 R-1-22 R-8-8
#[tokio::test]
async fn the_page_after_a_log_out_clears_what_the_redirect_could_not_once() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;

    let got = browser.post("/logout").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert_eq!(got.header("location"), Some(SIGNED_OUT));
    assert_eq!(got.header("referrer-policy"), Some("no-referrer"));
    assert!(clears(&got) && got.removes_session(), "{got:?}");
    assert_eq!(
        got.set_cookie(MARKER),
        Some(&*format!(
            "{MARKER}=1.logout.{id}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"
        ))
    );
    assert_eq!(browser.jar().names(), [MARKER]);

    let page = browser.get(SIGNED_OUT).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(clears(&page) && removes(&page, MARKER), "{page:?}");
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(browser.jar().is_empty(), "{:?}", browser.jar());

    let again = browser.get(SIGNED_OUT).await;
    assert!(
        !clears(&again) && again.set_cookies().is_empty(),
        "{again:?}"
    );
}

// R-6-6: an answer that is no redirect clears by itself and leaves no marker.
#[tokio::test]
async fn an_answer_that_is_the_page_itself_needs_no_marker() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    // Not a `fetch`: see below.
    let ask = browser.ask(Method::POST, "/logout");
    let ask = ask.header("sec-fetch-site", "same-origin");
    let got = ask.send().await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(
        got.json(),
        serde_json::json!({ "ended": true, "reason": "logout" })
    );
    assert!(clears(&got) && removes(&got, MARKER), "{got:?}");
    assert!(browser.jar().is_empty());
}

// R-6-7: the landing clears nobody's storage who did not leave.
#[tokio::test]
async fn without_a_marker_no_page_clears() {
    let site = Site::open().await;
    let browser = site.browser();
    for path in [SIGNED_OUT, "/", "/login", "/me"] {
        let got = browser.get(path).await;
        assert!(
            !clears(&got) && got.set_cookies().is_empty(),
            "{path}: {got:?}"
        );
    }
}

// R-6-7
#[tokio::test]
async fn the_marker_waits_for_the_user_to_open_a_page() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    browser.post("/logout").await;
    let open = |method, path| browser.navigate(method, path);
    for (case, ask) in [
        (
            "another site's link",
            open(Method::GET, "/").header("sec-fetch-site", "cross-site"),
        ),
        (
            "a frame",
            open(Method::GET, "/").header("sec-fetch-dest", "iframe"),
        ),
        (
            "a prefetch",
            open(Method::GET, "/").header("sec-purpose", "prefetch"),
        ),
        ("a form", open(Method::POST, "/login")),
        ("a HEAD", open(Method::HEAD, SIGNED_OUT)),
        ("a fetch", browser.fetch(Method::GET, "/")),
        ("a script's poll", browser.fetch(Method::GET, "/api/me")),
        ("a program", browser.ask(Method::GET, "/")),
        ("a redirect", open(Method::GET, "/me")),
    ] {
        let got = ask
            .without_jar()
            .header("cookie", marker_of(&browser))
            .send()
            .await;
        let cleared = clears(&got);
        if case == "a form" {
            // Who logs in has landed.
            assert!(!cleared && removes(&got, MARKER), "{case}: {got:?}");
        } else {
            assert!(!cleared && got.set_cookies().is_empty(), "{case}: {got:?}");
        }
    }
    let own_page = browser.get("/").await;
    assert!(
        clears(&own_page) && removes(&own_page, MARKER),
        "any page of the site: {own_page:?}"
    );
    assert_eq!(own_page.header("cache-control"), Some("no-store"));
}

fn marker_of(browser: &Browser) -> String {
    format!("{MARKER}={}", browser.jar().value(MARKER).unwrap())
}

// R-6-7
#[tokio::test]
async fn beside_a_live_session_the_marker_does_nothing() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = SessionId::random().unwrap();
    browser.plant(&format!("{MARKER}=1.logout.{id}; Path=/; Secure"));
    for path in ["/", "/me", "/login", SIGNED_OUT] {
        let got = browser.get(path).await;
        assert!(
            !clears(&got) && got.set_cookies().is_empty(),
            "{path}: {got:?}"
        );
    }
    let page = browser.get(SIGNED_OUT).await;
    assert!(
        !page.text().contains("signed out"),
        "who is signed in is not: {page:?}"
    );
}

// R-6-7
#[tokio::test]
async fn logging_in_again_takes_the_marker_away() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    browser.post("/logout").await;
    assert_eq!(browser.jar().names(), [MARKER]);
    browser.log_in("alice").await;
    assert_eq!(browser.jar().names(), ["__Host-sid"]);
    assert!(!clears(&browser.get("/me").await));
}

#[tokio::test]
async fn a_marker_that_is_not_ours_says_and_does_nothing() {
    let site = Site::open().await;
    let id = SessionId::random().unwrap();
    for junk in [
        "x".to_owned(),
        "1".to_owned(),
        "1.logout".to_owned(),
        format!("2.logout.{id}"),
        format!("1.<script>alert(1)</script>.{id}"),
        format!("1.UPPER.{id}"),
        format!("1.logout.{id}.more"),
        "1.logout.".to_owned() + &"A".repeat(4000),
    ] {
        let got = marked(&site, &junk).send().await;
        assert!(
            !clears(&got) && got.set_cookies().is_empty(),
            "{junk}: {got:?}"
        );
        assert!(
            got.text().contains("There is no active session"),
            "{junk}: {got:?}"
        );
        assert!(!got.text().contains("<script>"));
    }
    // A well-formed one that was forged at this very browser: a text and an empty storage.
    let got = marked(&site, &format!("1.account-closed.{id}"))
        .send()
        .await;
    assert!(clears(&got) && removes(&got, MARKER));
    assert!(got.text().contains("Your session has ended."));
    assert!(!got.text().contains("account-closed"));
    let token = "A".repeat(64);
    let got = marked(&site, &format!("1.logout.{id}; __Host-sid={token}"))
        .send()
        .await;
    assert!(!clears(&got), "it is no session: {got:?}");
}

fn marked(site: &Site, marker: &str) -> Ask {
    site.browser()
        .navigate(Method::GET, SIGNED_OUT)
        .header("cookie", format!("{MARKER}={marker}"))
}

// R-6-14
#[tokio::test]
async fn a_burst_of_background_requests_clears_nothing_and_the_next_page_does() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    end(&site, &browser, EndReason::Forced).await;
    let burst: Vec<_> = (0..20)
        .map(|_| browser.fetch(Method::GET, "/api/me").spawn())
        .collect();
    for got in burst {
        let got = got.await.unwrap();
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        assert!(!clears(&got), "{got:?}");
    }
    // P7: not to the log-in without a word.
    let page = browser.get("/me").await;
    assert_eq!(page.header("location"), Some(SIGNED_OUT), "{page:?}");
    assert!(!clears(&page), "{page:?}");
    let exit = browser.get(SIGNED_OUT).await;
    assert!(clears(&exit), "{exit:?}");
    assert!(exit.text().contains("by an administrator"), "{exit:?}");
    assert!(!clears(&browser.get("/login").await));
    let page = browser.get("/me").await;
    assert_eq!(page.header("location"), Some("/login"), "told: {page:?}");
}

// P7
#[tokio::test]
async fn the_first_page_after_a_background_request_tells_why_and_the_second_leads_to_the_log_in() {
    for returns in [false, true] {
        for reason in [
            EndReason::Forced,
            EndReason::Superseded,
            EndReason::IdleTimeout,
        ] {
            let site = Site::builder().configure(move |builder| {
                if returns {
                    builder.with_return_to()
                } else {
                    builder
                }
            });
            let site = site.open().await;
            let browser = site.logged_in("alice").await;
            end(&site, &browser, reason.clone()).await;
            browser.fetch(Method::GET, "/favicon.ico").send().await;
            browser.fetch(Method::GET, "/api/me").send().await;
            let leads_to = async |ask: Ask| {
                let got = ask.send().await;
                got.header("location").unwrap_or_default().to_owned()
            };
            let page = || browser.navigate(Method::GET, "/me");
            // What nobody reads, or nobody asked for, tells nobody.
            let ahead = page().header("sec-purpose", "prefetch");
            assert_ne!(leads_to(ahead).await, SIGNED_OUT, "{reason} {returns}");
            let elsewhere = page().header("sec-fetch-site", "cross-site");
            assert_eq!(leads_to(elsewhere).await, "/login", "{reason} {returns}");
            let form = browser.navigate(Method::POST, "/me");
            assert_eq!(leads_to(form).await, "/login", "{reason} {returns}");

            // The exit page may be of another server, which never sees the marker: no circle.
            assert_eq!(leads_to(page()).await, SIGNED_OUT, "{reason} {returns}");
            assert_eq!(leads_to(page()).await, "/login", "{reason} {returns}");
            let exit = browser.get(SIGNED_OUT).await;
            assert!(clears(&exit), "{reason} {returns}: {exit:?}");
            let shown = exit.text();
            assert!(
                !shown.contains("You are not signed in"),
                "{reason}: {shown}"
            );
            assert_eq!(leads_to(page()).await, "/login", "{reason} {returns}");
        }
    }
}

// R-6-2 R-5-4
#[tokio::test]
async fn where_browsers_would_ignore_it_nothing_claims_to_clear() {
    let site = Site::builder()
        .configure(|builder| {
            builder.with_cookie(CookieSpec::new("sid").with_insecure_no_secure_attribute())
        })
        .open()
        .await;
    let browser = site.browser().on_plain_http();
    browser.post_api("/login").await;
    assert_eq!(browser.jar().names(), ["sid"]);
    let got = browser.post("/logout").await;
    assert_eq!(got.header("clear-site-data"), None, "{got:?}");
    assert_eq!(
        got.set_cookie("sid"),
        Some(
            "sid=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        )
    );
    assert_eq!(browser.jar().names(), ["adjourn-ended"]);
    let page = browser.get(SIGNED_OUT).await;
    assert_eq!(page.header("clear-site-data"), None, "{page:?}");
    assert!(page.text().contains("You signed out"));
    assert!(browser.jar().is_empty(), "{:?}", browser.jar());
}

// A service worker may have sent what a `fetch` sent, and Chromium stops it to clear the storage.
#[tokio::test]
async fn the_answer_to_a_fetch_leaves_the_clearing_to_the_next_page() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let got = browser.post_api("/login?as=bob").await;
    assert!(!clears(&got), "{got:?}");
    let got = browser.post_api("/logout").await;
    assert!(!clears(&got) && got.removes_session(), "{got:?}");
    assert_eq!(browser.jar().names(), [MARKER]);
    let page = browser.get(SIGNED_OUT).await;
    assert!(
        clears(&page) && page.text().contains("You signed out"),
        "{page:?}"
    );
    assert!(browser.jar().is_empty(), "{:?}", browser.jar());

    // A navigation that a worker passes on, as Firefox and Chromium do.
    for mode in ["same-origin", "navigate"] {
        let browser = site.logged_in("alice").await;
        let forwarded = |method, path| {
            browser
                .ask(method, path)
                .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
                .header("sec-fetch-dest", "empty")
                .header("sec-fetch-mode", mode)
                .header("sec-fetch-site", "same-origin")
                .header("upgrade-insecure-requests", "1")
        };
        let got = forwarded(Method::POST, "/logout").send().await;
        assert_eq!(got.header("location"), Some(SIGNED_OUT), "{mode}: {got:?}");
        assert!(!clears(&got) && got.removes_session(), "{mode}: {got:?}");
        let page = forwarded(Method::GET, SIGNED_OUT).send().await;
        assert!(!clears(&page), "{mode}: {page:?}");
        assert!(page.text().contains("You signed out"), "{mode}: {page:?}");
        assert!(clears(&browser.get(SIGNED_OUT).await), "{mode}");
    }
}

// R-6-8
#[tokio::test]
async fn no_wanted_cookie_is_beside_a_directive_that_removes_cookies() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    for got in [browser.post("/logout").await, browser.get(SIGNED_OUT).await] {
        assert!(clears(&got), "the storage only: {got:?}");
        assert!(!got.header("clear-site-data").unwrap().contains("cookies"));
    }
    // A log-in of somebody else empties the storage and keeps its new cookie.
    browser.log_in("alice").await;
    let got = browser.post_api("/login?as=alice").await;
    assert!(!clears(&got), "the same user: {got:?}");
    let got = browser.post("/login?as=bob").await;
    assert!(clears(&got), "another user: {got:?}");
    assert!(!got.removes_session(), "{got:?}");
    assert_eq!(browser.get("/me").await.text(), "Private page of bob");
}

// R-7-1 R-7-2 R-1-22
#[tokio::test]
async fn nothing_about_a_session_is_stored_whatever_the_handler_says() {
    async fn cacheable() -> impl IntoResponse {
        let keep = "public, max-age=600, s-maxage=600, must-revalidate";
        [("cache-control", keep), ("expires", "0"), ("pragma", "x")]
    }
    let site = Site::builder()
        .routes(Router::new().route("/asset", get(cacheable)))
        .open()
        .await;
    let anonymous = site.browser().get("/asset").await;
    assert!(
        anonymous
            .header("cache-control")
            .unwrap()
            .starts_with("public")
    );

    let browser = site.browser();
    let mut answers = vec![("log-in", browser.post_api("/login").await)];
    answers.push(("asset", browser.get("/asset").await));
    answers.push(("page", browser.get("/me").await));
    answers.push(("interface", browser.get_api("/api/me").await));
    answers.push(("not found", browser.get_api("/nowhere").await));
    let token = browser.token().unwrap();
    answers.push(("log-out", browser.post("/logout").await));
    answers.push(("landing", browser.get(SIGNED_OUT).await));
    answers.push(("landing again", browser.get(SIGNED_OUT).await));
    for (case, ask) in [
        ("dead, page", browser.navigate(Method::GET, "/me")),
        ("dead, public page", browser.navigate(Method::GET, "/asset")),
        ("dead, interface", browser.fetch(Method::GET, "/api/me")),
    ] {
        answers.push((case, ask.token(&token).send().await));
    }
    for (case, path) in [("refused page", "/me"), ("refused interface", "/api/me")] {
        answers.push((case, browser.get(path).await));
        answers.push((case, browser.get_api(path).await));
    }
    for (case, got) in answers {
        assert_eq!(
            got.header("cache-control"),
            Some("no-store"),
            "{case}: {got:?}"
        );
        assert_eq!(
            (got.header("expires"), got.header("pragma")),
            (None, None),
            "{case}"
        );
        if case.starts_with("dead") || case.starts_with("refused") || case.starts_with("log-out") {
            assert_eq!(
                got.header("referrer-policy"),
                Some("no-referrer"),
                "{case}: {got:?}"
            );
        }
    }
}

// R-7-4
#[tokio::test]
async fn a_dead_cookie_is_removed_wherever_it_is_presented() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    end(&site, &browser, EndReason::Forced).await;
    for ask in [
        browser.navigate(Method::GET, "/"),
        browser.navigate(Method::GET, "/me"),
        browser.navigate(Method::GET, SIGNED_OUT),
        browser.navigate(Method::POST, "/logout"),
        browser.fetch(Method::GET, "/api/me"),
        browser.fetch(Method::GET, "/value/x"),
        browser.fetch(Method::HEAD, "/api/me"),
        browser.fetch(Method::GET, "/nowhere"),
    ] {
        let got = ask.token(&token).send().await;
        assert!(got.removes_session(), "{got:?}");
    }
    // A page that the user opens with it clears at once and needs no marker.
    let got = browser
        .navigate(Method::GET, "/")
        .token(&token)
        .send()
        .await;
    assert_eq!(got.text(), "Welcome");
    assert!(clears(&got) && removes(&got, MARKER), "{got:?}");
    // For another site's link and for a script only the marker is left.
    for ask in [
        browser
            .navigate(Method::GET, "/")
            .header("sec-fetch-site", "cross-site"),
        browser
            .navigate(Method::GET, "/")
            .header("sec-purpose", "prefetch"),
        browser.fetch(Method::GET, "/"),
    ] {
        let got = ask.token(&token).send().await;
        assert!(!clears(&got), "{got:?}");
        assert!(
            got.set_cookie(MARKER).unwrap().contains("=1.forced."),
            "{got:?}"
        );
    }
}

// R-7-4: to remove the replaced one would remove the one that replaced it.
#[tokio::test]
async fn a_replaced_token_is_refused_and_not_removed() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let old = browser.token().unwrap();
    browser.post_api("/rotate").await;
    assert_ne!(browser.token().unwrap(), old);
    let got = browser
        .fetch(Method::GET, "/api/me")
        .token(&old)
        .send()
        .await;
    assert_eq!(got.reason(), "outdated");
    assert!(got.set_cookies().is_empty() && !clears(&got), "{got:?}");
    let got = browser
        .navigate(Method::GET, "/me")
        .token(&old)
        .send()
        .await;
    assert_eq!(got.header("location"), Some("/login"));
    assert!(got.set_cookies().is_empty() && !clears(&got), "{got:?}");
    assert_eq!(site.events.count("outdated-token"), 2);
    assert!(browser.get("/me").await.status.is_success());
}

// R-7-7
#[tokio::test]
async fn a_dead_session_gets_no_not_modified() {
    async fn cached(_: adjourn::LiveSession, headers: HeaderMap) -> Response {
        match headers.get(IF_NONE_MATCH).map(HeaderValue::as_bytes) {
            Some(b"\"7\"") => StatusCode::NOT_MODIFIED.into_response(),
            _ => ([(ETAG, "\"7\"")], "private").into_response(),
        }
    }
    let site = Site::builder()
        .configure(|builder| builder.with_sensitive(["/gated"]))
        .routes(
            Router::new()
                .route("/cached", get(cached))
                .route("/gated", get(cached)),
        )
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    let conditional = |ask: Ask| ask.token(&token).header("if-none-match", "\"7\"");
    let got = conditional(browser.fetch(Method::GET, "/cached"))
        .send()
        .await;
    assert_eq!(
        got.status,
        StatusCode::NOT_MODIFIED,
        "while it lives: {got:?}"
    );
    end(&site, &browser, EndReason::Forced).await;
    for path in ["/cached", "/gated"] {
        let got = conditional(browser.fetch(Method::GET, path)).send().await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{path}: {got:?}");
        assert_eq!(got.header("etag"), None);
        let got = conditional(browser.navigate(Method::GET, path))
            .send()
            .await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{path}: {got:?}");
    }
}

// R-5-7 R-5-1
#[tokio::test]
async fn named_cookies_go_with_the_session_and_not_before() {
    async fn act(session: Session, what: Path<String>) -> impl IntoResponse {
        if what.0 == "end" {
            let _receipt = session.end(EndReason::Policy).await.unwrap();
        }
        axum::response::AppendHeaders([
            ("set-cookie", "theme=dark; Path=/app"),
            ("set-cookie", "other=1"),
            ("set-cookie", "theme=dark; Path=/"),
        ])
    }
    let site = Site::builder()
        .configure(|builder| {
            builder
                .add_cookie_to_clear(CookieSpec::new("theme").with_path("/app"))
                .add_cookie_to_clear(CookieSpec::new("cart").with_domain("app.example"))
        })
        .routes(Router::new().route("/act/{what}", any(act)))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let got = browser.get_api("/act/read").await;
    assert_eq!(
        got.set_cookies().len(),
        3,
        "the application's own business: {got:?}"
    );
    let got = browser.get_api("/act/end").await;
    assert_eq!(
        got.set_cookie("theme"),
        Some(
            "theme=; Path=/app; Secure; HttpOnly; SameSite=Lax; Max-Age=0; \
              Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        )
    );
    assert!(
        got.set_cookie("cart")
            .unwrap()
            .starts_with("cart=; Path=/; Domain=app.example; Secure")
    );
    assert_eq!(got.set_cookie("other"), Some("other=1"));
    assert_eq!(got.set_cookies()[0], "other=1", "first what was there");
}

/// A site of a bearer client, and its token.
async fn bearer_site() -> (Site, String) {
    let site = Site::builder()
        .configure(|builder| {
            builder
                .with_bearer()
                .add_cookie_to_clear(CookieSpec::new("theme"))
        })
        .routes(Router::new().route("/token", post(bearer_log_in)))
        .open()
        .await;
    let got = site.browser().ask(Method::POST, "/token").send().await;
    assert_eq!(
        got.header("cache-control"),
        Some("no-store"),
        "R-7-1: {got:?}"
    );
    let token = got.text().to_owned();
    (site, token)
}

// R-14-3
#[tokio::test]
async fn a_bearer_client_gets_no_cookies_and_no_browser_headers() {
    let (site, token) = bearer_site().await;
    let browser = site.browser();
    let live = browser
        .ask(Method::GET, "/api/me")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(live.json()["subject"], "robot");
    let bye = browser
        .ask(Method::POST, "/logout")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(bye.json()["reason"], "logout");
    // What a browser would send changes nothing.
    let dead = browser
        .navigate(Method::GET, "/me")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(dead.status, StatusCode::UNAUTHORIZED);
    assert_eq!(dead.reason(), "logout");
    let junk = browser
        .navigate(Method::GET, "/me")
        .bearer("junk")
        .send()
        .await;
    assert_eq!(junk.reason(), "no-session");
    for got in [live, bye, dead, junk] {
        assert!(got.set_cookies().is_empty(), "{got:?}");
        for name in ["clear-site-data", "referrer-policy", "location"] {
            assert_eq!(got.header(name), None, "{got:?}");
        }
        assert_eq!(got.header("cache-control"), Some("no-store"), "{got:?}");
    }
}

#[tokio::test]
async fn the_signed_out_page_says_why() {
    let site = Site::builder()
        .configure(|builder| builder.with_log_in_page("/login?a=1&b=%22c%22"))
        .open()
        .await;
    let id = SessionId::random().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for (code, text) in [
        ("logout", "Your session has ended."),
        ("logout-elsewhere", "You signed out on another device."),
        ("reauthenticated", "Your session has ended."),
        (
            "idle-timeout",
            "You were signed out after 15 minutes without activity.",
        ),
        (
            "absolute-timeout",
            "Your session reached its maximum length.",
        ),
        ("forced", "You were signed out by an administrator."),
        ("credential-change", "Your sign-in details were changed."),
        (
            "identity-provider",
            "Your identity provider ended your session.",
        ),
        (
            "superseded",
            "You signed in on another device, and the session limit was reached.",
        ),
        ("subject-disabled", "This account is not active any more."),
        ("policy", "Your session was ended for security reasons."),
        ("lost", "Your session has ended."),
        ("undelivered", "Your session has ended."),
        ("account-closed", "Your session has ended."),
    ] {
        let got = marked(&site, &format!("1.{code}.{id}")).send().await;
        assert!(got.text().contains(text), "{code}: {got:?}");
        assert!(
            got.text().contains("<a href=\"/login?a=1&amp;b=%22c%22\">"),
            "{got:?}"
        );
        seen.insert(code);
    }
    let got = site.browser().get(SIGNED_OUT).await;
    assert!(got.text().contains("There is no active session"));
    let reasons = include_str!("../../src/reason.rs");
    for line in reasons
        .lines()
        .skip_while(|line| !line.contains("pub fn code"))
        .take(20)
    {
        let code = line.split('"').nth(1);
        assert!(
            code.is_none_or(|code| seen.contains(code)),
            "no text for {code:?}"
        );
    }
}

#[tokio::test]
async fn the_signed_out_page_needs_nothing_and_is_only_read() {
    let site = Site::open().await;
    let browser = site.browser();
    let page = browser.get(SIGNED_OUT).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(policy.contains("style-src 'sha256-") && !policy.contains("unsafe"));
    let text = page.text();
    for foreign in [
        "<script", "<link", "<img", "http:", "https:", "@import", "url(",
    ] {
        assert!(!text.contains(foreign), "{foreign}: {text}");
    }
    for needed in [
        "<!doctype html>",
        "lang=\"en\"",
        "<title>",
        "<main",
        "<h1",
        "viewport",
    ] {
        assert!(text.contains(needed), "{needed}: {text}");
    }
    // R-1-13: nothing to log out of here, and no link anywhere that would.
    assert!(!text.contains("logout"));

    let head = browser.navigate(Method::HEAD, SIGNED_OUT).send().await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let got = browser.navigate(method, SIGNED_OUT).send().await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(got.header("allow"), Some("GET, HEAD"));
    }
    let got = browser.get("/session/nowhere").await;
    assert_eq!(got.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn each_reason_may_have_its_page() {
    let site = Site::builder()
        .configure(|builder| {
            builder
                .with_exit_page(EndReason::IdleTimeout, "/timed-out?why=idle")
                .with_exit_page(EndReason::Logout, "/bye")
                .with_default_exit_page("/ended")
        })
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    assert_eq!(
        browser.post("/logout").await.header("location"),
        Some("/bye")
    );

    browser.log_in("alice").await;
    site.clock.advance(Duration::from_mins(15));
    let got = browser.get("/me").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert_eq!(got.header("location"), Some("/timed-out?why=idle"));
    assert!(got.removes_session());

    browser.log_in("alice").await;
    end(&site, &browser, EndReason::Forced).await;
    assert_eq!(browser.get("/me").await.header("location"), Some("/ended"));
    // Without any session: the log-in page.
    assert_eq!(browser.get("/me").await.header("location"), Some("/login"));
}

// R-8-9
#[tokio::test]
async fn the_host_header_moves_nobody() {
    let site = Site::open().await;
    for host in [
        "evil.example",
        "evil.example:443",
        "app.example@evil.example",
        "//evil.example",
    ] {
        let token = site.logged_in("alice").await.token().unwrap();
        for (target, path) in [("/me", "GET"), ("/logout", "POST"), ("/me", "GET")] {
            let cookie = if path == "GET" { "x" } else { &token };
            let wire = format!(
                "{path} {target} HTTP/1.1\r\nhost: {host}\r\nx-forwarded-host: {host}\r\n\
                 x-forwarded-proto: ftp\r\nforwarded: host={host}\r\naccept: text/html\r\n\
                 sec-fetch-site: same-origin\r\ncookie: __Host-sid={cookie}\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n"
            );
            let answer = raw(site.address, wire).await;
            assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
            let location = answer
                .lines()
                .find_map(|line| line.strip_prefix("location: "));
            assert!(matches!(location, Some("/login" | SIGNED_OUT)), "{answer}");
            assert!(!answer.contains("evil"), "{answer}");
        }
    }
}

/// A site whose `/bye` logs out and redirects to the body of the request, with a status.
fn site_with_bye() -> SiteBuilder {
    async fn bye(session: Session, status: Path<u16>, to: Bytes) -> Response {
        let _receipt = session.log_out().await.unwrap();
        let mut response = StatusCode::from_u16(status.0).unwrap().into_response();
        for line in to.split(|byte| *byte == b'|') {
            let Ok(location) = HeaderValue::from_bytes(line) else {
                return (StatusCode::IM_A_TEAPOT, "not a header value").into_response();
            };
            response.headers_mut().append(LOCATION, location);
        }
        response
    }
    Site::builder().routes(Router::new().route("/bye/{status}", post(bye)))
}

async fn bye(site: &Site, status: u16, to: &[u8]) -> Got {
    let browser = site.logged_in("alice").await;
    let form = browser.navigate(Method::POST, &format!("/bye/{status}"));
    form.body(to.to_vec()).send().await
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

// R-8-6 R-8-8 P6
#[tokio::test]
async fn after_an_ending_a_hostile_redirect_goes_to_the_exit_page() {
    let site = site_with_bye()
        .configure(|builder| {
            builder
                .with_public(["/", "/login", "/logout", "/bye/*"])
                .with_origin("https://app.example")
        })
        .open()
        .await;
    let (mut replaced, mut impossible) = (0, 0);
    let encoded = |line: &Vec<u8>| {
        let escapes = line.iter().map(|byte| format!("%{byte:02X}"));
        escapes.collect::<String>().into_bytes()
    };
    for line in corpus().into_iter().flat_map(|line| [encoded(&line), line]) {
        let shown = String::from_utf8_lossy(&line).into_owned();
        let got = bye(&site, 302, &line).await;
        assert!(got.removes_session(), "{shown}: {got:?}");
        assert!(!got.headers.contains_key("x-injected"), "{shown}: {got:?}");
        if got.status == StatusCode::IM_A_TEAPOT {
            impossible += 1;
            continue;
        }
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{shown}");
        assert_eq!(got.header("location"), Some(SIGNED_OUT), "{shown}");
        replaced += 1;
    }
    assert!(
        replaced > 180 && impossible > 5,
        "{replaced} and {impossible}"
    );
}

// R-8-8
#[tokio::test]
async fn after_an_ending_a_redirect_repeats_no_method_and_leads_where_it_may() {
    let site = site_with_bye()
        .configure(|builder| {
            builder
                .with_origin("https://app.example")
                .add_exit_origin("https://idp.example")
                .with_exit_page(EndReason::Logout, "/gone")
        })
        .open()
        .await;
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let got = bye(&site, status, b"/").await;
        assert_eq!(
            (got.status.as_u16(), got.header("location")),
            (303, Some("/")),
            "{status}"
        );
    }
    for (to, allowed) in [
        ("/", true),
        ("/login?next=%2Fme#top", true),
        ("/meadow", true),
        ("https://app.example/login", true),
        ("https://app.example", false),
        ("https://idp.example", true),
        (
            "https://idp.example/end?post_logout_redirect_uri=https%3A%2F%2Fapp.example",
            true,
        ),
        ("/me", false),
        ("/me/", false),
        ("/me?x", false),
        ("/%6De", false),
        ("/ME", false),
        ("/./me", false),
        ("https://app.example/me", false),
        ("https://app.example/%6de/x", false),
        ("https://app.example@evil.example/", false),
        ("https://app.example.evil.example/", false),
        ("https://app.example:8443/", false),
        ("http://app.example/", false),
        ("https://idp.example.evil.example/", false),
        ("https://idp.example@evil.example/", false),
        ("http://idp.example/", false),
        ("https://IDP.example/", false),
        ("login", false),
        ("", false),
        ("/|/login", false),
        ("/|https://evil.example/", false),
    ] {
        let got = bye(&site, 302, to.as_bytes()).await;
        let expected = if allowed { to } else { "/gone" };
        assert_eq!(got.header("location"), Some(expected), "{to:?}: {got:?}");
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{to:?}");
    }
    // A Location that is no redirect is the handler's business, as is a 304.
    let got = bye(&site, 201, b"https://evil.example/").await;
    assert_eq!(got.header("location"), Some("https://evil.example/"));
}

#[tokio::test]
async fn a_redirect_of_a_request_that_ended_nothing_is_left_alone() {
    async fn go(session: Session, to: String) -> Response {
        let refused = session.log_out().await.is_err();
        assert!(refused);
        (StatusCode::FOUND, [("location", to)]).into_response()
    }
    let site = Site::builder()
        .routes(Router::new().route("/go", any(go)))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    for to in ["/me", "https://idp.example/authorize"] {
        let ask = browser.navigate(Method::PUT, "/go").body(to);
        let got = ask.send().await;
        assert_eq!(
            (got.status, got.header("location")),
            (StatusCode::FOUND, Some(to))
        );
        assert!(got.set_cookies().is_empty() && !clears(&got));
    }
}

#[tokio::test]
async fn any_response_of_the_handler_is_kept_with_the_headers_of_the_ending() {
    async fn own_page(session: Session) -> Result<Response, LogOutError> {
        let _receipt = session.log_out().await?;
        Ok(([("x-own", "1"), ("content-type", "text/plain")], "So long.").into_response())
    }
    async fn ends_and_asks(session: Session) -> Result<Farewell, LogOutError> {
        Ok(session.log_out().await?.into())
    }
    let site = Site::builder()
        .routes(
            Router::new()
                .route("/own", post(own_page))
                .route("/farewell", post(ends_and_asks)),
        )
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let got = browser.post("/own").await;
    assert_eq!((got.status, got.text()), (StatusCode::OK, "So long."));
    assert_eq!(got.header("x-own"), Some("1"));
    assert!(
        clears(&got) && got.removes_session() && removes(&got, MARKER),
        "{got:?}"
    );

    // Without a session a log-out answers the same: the user sees the same page.
    let got = browser.post("/farewell").await;
    assert_eq!(got.header("location"), Some(SIGNED_OUT));
    assert!(!clears(&got) && got.set_cookies().is_empty(), "{got:?}");
}

// R-6-7: the marker of a session that timed out tells the page that it did.
#[tokio::test]
async fn the_page_behind_a_redirect_says_why_without_anything_in_the_url() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(Duration::from_mins(20));
    let got = browser.get("/me").await;
    assert_eq!(got.header("location"), Some(SIGNED_OUT));
    assert!(clears(&got));
    let page = browser.get(SIGNED_OUT).await;
    assert!(
        page.text().contains("after 15 minutes without activity"),
        "{page:?}"
    );
    assert!(clears(&page));
    assert!(
        browser
            .get(SIGNED_OUT)
            .await
            .text()
            .contains("There is no active session")
    );
}
