//! The built-in sink: `tracing`.

use super::{Event, EventKind, FailedHook, NonBlocking, PolicyFinding, Sink};
use crate::record::Client;

/// The `tracing` target of [`TracingSink`].
pub const TARGET: &str = "adjourn::audit";

/// Writes each event to `tracing` with the target [`TARGET`].
///
/// The message is the event's [`code`](EventKind::code). Fields, all stable: `event` (the code),
/// `at`, `session_id`, `subject`, `client_address`, `user_agent`, `request_id`, and by kind `reason`,
/// `initiator`, `actor`, `note`, `scope`, `generation`, `kept`, `concluded`, `more_follow`,
/// `lived_ms`, `idle_ms`, `connections_cut`, `hooks`, `failed_hooks`, `redelivered`, `live`, `max`, `why`,
/// `operation`, `error`, `kind`, `count`, `sources`, `verdict`, `findings`. What is not known is absent or empty.
///
/// Levels: [`Info`](super::Severity::Info) is `INFO`, [`Warning`](super::Severity::Warning) is
/// `WARN`, [`Critical`](super::Severity::Critical) is `ERROR`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit value, written by name")]
pub struct TracingSink;

/// One `tracing` event with the fields that every kind has.
macro_rules! write_event {
    ($level:ident, $event:expr $(, $($field:tt)*)?) => {{
        let event = $event;
        let client = event.client.as_deref();
        tracing::event!(
            target: TARGET,
            tracing::Level::$level,
            event = event.kind.code(),
            at = %event.at,
            session_id = event.session_id.map(tracing::field::display),
            subject = event.subject.as_ref().map(tracing::field::display),
            client_address = client.and_then(Client::address).map(tracing::field::display),
            user_agent = client.and_then(Client::user_agent),
            request_id = event.request_id.as_ref().map(tracing::field::display),
            $($($field)*,)?
            "{}", event.kind.code()
        );
    }};
}

impl NonBlocking for TracingSink {}

impl Sink for TracingSink {
    fn record(&self, event: &Event) {
        match &event.kind {
            EventKind::CutMade { .. } | EventKind::Ended { .. } => write_ending(event),
            EventKind::DuplicateCookie { live } => write_event!(WARN, event, live = *live),
            EventKind::EventsLost { count } => write_event!(ERROR, event, count = *count),
            EventKind::EventsSuppressed {
                kind,
                count,
                sources,
            } => {
                write_event!(
                    WARN,
                    event,
                    kind = *kind,
                    count = *count,
                    sources = *sources
                );
            }
            EventKind::Guessing { count } => write_event!(ERROR, event, count = *count),
            EventKind::LimitReached { max } => write_event!(WARN, event, max = *max),
            EventKind::ExtendRefused { why }
            | EventKind::LogOutRefused { why }
            | EventKind::SocketRefused { why } => {
                write_event!(WARN, event, why = *why);
            }
            EventKind::OutdatedToken | EventKind::UnknownToken | EventKind::WrongSecret => {
                write_event!(WARN, event);
            }
            EventKind::RedirectRefused { target } => {
                write_event!(WARN, event, target_path = target.as_str());
            }
            EventKind::Extended | EventKind::Rotated | EventKind::Started => {
                write_event!(INFO, event);
            }
            EventKind::PolicyVerdict { verdict, findings } => {
                write_event!(WARN, event, verdict = *verdict, findings = found(findings));
            }
            EventKind::StartRefused { why } => write_event!(ERROR, event, why = *why),
            EventKind::StoreFailed { operation, error } => {
                write_event!(ERROR, event, operation = *operation, error = error.as_str());
            }
            EventKind::UseAfterEnd { cause } => {
                write_event!(ERROR, event, reason = cause.reason().code());
            }
        }
    }
}

/// What has a cause and a scope.
fn write_ending(event: &Event) {
    match &event.kind {
        EventKind::CutMade {
            scope,
            generation,
            kept,
            cause,
            concluded,
            more_follow,
        } => write_event!(
            INFO,
            event,
            reason = cause.reason().code(),
            initiator = cause.initiator().code(),
            actor = cause.actor().map(tracing::field::display),
            note = cause.note().map(tracing::field::debug),
            scope = scope.code(),
            generation = generation.number(),
            kept = kept.map(tracing::field::display),
            concluded = *concluded,
            more_follow = *more_follow
        ),
        EventKind::Ended {
            cause,
            scope,
            generation,
            lived,
            idle,
            connections_cut,
            hooks,
            failed_hooks,
            redelivered,
        } => write_event!(
            INFO,
            event,
            reason = cause.reason().code(),
            initiator = cause.initiator().code(),
            actor = cause.actor().map(tracing::field::display),
            note = cause.note().map(tracing::field::debug),
            scope = scope.code(),
            generation = generation.map(crate::record::Generation::number),
            lived_ms = clamped(lived.as_millis()),
            idle_ms = clamped(idle.as_millis()),
            connections_cut = *connections_cut,
            hooks = *hooks,
            failed_hooks = shown(failed_hooks),
            redelivered = *redelivered
        ),
        _ => {}
    }
}

fn shown(failed: &[FailedHook]) -> String {
    let shown = failed
        .iter()
        .map(|hook| format!("{}:{}", hook.name, hook.outcome));
    shown.collect::<Vec<_>>().join(" ")
}

fn found(findings: &[PolicyFinding]) -> String {
    let shown = findings
        .iter()
        .map(|found| format!("{}:{}:{}", found.policy, found.verdict, found.why));
    shown.collect::<Vec<_>>().join(" ")
}

pub(super) fn clamped(millis: u128) -> u64 {
    u64::try_from(millis).unwrap_or(u64::MAX)
}
