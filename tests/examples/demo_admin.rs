//! examples/demo: the administrator.

use crate::support::{Browser, Call, Example};
use serde_json::json;

#[test]
fn the_console_lists_everybody() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let mut alice = demo.logged_in("alice", "wonderland");
    let page = admin.get("/admin");
    for part in ["alice", "End all of alice", "End everyone", "this one"] {
        page.shows(200, part);
    }
    let list = admin.fetch("/admin/api/sessions").json();
    let mut subjects: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["subject"])
        .collect();
    subjects.sort_by_key(ToString::to_string);
    assert_eq!(subjects, [&json!("admin"), &json!("alice")]);
    let id = alice.fetch("/api/me").json()["session_id"].clone();
    let listed = list
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["session_id"] == id)
        .unwrap();
    assert_eq!(listed["address"], "127.0.0.1");
    for field in ["created_at", "last_seen", "absolute_deadline"] {
        assert!(listed[field].as_str().unwrap().ends_with('Z'), "{listed}");
    }
}

#[test]
fn only_an_administrator_gets_in() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut bob = demo.logged_in("bob", "builder");
    alice
        .get("/admin")
        .shows(403, "Only an administrator may do this");
    alice.fetch("/admin/api/sessions").shows(403, "error");
    for field in [("subject", "bob"), ("everyone", "yes")] {
        alice
            .post("/admin/end", &[field])
            .shows(403, "<h1>Not allowed</h1>");
    }
    bob.get("/account").shows(200, "Balance");
    demo.browser().get("/admin").leads_to("/login");
    assert!(!alice.get("/account").body.contains("href=\"/admin\""));
}

#[test]
fn ends_one_session() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let mut alice = [(); 2].map(|()| demo.logged_in("alice", "wonderland"));
    let id = alice[0].fetch("/api/me").json()["session_id"].clone();
    let fields = [("session_id", id.as_str().unwrap()), ("why", "lost laptop")];
    admin
        .post("/admin/end", &fields)
        .shows(200, "<h1>1 session was ended</h1>");
    admin
        .post("/admin/end", &fields)
        .shows(200, "<h1>0 sessions were ended</h1>");
    // A person is told why, a program gets the code.
    alice[0]
        .clone()
        .get("/account")
        .leads_to("/session/signed-out");
    alice[0].fetch("/api/me").refuses("forced");
    alice[1].get("/account").shows(200, "Balance");
    let line = demo.says("session-ended");
    for part in ["actor=admin", "note=\"lost laptop\"", "reason=\"forced\""] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn ends_all_sessions_of_a_user() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let mut alice = [(); 3].map(|()| demo.logged_in("alice", "wonderland"));
    let mut bob = demo.logged_in("bob", "builder");
    assert_eq!(
        end(&mut admin, &[("subject", "alice")]),
        (200, json!({ "ended": 3 }))
    );
    for browser in &mut alice {
        browser.fetch("/api/me").refuses("forced");
    }
    bob.get("/account").shows(200, "Balance");
    assert_eq!(
        end(&mut admin, &[("subject", "alice")]),
        (200, json!({ "ended": 0 }))
    );
    demo.logged_in("alice", "wonderland");
}

#[test]
fn ends_everyone_and_says_farewell_to_the_administrator() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut bob = demo.logged_in("bob", "builder");
    assert_eq!(
        end(&mut admin, &[("everyone", "yes")]),
        (200, json!({ "ended": 3 }))
    );
    for browser in [&mut alice, &mut bob] {
        browser.fetch("/api/me").refuses("forced");
    }
    assert!(!admin.cookies().contains(&"__Host-sid"));
    admin.fetch("/api/me").refuses("no-session");

    let mut admin = demo.logged_in("admin", "control");
    let page = admin.post("/admin/end", &[("everyone", "yes")]);
    page.shows(200, "<h1>1 session was ended</h1>");
    page.shows(200, "Yours is over, too");
    assert!(!page.body.contains("Log out"));
    assert_eq!(page.header("clear-site-data"), Some("\"storage\""));
    assert_eq!(admin.cookies(), [""; 0]);
}

#[test]
fn what_is_unclear_ends_nothing() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let mut alice = demo.logged_in("alice", "wonderland");
    let fields: [&[(&str, &str)]; 7] = [
        &[],
        &[("everyone", "no")],
        &[("everyone", "")],
        &[("subject", "")],
        &[("session_id", "nonsense")],
        &[("subject", "alice"), ("everyone", "yes")],
        &[("why", "because")],
    ];
    for fields in fields {
        assert_eq!(end(&mut admin, fields).0, 400, "{fields:?}");
    }
    let forged = Call::post("/admin/end").header("sec-fetch-site", "cross-site");
    admin
        .send(forged.form(&[("everyone", "yes")]))
        .shows(403, "");
    alice.get("/account").shows(200, "Balance");
}

/// As a program.
fn end(admin: &mut Browser, fields: &[(&str, &str)]) -> (u16, serde_json::Value) {
    let response = admin.send(Call::post("/admin/end").form(fields));
    (response.status, response.json())
}
