//! What matters most, in a third engine: the log-out leaves nothing, every tab leaves, the warning comes
//! and extends.

use crate::{
    drive::{Browser, Key, Kind, Tab, run_in},
    site::{ALICE, Ending, Site, fill, kept, shows_no_secret},
    support::eventually,
};

#[test]
fn a_log_out_leaves_nothing_in_webkit() {
    run_in(Kind::WebKit, leaves_nothing);
}

// P4, P5, P6
fn leaves_nothing(browser: &Browser) {
    let site = Site::encrypted(&[]);
    let first = site.log_in(browser, ALICE);
    fill(&site.front, &first);
    first.shows("Balance: 4,217.00");
    let second = site.open(browser, "/account/statements");
    second.shows("Statement 2026-10");
    for tab in [&first, &second] {
        tab.wait_for("the script", "adjourn.left > 0");
    }
    assert_eq!(
        cookies(&site, browser, &second),
        ["__Host-sid", "acct_view", "theme"]
    );
    second.go(&site.front.url("/account/statements"));
    second.wait_for("the script", "adjourn.left > 0");

    first.to_front();
    Ending::LogOut.comes(&site, &first);
    first.wait_to_be_at("/session/signed-out");
    first.shows(Ending::LogOut.text());
    second.wait_to_be_at("/session/signed-out");
    second.shows(Ending::LogOut.text());
    assert_eq!(kept(&first), [""; 0]);
    assert_eq!(cookies(&site, browser, &first), [""; 0]);
    for tab in [&first, &second] {
        tab.back();
        shows_no_secret(tab);
    }
}

#[test]
fn the_warning_appears_and_extends_in_webkit() {
    run_in(Kind::WebKit, warns);
}

// R-12-1 R-12-4
fn warns(browser: &Browser) {
    let site = Site::encrypted(&["--idle", "26s"]);
    let tab = site.log_in(browser, ALICE);
    tab.eval("document.querySelector('nav a').focus()");
    let open = "document.querySelector('adjourn-warning')?.shadowRoot.querySelector('dialog').open";
    tab.wait_for("the warning", open);
    let dialog = "document.querySelector('adjourn-warning').shadowRoot.querySelector('dialog')";
    assert!(tab.is_exposed(dialog, "alertdialog", "Still there?"));
    tab.press(Key::Enter);
    site.demo.says("session-extended");
    tab.wait_for("no warning", "!document.querySelector('adjourn-warning')");
    tab.wait_for("more time", "adjourn.left > 20");
    tab.wait_for(
        "the focus where it was",
        "document.activeElement === document.querySelector('nav a')",
    );
    // Ignored, the next one leads to the exit page.
    tab.wait_for("another warning", open);
    tab.wait_to_be_at("/session/signed-out");
    tab.shows(Ending::IdleTimeout.text());
    shows_no_secret(&tab);
}

/// The names of all cookies: seen from a page below every path that has some.
fn cookies(site: &Site, browser: &Browser, tab: &Tab<'_>) -> Vec<String> {
    site.front.answer(
        "/account/test-cookies",
        200,
        "text/html",
        "<title>cookies</title>",
    );
    tab.go(&site.front.url("/account/test-cookies"));
    eventually("the page", || {
        (tab.path() == "/account/test-cookies").then_some(())
    });
    browser.cookie_names()
}
