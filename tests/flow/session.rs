//! What handlers do with a session.

use crate::support::Site;
use http::StatusCode;

// R-1-10 P1
#[tokio::test]
async fn who_logs_in_is_known_until_they_log_out() {
    let site = Site::open().await;
    let browser = site.browser();
    assert!(browser.get("/me").await.is_refused());

    let token = browser.log_in("alice").await;
    assert_eq!(browser.get("/me").await.text(), "Private page of alice");
    let id = site.session_of(&browser).await;

    let got = browser.post("/logout").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert_eq!(got.header("location"), Some("/session/signed-out"));
    assert_eq!(browser.token(), None);

    let thief = site
        .browser()
        .fetch(http::Method::GET, "/api/me")
        .token(&token);
    assert_eq!(thief.send().await.reason(), "logout");
    assert_eq!(
        site.events.reasons_of(id),
        [adjourn::reason::EndReason::Logout]
    );
}
