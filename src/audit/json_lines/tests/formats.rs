//! What the lines say.

use super::schema::Schema;
use crate::{
    audit::{
        EndScope, Event, EventKind, FailedHook, Format, JsonLines, PolicyFinding, json_lines::Lines,
    },
    id::{RequestId, SessionId, Subject},
    reason::{Cause, EndReason},
    record::{Client, Generation},
    time::Timestamp,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn ended(cause: impl Into<Cause>) -> EventKind {
    EventKind::Ended {
        cause: cause.into(),
        scope: EndScope::One,
        generation: None,
        lived: Duration::from_hours(1),
        idle: Duration::from_mins(1),
        connections_cut: Some(2),
        hooks: 1,
        failed_hooks: vec![FailedHook::new("files", "failed")],
        redelivered: true,
    }
}

/// One of every kind.
fn kinds() -> Vec<EventKind> {
    vec![
        EventKind::CutMade {
            scope: EndScope::Everyone,
            generation: Generation::new(7),
            kept: Some(SessionId::from_bytes([3; 16])),
            cause: EndReason::Forced.into(),
            concluded: 12,
            more_follow: true,
        },
        EventKind::DuplicateCookie { live: 2 },
        ended(EndReason::Logout),
        ended(EndReason::IdleTimeout),
        ended(EndReason::Forced),
        EventKind::EventsLost { count: 3 },
        EventKind::EventsSuppressed {
            kind: "unknown-token",
            count: 180,
            sources: 1,
        },
        EventKind::ExtendRefused { why: "same-site" },
        EventKind::Extended,
        EventKind::Guessing { count: 100 },
        EventKind::PolicyVerdict {
            verdict: "require-fresh",
            findings: vec![
                PolicyFinding::new("client", "require-fresh", "address-changed"),
                PolicyFinding::new("hours", "report", "outside-hours"),
            ],
        },
        EventKind::LimitReached { max: 5 },
        EventKind::LogOutRefused { why: "cross-site" },
        EventKind::OutdatedToken,
        EventKind::RedirectRefused {
            target: "//evil.example/\\r\\n\u{2028}".to_owned(),
        },
        EventKind::Rotated,
        EventKind::SocketRefused {
            why: "origin-not-allowed",
        },
        EventKind::StartRefused {
            why: "audit-unavailable",
        },
        EventKind::Started,
        EventKind::StoreFailed {
            operation: "end",
            error: "the session store is unavailable: a\r\nb".to_owned(),
        },
        EventKind::UnknownToken,
        EventKind::UseAfterEnd {
            cause: EndReason::Logout.into(),
        },
        EventKind::WrongSecret,
    ]
}

fn event(kind: EventKind, subject: Option<&str>) -> Event {
    let client = Client::new(Some([192, 0, 2, 7].into()), Some(b"a\r\nb\",\"evil\":1"));
    Event::new(kind, Timestamp::from_unix_millis(1_767_225_600_000))
        .of(SessionId::from_bytes([1; 16]))
        .by(subject.map(|subject| Subject::new(subject).unwrap()))
        .from(Some(Arc::new(client)))
        .asked_by(RequestId::new("req-7").as_ref())
}

fn lines(format: Format) -> Lines {
    JsonLines::at("/nowhere")
        .with_format(format)
        .with_service("shop")
        .with_host("web-1")
        .with_region("eu-1")
        .lines
}

fn line_of(lines: &Lines, event: &Event) -> Vec<u8> {
    let (object, braces) = lines.open_object(event).unwrap();
    lines.close(object, braces).0
}

fn json_of(lines: &Lines, event: &Event) -> Value {
    let line = line_of(lines, event);
    serde_json::from_slice(&line).unwrap()
}

// R-13-1, R-13-3
#[test]
fn every_event_is_a_valid_document_of_the_class_with_and_without_a_user() {
    let schema = Schema::authentication();
    for lines in [
        lines(Format::Ocsf),
        JsonLines::at("/nowhere")
            .with_format(Format::Ocsf)
            .with_chain()
            .lines,
    ] {
        for kind in kinds() {
            for subject in [Some("user-17"), None] {
                let document = json_of(&lines, &event(kind.clone(), subject));
                let faults = schema.faults(&document);
                assert!(faults.is_empty(), "{faults:?} in {document:#}");
            }
        }
    }
}

// R-13-1: the validator finds what is missing.
#[test]
fn a_document_without_a_service_or_a_user_is_not_valid() {
    let schema = Schema::authentication();
    let whole = json_of(&lines(Format::Ocsf), &event(ended(EndReason::Logout), None));
    for required in [
        "service",
        "user",
        "metadata",
        "time",
        "type_uid",
        "activity_id",
    ] {
        let mut document = whole.clone();
        document.as_object_mut().unwrap().remove(required);
        assert!(!schema.faults(&document).is_empty(), "without {required}");
    }
}

// R-13-1, R-13-2
#[test]
fn a_log_out_is_a_logoff_by_its_user() {
    let event = event(ended(EndReason::Logout), Some("user-17"));
    let document = json_of(&lines(Format::Ocsf), &event);
    assert_eq!(document["activity_id"], 2);
    assert_eq!(document["type_uid"], 300_202);
    assert_eq!(document["time"], 1_767_225_600_000_u64);
    assert_eq!(document["service"]["name"], "shop");
    assert_eq!(document["status_id"], 1);
    assert_eq!(document["status_detail"], "LOGOFF_USER_INITIATED");
    assert_eq!(document["actor"]["user"], document["user"]);
    assert_eq!(document["session"]["uid"], "AQEBAQEBAQEBAQEBAQEBAQ");
    assert_eq!(document["session"]["created_time"], 1_767_222_000_000_u64);
    assert_eq!(document["session"]["expiration_reason"], "logout");
    assert_eq!(document["src_endpoint"]["ip"], "192.0.2.7");
    assert_eq!(document["http_request"]["uid"], "req-7");
    assert_eq!(document["unmapped"]["request_id"], Value::Null, "said once");
    assert_eq!(document["unmapped"]["failed_hooks"][0]["name"], "files");
    assert_eq!(document["unmapped"]["connections_cut"], 2);
    assert_eq!(document["unmapped"]["redelivered"], true);
}

// R-13-2
#[test]
fn a_forced_end_has_another_actor_than_the_user() {
    for cause in [
        Cause::from(EndReason::Forced),
        Cause::from(EndReason::Forced).with_actor(Subject::new("admin-3").unwrap()),
        Cause::from(EndReason::IdleTimeout),
    ] {
        let event = event(ended(cause), Some("user-17"));
        let document = json_of(&lines(Format::Ocsf), &event);
        assert_eq!(document["status_detail"], "LOGOFF_OTHER");
        assert!(document["actor"].is_object());
        assert_ne!(document["actor"]["user"], document["user"]);
    }
}

// R-1-33
#[test]
fn an_end_that_the_store_refused_is_a_failed_logoff() {
    let kind = EventKind::StoreFailed {
        operation: "end",
        error: "down".to_owned(),
    };
    let document = json_of(&lines(Format::Ocsf), &event(kind, None));
    assert_eq!(
        (&document["activity_id"], &document["status_id"]),
        (&json!(2), &json!(2))
    );
}

// R-13-4
#[test]
fn the_vocabulary_is_exact() {
    let session = "AQEBAQEBAQEBAQEBAQEBAQ";
    let lines = lines(Format::Owasp);
    for (kind, word, level) in [
        (
            EventKind::Started,
            "session_created:user-17".to_owned(),
            "INFO",
        ),
        (
            EventKind::Rotated,
            "session_renewed:user-17".to_owned(),
            "INFO",
        ),
        // R-12-2
        (
            EventKind::Extended,
            "session_renewed:user-17".to_owned(),
            "INFO",
        ),
        (
            ended(EndReason::Logout),
            format!("session_logout:user-17,{session}"),
            "INFO",
        ),
        (
            ended(EndReason::IdleTimeout),
            "session_expired:user-17,timeout".to_owned(),
            "INFO",
        ),
        (
            ended(EndReason::Forced),
            "session_expired:user-17,revoked".to_owned(),
            "INFO",
        ),
        (
            EventKind::UseAfterEnd {
                cause: EndReason::Logout.into(),
            },
            "session_use_after_expire:user-17".to_owned(),
            "CRITICAL",
        ),
        (
            EventKind::LimitReached { max: 5 },
            "excess_sessions_exceeded:user-17,5".to_owned(),
            "WARN",
        ),
        (
            EventKind::UnknownToken,
            "adjourn_unknown_token:user-17".to_owned(),
            "WARN",
        ),
    ] {
        let line = json_of(&lines, &event(kind, Some("user-17")));
        assert_eq!(
            (&line["event"], &line["level"]),
            (&json!(word), &json!(level))
        );
    }
}

// R-13-5, R-1-30
#[test]
fn a_line_of_the_vocabulary_has_its_fields_in_order() {
    let event = event(EventKind::Started, Some("user-17"));
    let line = line_of(&lines(Format::Owasp), &event);
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "{\"datetime\":\"2026-01-01T00:00:00.000+00:00\",\"appid\":\"shop\",\
         \"event\":\"session_created:user-17\",\"level\":\"INFO\",\
         \"description\":\"A session started\",\
         \"useragent\":\"a\\ufffd\\ufffdb\\\",\\\"evil\\\":1\",\"source_ip\":\"192.0.2.7\",\
         \"hostname\":\"web-1\",\"region\":\"eu-1\",\
         \"session_id\":\"AQEBAQEBAQEBAQEBAQEBAQ\"}\n"
    );
}

#[test]
fn the_vocabulary_describes_an_ending() {
    let event = event(ended(EndReason::Forced), Some("user-17"));
    let line = json_of(&lines(Format::Owasp), &event);
    assert_eq!(
        line["description"],
        "The session ended (scope one): forced by administrator, connections cut: 2, with failed \
         hooks, redelivered"
    );
}

// A line that is written again after a crash is found by its session.
#[test]
fn every_line_of_a_session_names_it() {
    let id = SessionId::from_bytes([1; 16]);
    for lines in [
        lines(Format::Owasp),
        JsonLines::at("/nowhere")
            .with_format(Format::Owasp)
            .with_session_key([9; 32])
            .lines,
    ] {
        for kind in kinds() {
            let line = json_of(&lines, &event(kind, Some("user-17")));
            assert_eq!(line["session_id"], lines.names.session(&id), "{line}");
        }
        let nobody = Event::new(EventKind::UnknownToken, Timestamp::default());
        assert!(json_of(&lines, &nobody).get("session_id").is_none());
    }
}

// R-13-9, R-1-32
#[test]
fn no_text_breaks_out_of_its_line_or_its_argument() {
    let hostile = "eve:1,admin,timeout%2C\u{2028}\u{202e}\"}";
    for format in [Format::Native, Format::Ocsf, Format::Owasp] {
        for kind in kinds() {
            let event = event(kind, Some(hostile));
            let line = line_of(&lines(format), &event);
            let (last, rest) = line.split_last().unwrap();
            assert_eq!(*last, b'\n');
            assert!(rest.iter().all(|b| (0x20..0x7f).contains(b)), "{format}");
            let read: Value = serde_json::from_slice(rest).unwrap();
            assert!(read.get("evil").is_none(), "{format}");
        }
    }
    let event = event(ended(EndReason::IdleTimeout), Some(hostile));
    let line = json_of(&lines(Format::Owasp), &event);
    let word = line["event"].as_str().unwrap();
    let (name, arguments) = word.split_once(':').unwrap();
    assert_eq!(name, "session_expired");
    let arguments: Vec<_> = arguments.split(',').collect();
    assert_eq!(arguments.len(), 2, "{arguments:?}");
    assert_eq!(arguments[1], "timeout");
    assert!(arguments[0].starts_with("eve%3A1%2Cadmin%2Ctimeout%252C"));
}

// R-13-8
#[test]
fn with_a_key_no_line_holds_the_public_id() {
    let ids = [[1; 16], [3; 16]].map(|bytes| SessionId::from_bytes(bytes).to_string());
    for format in [Format::Native, Format::Ocsf, Format::Owasp] {
        let keyed = JsonLines::at("/nowhere")
            .with_format(format)
            .with_session_key([9; 32])
            .lines;
        for kind in kinds() {
            let line = line_of(&keyed, &event(kind, Some("user-17")));
            let line = String::from_utf8(line).unwrap();
            assert!(ids.iter().all(|id| !line.contains(id)), "{line}");
        }
    }
}
