//! The OWASP Logging Vocabulary.

use super::{
    Place,
    names::{Names, UNKNOWN, user},
};
use crate::{
    audit::{Event, EventKind, PolicyFinding, Severity},
    reason::EndReason,
    record::Client,
};
use serde::Serialize;
use std::net::IpAddr;

/// One line: the names and order of the vocabulary's cheat sheet, and then the session, which is no
/// argument of most of its events; what is not known is absent.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    datetime: String,
    appid: &'a str,
    event: String,
    level: &'static str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    useragent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    /// By which a line that is written again after a crash is known for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
}

impl<'a> Line<'a> {
    pub(super) fn new(event: &'a Event, place: &'a Place, names: &Names) -> Self {
        let client = event.client.as_deref();
        let at = event.at.to_string();
        Self {
            // An offset in digits: the vocabulary asks for one.
            datetime: format!("{}+00:00", at.trim_end_matches('Z')),
            appid: &place.service,
            event: word(event, names),
            level: level(event.kind.severity()),
            description: description(event),
            useragent: client.and_then(Client::user_agent),
            source_ip: client.and_then(Client::address),
            hostname: place.host.as_deref(),
            region: place.region.as_deref(),
            session_id: event.session_id.as_ref().map(|id| names.session(id)),
        }
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFO",
        Severity::Warning => "WARN",
        Severity::Critical => "CRITICAL",
    }
}

/// The event with its arguments. What the vocabulary has no word for begins with `adjourn_`.
fn word(event: &Event, names: &Names) -> String {
    let user = argument(user(event.subject.as_ref()));
    let session = || {
        let id = event.session_id.as_ref();
        id.map_or_else(|| UNKNOWN.to_owned(), |id| names.session(id))
    };
    match &event.kind {
        EventKind::Ended { cause, .. } => match ended(cause.reason()) {
            "logout" => format!("session_logout:{user},{}", session()),
            reason => format!("session_expired:{user},{reason}"),
        },
        EventKind::LimitReached { max } => format!("excess_sessions_exceeded:{user},{max}"),
        EventKind::OutdatedToken => format!("authn_token_reuse:{user},{}", session()),
        EventKind::Extended | EventKind::Rotated => format!("session_renewed:{user}"),
        EventKind::Started => format!("session_created:{user}"),
        EventKind::UseAfterEnd { .. } => format!("session_use_after_expire:{user}"),
        EventKind::CutMade { .. }
        | EventKind::DuplicateCookie { .. }
        | EventKind::EventsLost { .. }
        | EventKind::EventsSuppressed { .. }
        | EventKind::ExtendRefused { .. }
        | EventKind::Guessing { .. }
        | EventKind::LogOutRefused { .. }
        | EventKind::PolicyVerdict { .. }
        | EventKind::RedirectRefused { .. }
        | EventKind::SocketRefused { .. }
        | EventKind::StartRefused { .. }
        | EventKind::StoreFailed { .. }
        | EventKind::UnknownToken
        | EventKind::WrongSecret => {
            format!("adjourn_{}:{user}", event.kind.code().replace('-', "_"))
        }
    }
}

/// The vocabulary's reasons: `logout`, `timeout`, `revoked`.
const fn ended(reason: &EndReason) -> &'static str {
    match reason {
        EndReason::Logout | EndReason::LogoutElsewhere => "logout",
        EndReason::AbsoluteTimeout | EndReason::IdleTimeout => "timeout",
        EndReason::CredentialChange
        | EndReason::Custom(_)
        | EndReason::Forced
        | EndReason::IdentityProvider
        | EndReason::Lost
        | EndReason::Policy
        | EndReason::Reauthenticated
        | EndReason::SubjectDisabled
        | EndReason::Superseded
        | EndReason::Undelivered => "revoked",
    }
}

/// A text between `:` and `,`, with those and the escape itself escaped.
fn argument(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '%' => out.push_str("%25"),
            ',' => out.push_str("%2C"),
            ':' => out.push_str("%3A"),
            c => out.push(c),
        }
        out
    })
}

fn judged(verdict: &str, findings: &[PolicyFinding]) -> String {
    let found = findings
        .iter()
        .map(|found| format!("{} {}", found.policy, found.why));
    let found = found.collect::<Vec<_>>().join(", ");
    format!("Policies judged a session ({verdict}): {found}")
}

/// A sentence with codes and numbers only: nothing that anybody outside can choose.
fn description(event: &Event) -> String {
    match &event.kind {
        EventKind::CutMade {
            scope,
            cause,
            concluded,
            ..
        } => format!(
            "Sessions were ended (scope {}): {} by {}, {concluded} so far",
            scope.code(),
            cause.reason(),
            cause.initiator().code()
        ),
        EventKind::Ended {
            cause,
            scope,
            connections_cut,
            failed_hooks,
            redelivered,
            ..
        } => format!(
            "The session ended (scope {}): {} by {}{}{}{}",
            scope.code(),
            cause.reason(),
            cause.initiator().code(),
            connections_cut.map_or_else(String::new, |cut| format!(", connections cut: {cut}")),
            if failed_hooks.is_empty() {
                ""
            } else {
                ", with failed hooks"
            },
            if *redelivered { ", redelivered" } else { "" },
        ),
        EventKind::EventsLost { count } => format!("{count} events are missing before this one"),
        EventKind::EventsSuppressed { kind, count, .. } => {
            format!("{count} more events of kind {kind}")
        }
        EventKind::Guessing { count } => {
            format!("One source presented {count} tokens that were never issued")
        }
        EventKind::PolicyVerdict { verdict, findings } => judged(verdict, findings),
        EventKind::ExtendRefused { why } => format!("An extension was refused: {why}"),
        EventKind::LogOutRefused { why } => format!("A log-out was refused: {why}"),
        EventKind::SocketRefused { why } => format!("A WebSocket was refused: {why}"),
        EventKind::StartRefused { why } => format!("No session was started: {why}"),
        EventKind::StoreFailed { operation, .. } => format!("The store failed: {operation}"),
        EventKind::UseAfterEnd { cause } => format!(
            "The token of a session was used after its end: {}",
            cause.reason()
        ),
        EventKind::DuplicateCookie { .. } => "A session cookie came several times".to_owned(),
        EventKind::Extended => "The user extended the session".to_owned(),
        EventKind::LimitReached { .. } => "The limit of sessions is reached".to_owned(),
        EventKind::OutdatedToken => "A token was used after it was replaced".to_owned(),
        EventKind::RedirectRefused { .. } => "A redirect was refused".to_owned(),
        EventKind::Rotated => "The session got a new token".to_owned(),
        EventKind::Started => "A session started".to_owned(),
        EventKind::UnknownToken => "A token of no known session was used".to_owned(),
        EventKind::WrongSecret => "A token with a wrong secret was used".to_owned(),
    }
}
