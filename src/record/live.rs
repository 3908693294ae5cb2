//! A live session as a store answers it.

use super::Record;
use crate::{id::SessionId, time::Timestamp};
use std::{sync::Arc, time::Duration};

/// Whether a request is a sign that the user is there.
///
/// Only [`Activity::Active`] moves the idle deadline.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a yes or no with a name")]
pub enum Activity {
    /// The user did something.
    Active,
    /// A poll, a push, a prefetch, a cross-site request: nobody need be there.
    Passive,
}

/// A session that was live when the store answered.
///
/// Cloning is cheap (a reference count).
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a store must say all of it")]
pub struct Live {
    /// Which session.
    pub id: SessionId,
    /// What is stored of it.
    pub record: Arc<Record>,
    /// When it was last seen active, in store time: this request included if it was active and
    /// the touch interval had passed.
    pub last_seen: Timestamp,
    /// The store's time when it answered.
    pub now: Timestamp,
}

impl Live {
    /// How long the session lives on if nothing happens.
    pub fn remaining(&self) -> Remaining {
        let idle = self.record.idle_timeout().map(|idle| {
            self.last_seen
                .saturating_add(idle)
                .saturating_since(self.now)
        });
        Remaining {
            idle,
            absolute: self.record.absolute_deadline().saturating_since(self.now),
        }
    }
}

/// How long a session lives on if nothing happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Remaining {
    /// Until the idle timeout; `None` when the session has none.
    ///
    /// The session may end up to one touch interval later, never earlier.
    pub idle: Option<Duration>,
    /// Until the absolute timeout, which no activity moves.
    pub absolute: Duration,
}

impl Remaining {
    /// Until the first of both.
    pub fn soonest(&self) -> Duration {
        self.idle
            .map_or(self.absolute, |idle| idle.min(self.absolute))
    }
}
