//! What the audit trail is told of verdicts: each once.

use super::{Policies, lock};
use crate::{
    audit::{Event, EventKind, PolicyFinding},
    id::{SessionId, Subject},
    policy::Found,
    record::Client,
    terminate::Road,
};
use std::{
    fmt::Write,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// Whose session a verdict is about, and who presents it.
pub(super) struct About {
    pub(super) id: SessionId,
    pub(super) subject: Option<Subject>,
    pub(super) client: Client,
}

impl Policies {
    /// Records what was found, unless the same of this session was recorded lately.
    pub(super) fn tell(
        &self,
        road: &Road,
        verdict: &'static str,
        found: &[Found],
        about: impl FnOnce() -> About,
        id: SessionId,
    ) {
        if found.is_empty() {
            return;
        }
        let now = road.clock.now();
        if !lock(&self.told).is_new(id, digest(found), now) {
            return;
        }
        let findings = found.iter().map(|found| {
            let Found {
                policy,
                verdict,
                why,
            } = *found;
            PolicyFinding::new(policy, verdict, why)
        });
        let kind = EventKind::PolicyVerdict {
            verdict,
            findings: findings.collect(),
        };
        let About {
            id,
            subject,
            client,
        } = about();
        let event = Event::new(kind, now)
            .of(id)
            .by(subject)
            .from(Some(Arc::new(client)));
        road.record(&event);
    }
}

/// Who found what, for the note of an ending.
pub(super) fn note(found: &[Found]) -> String {
    let mut note = String::new();
    for found in found {
        let space = if note.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _written = write!(note, "{space}{}={}", found.policy, found.why);
    }
    note
}

fn digest(found: &[Found]) -> u64 {
    let mut hasher = DefaultHasher::new();
    found.hash(&mut hasher);
    hasher.finish()
}
