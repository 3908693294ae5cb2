//! `examples/audit_jsonl.rs`

use crate::support::run_to_end;

// R-13-1: what it prints is what its reader is told that it does.
#[test]
fn writes_an_audit_trail_and_finds_the_change() {
    let (status, out, err) = run_to_end("audit_jsonl");
    assert_eq!(status, Some(0), "{err}");
    let lines: Vec<serde_json::Value> = out
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(
        told,
        [
            "session-started",
            "session-started",
            "session-ended",
            "use-after-end",
            "session-ended",
            "cut-made"
        ],
        "{out}"
    );
    for line in &lines {
        assert_eq!(line["class_uid"], 3002, "{line}");
        assert_eq!(line["service"]["name"], "shop");
    }
    assert!(out.contains("ended by the administrator: 1"), "{out}");
    assert!(out.contains("unusual: everyone-ended"), "{out}");
    assert!(out.contains("intact: true"), "{out}");
    let changed = out.lines().find(|line| line.starts_with("changed: "));
    assert!(changed.is_some_and(|line| line.contains("Fault")), "{out}");
}
