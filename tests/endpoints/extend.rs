//! "I am still here" (R-12-1, R-12-2, R-9-7).

use crate::{
    contract::call,
    status::{bearer_site, status},
    support::{Ask, Browser, Op, Site, When},
};
use adjourn::{SessionsBuilder, policy::Timeouts, reason::EndReason, record::Activity};
use http::{Method, StatusCode};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const EXTEND: &str = "/session/extend";

fn ask(browser: &Browser) -> Ask {
    browser.fetch(Method::POST, EXTEND)
}

fn three_hours(builder: SessionsBuilder) -> SessionsBuilder {
    builder.with_timeouts(Timeouts::new(15 * MINUTE, 180 * MINUTE).unwrap())
}

// R-12-1 R-12-2 R-1-9: by one action, ten times and more; never beyond the absolute timeout.
#[tokio::test]
async fn one_action_extends_until_the_absolute_timeout() {
    let site = Site::builder()
        .configure(three_hours)
        .configure(|builder| builder.with_activity(|_| Activity::Passive))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    for extended in 1..=12 {
        site.clock.advance(14 * MINUTE);
        let got = call("extend", ask(&browser)).await;
        assert_eq!(got.status, StatusCode::OK, "{extended}: {got:?}");
        let said = got.json();
        let absolute = (180 - 14 * extended) * 60;
        assert_eq!(said["absolute_seconds_left"], absolute);
        assert_eq!(said["idle_seconds_left"], 900);
        assert_eq!(status(&browser).await.json(), said);
        assert_eq!(site.events.count("session-extended"), extended);
    }
    site.clock.advance(12 * MINUTE);
    let got = call("extend", ask(&browser)).await;
    assert_eq!(got.reason(), "absolute-timeout", "{got:?}");
    assert_eq!(got.json()["exit"], "/session/signed-out");
    assert_eq!(site.events.reasons_of(id), [EndReason::AbsoluteTimeout]);
}

// R-9-7 R-9-4: what is refused has no effect, whatever the application calls activity.
#[tokio::test]
async fn what_another_site_sends_extends_nothing() {
    let site = Site::builder()
        .configure(|builder| {
            builder
                .with_origin("https://app.example")
                .with_activity(|_| Activity::Active)
        })
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(10 * MINUTE);
    let bare = || browser.ask(Method::POST, EXTEND);
    for (ask, why) in [
        (bare().header("sec-fetch-site", "cross-site"), "cross-site"),
        (bare().header("sec-fetch-site", "same-site"), "same-site"),
        (
            bare().header("origin", "https://evil.example"),
            "origin-mismatch",
        ),
        (bare().header("origin", "null"), "origin-null"),
        (bare(), "no-proof"),
    ] {
        let before = site.events.count("extend-refused");
        let got = call("extend", ask).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{got:?}");
        assert_eq!(got.reason(), why);
        assert!(got.set_cookies().is_empty(), "{got:?}");
        assert_eq!(site.events.count("extend-refused"), before + 1);
    }
    let got = call("extend", browser.fetch(Method::GET, EXTEND)).await;
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(got.header("allow"), Some("POST"));
    assert_eq!(site.events.count("session-extended"), 0);
    assert_eq!(status(&browser).await.json()["idle_seconds_left"], 300);

    let own = bare().header("origin", "https://app.example");
    assert_eq!(call("extend", own).await.status, StatusCode::OK);
    assert_eq!(status(&browser).await.json()["idle_seconds_left"], 900);
}

#[tokio::test]
async fn what_is_not_live_is_not_extended() {
    let site = Site::open().await;
    let got = call("extend", ask(&site.browser())).await;
    assert_eq!(got.json()["state"], "none");

    let browser = site.logged_in("alice").await;
    let late = browser.stolen_copy();
    assert_eq!(browser.post_api("/rotate").await.status, StatusCode::OK);
    let got = call("extend", ask(&late)).await;
    assert_eq!(got.json()["state"], "outdated");

    site.end(site.session_of(&browser).await, EndReason::Forced)
        .await;
    let got = call("extend", ask(&browser)).await;
    assert_eq!(got.json()["state"], "ended");
    assert_eq!(got.json()["reason"], "forced");
    assert!(got.removes_session(), "{got:?}");
    assert_eq!(site.events.count("session-extended"), 0);
}

// The session ended while the extension was on its way to the store.
#[tokio::test]
async fn an_ending_that_comes_first_wins() {
    let site = Site::builder().later().open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let held = site.store.hold(Op::Check, When::Before);
    let extension = ask(&browser).spawn();
    held.reached().await;
    site.end(id, EndReason::Forced).await;
    held.release();
    let got = extension.await.unwrap();
    assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{got:?}");
    assert_eq!(got.reason(), "forced");
    assert_eq!(site.events.count("session-extended"), 0);
}

// R-1-33
#[tokio::test]
async fn a_store_that_is_down_is_no_ending() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    for op in [Op::CheckIn, Op::Check] {
        site.store.fail(op, When::Before);
        let got = call("extend", ask(&browser)).await;
        assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{got:?}");
        assert!(got.set_cookies().is_empty(), "{got:?}");
        site.store.heal();
    }
    assert_eq!(call("extend", ask(&browser)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn programs_extend_without_saying_where_they_come_from() {
    let site = bearer_site(true).await;
    let token = site.browser().post_api("/token").await.text().to_owned();
    let ask = || site.browser().ask(Method::POST, EXTEND).bearer(&token);
    site.clock.advance(10 * MINUTE);
    let got = call("extend", ask()).await;
    assert_eq!(got.json()["idle_seconds_left"], 900, "{got:?}");
    site.clock.advance(16 * MINUTE);
    let got = call("extend", ask()).await;
    assert_eq!(got.reason(), "idle-timeout");
    assert!(
        got.header("www-authenticate")
            .unwrap()
            .contains("invalid_token")
    );
}
