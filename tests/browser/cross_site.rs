//! Other sites' pages, and those of sibling origins, can neither end nor lengthen a session.

use crate::{
    drive::{Browser, Tab, in_each_browser},
    site::{ADMIN, ALICE, Front, Site},
    support,
};
use serde_json::Value;

in_each_browser! {
    another_site_can_neither_end_nor_extend,
    another_origin_of_the_same_site_can_neither_end_nor_extend,
    pages_that_another_site_loads_extend_nothing,
}

fn another_site_can_neither_end_nor_extend(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let foreign = |path: &str| site.front.foreign_url(path);
    // The answer to a form at the first is a page of the bank, whose own requests count.
    let paths = [
        ("/logout", false),
        ("/session/end", true),
        ("/session/extend", true),
    ];
    attack(browser, &site, &site.front, &tab, foreign, paths);
}

fn another_origin_of_the_same_site_can_neither_end_nor_extend(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    // The same host and another port: cookies go along.
    let sibling = Front::before(site.demo.address);
    // What it asks for counts as the user's, but for what extends.
    let paths = [
        ("/logout", false),
        ("/session/end", false),
        ("/session/extend", true),
    ];
    attack(
        browser,
        &site,
        &sibling,
        &tab,
        |path| sibling.url(path),
        paths,
    );
}

/// Everything that a page elsewhere can make a browser send to these paths. With each whether the
/// session must not even live longer by it.
fn attack(
    browser: &Browser,
    site: &Site,
    elsewhere: &Front,
    tab: &Tab<'_>,
    url: impl Fn(&str) -> String,
    paths: [(&'static str, bool); 3],
) {
    let mut admin = site.other_device(ADMIN);
    // The browser's own wish would count, too.
    site.front.answer("/favicon.ico", 404, "text/plain", "");
    elsewhere.answer("/quiet", 200, "text/html", "<link rel=icon href='data:,'>");
    tab.go(&url("/quiet"));
    for (path, is_passive) in paths {
        let before = last_seen(&mut admin);
        let target = site.front.url(path);
        let form = format!(
            "<link rel=icon href='data:,'>\
             <form method=post action=\"{target}\"><button>Win</button></form>"
        );
        elsewhere.answer("/evil", 200, "text/html", &form);
        // What comes of it, the page may be kept from reading.
        let fetch = |how: &str| format!("fetch('{target}', {how}).then(() => 0, () => 0)");
        let mut unharmed = |by: &str| {
            let said = site.demo.said();
            assert!(!said.contains("session-ended"), "{path} {by}: {said}");
            assert!(!said.contains("session-extended"), "{path} {by}: {said}");
            let seen = last_seen(&mut admin);
            assert!(!is_passive || seen == before, "{path} {by}: {seen}");
            let cookies = browser.cookie_names();
            assert!(cookies.contains(&"__Host-sid".to_owned()), "{path} {by}");
        };
        for script in [
            fetch("{ method: 'POST', mode: 'no-cors', credentials: 'include' }"),
            fetch("{ method: 'POST', credentials: 'include' }"),
            fetch("{ mode: 'no-cors', credentials: 'include' }"),
            format!("navigator.sendBeacon('{target}')"),
            image(&target),
        ] {
            tab.go(&url("/evil"));
            site.front.requests();
            tab.eval(&script);
            let requests = site.front.requests();
            let arrived = requests.iter().any(|it| it.ends_with(path));
            assert!(
                arrived || script.contains("sendBeacon"),
                "{script}: {requests:?}"
            );
            unharmed(&script);
        }
        tab.go(&url("/evil"));
        tab.follow("button");
        assert_eq!(tab.path(), path);
        unharmed("a form");
    }
    // Nor has the browser lost anything.
    tab.go(&site.front.url("/account"));
    tab.shows("Balance");
}

/// When Alice was last there, as the server has it. Panics if she has no session.
fn last_seen(admin: &mut support::Browser) -> Value {
    let sessions = admin.fetch("/admin/api/sessions").json();
    let of_alice = |it: &&Value| it["subject"] == "alice";
    sessions.as_array().unwrap().iter().find(of_alice).unwrap()["last_seen"].clone()
}

fn pages_that_another_site_loads_extend_nothing(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let mut admin = site.other_device(ADMIN);
    let mut last_seen = || last_seen(&mut admin);
    site.front
        .answer("/evil", 200, "text/html", "<title>evil</title>");
    tab.go(&site.front.foreign_url("/evil"));
    let before = last_seen();
    for path in ["/", "/account", "/api/me", "/events"] {
        let url = site.front.url(path);
        tab.eval(&image(&url));
        tab.eval(&format!(
            "fetch('{url}', {{ mode: 'no-cors', credentials: 'include' }}).then(() => 0)"
        ));
    }
    assert_eq!(last_seen(), before);
    // It is no dead end: what the user does counts.
    tab.go(&site.front.url("/account"));
    assert_ne!(last_seen(), before);
}

/// Loads something as an image, and waits for what comes of it.
fn image(url: &str) -> String {
    format!(
        "new Promise(done => {{ const it = new Image(); it.onload = it.onerror = () => done(); \
         it.src = '{url}'; }})"
    )
}
