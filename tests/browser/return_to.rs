//! Back to the page that a timeout took from its user, and only from its user.

use crate::{
    drive::{Browser, Tab, in_each_browser},
    site::{ALICE, BOB, Ending, Site, User, log_in_here},
};

in_each_browser! {
    the_same_user_comes_back_to_the_page,
    another_user_does_not,
    nobody_does_after_a_log_out,
}

const FLAGS: [&str; 3] = ["--return-to", "--idle", "8s"];

fn the_same_user_comes_back_to_the_page(browser: &Browser) {
    assert_eq!(after_the_timeout(browser, ALICE), "/account/statements");
}

fn another_user_does_not(browser: &Browser) {
    assert_eq!(after_the_timeout(browser, BOB), "/account");
}

/// Where this user gets after a timeout took the statements from Alice.
fn after_the_timeout(browser: &Browser, next: User) -> String {
    let site = Site::with(&FLAGS);
    let tab = site.log_in(browser, ALICE);
    // Away for a while; then a link or a bookmark asks for a page of the session that was.
    site.front
        .answer("/test-away", 200, "text/html", "<title>away</title>");
    tab.go(&site.front.url("/test-away"));
    Ending::IdleTimeout.comes(&site, &tab);
    tab.go(&site.front.url("/account/statements"));
    let path = logs_in_again(&tab, next);
    // Single use.
    tab.follow("form.viewer button");
    assert_eq!(logs_in_again(&tab, next), "/account");
    path
}

fn nobody_does_after_a_log_out(browser: &Browser) {
    let site = Site::with(&FLAGS);
    let tab = site.log_in(browser, ALICE);
    tab.go(&site.front.url("/account/statements"));
    tab.follow("form.viewer button");
    assert_eq!(logs_in_again(&tab, ALICE), "/account");
}

/// By the link of the exit page.
fn logs_in_again(tab: &Tab<'_>, user: User) -> String {
    tab.wait_to_be_at("/session/signed-out");
    tab.follow("a[href='/login']");
    log_in_here(tab, user);
    tab.path()
}
