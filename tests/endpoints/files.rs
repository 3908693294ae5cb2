//! The client script and the page: what caches, other sites and odd requests get.

use crate::{
    contract::call,
    support::{Op, Site, When, raw},
};
use adjourn::endpoints::{client_module, client_script};
use http::{Method, StatusCode};

const SCRIPT: &str = "/session/adjourn.js";

// The same for everybody: kept by caches also beside a live session, and asked for anew each time.
#[tokio::test]
async fn the_script_is_the_same_for_everybody() {
    let site = Site::open().await;
    let live = site.logged_in("alice").await;
    let checked = site.store.calls(Op::CheckIn);
    let mut answers = Vec::new();
    for browser in [&live, &site.browser()] {
        let got = call("script", browser.fetch(Method::GET, SCRIPT)).await;
        assert_eq!(got.status, StatusCode::OK);
        assert_eq!(got.header("cache-control"), Some("public, no-cache"));
        assert_eq!(
            got.header("content-type"),
            Some("text/javascript; charset=utf-8")
        );
        assert!(got.set_cookies().is_empty(), "{got:?}");
        answers.push((got.body.clone(), got.header("etag").map(str::to_owned)));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(!answers[0].0.is_empty());
    // Nobody's session is looked up for it, so that a store that is down does not matter.
    assert_eq!(site.store.calls(Op::CheckIn), checked);
    site.store.fail(Op::CheckIn, When::Before);
    let got = call("script", live.fetch(Method::GET, SCRIPT)).await;
    assert_eq!(got.status, StatusCode::OK);
}

// The classic script and the module are what the crate says they are, to the byte.
#[tokio::test]
async fn the_files_are_the_texts_that_the_hashes_name() {
    let site = Site::open().await;
    for (operation, path, text) in [
        ("script", SCRIPT, client_script()),
        ("module", "/session/adjourn.mjs", client_module()),
    ] {
        let got = call(operation, site.browser().fetch(Method::GET, path)).await;
        assert_eq!(got.text(), text, "{path}");
        assert_eq!(
            got.header("content-type"),
            Some("text/javascript; charset=utf-8")
        );
    }
}

#[tokio::test]
async fn a_client_that_has_the_script_is_told_so() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let ask = |method| browser.fetch(method, SCRIPT);
    let etag = call("script", ask(Method::GET)).await;
    let etag = etag.header("etag").unwrap();
    for method in [Method::GET, Method::HEAD] {
        let got = call("script", ask(method).header("if-none-match", etag)).await;
        assert_eq!(got.status, StatusCode::NOT_MODIFIED, "{got:?}");
        assert!(got.body.is_empty());
        assert_eq!(got.header("etag"), Some(etag));
    }
    let changed = ask(Method::GET).header("if-none-match", "\"other\"");
    assert_eq!(call("script", changed).await.status, StatusCode::OK);
    let head = call("script", ask(Method::HEAD)).await;
    assert!(head.body.is_empty());
    assert_ne!(head.header("content-length"), Some("0"));
}

#[tokio::test]
async fn what_is_read_takes_no_other_method() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    for (operation, path) in [
        ("script", SCRIPT),
        ("signedOut", "/session/signed-out"),
        ("status", "/session/status"),
        ("listSessions", "/session/sessions"),
    ] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let got = call(operation, browser.fetch(method, path)).await;
            assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(got.header("allow"), Some("GET, HEAD"), "{path}");
        }
    }
}

// R-14-14: asking what is allowed needs no session, and does nothing.
#[tokio::test]
async fn options_are_told() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    for (path, methods) in [
        ("/session/status", "GET, HEAD"),
        ("/session/extend", "POST"),
        ("/session/end", "POST"),
        ("/session/sessions", "GET, HEAD"),
        ("/session/sessions/x/end", "POST"),
        ("/session/sessions/end-others", "POST"),
        (SCRIPT, "GET, HEAD"),
    ] {
        for browser in [&browser, &site.browser()] {
            let preflight = browser
                .ask(Method::OPTIONS, path)
                .header("origin", "https://evil.example")
                .header("access-control-request-method", "POST");
            for ask in [browser.ask(Method::OPTIONS, path), preflight] {
                let got = ask.send().await;
                assert_eq!(got.status, StatusCode::NO_CONTENT, "{path}: {got:?}");
                assert_eq!(got.header("allow"), Some(methods), "{path}");
                assert_eq!(got.header("access-control-allow-origin"), None);
            }
        }
    }
    assert!(site.events.endings().is_empty());
}

#[tokio::test]
async fn what_is_no_endpoint_is_not_found() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let huge = format!("/session/{}", "a/".repeat(2_000));
    for path in [
        "/session/",
        "/session/Status",
        "/session/status/",
        "/session//status",
        "/session/%73tatus",
        "/session/x/status",
        "/session/status;a=b",
        "/session/sessions/",
        "/session/sessions/end",
        "/session/sessions/a/b/end",
        "/session/sessions/a/end/",
        "/session/adjourn.js.map",
        "/session/client/adjourn.js",
        "/session/..%2Fadjourn.js",
        "/session/%E2%82%AC",
        "/session/%FF",
        "/session/%00",
        "/session/%",
        &huge,
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let got = browser.fetch(method, path).send().await;
            assert_eq!(got.status, StatusCode::NOT_FOUND, "{path}: {got:?}");
            assert_eq!(got.reason(), "not-found", "{path}");
            assert_eq!(got.header("cache-control"), Some("no-store"), "{path}");
            assert!(!got.text().contains('%'), "nothing is echoed: {got:?}");
        }
    }
}

// Bytes that no client should send: refused or not found, never a crash, and the site lives on.
#[tokio::test]
async fn bytes_that_are_no_path_do_no_harm() {
    let site = Site::open().await;
    for target in [
        &b"/session/status\x00"[..],
        b"/session/\xff\xfe/end",
        "/session/sessions/\u{20ac}/end".as_bytes(),
        b"/session/status#fragment",
        b"/session/sta tus",
        b"//session/status",
        b"http://evil.example/session/status",
        b"*",
        b"/session/status?state=live&state=%00%FF",
    ] {
        let mut wire = b"GET ".to_vec();
        wire.extend_from_slice(target);
        wire.extend_from_slice(b" HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n");
        let answer = raw(site.address, wire).await;
        let status = answer.get(..12).unwrap_or_default();
        let refused = ["400", "401", "404", "405"].map(|code| format!("HTTP/1.1 {code}"));
        let refused = refused.iter().any(|it| it == status);
        assert!(refused || answer.is_empty(), "{target:?}: {answer}");
        assert!(!answer.contains("live"), "{answer}");
    }
    let browser = site.logged_in("alice").await;
    let got = call("status", browser.fetch(Method::GET, "/session/status?a=b"));
    assert_eq!(got.await.status, StatusCode::OK);
}
