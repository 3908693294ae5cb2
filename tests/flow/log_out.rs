//! Which requests may log somebody out.

use crate::cookies::bearer_log_in;
use crate::support::{Ask, Browser, Got, Site};
use adjourn::{SessionsBuilder, audit::EventKind, reason::EndReason};
use axum::{Router, routing::post};
use http::{Method, StatusCode};

async fn site(origin: Option<&'static str>) -> Site {
    Site::builder()
        .configure(move |builder| match origin {
            Some(origin) => builder.with_origin(origin),
            None => builder,
        })
        .open()
        .await
}

/// A log-out without any header that says where it comes from.
fn bare(browser: &Browser) -> Ask {
    browser.ask(Method::POST, "/logout")
}

/// R-9-4: nothing happened, and one event says why.
async fn assert_refused(site: &Site, browser: &Browser, got: &Got, why: &str) {
    let status = if why == "method" { 405 } else { 403 };
    assert_eq!(got.status.as_u16(), status, "{why}: {got:?}");
    assert!(got.set_cookies().is_empty(), "{why}: {got:?}");
    assert_eq!(got.header("clear-site-data"), None, "{why}");
    assert_eq!(got.header("location"), None, "{why}");
    assert_eq!(got.header("cache-control"), Some("no-store"), "{why}");
    assert!(site.events.endings().is_empty(), "{why}");
    assert_eq!(
        browser.get_api("/api/me").await.status,
        StatusCode::OK,
        "{why}"
    );
    assert_eq!(refusals(site), [why]);
}

fn refusals(site: &Site) -> Vec<&'static str> {
    let refused = site
        .events
        .all()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::LogOutRefused { why } => {
                assert!(
                    event.session_id.is_some() && event.subject.is_some(),
                    "who was meant"
                );
                Some(why)
            }
            _ => None,
        });
    refused.collect()
}

// R-9-1 R-9-4 R-2-4
#[tokio::test]
async fn only_a_post_logs_out() {
    for method in [Method::GET, Method::HEAD] {
        let site = site(Some("https://app.example")).await;
        let browser = site.logged_in("alice").await;
        let got = browser.navigate(method.clone(), "/logout").send().await;
        assert_eq!(got.header("allow"), Some("POST"), "{got:?}");
        if method == Method::HEAD {
            assert!(got.body.is_empty());
        } else {
            assert_eq!(got.reason(), "method");
        }
        assert_refused(&site, &browser, &got, "method").await;
    }
    // Methods that the route does not know are axum's to refuse.
    let site = site(None).await;
    let browser = site.logged_in("alice").await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let got = browser.navigate(method, "/logout").send().await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);
}

// R-9-2 R-9-4 R-2-5
#[tokio::test]
async fn the_browser_says_where_a_log_out_comes_from() {
    for (value, why) in [
        ("same-origin", None),
        ("none", None),
        ("same-site", Some("same-site")),
        ("cross-site", Some("cross-site")),
        // Not listed: as if there were none.
        ("same-planet", Some("no-proof")),
        ("", Some("no-proof")),
        ("SAME-ORIGIN", Some("no-proof")),
        ("same-origin, cross-site", Some("no-proof")),
    ] {
        for origin in ["", "https://app.example", "https://evil.example"] {
            let site = site(Some("https://app.example")).await;
            let browser = site.logged_in("alice").await;
            let id = site.session_of(&browser).await;
            let mut ask = bare(&browser).header("sec-fetch-site", value);
            if !origin.is_empty() {
                ask = ask.header("origin", origin);
            }
            let got = ask.send().await;
            let why = match (why, origin) {
                (Some("no-proof"), "https://app.example") => None,
                (Some("no-proof"), "https://evil.example") => Some("origin-mismatch"),
                (why, _) => why,
            };
            if let Some(why) = why {
                assert_refused(&site, &browser, &got, why).await;
            } else {
                assert_eq!(got.status, StatusCode::OK, "{value} {origin}: {got:?}");
                assert!(got.removes_session());
                assert_eq!(site.events.reasons_of(id), [EndReason::Logout]);
            }
        }
    }
}

// R-9-2: of two that differ the worse one counts.
#[tokio::test]
async fn two_words_of_the_browser_are_none() {
    let site = site(None).await;
    let browser = site.logged_in("alice").await;
    let got = bare(&browser)
        .header("sec-fetch-site", "same-origin")
        .also("sec-fetch-site", "same-site")
        .send()
        .await;
    assert_refused(&site, &browser, &got, "cross-site").await;
}

// R-9-3 R-9-4 R-2-5
#[tokio::test]
async fn without_that_the_origin_must_be_the_configured_one() {
    for (origin, why) in [
        ("https://app.example", None),
        ("https://app.example.evil.example", Some("origin-mismatch")),
        ("https://evil-app.example", Some("origin-mismatch")),
        (
            "https://evil.example/https://app.example",
            Some("origin-mismatch"),
        ),
        ("https://app.example@evil.example", Some("origin-mismatch")),
        ("http://app.example", Some("origin-mismatch")),
        ("https://app.example:8443", Some("origin-mismatch")),
        ("https://app.example/", Some("origin-mismatch")),
        ("https://sub.app.example", Some("origin-mismatch")),
        ("app.example", Some("origin-mismatch")),
        ("\u{ff41}pp.example", Some("origin-mismatch")),
        ("", Some("origin-mismatch")),
        ("null", Some("origin-null")),
    ] {
        let site = site(Some("https://app.example")).await;
        let browser = site.logged_in("alice").await;
        let got = bare(&browser).header("origin", origin).send().await;
        match why {
            Some(why) => assert_refused(&site, &browser, &got, why).await,
            None => assert_eq!(got.status, StatusCode::OK, "{origin}: {got:?}"),
        }
    }
}

// R-9-3 R-9-4
#[tokio::test]
async fn with_neither_it_is_refused() {
    for origin in [None, Some("https://app.example")] {
        let site = site(origin).await;
        let browser = site.logged_in("alice").await;
        let got = bare(&browser).send().await;
        assert_eq!(got.reason(), "no-proof");
        assert!(
            got.json()["title"]
                .as_str()
                .unwrap()
                .contains("Sec-Fetch-Site")
        );
        assert_refused(&site, &browser, &got, "no-proof").await;
    }
}

// R-9-3: the answer names the setting.
#[tokio::test]
async fn a_missing_setting_is_named() {
    let site = site(None).await;
    let browser = site.logged_in("alice").await;
    let ask = bare(&browser).header("origin", "https://app.example");
    let got = ask.send().await;
    assert!(
        got.json()["title"]
            .as_str()
            .unwrap()
            .contains("with_origin"),
        "{got:?}"
    );
    assert_refused(&site, &browser, &got, "origin-not-configured").await;
}

// R-9-3: development needs no setting, and opens nothing.
#[tokio::test]
async fn a_loopback_origin_is_its_own_host() {
    for (origin, host, allowed) in [
        ("http://localhost:3000", "localhost:3000", true),
        ("http://127.0.0.1:3000", "127.0.0.1:3000", true),
        ("http://[::1]:3000", "[::1]:3000", true),
        ("http://localhost:3001", "localhost:3000", false),
        (
            "http://localhost.evil.example",
            "localhost.evil.example",
            false,
        ),
        ("https://app.example", "app.example", false),
        ("null", "localhost:3000", false),
    ] {
        let site = site(None).await;
        let browser = site.browser().at_host(host);
        browser.log_in("alice").await;
        let got = bare(&browser).header("origin", origin).send().await;
        assert_eq!(
            got.status == StatusCode::OK,
            allowed,
            "{origin} at {host}: {got:?}"
        );
        assert_eq!(browser.token().is_none(), allowed);
    }
    // Where an origin is configured, localhost is nothing special.
    let site = site(Some("https://app.example")).await;
    let browser = site.browser().at_host("localhost:3000");
    browser.log_in("alice").await;
    let ask = bare(&browser).header("origin", "http://localhost:3000");
    assert_eq!(ask.send().await.reason(), "origin-mismatch");
}

// R-14-5 R-9-4
#[tokio::test]
async fn a_refused_log_out_is_forbidden_to_pages_and_programs_alike() {
    let site = site(None).await;
    let browser = site.logged_in("alice").await;
    for ask in [
        browser.navigate(Method::POST, "/logout"),
        browser.fetch(Method::POST, "/logout"),
    ] {
        let got = ask.header("sec-fetch-site", "cross-site").send().await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{got:?}");
        assert_eq!(got.reason(), "cross-site");
        assert_eq!(got.header("www-authenticate"), None);
    }
}

// R-9-3: who adds the credential by itself needs no other proof.
#[tokio::test]
async fn a_bearer_client_logs_out_with_nothing_but_its_token() {
    let site = Site::builder()
        .configure(SessionsBuilder::with_bearer)
        .routes(Router::new().route("/token", post(bearer_log_in)))
        .open()
        .await;
    let browser = site.browser();
    for headers in [
        &[][..],
        &[("sec-fetch-site", "cross-site"), ("origin", "null")],
    ] {
        let token = browser
            .ask(Method::POST, "/token")
            .send()
            .await
            .text()
            .to_owned();
        let get = browser
            .ask(Method::GET, "/logout")
            .bearer(&token)
            .send()
            .await;
        assert_eq!(
            get.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "but never by GET: {get:?}"
        );
        let mut ask = bare(&browser).bearer(&token);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        let got = ask.send().await;
        assert_eq!(got.json()["ended"], true, "{got:?}");
        let got = browser
            .ask(Method::GET, "/api/me")
            .bearer(&token)
            .send()
            .await;
        assert_eq!(got.reason(), "logout");
    }
}

/// A session that is over is removed from the browser even if the log-out is refused.
#[tokio::test]
async fn a_refused_log_out_of_a_dead_session_still_cleans_up() {
    let site = site(None).await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let _receipt = site
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    let got = bare(&browser)
        .header("sec-fetch-site", "cross-site")
        .send()
        .await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    assert!(got.removes_session(), "{got:?}");
    assert_eq!(site.events.reasons_of(id), [EndReason::Forced]);
}
