//! examples/demo: the way back to a page that a timeout took away.

use crate::support::{Browser, Example, counter, eventually};

#[test]
fn the_user_whose_session_timed_out_comes_back() {
    let demo = Example::demo(&["--idle", "500ms", "--return-to"]);
    let mut alice = thrown_out_of(&demo, "/account/statements?month=10");
    alice
        .log_in("alice", "wonderland", &[])
        .leads_to("/account/statements?month=10");
    // Once.
    alice
        .log_in("alice", "wonderland", &[])
        .leads_to("/account");
}

#[test]
fn nobody_else_is_led_there() {
    let demo = Example::demo(&["--idle", "500ms", "--return-to"]);
    let mut browser = thrown_out_of(&demo, "/account/statements");
    browser.log_in("bob", "builder", &[]).leads_to("/account");
    browser
        .log_in("alice", "wonderland", &[])
        .leads_to("/account");
}

#[test]
fn a_wrong_password_does_not_lose_the_way() {
    let demo = Example::demo(&["--idle", "500ms", "--return-to"]);
    let mut alice = thrown_out_of(&demo, "/live");
    alice
        .log_in("alice", "looking-glass", &[])
        .shows(401, "wrong");
    alice.log_in("alice", "wonderland", &[]).leads_to("/live");
}

#[test]
fn only_pages_are_returned_to() {
    let demo = Example::demo(&["--idle", "500ms", "--return-to"]);
    for path in [
        "/api/me",
        "/events",
        "/ws",
        "/admin/api/audit",
        "/admin/events",
    ] {
        let mut alice = thrown_out_of(&demo, path);
        alice
            .log_in("alice", "wonderland", &[])
            .leads_to("/account");
    }
}

#[test]
fn who_logged_out_or_did_not_ask_for_it_begins_at_the_account() {
    let demo = Example::demo(&["--return-to"]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let before = alice.clone();
    alice.log_out();
    let mut tab = before;
    tab.get("/account/statements")
        .leads_to("/session/signed-out");
    tab.log_in("alice", "wonderland", &[]).leads_to("/account");

    let demo = Example::demo(&["--idle", "500ms"]);
    let mut alice = thrown_out_of(&demo, "/account/statements");
    alice
        .log_in("alice", "wonderland", &[])
        .leads_to("/account");
}

/// Alice, who was away for too long and then asked for this page.
fn thrown_out_of(demo: &Example, path: &str) -> Browser {
    let mut alice = demo.logged_in("alice", "wonderland");
    eventually("the end of the session", || {
        (counter(demo, "live_sessions") == 0).then_some(())
    });
    alice.get(path).leads_to("/session/signed-out");
    alice
}
