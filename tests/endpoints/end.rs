//! The log-out.

use crate::{
    contract::call,
    status::{bearer_site, status},
    support::{Ask, Browser, Op, Site, When},
};
use adjourn::reason::EndReason;
use http::{Method, StatusCode};

const END: &str = "/session/end";

fn ask(browser: &Browser) -> Ask {
    browser.fetch(Method::POST, END)
}

#[tokio::test]
async fn a_form_is_led_to_the_exit_page_and_a_script_is_told() {
    let site = Site::open().await;
    for script in [false, true] {
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        let stolen = browser.stolen_copy();
        let got = if script {
            let got = call("end", ask(&browser)).await;
            assert_eq!(got.status, StatusCode::OK);
            assert_eq!(got.json()["ended"], true);
            assert_eq!(got.json()["reason"], "logout");
            got
        } else {
            let got = call("end", browser.navigate(Method::POST, END)).await;
            assert_eq!(got.status, StatusCode::SEE_OTHER);
            assert_eq!(got.header("location"), Some("/session/signed-out"));
            got
        };
        assert!(got.removes_session(), "{got:?}");
        // After a script the page on which it lands clears: a service worker may have sent it.
        let clears = got.header("clear-site-data").is_some();
        assert_eq!(clears, !script, "{got:?}");
        assert_eq!(site.events.reasons_of(id), [EndReason::Logout]);
        // R-1-10
        assert_eq!(status(&stolen).await.json()["reason"], "logout");
    }
}

// R-9-1 R-9-2 R-9-3 R-9-4: the rule of `log_out()`, and its event.
#[tokio::test]
async fn only_this_site_logs_out() {
    let site = Site::builder()
        .configure(|builder| builder.with_origin("https://app.example"))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let bare = || browser.ask(Method::POST, END);
    for (ask, why) in [
        (bare().header("sec-fetch-site", "cross-site"), "cross-site"),
        (bare().header("sec-fetch-site", "same-site"), "same-site"),
        (
            bare().header("origin", "https://app.example.evil.example"),
            "origin-mismatch",
        ),
        (bare().header("origin", "null"), "origin-null"),
        (bare(), "no-proof"),
    ] {
        let before = site.events.count("log-out-refused");
        let got = call("end", ask).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{got:?}");
        assert_eq!(got.reason(), why);
        assert!(got.set_cookies().is_empty(), "{got:?}");
        assert_eq!(got.header("clear-site-data"), None);
        assert_eq!(site.events.count("log-out-refused"), before + 1);
    }
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let got = call("end", browser.fetch(method, END)).await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED, "{got:?}");
        assert_eq!(got.header("allow"), Some("POST"));
    }
    assert_eq!(status(&browser).await.status, StatusCode::OK);
    let own = bare().header("origin", "https://app.example");
    assert_eq!(call("end", own).await.status, StatusCode::OK);
    assert_eq!(status(&browser).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn twice_is_no_mistake() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let stolen = browser.stolen_copy();
    assert_eq!(call("end", ask(&browser)).await.json()["ended"], true);
    let again = call("end", ask(&browser)).await;
    assert_eq!(again.json()["ended"], false);
    // Its owner asks again, with the old cookie.
    let again = call("end", ask(&stolen)).await;
    assert_eq!(again.json()["reason"], "logout");
    let again = call("end", browser.navigate(Method::POST, END)).await;
    assert_eq!(again.header("location"), Some("/session/signed-out"));
}

// R-1-33: never reported as done.
#[tokio::test]
async fn a_store_that_is_down_is_no_log_out() {
    for op in [Op::CheckIn, Op::End] {
        let site = Site::open().await;
        let browser = site.logged_in("alice").await;
        let stolen = browser.stolen_copy();
        site.store.fail(op, When::Before);
        let got = call("end", ask(&browser)).await;
        assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{got:?}");
        assert_eq!(got.reason(), "store-unavailable");
        site.store.heal();
        assert_eq!(status(&stolen).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn programs_log_out_with_their_token() {
    let site = bearer_site(true).await;
    let token = site.browser().post_api("/token").await.text().to_owned();
    let ask = || site.browser().ask(Method::POST, END).bearer(&token);
    let got = call("end", ask()).await;
    assert_eq!(got.json()["ended"], true, "{got:?}");
    assert!(got.set_cookies().is_empty(), "{got:?}");
    let got = call("end", ask().bearer("nonsense")).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{got:?}");
}
