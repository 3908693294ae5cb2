//! examples/demo: the log-out, and what is left of a session after it.

use crate::support::{Browser, Call, Example};
use std::thread;

#[test]
fn the_log_out_leaves_nothing_behind() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    alice.get("/account").shows(200, "Balance");
    let before = alice.clone();

    let farewell = alice.log_out();
    farewell.leads_to("/session/signed-out");
    assert_eq!(farewell.header("clear-site-data"), Some("\"storage\""));
    assert_eq!(farewell.header("cache-control"), Some("no-store"));
    assert_eq!(
        alice.cookies(),
        ["__Host-adjourn-ended"],
        "until somebody lands"
    );
    alice
        .get("/session/signed-out")
        .shows(200, "You signed out");
    assert_eq!(alice.cookies(), [""; 0]);

    alice.get("/account").leads_to("/login");
    for path in ["/account", "/account/statements", "/api/me", "/events"] {
        let replayed = before.with_cookies(Call::get(path)).send(demo.address);
        replayed.refuses("logout");
        assert!(
            replayed
                .all("set-cookie")
                .any(|line| line.starts_with("__Host-sid=;"))
        );
    }
    // The second click, and a tab that was left open.
    before.clone().log_out().leads_to("/session/signed-out");
    before
        .clone()
        .get("/account")
        .leads_to("/session/signed-out");
}

#[test]
fn the_ending_is_recorded_without_the_secret() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let session_id = alice.fetch("/api/me").json()["session_id"].clone();
    let cookie = format!("{:?}", alice.with_cookies(Call::get("/")));
    let secret = cookie.split("__Host-sid=").nth(1).unwrap();
    let secret = &secret[22..64];
    alice.log_out();
    let line = demo.says("session-ended");
    for part in [
        "reason=\"logout\"",
        "subject=alice",
        session_id.as_str().unwrap(),
        "Firefox",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let said = demo.said();
    assert!(!said.contains(secret) && !said.contains("wonderland"));
}

#[test]
fn only_an_honest_post_logs_out() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let own = Call::new(method, "/logout").header("sec-fetch-site", "same-origin");
        let refused = alice.send(own);
        assert_eq!(
            (refused.status, refused.header("allow")),
            (405, Some("POST")),
            "{method}"
        );
    }
    let origin = |origin| Call::post("/logout").header("origin", origin);
    let site = |site| Call::post("/logout").header("sec-fetch-site", site);
    for forged in [
        Call::post("/logout"),
        site("cross-site"),
        site("same-site"),
        origin("https://evil.example"),
        origin("null"),
    ] {
        alice.send(forged).shows(403, "");
    }
    alice.get("/account").shows(200, "Balance");

    let curl = Call::post("/logout").header("sec-fetch-site", "same-origin");
    alice
        .send(curl)
        .shows(200, r#"{"ended":true,"reason":"logout"}"#);
    alice.fetch("/api/me").refuses("no-session");
}

#[test]
fn a_request_that_the_log_out_overtakes_brings_nothing_back() {
    let demo = Example::demo(&[]);
    // If this machine is too slow for the first, there is a longer one.
    for milliseconds in [1_000, 4_000, 16_000] {
        if overtake(&demo, milliseconds) {
            return;
        }
    }
    panic!("no log-out was faster than the slow requests");
}

/// Whether the log-out was done before the slow requests.
fn overtake(demo: &Example, milliseconds: u32) -> bool {
    let mut alice = demo.logged_in("alice", "wonderland");
    let slow: Vec<_> = ["read", "write", "rotate"]
        .map(|then| {
            let path = format!("/api/slow?ms={milliseconds}&then={then}");
            let (call, address) = (alice.with_cookies(Call::get(&path)), demo.address);
            thread::spawn(move || call.send(address))
        })
        .into();
    // All of them inside, where they have read the session.
    thread::sleep(std::time::Duration::from_millis(
        u64::from(milliseconds) / 4,
    ));
    let before = alice.clone();
    alice.log_out().leads_to("/session/signed-out");
    let overtaken = slow.iter().all(|slow| !slow.is_finished());
    let answers: Vec<_> = slow.into_iter().map(|slow| slow.join().unwrap()).collect();
    if overtaken {
        for answer in answers {
            answer.refuses("logout");
            let mut after = before.clone();
            for line in answer.all("set-cookie") {
                assert!(
                    !line.starts_with("__Host-sid=") || line.contains("Max-Age=0"),
                    "{line}"
                );
            }
            after.fetch("/api/me").refuses("logout");
        }
    }
    assert_dead(demo, &before);
    overtaken
}

fn assert_dead(demo: &Example, browser: &Browser) {
    let replayed = browser.with_cookies(Call::get("/api/note?key=slow"));
    replayed.send(demo.address).refuses("logout");
}

// R-14-15
#[test]
fn what_browsers_clear_and_know_is_chosen() {
    let demo = Example::demo(&["--clear", "kiosk"]);
    let mut alice = demo.browser();
    let log_in = alice.log_in("alice", "wonderland", &[]);
    assert_eq!(log_in.header("set-login"), Some("logged-in"));
    let farewell = alice.log_out();
    assert_eq!(farewell.header("set-login"), Some("logged-out"));
    // The cookie that tells the landing page must survive the redirect.
    let clears = farewell.header("clear-site-data");
    assert_eq!(clears, Some("\"cache\", \"storage\""));
    let landing = alice.get("/session/signed-out");
    let clears = landing.header("clear-site-data");
    assert_eq!(clears, Some("\"cache\", \"cookies\", \"storage\""));
}

#[test]
fn every_page_and_the_list_of_sessions_have_a_button() {
    let demo = Example::demo(&[]);
    for action in ["/logout", "/session/end"] {
        let mut alice = demo.logged_in("alice", "wonderland");
        let page = alice.get("/account/sessions");
        let form = format!("<form method=\"post\" action=\"{action}\" data-adjourn-end>");
        page.shows(200, &form);
        alice.post(action, &[]).leads_to("/session/signed-out");
        alice.get("/account").leads_to("/login");
    }
}
