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
            "<form method=\"post\" action=\"/logout\" data-adjourn-end>",
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
        "/admin/api/audit",
        "/admin/api/sessions",
        "/admin/events",
        "/api/me",
        "/api/note?key=a",
        "/api/perms",
        "/api/slow",
        "/events",
        "/live",
        "/no-such-page",
        "/ws",
    ] {
        demo.browser().fetch(path).refuses("no-session");
    }
    for path in [
        "/account/sessions/end-others",
        "/admin/end",
        "/api/grant",
        "/api/note",
        "/api/scratch",
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
fn pages_need_nothing_from_elsewhere_and_nothing_inline() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    for path in [
        "/",
        "/login",
        "/account",
        "/account/statements",
        "/account/sessions",
        "/live",
        "/admin",
        "/help",
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
        for foreign in ["http://", "https://", "style=\"", "<style", " onclick", "{"] {
            assert!(!page.body.contains(foreign), "{foreign} on {path}");
        }
        for script in page.body.split("<script").skip(1) {
            let (tag, _) = script.split_once("</script>").unwrap();
            assert!(tag.contains(" src=\"/"), "{tag} on {path}");
            assert!(tag.ends_with('>'), "{tag} on {path}");
        }
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[test]
fn pages_of_a_session_have_the_script_that_leaves_them() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let script = alice.get("/session/adjourn.js");
    assert_eq!(script.status, 200, "{script:?}");
    for path in [
        "/",
        "/login",
        "/account",
        "/account/statements",
        "/account/sessions",
        "/live",
        "/nowhere",
    ] {
        let page = alice.get(path).body;
        assert!(
            page.contains("<script src=\"/session/adjourn.js\" integrity=\"sha384-"),
            "{path}"
        );
        assert!(
            page.contains("action=\"/logout\" data-adjourn-end>"),
            "{path}"
        );
    }
    for path in ["/", "/login"] {
        let page = demo.browser().get(path).body;
        assert!(!page.contains("<script"), "{path}");
    }
}

#[test]
fn the_script_finds_what_it_asks_for() {
    let demo = Example::demo(&["--idle", "10m"]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let status = alice.fetch("/session/status").json();
    assert_eq!(
        (&status["state"], &status["idle_timeout_seconds"]),
        (&"live".into(), &600.into())
    );
    assert_eq!(status["log_in"], "/login");
    let extend = Call::post("/session/extend").header("sec-fetch-site", "same-origin");
    assert_eq!(alice.send(extend).json()["state"], "live");
    assert!(demo.says("session-extended").contains("alice"));
    let list = alice.fetch("/session/sessions").json();
    assert_eq!(list["sessions"][0]["current"], true);
}

#[test]
fn the_live_page_says_where_what_is_shown() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let page = alice.get("/live");
    let script = alice.get("/static/live.js").body;
    for id in [
        "over",
        "socket",
        "socket-ticks",
        "echo",
        "echo-text",
        "echo-answer",
        "events",
        "events-ticks",
        "scratch",
        "scratch-text",
        "scratch-answer",
        "rights-list",
        "grant",
        "grant-answer",
    ] {
        page.shows(200, &format!("id=\"{id}\""));
        assert!(script.contains(&format!("\"{id}\"")), "{id}");
    }
    // Without a script it says so.
    page.shows(200, "<noscript>");
}

// R-7-8, ASVS 7.1.1, WCAG 2.2.6
#[test]
fn how_long_a_session_lasts_is_said_to_all_and_may_be_stored() {
    let demo = Example::demo(&["--idle", "5m", "--max-sessions", "2:end-oldest"]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let (hers, visitors) = (alice.get("/help"), demo.browser().get("/help"));
    for page in [&hers, &visitors] {
        page.shows(200, "<dd>5 minutes</dd>");
        page.shows(200, "more than 2 times at once");
        assert_eq!(page.header("cache-control"), Some("public, max-age=300"));
        assert!(page.all("vary").any(|name| name == "cookie"));
    }
    assert_eq!(hers.body, visitors.body, "it says nothing of who asks");
    assert!(!hers.body.contains("<script"));
}

#[test]
fn assets_may_be_cached_also_by_somebody_who_is_logged_in() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    for (path, content_type) in [
        ("/static/style.css", "text/css; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
        ("/static/admin.js", "text/javascript; charset=utf-8"),
        ("/static/connection.js", "text/javascript; charset=utf-8"),
        ("/static/live.js", "text/javascript; charset=utf-8"),
    ] {
        let file = alice.get(path);
        assert_eq!(file.status, 200);
        assert_eq!(file.header("content-type"), Some(content_type));
        assert_eq!(file.header("cache-control"), Some("public, max-age=3600"));
        assert!(!file.body.contains("http://") || path.ends_with("svg"));
    }
    for missing in ["/static/nothing.css", "/static/", "/static/..%2Fpage.html"] {
        assert_ne!(alice.get(missing).status, 200, "{missing}");
    }
}
