//! examples/demo: the page on which people land says why.

use crate::support::{Browser, Call, Example, counter, eventually};

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

#[test]
fn it_speaks_the_language_of_the_browser_and_the_words_of_the_bank() {
    let demo = Example::demo(&[]);
    let in_language = |browser: &mut Browser, language: &str| {
        let page = Call::get("/session/signed-out").header("accept-language", language);
        browser.send(page.header("accept", "text/html"))
    };
    let mut alice = demo.logged_in("alice", "wonderland");
    alice.log_out();
    let page = in_language(&mut alice, "de-AT,de;q=0.9,en;q=0.5");
    page.shows(200, "<html lang=\"de\">");
    page.shows(200, "Sie haben sich abgemeldet.");
    page.shows(200, ">Wieder anmelden</a>");

    let mut bob = demo.logged_in("bob", "builder");
    let mut admin = demo.logged_in("admin", "control");
    admin.post("/admin/end", &[("subject", "bob")]);
    bob.get("/account").leads_to("/session/signed-out");
    let page = in_language(&mut bob, "fr,en;q=0.1");
    page.shows(200, "by an administrator of Fernhill Bank");
}
