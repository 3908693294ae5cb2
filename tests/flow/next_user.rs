//! Whoever logs in after somebody else does not find what that one left in the browser; whoever logs
//! in again finds it.

use crate::support::{Browser, Got, Site};
use adjourn::reason::EndReason;
use http::{Method, StatusCode};
use std::time::Duration;

const MARKER: &str = "__Host-adjourn-ended";

fn clears(got: &Got) -> bool {
    got.header("clear-site-data") == Some("\"storage\"")
}

async fn end(site: &Site, browser: &Browser) {
    let id = site.session_of(browser).await;
    let ended = site.sessions.terminator().end(id, EndReason::Forced).await;
    assert_eq!(ended.unwrap().id(), Some(id));
}

/// Alice's session is over, and her open page heard of it by a fetch, whose answer cannot clear.
async fn met_by_a_fetch(site: &Site) -> Browser {
    let browser = site.logged_in("alice").await;
    end(site, &browser).await;
    let got = browser.fetch(Method::GET, "/api/me").send().await;
    assert!(got.status == StatusCode::UNAUTHORIZED && !clears(&got));
    assert_eq!(browser.jar().names(), [MARKER]);
    browser
}

/// One that brings its users back, and one that does not.
async fn sites() -> [Site; 2] {
    let returning = Site::builder().configure(adjourn::SessionsBuilder::with_return_to);
    [returning.open().await, Site::open().await]
}

// R-6-7
#[tokio::test]
async fn another_user_who_logs_in_with_the_marker_clears() {
    for site in sites().await {
        let browser = met_by_a_fetch(&site).await;
        let got = browser.post("/login?as=bob").await;
        assert!(clears(&got) && !got.removes_session(), "{got:?}");
        assert_eq!(browser.jar().names(), ["__Host-sid"]);
        assert!(!clears(&browser.get("/me").await), "once");
    }
}

// R-6-7
#[tokio::test]
async fn the_same_user_who_logs_in_again_loses_nothing() {
    for site in sites().await {
        keeps_everything(&site).await;
    }
}

async fn keeps_everything(site: &Site) {
    for by_fetch in [false, true] {
        for dead_token in [false, true] {
            let browser = if dead_token {
                let browser = site.logged_in("alice").await;
                end(site, &browser).await;
                browser
            } else {
                met_by_a_fetch(site).await
            };
            let got = log_in(&browser, "alice", by_fetch).await;
            assert!(!clears(&got), "{by_fetch} {dead_token}: {got:?}");
            assert_eq!(browser.jar().names(), ["__Host-sid"]);
            assert!(!clears(&browser.get("/me").await));
        }
    }
}

async fn log_in(browser: &Browser, subject: &str, by_fetch: bool) -> Got {
    let path = format!("/login?as={subject}");
    if by_fetch {
        browser.post_api(&path).await
    } else {
        browser.post(&path).await
    }
}

// R-6-7
#[tokio::test]
async fn another_user_who_logs_in_with_the_dead_token_clears() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    end(&site, &browser).await;
    let got = browser.post("/login?as=bob").await;
    assert!(clears(&got) && !got.removes_session(), "{got:?}");
    assert_eq!(browser.jar().names(), ["__Host-sid"]);

    // A token of nobody known: it may have been anybody's.
    let browser = site.browser();
    browser.plant(&format!("__Host-sid={}; Path=/; Secure", "A".repeat(64)));
    assert!(clears(&browser.post("/login?as=bob").await));
}

// R-6-7
#[tokio::test]
async fn a_log_in_by_fetch_leaves_the_clearing_to_the_next_page() {
    for site in sites().await {
        leaves_the_clearing(&site).await;
    }
}

async fn leaves_the_clearing(site: &Site) {
    for case in ["marker", "dead token", "live session"] {
        let browser = match case {
            "marker" => met_by_a_fetch(site).await,
            _ => site.logged_in("alice").await,
        };
        if case == "dead token" {
            end(site, &browser).await;
        }
        let got = log_in(&browser, "bob", true).await;
        assert!(!clears(&got), "{case}: {got:?}");
        assert!(browser.jar().value(MARKER).is_some(), "{case}");
        for (what, ask) in [
            ("a fetch", browser.fetch(Method::GET, "/api/me")),
            ("a form", browser.navigate(Method::POST, "/rotate")),
            (
                "another site's link",
                browser
                    .navigate(Method::GET, "/me")
                    .header("sec-fetch-site", "cross-site"),
            ),
            (
                "a prefetch",
                browser
                    .navigate(Method::GET, "/me")
                    .header("sec-purpose", "prefetch"),
            ),
        ] {
            let got = ask.send().await;
            assert!(!clears(&got), "{case}, {what}: {got:?}");
        }
        let page = browser.get("/me").await;
        assert!(clears(&page), "{case}: {page:?}");
        assert_eq!(page.text(), "Private page of bob");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(browser.jar().names(), ["__Host-sid"], "{case}");
        assert!(!clears(&browser.get("/me").await), "{case}: once");
    }
}

#[tokio::test]
async fn who_was_before_is_not_known_once_two_users_share_the_storage() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    log_in(&browser, "bob", true).await;
    // Bob's cookie is gone, and what is left names neither.
    browser.plant("__Host-sid=; Path=/; Secure; Max-Age=0");
    assert_eq!(browser.jar().names(), [MARKER]);
    let page = browser.get("/").await;
    assert!(clears(&page), "{page:?}");
    assert!(browser.jar().is_empty());
}

// R-6-14
#[tokio::test]
async fn another_user_who_logs_in_after_the_landing_cleared_clears_nothing_more() {
    let [site, _] = sites().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(Duration::from_mins(15));
    browser.get("/me").await;
    let landing = browser.get("/session/signed-out").await;
    assert!(landing.header("clear-site-data").is_some(), "{landing:?}");
    assert!(browser.jar().value(MARKER).unwrap().ends_with("|cleared"));
    let got = browser.post("/login?as=bob").await;
    assert!(!clears(&got), "{got:?}");
}

// R-5-14, R-6-7: which of them the storage is of is not known.
#[tokio::test]
async fn a_log_in_with_the_tokens_of_two_users_clears() {
    let site = Site::open().await;
    let tokens = [
        site.logged_in("alice").await.token().unwrap(),
        site.logged_in("carol").await.token().unwrap(),
    ];
    let [one, other] = tokens.map(|token| format!("__Host-sid={token}"));
    let browser = site.browser();
    let log_in = browser.navigate(Method::POST, "/login?as=alice");
    let got = log_in.header("cookie", format!("{one}; {other}")).send();
    let got = got.await;
    assert!(clears(&got), "{got:?}");
}

#[tokio::test]
async fn a_bearer_token_says_nothing_of_the_browser() {
    let site = Site::builder().configure(adjourn::SessionsBuilder::with_bearer);
    let site = site.open().await;
    let browser = site.browser();
    let got = browser
        .ask(Method::POST, "/login?as=bob")
        .header("authorization", format!("Bearer {}", "A".repeat(64)))
        .send()
        .await;
    assert!(!clears(&got) && got.set_cookie(MARKER).is_none(), "{got:?}");
}
