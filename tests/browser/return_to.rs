//! Back to the page that a timeout took from its user, and only from its user.

use crate::{
    drive::{Browser, Tab, in_each_browser},
    site::{ADMIN, ALICE, BOB, Ending, Site, User, log_in_here, shows_no_secret},
};

in_each_browser! {
    the_same_user_comes_back_to_the_page,
    another_user_does_not,
    nobody_does_after_a_log_out,
    a_page_with_the_script_is_left_by_itself_and_come_back_to,
    an_answer_to_a_form_is_not,
    of_several_tabs_each_shows_the_reason_and_one_is_come_back_to,
}

const MARKER: &str = "__Host-adjourn-ended";
const FLAGS: [&str; 3] = ["--return-to", "--idle", "12s"];

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
    logs_out(&tab);
    assert_eq!(logs_in_again(&tab, next), "/account");
    path
}

fn nobody_does_after_a_log_out(browser: &Browser) {
    let site = Site::with(&["--return-to"]);
    let tab = site.log_in(browser, ALICE);
    tab.go(&site.front.url("/account/statements"));
    tab.follow(".viewer button");
    assert_eq!(logs_in_again(&tab, ALICE), "/account");
}

// R-12-5 R-8-11
fn a_page_with_the_script_is_left_by_itself_and_come_back_to(browser: &Browser) {
    for (next, path) in [(ALICE, "/account/statements?month=10"), (BOB, "/account")] {
        let site = Site::with(&FLAGS);
        let tab = site.log_in(browser, ALICE);
        tab.go(&site.front.url("/account/statements?month=10#top"));
        site.front.requests();
        tab.wait_to_be_at("/session/signed-out");
        tab.shows(Ending::IdleTimeout.text());
        // Asked for once more, and remembered; it was not shown again.
        let requests = site.front.requests();
        let pages: Vec<_> = requests.iter().filter(|it| is_page(it)).collect();
        assert_eq!(
            pages,
            [
                "GET /account/statements?month=10",
                "GET /session/signed-out"
            ]
        );
        assert_eq!(browser.cookie_names(), [MARKER]);
        logs_in_again(&tab, next);
        assert_eq!(tab.eval("location.pathname + location.search"), path);
        assert!(!browser.cookie_names().contains(&MARKER.to_owned()));
        // In place of the page stands the exit page.
        logs_out(&tab);
        for _ in 0..4 {
            tab.back();
            shows_no_secret(&tab);
        }
    }
}

/// Not of the script's own.
fn is_page(request: &str) -> bool {
    request.starts_with("GET /account") || request.starts_with("GET /session/signed-out")
}

// R-8-11
fn an_answer_to_a_form_is_not(browser: &Browser) {
    let site = Site::with(&FLAGS);
    let tab = site.log_in(browser, ADMIN);
    tab.go(&site.front.url("/admin"));
    tab.follow_script(
        "(() => { const form = document.createElement('form'); form.method = 'post';          form.action = '/admin/end'; form.innerHTML = '<input name=subject value=nobody>';          document.body.append(form); form.submit(); })()",
    );
    assert_eq!(tab.path(), "/admin/end");
    tab.shows("0 sessions");
    tab.wait_for("the script", "adjourn.left > 0");
    site.front.requests();
    tab.wait_to_be_at("/session/signed-out");
    tab.shows(Ending::IdleTimeout.text());
    let requests = site.front.requests();
    assert!(
        !requests.iter().any(|it| it.ends_with("/admin/end")),
        "{requests:?}"
    );
    assert_eq!(logs_in_again(&tab, ADMIN), "/account");
}

/// The others look a second later; on a busy machine that may not be enough.
fn of_several_tabs_each_shows_the_reason_and_one_is_come_back_to(browser: &Browser) {
    let pages = pages_asked_for_once_more(browser);
    assert!(!pages.is_empty(), "nothing is remembered");
}

/// By three tabs of Alice, of which one is in front.
fn pages_asked_for_once_more(browser: &Browser) -> Vec<String> {
    let site = Site::with(&FLAGS);
    let seen = site.log_in(browser, ALICE);
    let behind = ["/account/sessions", "/live"].map(|path| site.open(browser, path));
    seen.to_front();
    seen.go(&site.front.url("/account/statements"));
    for tab in &behind {
        tab.wait_for("a hidden tab", "document.hidden && adjourn.left > 0");
    }
    site.front.requests();
    seen.wait_to_be_at("/session/signed-out");
    seen.shows(Ending::IdleTimeout.text());
    for tab in &behind {
        tab.wait_to_be_at("/session/signed-out");
        tab.shows(Ending::IdleTimeout.text());
    }
    let mut pages = site.front.requests();
    pages.retain(|it| it.starts_with("GET /account") || it.starts_with("GET /live"));
    // On a busy machine a hidden tab can be the first (that the one in front is, is tested with clocks
    // that stand still: tests/client).
    if pages == ["GET /account/statements"] {
        assert_eq!(logs_in_again(&seen, ALICE), "/account/statements");
    }
    pages
}

/// By the form of every page. So short a session is warned of from its start, and the warning is
/// before the button.
fn logs_out(tab: &Tab<'_>) {
    tab.follow_script("void document.querySelector('.viewer form').requestSubmit()");
}

/// By the link of the exit page.
fn logs_in_again(tab: &Tab<'_>, user: User) -> String {
    tab.wait_to_be_at("/session/signed-out");
    tab.follow("a[href='/login']");
    log_in_here(tab, user);
    tab.path()
}
