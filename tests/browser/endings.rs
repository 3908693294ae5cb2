//! What is left in the browser after each kind of ending, and what Back shows.

use crate::{
    drive::{Browser, Tab, in_each_browser},
    site::{ALICE, Ending, Site, fill, kept, shows_no_secret},
};

in_each_browser! {
    log_out,
    log_out_on_another_device,
    administrator,
    idle_timeout,
    absolute_timeout,
    session_limit,
}

fn log_out(browser: &Browser) {
    leaves_nothing(browser, Ending::LogOut);
}

fn log_out_on_another_device(browser: &Browser) {
    leaves_nothing(browser, Ending::OtherDevice);
}

fn administrator(browser: &Browser) {
    leaves_nothing(browser, Ending::Administrator);
}

fn idle_timeout(browser: &Browser) {
    leaves_nothing(browser, Ending::IdleTimeout);
}

fn absolute_timeout(browser: &Browser) {
    leaves_nothing(browser, Ending::AbsoluteTimeout);
}

fn session_limit(browser: &Browser) {
    leaves_nothing(browser, Ending::SessionLimit);
}

// P5, P6
fn leaves_nothing(browser: &Browser, ending: Ending) {
    let site = Site::with(ending.flags());
    let tab = site.log_in(browser, ALICE);
    fill(&site.front, &tab);
    tab.shows("Balance: 4,217.00");
    tab.follow("nav a[href='/account/statements']");
    tab.shows("Statement 2026-10");
    assert_eq!(browser.cookie_names(), ["__Host-sid", "acct_view", "theme"]);

    ending.comes(&site, &tab);
    if ending != Ending::LogOut {
        tab.follow("nav a[href='/account']");
    }
    assert_eq!(tab.path(), "/session/signed-out");
    tab.shows(ending.text());
    assert_eq!(browser.cookie_names(), [""; 0]);
    assert_eq!(kept(&tab), [""; 0]);
    shows_nothing_when_going_back(&tab);
    assert_eq!(browser.cookie_names(), [""; 0]);
}

/// By the browser's button, by script, far back, and forward again.
fn shows_nothing_when_going_back(tab: &Tab<'_>) {
    shows_no_secret(tab);
    tab.back();
    shows_no_secret(tab);
    assert_eq!(tab.path(), "/login");
    for step in [
        "history.forward()",
        "history.back()",
        "history.go(-1)",
        "history.go(-2)",
        "history.go(1)",
        "history.go(2)",
    ] {
        tab.follow_script(step);
        shows_no_secret(tab);
    }
}
