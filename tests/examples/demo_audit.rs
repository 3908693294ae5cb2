//! examples/demo: what is recorded, in files and for the administrator.

use crate::support::{Browser, Events, Example, Folder, eventually};
use serde_json::Value;
use std::fs;

#[test]
fn the_audit_file_is_written_in_the_format_that_was_asked_for() {
    // R-13-1, R-13-4
    for (format, named, reason) in [
        (None, "/class_uid", "/session/expiration_reason"),
        (Some("ocsf"), "/class_uid", "/session/expiration_reason"),
        (Some("owasp"), "/appid", "/event"),
        (Some("native"), "/event", "/reason"),
    ] {
        let folder = Folder::new();
        let file = folder.file("audit.jsonl");
        let mut flags = vec!["--audit", file.as_str()];
        flags.extend(format.iter().flat_map(|format| ["--audit-format", *format]));
        let demo = Example::demo(&flags);
        let mut alice = demo.logged_in("alice", "wonderland");
        alice.log_out();
        let lines = eventually("two lines", || {
            let text = fs::read_to_string(&file).unwrap();
            (text.lines().count() == 2).then_some(text)
        });
        let ended = lines.lines().next_back().unwrap();
        let ended: Value = serde_json::from_str(ended).unwrap();
        assert!(ended.pointer(named).is_some(), "{format:?}: {ended}");
        let reason = ended.pointer(reason).and_then(Value::as_str);
        assert!(
            reason.is_some_and(|reason| reason.contains("logout")),
            "{format:?}: {ended}"
        );
        assert!(
            !lines.contains("wonderland") && !lines.contains("__Host-sid"),
            "{lines}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nobody_logs_in_unseen_while_the_audit_file_cannot_be_written() {
    let demo = Example::demo(&["--audit", "/dev/full"]);
    // The first log-in shows that the disk is full.
    let mut first = demo.logged_in("alice", "wonderland");
    eventually("the refusal of a log-in", || {
        let answer = demo.browser().log_in("bob", "builder", &[]);
        (answer.status == 503).then_some(())
    });
    first.log_out().leads_to("/session/signed-out");
}

#[test]
fn the_administrator_sees_what_is_recorded() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let mut alice = demo.logged_in("alice", "wonderland");
    let id = alice.fetch("/api/me").json()["session_id"].clone();
    let before = alice.clone();
    alice.log_out();
    before.clone().fetch("/api/me").refuses("logout");

    let list = admin.fetch("/admin/api/audit").json();
    let list = list.as_array().unwrap();
    let events: Vec<_> = list
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    let expected = [
        "session-started",
        "session-started",
        "session-ended",
        "use-after-end",
    ];
    assert_eq!(events, expected);
    let [_, _, ended, used] = list.as_slice() else {
        unreachable!()
    };
    assert_eq!((&ended["session_id"], &used["session_id"]), (&id, &id));
    assert_eq!(
        (&ended["subject"], &ended["reason"]),
        (&"alice".into(), &"logout".into())
    );
    assert_eq!(
        (&ended["severity"], &used["severity"]),
        (&"info".into(), &"critical".into())
    );
    assert_eq!(ended["client_address"], "127.0.0.1");
}

#[test]
fn the_administrator_sees_it_as_it_happens() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let mut feed = Events::open(&demo, &admin, "/admin/events");
    // What was before, and then what comes.
    feed.wait_for(r#""subject":"admin""#);
    let mut alice = demo.logged_in("alice", "wonderland");
    feed.wait_for(r#""subject":"alice""#);
    alice.log_out();
    let event = feed.wait_for(r#""event":"session-ended""#);
    assert!(
        event.contains("event: audit") && event.contains(r#""reason":"logout""#),
        "{event}"
    );

    admin.log_out();
    let rest = feed.read_to_end();
    assert!(rest.contains("event: session-ended"), "{rest}");
}

#[test]
fn a_feed_that_broke_goes_on_where_it_was() {
    let demo = Example::demo(&[]);
    let admin = demo.logged_in("admin", "control");
    demo.logged_in("alice", "wonderland");
    let after = |id: &str| {
        let mut feed = Events::open_after(&demo, &admin, "/admin/events", id);
        feed.wait_for("data: ")
    };
    assert!(after("1").contains(r#""subject":"alice""#));
    // Of before the server was started again, or nonsense: from the beginning.
    for id in ["0", "17", "a", "-1"] {
        assert!(after(id).contains(r#""subject":"admin""#), "{id}");
    }
}

#[test]
fn the_trail_is_for_administrators_only() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    for path in ["/admin/api/audit", "/admin/events"] {
        alice.fetch(path).shows(403, "Only an administrator");
        demo.browser().fetch(path).refuses("no-session");
    }
}

#[test]
fn the_charts_show_how_sessions_went() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let page = admin.get("/admin");
    page.shows(
        200,
        "<figcaption>Why sessions ended</figcaption><p class=\"hint\">None yet.",
    );

    let mut alice = [(); 3].map(|()| demo.logged_in("alice", "wonderland"));
    let mut dead = alice[0].clone();
    alice[0].log_out();
    alice[1].log_out();
    dead.fetch("/api/me").refuses("logout");
    admin.post("/admin/end", &[("subject", "alice")]);
    let page = admin.get("/admin");
    for (label, count) in [
        ("logout", 2),
        ("forced", 1),
        ("127.0.0.1", 1),
        ("up to 1 minute", 3),
    ] {
        assert!(
            is_charted(&page.body, label, count),
            "{label}: {}",
            page.body
        );
    }
    for (label, count) in [("Started", 4), ("Ended", 3), ("Used after their end", 1)] {
        page.shows(200, &format!("<dt>{label}</dt><dd>{count}</dd>"));
    }
    assert!(!page.body.contains("Everybody’s sessions were ended"));

    admin.post("/admin/end", &[("everyone", "yes")]);
    let page = Browser::get(&mut demo.logged_in("admin", "control"), "/admin");
    page.shows(200, "Everybody’s sessions were ended");
}

/// Whether it is drawn, and in the table for those who do not see the drawing.
fn is_charted(page: &str, label: &str, count: u32) -> bool {
    let drawn = page.contains(&format!(">{label}</text>"));
    drawn && page.contains(&format!("<td>{label}</td><td>{count}</td>"))
}
