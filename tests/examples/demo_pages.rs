//! examples/demo: the pages.

use crate::support::{Call, Example};

#[test]
fn the_home_page_says_whether_somebody_is_logged_in() {
    let demo = Example::demo(&[]);
    let mut browser = demo.browser();
    let home = browser.get("/");
    home.shows(200, "You are not logged in");
    assert_eq!(home.header("cache-control"), Some("public, max-age=60"));
    assert_eq!(home.header("vary"), Some("Cookie"));
    assert_eq!(
        browser.cookies(),
        [""; 0],
        "a visit alone starts no session"
    );

    let mut alice = demo.logged_in("alice", "wonderland");
    let home = alice.get("/");
    home.shows(200, "You are logged in as <strong>alice</strong>");
    assert_eq!(home.header("cache-control"), Some("no-store"));
}

#[test]
fn the_account_and_the_statements_are_shown_to_their_owner_only() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    for (path, secret) in [
        ("/account", "Balance: 4,217.00"),
        ("/account/statements", "Statement 2026-10"),
    ] {
        let page = alice.get(path);
        page.shows(200, secret);
        page.shows(200, "alice");
        page.shows(
            200,
            "<form class=\"viewer\" method=\"post\" action=\"/logout\">",
        );
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");

        let stranger = demo.browser().get(path);
        stranger.leads_to("/login");
        assert!(!stranger.body.contains(secret));
        demo.browser().fetch(path).refuses("no-session");
    }
    let mut cookies = alice.cookies();
    cookies.sort_unstable();
    assert_eq!(cookies, ["__Host-sid", "acct_view", "theme"]);
}

#[test]
fn every_path_but_the_public_ones_needs_a_session() {
    let demo = Example::demo(&[]);
    for path in [
        "/account",
        "/account/sessions",
        "/admin",
        "/admin/api/sessions",
        "/api/me",
        "/api/note?key=a",
        "/api/slow",
        "/events",
        "/no-such-page",
        "/ws",
    ] {
        demo.browser().fetch(path).refuses("no-session");
    }
    for path in [
        "/account/sessions/end-others",
        "/admin/end",
        "/api/note",
        "/api/token/end",
    ] {
        Call::post(path).send(demo.address).refuses("no-session");
    }
    let mut alice = demo.logged_in("alice", "wonderland");
    alice
        .get("/no-such-page")
        .shows(404, "There is no such page");
}

#[test]
fn pages_need_nothing_from_elsewhere_and_no_scripts() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    for path in [
        "/",
        "/login",
        "/account",
        "/account/statements",
        "/account/sessions",
        "/admin",
    ] {
        let page = admin.get(path);
        page.shows(200, "<html lang=\"en\">");
        for part in [
            "<main id=\"main\"",
            "<nav aria-label",
            "href=\"#main\"",
            "<h1>",
        ] {
            page.shows(200, part);
        }
        for foreign in ["<script", "http://", "https://", "style=\""] {
            assert!(!page.body.contains(foreign), "{foreign} on {path}");
        }
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
}

#[test]
fn the_stylesheet_may_be_cached_also_by_somebody_who_is_logged_in() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    for (path, content_type) in [
        ("/static/style.css", "text/css; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
    ] {
        let file = alice.get(path);
        assert_eq!(file.status, 200);
        assert_eq!(file.header("content-type"), Some(content_type));
        assert_eq!(file.header("cache-control"), Some("public, max-age=3600"));
        assert!(!file.body.contains("http://") || path.ends_with("svg"));
    }
}
