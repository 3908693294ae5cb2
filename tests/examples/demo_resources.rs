//! examples/demo: files, permissions and values that go with the session.

use crate::support::{Browser, Call, Example, Folder, Response, counter, eventually};
use serde_json::json;
use std::{fs, path::Path};

#[test]
fn a_file_is_kept_until_the_session_ends() {
    let folder = Folder::new();
    let demo = Example::demo(&["--scratch", &folder.file("")]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut bob = demo.logged_in("bob", "builder");
    assert_eq!(counter(&demo, "scratch_directories"), 0);
    let paths = ["first", "second"].map(|text| {
        let path = keep(&mut alice, text).json()["path"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        path
    });
    let of_bob = keep(&mut bob, "bob's").json()["path"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(counter(&demo, "scratch_directories"), 2);

    alice.log_out();
    // R-1-30: the receipt of the ending is there when the files are gone.
    for path in paths {
        assert!(!Path::new(&path).exists(), "{path}");
    }
    assert!(Path::new(&of_bob).exists());
    assert_eq!(counter(&demo, "scratch_directories"), 1);
}

#[test]
fn a_file_goes_with_a_session_that_nobody_uses() {
    let folder = Folder::new();
    let demo = Example::demo(&["--idle", "1s", "--scratch", &folder.file("")]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let kept = keep(&mut alice, "a");
    eventually("no directory", || {
        (counter(&demo, "scratch_directories") == 0).then_some(())
    });
    if kept.status == 200 {
        assert!(!Path::new(kept.json()["path"].as_str().unwrap()).exists());
    }
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    keep(&mut alice, "a").shows(501, "--scratch");
    demo.browser()
        .send(Call::post("/api/scratch"))
        .refuses("no-session");

    let folder = Folder::new();
    let demo = Example::demo(&["--scratch", &folder.file("")]);
    let mut alice = demo.logged_in("alice", "wonderland");
    assert_eq!(keep(&mut alice, &"x".repeat(3_000_000)).status, 413);
    for _ in 0..100 {
        assert_eq!(keep(&mut alice, "").status, 200);
    }
    keep(&mut alice, "").shows(507, "error");
    let forged = Call::post("/api/scratch").header("sec-fetch-site", "cross-site");
    alice.send(forged).shows(403, "did not come from this site");
}

#[test]
fn rights_are_kept_in_memory_until_the_session_ends() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut admin = demo.logged_in("admin", "control");
    assert_eq!(counter(&demo, "session_local_values"), 0);
    for _ in 0..2 {
        let of_alice = alice.fetch("/api/perms").json();
        assert_eq!(
            of_alice,
            json!({ "permissions": ["accounts:read", "statements:read"] })
        );
        admin.fetch("/api/perms").shows(200, "sessions:end");
        assert_eq!(counter(&demo, "session_local_values"), 2);
    }
    alice.log_out();
    assert_eq!(counter(&demo, "session_local_values"), 1);
}

#[test]
fn a_permission_is_lent_to_the_session_that_asked() {
    let demo = Example::demo(&[]);
    let mut here = demo.logged_in("alice", "wonderland");
    let mut there = demo.logged_in("alice", "wonderland");
    assert!(!may_refund(&mut here));
    let granted = here.send(Call::post("/api/grant"));
    assert_eq!(
        granted.json(),
        json!({ "granted": "refund", "seconds": 60 })
    );
    assert!(may_refund(&mut here));
    assert!(!may_refund(&mut there));
    // R-1-15: it ends with the session; the next one has nothing of it.
    here.log_in("alice", "wonderland", &[]).leads_to("/account");
    assert!(!may_refund(&mut here));

    let forged = Call::post("/api/grant").header("sec-fetch-site", "cross-site");
    here.send(forged).shows(403, "did not come from this site");
    assert!(!may_refund(&mut here));
    demo.browser()
        .send(Call::post("/api/grant"))
        .refuses("no-session");
    assert_eq!(here.fetch("/api/grant").status, 405);
}

// R-1-17
#[test]
fn a_permission_is_lent_only_after_a_recent_log_in() {
    let demo = Example::demo(&["--fresh", "1ms"]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let refused = eventually("a log-in that is too long ago", || {
        let answer = alice.send(Call::post("/api/grant"));
        (answer.status != 200).then_some(answer)
    });
    refused.refuses("reauthentication-required");
    alice.post("/api/grant", &[]).leads_to("/login");
    alice.get("/account").shows(200, "Balance");
}

fn keep(browser: &mut Browser, text: &str) -> Response {
    browser.send(Call::post("/api/scratch").body("text/plain", text))
}

fn may_refund(browser: &mut Browser) -> bool {
    browser.fetch("/api/perms").body.contains("refund")
}
