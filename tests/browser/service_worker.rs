//! A service worker of the site stands between its pages and the server.

use crate::{
    drive::{Browser, Tab, in_each_browser},
    site::{ALICE, Ending, Front, Site, shows_no_secret},
};

in_each_browser! {
    a_log_out_that_a_worker_passes_on_ends_on_the_exit_page,
    an_ending_elsewhere_that_a_worker_passes_on_ends_on_the_exit_page,
}

// P5
fn a_log_out_that_a_worker_passes_on_ends_on_the_exit_page(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    install(&site.front, &tab);
    tab.go(&site.front.url("/account"));
    tab.follow(".viewer button");
    assert_eq!(tab.path(), "/session/signed-out");
    tab.shows("You signed out");
    assert!(!browser.cookie_names().contains(&"__Host-sid".to_owned()));
    tab.back();
    shows_no_secret(&tab);
}

fn an_ending_elsewhere_that_a_worker_passes_on_ends_on_the_exit_page(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    install(&site.front, &tab);
    // A page without the script, which might meet the ending before the click does.
    site.front.answer("/test-link", 200, "text/html", LINK);
    tab.go(&site.front.url("/test-link"));
    let ending = Ending::Administrator;
    ending.comes(&site, &tab);
    tab.follow("a");
    assert_eq!(tab.path(), "/session/signed-out");
    tab.shows(ending.text());
}

/// As unhelpful as one can be: every request goes through it, and it does nothing for any.
fn install(front: &Front, tab: &Tab<'_>) {
    front.answer("/test-install", 200, "text/html", "<title>install</title>");
    front.answer("/test-worker.js", 200, "text/javascript", WORKER);
    tab.go(&front.url("/test-install"));
    tab.eval(
        "navigator.serviceWorker.register('/test-worker.js').then(async () => { \
         while (!navigator.serviceWorker.controller) \
         await new Promise(done => setTimeout(done, 20)); })",
    );
}

const LINK: &str = "<title>link</title><link rel=icon href='data:,'>\
     <a href='/account/statements'>statements</a>";

const WORKER: &str = "oninstall = () => skipWaiting(); \
     onactivate = event => event.waitUntil(clients.claim()); \
     onfetch = event => event.respondWith(fetch(event.request));";
