//! Other sites' pages, and those of sibling origins, can neither end nor lengthen a session.

use crate::{
    drive::{Browser, Tab, in_each_browser},
    site::{ADMIN, ALICE, Front, Site},
};
use serde_json::Value;

in_each_browser! {
    another_site_cannot_log_the_user_out,
    another_origin_of_the_same_site_cannot_log_the_user_out,
    another_site_cannot_extend_the_session,
}

fn another_site_cannot_log_the_user_out(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let foreign = |path: &str| site.front.foreign_url(path);
    attack(&site, &site.front, &tab, foreign);
}

fn another_origin_of_the_same_site_cannot_log_the_user_out(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    // The same host and another port: cookies go along.
    let sibling = Front::before(site.demo.address);
    attack(&site, &sibling, &tab, |path| sibling.url(path));
}

/// Everything that a page elsewhere can make a browser send.
fn attack(site: &Site, elsewhere: &Front, tab: &Tab<'_>, url: impl Fn(&str) -> String) {
    let target = site.front.url("/logout");
    elsewhere.answer(
        "/evil",
        200,
        "text/html",
        &format!("<form method=post action=\"{target}\"><button>Win</button></form>"),
    );
    for script in [
        format!("fetch('{target}', {{ method: 'POST', mode: 'no-cors', credentials: 'include' }})"),
        format!(
            "fetch('{target}', {{ method: 'POST', credentials: 'include' }}).catch(() => {{}})"
        ),
        format!("fetch('{target}', {{ mode: 'no-cors', credentials: 'include' }})"),
        format!("navigator.sendBeacon('{target}')"),
        image(&target),
    ] {
        tab.go(&url("/evil"));
        site.front.requests();
        tab.eval(&script);
        let requests = site.front.requests();
        let arrived = requests.iter().any(|it| it.ends_with(" /logout"));
        assert!(
            arrived || script.contains("sendBeacon"),
            "{script}: {requests:?}"
        );
        is_still_logged_in(site, tab);
    }
    tab.go(&url("/evil"));
    tab.follow("button");
    assert_eq!(tab.path(), "/logout");
    is_still_logged_in(site, tab);
}

fn is_still_logged_in(site: &Site, tab: &Tab<'_>) {
    tab.go(&site.front.url("/account"));
    tab.shows("Balance");
    assert!(!site.demo.said().contains("session-ended"));
}

fn another_site_cannot_extend_the_session(browser: &Browser) {
    let site = Site::with(&[]);
    let tab = site.log_in(browser, ALICE);
    let mut admin = site.other_device(ADMIN);
    let mut last_seen = || -> Value {
        let sessions = admin.fetch("/admin/api/sessions").json();
        let of_alice = |it: &&Value| it["subject"] == "alice";
        sessions.as_array().unwrap().iter().find(of_alice).unwrap()["last_seen"].clone()
    };
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
