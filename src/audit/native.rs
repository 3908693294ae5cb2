//! The native form: one flat object, the fields of [`TracingSink`](super::TracingSink).

use super::{Event, EventKind, tracing_sink::clamped};
use crate::{
    id::{RequestId, SessionId, Subject},
    reason::Cause,
    record::{Client, Generation},
};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Native {
            event: self,
            name: &|id| id.to_string(),
        }
        .serialize(serializer)
    }
}

/// An event with the names that its sessions get.
pub(super) struct Native<'a> {
    pub(super) event: &'a Event,
    pub(super) name: &'a dyn Fn(&SessionId) -> String,
}

impl Serialize for Native<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.event;
        let client = event.client.as_deref();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", event.kind.code())?;
        map.serialize_entry("at", &format_args!("{}", event.at))?;
        let session_id = event.session_id.as_ref().map(self.name);
        entry(&mut map, "session_id", session_id)?;
        let subject = event.subject.as_ref();
        entry(&mut map, "subject", subject.map(Subject::as_str))?;
        entry(&mut map, "client_address", client.and_then(Client::address))?;
        entry(&mut map, "user_agent", client.and_then(Client::user_agent))?;
        let request_id = event.request_id.as_ref();
        entry(&mut map, "request_id", request_id.map(RequestId::as_str))?;
        self.details(&mut map)?;
        map.end()
    }
}

impl Native<'_> {
    /// What only some kinds have.
    fn details<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match &self.event.kind {
            EventKind::CutMade { cause, .. } | EventKind::Ended { cause, .. } => {
                cause_of(map, cause)?;
                self.ending(map)
            }
            EventKind::DuplicateCookie { live } => map.serialize_entry("live", live),
            EventKind::EventsLost { count } => map.serialize_entry("count", count),
            EventKind::EventsSuppressed {
                kind,
                count,
                sources,
            } => {
                map.serialize_entry("kind", kind)?;
                map.serialize_entry("count", count)?;
                map.serialize_entry("sources", sources)
            }
            EventKind::Guessing { count } => map.serialize_entry("count", count),
            EventKind::LimitReached { max } => map.serialize_entry("max", max),
            EventKind::ExtendRefused { why }
            | EventKind::LogOutRefused { why }
            | EventKind::SocketRefused { why }
            | EventKind::StartRefused { why } => map.serialize_entry("why", why),
            EventKind::PolicyVerdict { verdict, findings } => {
                map.serialize_entry("verdict", verdict)?;
                map.serialize_entry("findings", &Findings(findings))
            }
            EventKind::RedirectRefused { target } => map.serialize_entry("target", target),
            EventKind::StoreFailed { operation, error } => {
                map.serialize_entry("operation", operation)?;
                map.serialize_entry("error", error)
            }
            EventKind::UseAfterEnd { cause } => cause_of(map, cause),
            EventKind::Extended
            | EventKind::OutdatedToken
            | EventKind::Rotated
            | EventKind::Started
            | EventKind::UnknownToken
            | EventKind::WrongSecret => Ok(()),
        }
    }

    fn ending<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match &self.event.kind {
            EventKind::CutMade {
                scope,
                generation,
                kept,
                concluded,
                more_follow,
                ..
            } => {
                map.serialize_entry("scope", scope.code())?;
                map.serialize_entry("generation", &generation.number())?;
                entry(map, "kept", kept.as_ref().map(self.name))?;
                map.serialize_entry("concluded", concluded)?;
                map.serialize_entry("more_follow", more_follow)
            }
            EventKind::Ended {
                scope,
                generation,
                lived,
                idle,
                connections_cut,
                hooks,
                failed_hooks,
                redelivered,
                ..
            } => {
                map.serialize_entry("scope", scope.code())?;
                entry(map, "generation", generation.map(Generation::number))?;
                map.serialize_entry("lived_ms", &clamped(lived.as_millis()))?;
                map.serialize_entry("idle_ms", &clamped(idle.as_millis()))?;
                entry(map, "connections_cut", *connections_cut)?;
                map.serialize_entry("hooks", hooks)?;
                map.serialize_entry("failed_hooks", &FailedHooks(failed_hooks))?;
                map.serialize_entry("redelivered", redelivered)
            }
            _ => Ok(()),
        }
    }
}

fn cause_of<M: SerializeMap>(map: &mut M, cause: &Cause) -> Result<(), M::Error> {
    map.serialize_entry("reason", cause.reason().code())?;
    map.serialize_entry("initiator", cause.initiator().code())?;
    entry(map, "actor", cause.actor().map(Subject::as_str))?;
    entry(map, "note", cause.note())
}

/// What is not known is absent.
fn entry<M: SerializeMap, T: Serialize>(
    map: &mut M,
    key: &'static str,
    value: Option<T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}

/// `[{"policy": "..", "verdict": "..", "why": ".."}]`
struct Findings<'a>(&'a [super::PolicyFinding]);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for found in self.0 {
            let shown = [
                ("policy", found.policy),
                ("verdict", found.verdict),
                ("why", found.why),
            ];
            list.serialize_element(&std::collections::BTreeMap::from(shown))?;
        }
        list.end()
    }
}

/// `[{"name": "..", "outcome": ".."}]`
pub(super) struct FailedHooks<'a>(pub(super) &'a [super::FailedHook]);

impl Serialize for FailedHooks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for hook in self.0 {
            let shown = [("name", hook.name), ("outcome", hook.outcome)];
            list.serialize_element(&std::collections::BTreeMap::from(shown))?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{EndScope, FailedHook},
        reason::EndReason,
        time::Timestamp,
    };
    use std::{sync::Arc, time::Duration};

    #[test]
    fn an_ending_is_one_flat_object() {
        let kind = EventKind::Ended {
            cause: Cause::new(EndReason::Forced)
                .with_actor(Subject::new("admin-3").unwrap())
                .with_note("lost\nlaptop"),
            scope: EndScope::Subject,
            generation: Some(Generation::new(7)),
            lived: Duration::from_millis(61_500),
            idle: Duration::from_secs(1),
            connections_cut: Some(3),
            hooks: 2,
            failed_hooks: vec![FailedHook::new("files", "timed-out")],
            redelivered: false,
        };
        let client = Client::new(Some([192, 0, 2, 7].into()), Some(b"a\r\nb"));
        let event = Event::new(kind, Timestamp::from_unix_millis(1_767_225_600_000))
            .of(SessionId::from_bytes([1; 16]))
            .by(Some(Subject::new("user-17").unwrap()))
            .from(Some(Arc::new(client)));
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            "{\"event\":\"session-ended\",\"at\":\"2026-01-01T00:00:00.000Z\",\
             \"session_id\":\"AQEBAQEBAQEBAQEBAQEBAQ\",\"subject\":\"user-17\",\
             \"client_address\":\"192.0.2.7\",\"user_agent\":\"a\u{FFFD}\u{FFFD}b\",\
             \"reason\":\"forced\",\"initiator\":\"administrator\",\"actor\":\"admin-3\",\
             \"note\":\"lost\\nlaptop\",\"scope\":\"subject\",\"generation\":7,\
             \"lived_ms\":61500,\"idle_ms\":1000,\"connections_cut\":3,\"hooks\":2,\
             \"failed_hooks\":[{\"name\":\"files\",\"outcome\":\"timed-out\"}],\
             \"redelivered\":false}"
        );
    }
}
