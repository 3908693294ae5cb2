//! examples/demo: the command line, the clock and the end of the process.

use crate::support::{Example, Folder, connect, counter, eventually, exit_of};
use std::io::Write;

#[test]
fn a_wrong_flag_or_value_is_named() {
    for (flags, named) in WRONG {
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
    eventually("the end of the session", || {
        (counter(&demo, "live_sessions") == 0).then_some(())
    });
    alice.fetch("/api/me").refuses("idle-timeout");
    let mut alice = demo.logged_in("alice", "wonderland");
    eventually("the end of the session", || {
        (counter(&demo, "live_sessions") == 0).then_some(())
    });
    alice.get("/account").leads_to("/session/signed-out");
    alice
        .get("/session/signed-out")
        .shows(200, "without activity");
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

/// Flags, and which of them the message names.
const WRONG: &[(&[&str], &str)] = &[
    (&["--colour"], "--colour"),
    (&["colour"], "colour"),
    (&["--listen"], "--listen"),
    (&["--listen", "nowhere"], "--listen"),
    (&["--listen", "127.0.0.1"], "--listen"),
    (&["--idle", "15"], "--idle"),
    (&["--idle", "m"], "--idle"),
    (&["--idle", "-1s"], "--idle"),
    (&["--idle", "0s"], "--idle"),
    (&["--idle", "1d"], "--idle"),
    (&["--idle=9h"], "--idle"),
    (&["--idle", "99999999999999999999s"], "--idle"),
    (&["--absolute", "0ms"], "--absolute"),
    (&["--absolute", "9999999h"], "--absolute"),
    (&["--absolute", "18446744073709551615h"], "--absolute"),
    (&["--touch-interval", "15m"], "--touch-interval"),
    (&["--touch-interval"], "--touch-interval"),
    (&["--max-sessions", "2"], "--max-sessions"),
    (&["--max-sessions", "0:refuse"], "--max-sessions"),
    (&["--max-sessions", "2:shrug"], "--max-sessions"),
    (&["--store", "mysql://localhost"], "--store"),
    (&["--store", "memory:here"], "--store"),
    (&["--store", "sqlite:"], "--store"),
    // Nothing there, or the demo was built without it.
    (&["--store", "sqlite:/nowhere/bank.db"], "--store"),
    (&["--store", "redis://127.0.0.1:1/"], "--store"),
    (&["--store", "postgres:///bank?host=/nowhere"], "--store"),
    (&["--fresh", "5"], "--fresh"),
    (&["--fresh", "0s"], "--fresh"),
    (&["--audit"], "--audit"),
    (&["--audit", "/nowhere/audit.jsonl"], "--audit"),
    (&["--audit", "/"], "--audit"),
    (&["--audit", ""], "--audit"),
    (&["--audit=a", "--audit-format", "xml"], "--audit-format"),
    (&["--audit-format", "ocsf"], "--audit-format"),
    (&["--scratch"], "--scratch"),
    (&["--scratch", "/nowhere"], "--scratch"),
    (&["--scratch", "Cargo.toml"], "--scratch"),
    (&["--warn", "19s"], "--warn"),
    (&["--warn", "soon"], "--warn"),
    (&["--clear", "everything"], "--clear"),
    (&["--return-to", "--clear", "site"], "--return-to"),
    (&["--return-to=yes"], "--return-to"),
    (&["--return-to", "yes"], "yes"),
    (&["--max-staleness", "1"], "--max-staleness"),
    (&["--max-staleness", "61s"], "--max-staleness"),
    (&["--node", ""], "--node"),
    (&["--node", "a b"], "--node"),
];
