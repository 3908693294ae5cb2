//! examples/demo: the command line, the clock and the end of the process.

use crate::support::{Example, Folder, connect, counter, eventually, exit_of};
use std::io::Write;

#[test]
fn a_wrong_flag_or_value_is_named() {
    for (flag, values) in WRONG_VALUES {
        for value in *values {
            is_refused(&[flag, value], flag);
        }
    }
    for (flags, named) in WRONG {
        is_refused(flags, named);
    }
}

/// Panics unless the demo says in one line which flag is wrong.
fn is_refused(flags: &[&str], named: &str) {
    let (status, stdout, stderr) = exit_of(flags);
    assert_eq!(
        (status, stdout.as_str()),
        (Some(2), ""),
        "{flags:?}: {stderr}"
    );
    assert!(
        stderr.starts_with(&format!("{named}: ")),
        "{flags:?}: {stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn help_lists_the_flags() {
    let (status, stdout, stderr) = exit_of(&["--idle", "3s", "--help"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    for flag in [
        "--listen",
        "--idle",
        "--absolute",
        "--touch-interval",
        "--max-sessions",
        "--fresh",
        "--store",
        "--max-staleness",
        "--node",
        "--audit",
        "--audit-format",
        "--scratch",
        "--warn",
        "--clear",
        "--return-to",
    ] {
        assert!(stdout.contains(flag), "{stdout}");
    }
}

#[cfg(not(feature = "redis"))]
#[test]
fn a_store_that_was_not_built_in_is_named_with_the_command() {
    let (status, _, stderr) = exit_of(&["--store", "redis://127.0.0.1/"]);
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("cargo run --example demo --features redis"),
        "{stderr}"
    );
}

#[test]
fn an_audit_file_that_another_process_writes_is_refused() {
    let folder = Folder::new();
    let file = folder.file("audit.jsonl");
    let _first = Example::demo(&["--audit", &file]);
    let (status, _, stderr) = exit_of(&["--listen", "127.0.0.1:0", "--audit", &file]);
    assert_eq!(status, Some(2));
    assert!(stderr.starts_with("--audit: "), "{stderr}");
}

#[test]
fn an_address_that_is_taken_is_said() {
    let first = Example::demo(&[]);
    let (status, stdout, stderr) = exit_of(&["--listen", &first.address.to_string()]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("--listen"), "{stderr}");
}

#[test]
fn a_session_that_nobody_uses_ends() {
    let demo = Example::demo(&[
        "--idle",
        "500ms",
        "--touch-interval",
        "0s",
        "--store",
        "memory",
    ]);
    let mut alice = demo.logged_in("alice", "wonderland");
    // Nobody asks for anything with its cookie: the sweeper ends it.
    all_have_ended(&demo);
    alice.fetch("/api/me").refuses("idle-timeout");
    let mut alice = demo.logged_in("alice", "wonderland");
    all_have_ended(&demo);
    alice.get("/account").leads_to("/session/signed-out");
    alice
        .get("/session/signed-out")
        .shows(200, "without activity");
}

fn all_have_ended(demo: &Example) {
    eventually("the end of the session", || {
        (counter(demo, "live_sessions") == 0).then_some(())
    });
}

#[test]
fn a_session_that_is_used_ends_as_well() {
    let demo = Example::demo(&["--idle", "1s", "--absolute", "1s"]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let answer = eventually("the end of the session", || {
        let answer = alice.fetch("/api/me");
        (answer.status != 200).then_some(answer)
    });
    answer.refuses("absolute-timeout");
}

#[test]
fn the_counters_are_for_this_machine() {
    let demo = Example::demo(&[]);
    assert_eq!(counter(&demo, "live_sessions"), 0);
    let _alice = demo.logged_in("alice", "wonderland");
    assert_eq!(counter(&demo, "live_sessions"), 1);
}

#[cfg(unix)]
#[test]
fn sigterm_ends_the_process_well() {
    let demo = Example::demo(&[]);
    let _alice = demo.logged_in("alice", "wonderland");
    // A client that never finishes its request is not waited for.
    let mut stalled = connect(demo.address);
    stalled.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(demo.terminate(), Some(0));
}

/// A flag, and values that it does not take. Where a store is well written, there is nothing, or the demo was
/// built without it.
const WRONG_VALUES: &[(&str, &[&str])] = &[
    ("--listen", &["nowhere", "127.0.0.1"]),
    (
        "--idle",
        &["15", "m", "-1s", "0s", "1d", "99999999999999999999s"],
    ),
    ("--absolute", &["0ms", "9999999h", "18446744073709551615h"]),
    ("--touch-interval", &["15m"]),
    ("--max-sessions", &["2", "0:refuse", "2:shrug"]),
    (
        "--store",
        &[
            "mysql://localhost",
            "memory:here",
            "sqlite:",
            "sqlite:/nowhere/bank.db",
            "redis://127.0.0.1:1/",
            "postgres:///bank?host=/nowhere",
        ],
    ),
    ("--fresh", &["5", "0s"]),
    ("--audit", &["/nowhere/audit.jsonl", "/", ""]),
    ("--audit-format", &["ocsf"]),
    ("--scratch", &["/nowhere", "Cargo.toml"]),
    ("--warn", &["19s", "soon"]),
    ("--clear", &["everything"]),
    ("--max-staleness", &["1", "61s"]),
    ("--node", &["", "a b"]),
];

/// Other flags, and which of them the message names.
const WRONG: &[(&[&str], &str)] = &[
    (&["--colour"], "--colour"),
    (&["colour"], "colour"),
    (&["--listen"], "--listen"),
    (&["--idle=9h"], "--idle"),
    (&["--touch-interval"], "--touch-interval"),
    (&["--audit"], "--audit"),
    (&["--audit=a", "--audit-format", "xml"], "--audit-format"),
    (&["--scratch"], "--scratch"),
    (&["--return-to", "--clear", "site"], "--return-to"),
    (&["--return-to=yes"], "--return-to"),
    (&["--return-to", "yes"], "yes"),
];
