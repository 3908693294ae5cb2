//! The log-out is final, whatever comes back.

use crate::{
    drive::{Browser, Tab, in_each_browser},
    site::{ALICE, Ending, Site, fill, kept, shows_no_secret},
};

in_each_browser! {
    a_restored_cookie_opens_nothing_and_is_audited,
    a_page_without_the_script_leaves_nothing_either,
    what_a_background_request_met_is_cleared_by_the_next_page,
    a_form_whose_own_handler_says_no_ends_nothing_and_tells_nobody,
}

// P1
fn a_restored_cookie_opens_nothing_and_is_audited(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let cookies = browser.cookies();
    let stolen = cookies.iter().find(|it| it.name == "__Host-sid").unwrap();
    tab.follow(".viewer button");
    assert_eq!(browser.cookie_names(), [""; 0]);

    browser.set_cookie(stolen);
    assert!(browser.cookies().contains(stolen));
    assert!(!site.demo.said().contains("use-after-end"));
    tab.go(&site.front.url("/account"));
    shows_no_secret(&tab);
    assert_eq!(tab.path(), "/session/signed-out");
    assert_eq!(browser.cookie_names(), [""; 0]);
    let audited = site.demo.says("use-after-end");
    assert!(audited.contains("alice"), "{audited}");
}

/// A page of the site without the script, in a browser that keeps something of every kind.
fn plain<'a>(site: &Site, browser: &'a Browser) -> Tab<'a> {
    let tab = site.log_in(browser, ALICE);
    fill(&site.front, &tab);
    let page = "<title>plain</title><form method=post action=/logout><button>Out</button></form>";
    site.front.answer("/test-plain", 200, "text/html", page);
    tab.go(&site.front.url("/test-plain"));
    tab
}

// P5 R-6-1: the header alone.
fn a_page_without_the_script_leaves_nothing_either(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = plain(&site, browser);
    tab.follow("button");
    assert_eq!(tab.path(), "/session/signed-out");
    assert_eq!(browser.cookie_names(), [""; 0]);
    assert_eq!(kept(&tab), [""; 0]);
}

// P5 R-6-14: not the answer to the request, but the page after it, by the marker.
fn what_a_background_request_met_is_cleared_by_the_next_page(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = plain(&site, browser);
    Ending::Administrator.comes(&site, &tab);
    assert_eq!(
        tab.eval("fetch('/api/me').then(reply => reply.status)"),
        401
    );
    assert_eq!(browser.cookie_names(), ["__Host-adjourn-ended"]);
    assert_ne!(kept(&tab), [""; 0]);
    tab.go(&site.front.url("/"));
    assert_eq!(browser.cookie_names(), [""; 0]);
    assert_eq!(kept(&tab), [""; 0]);
}

fn a_form_whose_own_handler_says_no_ends_nothing_and_tells_nobody(browser: &Browser) {
    let site = Site::with(&[]);
    let other = site.log_in(browser, ALICE);
    other.wait_for("the script", "adjourn.left > 0");
    other.eval(
        "void (window.told = [], window.channel = new BroadcastChannel('/session/'), \
         channel.onmessage = event => told.push(event.data))",
    );
    site.front.answer("/test-asks", 200, "text/html", ASKS);
    let tab = site.open(browser, "/test-asks");
    tab.wait_for("the script", "adjourn.left > 0");
    other.eval("void (told.length = 0)");
    tab.click("button");
    tab.wait_for("the handler", "asked === 1");
    // What it tells the others later comes after what it would have told.
    tab.eval("adjourn.extend()");
    other.wait_for("the extension", "told.some(it => it.extended)");
    assert_eq!(other.eval("told.some(it => it.ending || it.over)"), false);
    for tab in [&tab, &other] {
        assert_eq!(tab.eval("adjourn.left > 0"), true);
        tab.shows("Balance");
    }
    let requests = site.front.requests();
    assert!(!requests.iter().any(|it| it.starts_with("POST /logout")));
    assert!(!site.demo.said().contains("session-ended"));

    tab.eval("void (answer = true)");
    tab.follow("button");
    assert_eq!(tab.path(), "/session/signed-out");
    other.wait_to_be_at("/session/signed-out");
}

/// A log-out that asks its user first.
const ASKS: &str = "<title>asks</title><script src='/session/adjourn.js'></script>
<p>Balance: 4,217.00<form method=post action=/logout data-adjourn-end><button>Out</button></form><script>
    let asked = 0, answer = false;
    document.querySelector('form').addEventListener('submit', event => {
        asked++;
        if (!answer) event.preventDefault();
    });
</script>";
