//! examples/demo: log-in.

use crate::support::{Call, Example, counter};

#[test]
fn every_user_on_the_log_in_page_can_log_in() {
    let demo = Example::demo(&[]);
    for (username, password) in [
        ("alice", "wonderland"),
        ("bob", "builder"),
        ("carol", "singer"),
        ("admin", "control"),
    ] {
        let mut browser = demo.browser();
        let form = browser.get("/login");
        form.shows(200, username);
        form.shows(200, password);
        browser.log_in(username, password, &[]).leads_to("/account");
        let me = browser.fetch("/api/me").json();
        assert_eq!(me["subject"], username);
        assert_eq!(me["idle_seconds_left"], 15 * 60);
    }
}

#[test]
fn wrong_credentials_are_refused_without_a_session() {
    let demo = Example::demo(&[]);
    let long = "x".repeat(10_000);
    for (username, password) in [
        ("alice", "Wonderland"),
        ("alice", "wonderland "),
        ("alice", ""),
        ("alicew", "onderland"),
        ("", "wonderland"),
        ("mallory", "wonderland"),
        ("alice\r\n", "wonderland"),
        (&long, &long),
    ] {
        let mut browser = demo.browser();
        let page = browser.log_in(username, password, &[]);
        page.shows(401, "The user name or the password is wrong");
        assert!(page.header("www-authenticate").is_some());
        assert_eq!(browser.cookies(), [""; 0], "{username:?}");
    }
    assert_eq!(counter(&demo, "live_sessions"), 0);
}

#[test]
fn a_wrong_password_does_not_end_the_session_that_is_there() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    alice.log_in("bob", "wrong", &[]).shows(401, "wrong");
    alice.get("/account").shows(200, "alice");
}

#[test]
fn a_second_log_in_ends_the_session_before() {
    let demo = Example::demo(&[]);
    let mut browser = demo.logged_in("alice", "wonderland");
    let before = browser.clone();
    browser.log_in("bob", "builder", &[]).leads_to("/account");
    browser.get("/account").shows(200, "bob");
    let replayed = before.with_cookies(Call::get("/api/me")).send(demo.address);
    replayed.refuses("reauthenticated");
    assert_eq!(counter(&demo, "live_sessions"), 1);
}

#[test]
fn remember_me_lasts_longer_and_still_ends() {
    let demo = Example::demo(&[]);
    let mut browser = demo.browser();
    browser
        .log_in("alice", "wonderland", &[("remember", "on")])
        .leads_to("/account");
    let me = browser.fetch("/api/me").json();
    let days = |field: &str| me[field].as_u64().unwrap().div_ceil(24 * 60 * 60);
    assert_eq!(
        (days("idle_seconds_left"), days("absolute_seconds_left")),
        (7, 30)
    );
}

#[test]
fn another_site_cannot_log_anybody_in() {
    let demo = Example::demo(&[]);
    let fields = [("username", "alice"), ("password", "wonderland")];
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let forged = Call::post("/login").header(name, value).form(&fields);
        forged
            .send(demo.address)
            .shows(403, "did not come from this site");
    }
    assert_eq!(counter(&demo, "live_sessions"), 0);
    // With curl, and with a browser that knows no fetch metadata.
    Call::post("/login")
        .form(&fields)
        .send(demo.address)
        .leads_to("/account");
    let origin = format!("http://{}", demo.address);
    let old = Call::post("/login").header("origin", &origin).form(&fields);
    old.send(demo.address).leads_to("/account");
}

#[test]
fn at_the_limit_a_new_log_in_is_refused() {
    let demo = Example::demo(&["--max-sessions", "1:refuse"]);
    let mut first = demo.logged_in("alice", "wonderland");
    let mut second = demo.browser();
    let refused = second.log_in("alice", "wonderland", &[]);
    refused.shows(409, "You are logged in 1 times already");
    assert_eq!(second.cookies(), [""; 0]);
    demo.logged_in("bob", "builder");

    // The one that a log-in replaces does not count.
    first
        .log_in("alice", "wonderland", &[])
        .leads_to("/account");
    first.log_out();
    second
        .log_in("alice", "wonderland", &[])
        .leads_to("/account");
}

#[test]
fn at_the_limit_the_oldest_session_ends() {
    let demo = Example::demo(&["--max-sessions=2:end-oldest"]);
    let mut browsers = [(); 3].map(|()| demo.logged_in("alice", "wonderland"));
    browsers[0].fetch("/api/me").refuses("superseded");
    for browser in &mut browsers[1..] {
        browser.get("/account").shows(200, "alice");
    }
}
