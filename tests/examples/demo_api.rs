//! examples/demo: what programs use.

use crate::support::{Call, Example, Response, run_curl_block};
use serde_json::json;

#[test]
fn says_who_i_am_and_for_how_long() {
    let demo = Example::demo(&["--idle", "10m", "--absolute", "1h"]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let me = alice.fetch("/api/me").json();
    assert_eq!(me["subject"], "alice");
    assert_eq!(me["session_id"].as_str().unwrap().len(), 22);
    assert!(me["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(me["idle_seconds_left"], 600);
    assert!(
        (3_500..=3_600).contains(&me["absolute_seconds_left"].as_u64().unwrap()),
        "{me}"
    );
}

#[test]
fn keeps_notes_in_the_session() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut bob = demo.logged_in("bob", "builder");
    alice
        .fetch("/api/note?key=colour")
        .shows(200, r#"{"value":null}"#);
    for value in ["green", "blå <b>&"] {
        let fields = [("key", "colour"), ("value", value)];
        alice
            .send(Call::post("/api/note").form(&fields))
            .shows(200, "colour");
        assert_eq!(
            alice.fetch("/api/note?key=colour").json(),
            json!({ "value": value })
        );
    }
    bob.fetch("/api/note?key=colour")
        .shows(200, r#"{"value":null}"#);

    let mut note = |key: &str, value: &str| {
        let fields = [("key", key), ("value", value)];
        alice.send(Call::post("/api/note").form(&fields)).status
    };
    assert_eq!(note("", "a"), 400);
    assert_eq!(note("large", &"x".repeat(20_000)), 413);
    assert_eq!(note("small", "a"), 200);
}

#[test]
fn a_slow_request_reads_writes_or_rotates() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let before = alice.clone();
    alice.fetch("/api/slow?ms=1").shows(200, r#""then":"read""#);
    alice
        .fetch("/api/slow?ms=1&then=write")
        .shows(200, r#""then":"write""#);
    alice
        .fetch("/api/note?key=slow")
        .shows(200, r#"{"value":1}"#);
    alice
        .fetch("/api/slow?then=rotate")
        .shows(200, r#""then":"rotate""#);
    alice.fetch("/api/me").shows(200, "alice");
    before
        .with_cookies(Call::get("/api/me"))
        .send(demo.address)
        .refuses("outdated");
    alice.fetch("/api/slow?then=dance").shows(400, "");
}

#[test]
fn a_token_works_wherever_the_cookie_does_until_it_ends() {
    let demo = Example::demo(&[]);
    let token = token(&demo);
    let with_token = |call: Call| call.bearer(&token).send(demo.address);
    assert_eq!(with_token(Call::get("/api/me")).json()["subject"], "alice");
    let fields = [("key", "a"), ("value", "b")];
    assert_eq!(
        with_token(Call::post("/api/note").form(&fields)).status,
        200
    );
    with_token(Call::get("/api/note?key=a")).shows(200, "\"b\"");

    let ended = with_token(Call::post("/api/token/end"));
    ended.shows(200, r#"{"ended":true,"reason":"logout"}"#);
    for header in ["set-cookie", "clear-site-data"] {
        assert_eq!(ended.header(header), None, "nothing for a browser");
    }
    let refused = with_token(Call::get("/api/me"));
    refused.refuses("logout");
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer ") && challenge.contains("invalid_token"));
}

#[test]
fn a_rotated_token_is_told_to_its_owner() {
    let demo = Example::demo(&[]);
    let old = token(&demo);
    let slow = Call::get("/api/slow?then=rotate")
        .bearer(&old)
        .send(demo.address);
    let new = slow.json()["token"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    Call::get("/api/me")
        .bearer(&new)
        .send(demo.address)
        .shows(200, "alice");
    Call::get("/api/me")
        .bearer(&old)
        .send(demo.address)
        .refuses("outdated");
}

#[test]
fn a_token_is_asked_for_with_json_or_a_form() {
    let demo = Example::demo(&[]);
    let json = |body: &str| {
        let call = Call::post("/api/token").body("application/json; charset=utf-8", body);
        call.send(demo.address)
    };
    let given = json(r#"{"username":"bob","password":"builder"}"#);
    assert_eq!(given.json()["token_type"], "Bearer");
    assert_eq!(given.json()["token"].as_str().unwrap().len(), 64);
    assert_eq!(given.header("cache-control"), Some("no-store"));
    let wrong = |response: Response| {
        assert_eq!(response.status, 401);
        assert_eq!(
            response.header("www-authenticate"),
            Some("Bearer realm=\"session\"")
        );
    };
    wrong(json(r#"{"username":"bob","password":"singer"}"#));
    let fields = [("username", ""), ("password", "")];
    wrong(Call::post("/api/token").form(&fields).send(demo.address));
    assert_eq!(json("{").status, 400);
}

#[test]
fn the_printed_commands_do_what_they_say() {
    let demo = Example::demo(&[]);
    let Some(wrote) = run_curl_block("demo/token.rs", demo.address) else {
        return;
    };
    let [token, me, ended] = wrote.as_slice() else {
        panic!("{wrote:?}");
    };
    assert_eq!(token, "", "kept in a variable");
    assert!(me.contains(r#""subject":"alice""#), "{me}");
    assert_eq!(ended, r#"{"ended":true,"reason":"logout"}"#);
}

fn token(demo: &Example) -> String {
    let fields = [("username", "alice"), ("password", "wonderland")];
    let given = Call::post("/api/token").form(&fields).send(demo.address);
    assert_eq!(
        (given.status, given.header("set-cookie")),
        (200, None),
        "{given:?}"
    );
    given.json()["token"].as_str().unwrap().to_owned()
}
