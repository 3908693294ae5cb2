//! examples/demo: the page on which people land says why.

use crate::support::{Browser, Example, counter, eventually};

#[test]
fn each_ending_is_told_in_words() {
    let log_out = |_: &Example, alice: &mut Browser| drop(alice.log_out());
    let by_time = |demo: &Example, _: &mut Browser| {
        eventually("the end of the session", || {
            (counter(demo, "live_sessions") == 0).then_some(())
        });
    };
    let forced = |demo: &Example, _: &mut Browser| {
        let mut admin = demo.logged_in("admin", "control");
        admin.post("/admin/end", &[("subject", "alice")]);
    };
    let another = |demo: &Example, _: &mut Browser| {
        demo.logged_in("alice", "wonderland");
    };
    lands(&[], log_out, "You signed out");
    lands(
        &["--idle", "1s"],
        by_time,
        "after 1 second without activity",
    );
    let absolute = ["--idle", "1s", "--absolute", "1s"];
    lands(&absolute, by_time, "reached its maximum length");
    lands(&[], forced, "by an administrator");
    let limit = ["--max-sessions", "1:end-oldest"];
    lands(&limit, another, "on another device");
}

/// Alice's session ends like this, and her next click leads to a page that says so.
fn lands(flags: &[&str], ends: impl FnOnce(&Example, &mut Browser), text: &str) {
    let demo = Example::demo(flags);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut tab = alice.clone();
    ends(&demo, &mut alice);
    tab.get("/account").leads_to("/session/signed-out");
    let page = tab.get("/session/signed-out");
    page.shows(200, text);
    page.shows(200, "href=\"/login\"");
    assert_eq!(tab.cookies(), [""; 0]);
}
