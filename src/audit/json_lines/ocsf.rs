//! OCSF 1.3: events of the class Authentication (3002).

use super::{
    Place,
    names::{Names, UNKNOWN},
};
use crate::{
    audit::{Event, EventKind, Severity},
    id::Subject,
    reason::{Cause, Initiator},
    record::Client,
};
use serde_json::{Map, Value, json};

/// The object without what the class has no attribute for, and that.
pub(super) fn document(
    event: &Event,
    place: &Place,
    names: &Names,
) -> (Map<String, Value>, Map<String, Value>) {
    let activity = Activity::of(&event.kind);
    let (severity_id, severity) = severity(event.kind.severity());
    let (status_id, status) = if activity.failed {
        (2, "Failure")
    } else {
        (1, "Success")
    };
    let mut document = object(json!({
        "activity_id": activity.id,
        "activity_name": activity.name,
        "category_name": "Identity & Access Management",
        "category_uid": 3,
        "class_name": "Authentication",
        "class_uid": 3002,
        "is_remote": true,
        "message": event.kind.code(),
        "metadata": {
            "product": {
                "name": "adjourn",
                "vendor_name": "adjourn",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "version": "1.3.0",
        },
        "service": { "name": place.service },
        "severity": severity,
        "severity_id": severity_id,
        "status": status,
        "status_id": status_id,
        "time": event.at.as_unix_millis(),
        "type_name": format!("Authentication: {}", activity.name),
        "type_uid": 300_200 + activity.id,
        "user": user(event.subject.as_ref()),
    }));
    add(&mut document, "actor", actor(event));
    add(&mut document, "count", count(&event.kind));
    add(&mut document, "session", session(event, names));
    add(&mut document, "status_detail", detail(&event.kind));
    if let Some(client) = event.client.as_deref() {
        let endpoint = client.address().map(|ip| json!({ "ip": ip }));
        add(&mut document, "src_endpoint", endpoint);
    }
    add(&mut document, "http_request", http_request(event));
    (document, unmapped(event, names))
}

fn http_request(event: &Event) -> Option<Value> {
    let agent = event.client.as_deref().and_then(Client::user_agent);
    let mut request = Map::new();
    add(
        &mut request,
        "uid",
        event.request_id.as_ref().map(|id| json!(id.as_str())),
    );
    add(&mut request, "user_agent", agent.map(|agent| json!(agent)));
    (!request.is_empty()).then_some(Value::Object(request))
}

/// What of the class's activities an event is.
struct Activity {
    id: u32,
    name: &'static str,
    failed: bool,
}

impl Activity {
    const fn of(kind: &EventKind) -> Self {
        let (id, name, failed) = match kind {
            EventKind::Ended { .. } => (2, "Logoff", false),
            EventKind::LogOutRefused { .. } => (2, "Logoff", true),
            EventKind::StoreFailed { operation, .. } if is_end(operation) => (2, "Logoff", true),
            EventKind::Started => (1, "Logon", false),
            EventKind::LimitReached { .. } | EventKind::StartRefused { .. } => (1, "Logon", true),
            EventKind::CutMade { .. } | EventKind::Extended | EventKind::Rotated => {
                (99, "Other", false)
            }
            EventKind::DuplicateCookie { .. }
            | EventKind::EventsLost { .. }
            | EventKind::EventsSuppressed { .. }
            | EventKind::ExtendRefused { .. }
            | EventKind::Guessing { .. }
            | EventKind::OutdatedToken
            | EventKind::PolicyVerdict { .. }
            | EventKind::RedirectRefused { .. }
            | EventKind::SocketRefused { .. }
            | EventKind::StoreFailed { .. }
            | EventKind::UnknownToken
            | EventKind::UseAfterEnd { .. }
            | EventKind::WrongSecret => (99, "Other", true),
        };
        Self { id, name, failed }
    }
}

/// Whether an operation of the store was to end one session.
const fn is_end(operation: &str) -> bool {
    matches!(operation.as_bytes(), b"end")
}

const fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Warning => (3, "Medium"),
        Severity::Critical => (5, "Critical"),
    }
}

/// The class demands a user, and of the user a name or a uid.
fn user(subject: Option<&Subject>) -> Value {
    match subject {
        Some(subject) => json!({ "uid": subject.as_str() }),
        None => json!({ "name": UNKNOWN, "type": "Unknown", "type_id": 0 }),
    }
}

/// Who did it, where that is somebody.
fn actor(event: &Event) -> Option<Value> {
    let (EventKind::CutMade { cause, .. } | EventKind::Ended { cause, .. }) = &event.kind else {
        return None;
    };
    if let Some(actor) = cause.actor() {
        return Some(json!({ "user": { "uid": actor.as_str() } }));
    }
    Some(match cause.initiator() {
        Initiator::User => json!({ "user": user(event.subject.as_ref()) }),
        Initiator::Administrator => {
            json!({ "user": { "name": "administrator", "type": "Admin", "type_id": 2 } })
        }
        initiator @ (Initiator::IdentityProvider
        | Initiator::Policy
        | Initiator::Risk
        | Initiator::System) => json!({ "app_name": initiator.code() }),
    })
}

fn count(kind: &EventKind) -> Option<Value> {
    match kind {
        EventKind::EventsLost { count } | EventKind::EventsSuppressed { count, .. } => {
            Some(json!(count))
        }
        EventKind::CutMade { concluded, .. } => Some(json!(concluded)),
        EventKind::Guessing { count } => Some(json!(count)),
        _ => None,
    }
}

fn session(event: &Event, names: &Names) -> Option<Value> {
    let id = event.session_id.as_ref()?;
    let mut session = object(json!({
        "uid": names.session(id),
        "issuer": "adjourn",
        "is_remote": true,
    }));
    match &event.kind {
        EventKind::Ended { cause, lived, .. } => {
            let created = event.at.saturating_sub(*lived).as_unix_millis();
            session.insert("created_time".to_owned(), json!(created));
            let reason = json!(cause.reason().code());
            session.insert("expiration_reason".to_owned(), reason);
        }
        EventKind::UseAfterEnd { cause } => {
            let reason = json!(cause.reason().code());
            session.insert("expiration_reason".to_owned(), reason);
        }
        EventKind::Started => {
            let created = json!(event.at.as_unix_millis());
            session.insert("created_time".to_owned(), created);
        }
        _ => {}
    }
    Some(Value::Object(session))
}

fn detail(kind: &EventKind) -> Option<Value> {
    let detail = match kind {
        EventKind::Ended { cause, .. } | EventKind::CutMade { cause, .. } => log_off(cause),
        EventKind::LimitReached { .. } => "LIMIT_REACHED",
        EventKind::ExtendRefused { why }
        | EventKind::LogOutRefused { why }
        | EventKind::SocketRefused { why }
        | EventKind::StartRefused { why } => why,
        EventKind::PolicyVerdict { verdict, .. } => verdict,
        EventKind::StoreFailed { operation, .. } => operation,
        _ => return None,
    };
    Some(json!(detail))
}

fn log_off(cause: &Cause) -> &'static str {
    match cause.initiator() {
        Initiator::User => "LOGOFF_USER_INITIATED",
        Initiator::Administrator
        | Initiator::IdentityProvider
        | Initiator::Policy
        | Initiator::Risk
        | Initiator::System => "LOGOFF_OTHER",
    }
}

/// The native form without what the document says already.
fn unmapped(event: &Event, names: &Names) -> Map<String, Value> {
    let native = crate::audit::native::Native {
        event,
        name: &|id| names.session(id),
    };
    let mut native = serde_json::to_value(native).map_or_else(|_| Map::new(), object);
    for said in [
        "at",
        "session_id",
        "subject",
        "client_address",
        "user_agent",
        "request_id",
    ] {
        native.remove(said);
    }
    native
}

fn add(document: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        document.insert(name.to_owned(), value);
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
