//! Sessions that are good for some hours of the day only.

use crate::{
    ended, is_in, note, stream, streams,
    support::{Site, SiteBuilder},
    verdicts,
};
use adjourn::policy::{AllowedHours, Consequence};
use http::StatusCode;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// Clocks of sites begin at midnight: two hours and a half are left.
fn site(consequence: Consequence) -> SiteBuilder {
    let hours = AllowedHours::daily("21:00", "02:30").unwrap();
    Site::builder()
        .configure(move |builder| {
            let timeouts = adjourn::policy::Timeouts::new(8 * HOUR, 8 * HOUR).unwrap();
            builder
                .with_timeouts(timeouts)
                .with_recheck_every(Duration::from_millis(20))
                .add_policy("hours", hours.with_consequence(consequence))
        })
        .routes(streams())
}

#[tokio::test]
async fn a_session_ends_with_the_hours() {
    let site = site(Consequence::End).open().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(2 * HOUR);
    assert!(is_in(&browser.get_api("/api/me").await));
    site.clock.advance(HOUR);
    let got = browser.get_api("/api/me").await;
    assert_eq!(
        (got.status, got.reason().as_str()),
        (StatusCode::UNAUTHORIZED, "policy")
    );
    assert!(got.removes_session());
    assert_eq!(note(&site), ("hours=outside-hours".to_owned(), "policy"));
    // Who logs in all the same has a session for one request.
    browser.log_in("alice").await;
    assert_eq!(browser.get_api("/api/me").await.reason(), "policy");
    // In the evening they begin again.
    site.clock.advance(19 * HOUR);
    browser.log_in("alice").await;
    assert!(is_in(&browser.get_api("/api/me").await));
}

#[tokio::test]
async fn what_is_held_open_ends_with_the_hours_without_a_request() {
    let site = site(Consequence::End).open().await;
    let (alice, bob) = (site.logged_in("alice").await, site.logged_in("bob").await);
    let streams = [stream(&alice).await, stream(&bob).await];
    site.clock.advance(3 * HOUR);
    for stream in streams {
        assert_eq!(ended(stream).await, "policy");
    }
    assert_eq!(site.events.count("session-ended"), 2);
}

#[tokio::test]
async fn a_milder_consequence_cuts_nothing() {
    let max_age = Duration::from_mins(10);
    let site = site(Consequence::RequireFresh { max_age }).open().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(3 * HOUR);
    let got = browser.get_api("/api/me").await;
    assert_eq!(got.reason(), "reauthentication-required");
    browser.log_in("alice").await;
    site.clock.advance(Duration::from_mins(9));
    assert!(is_in(&browser.get_api("/api/me").await), "recent enough");
    site.clock.advance(Duration::from_mins(2));
    let got = browser.get("/me").await;
    assert_eq!(got.header("location"), Some("/login"));
    assert!(
        verdicts(&site.events)
            .iter()
            .all(|(verdict, _)| *verdict == "require-fresh")
    );
}
