//! When the sessions that hold a connection are to be looked at: at their deadline, for the sweeper
//! of another node may be slow or dead.
//!
//! It is only when to ask the store, which alone says whether the session is over, or how long it
//! lives on when activity that came another way has moved the deadline.

use super::sync::{Mutex, lock};
use crate::{id::SessionId, time::Timestamp};
use std::collections::BTreeSet;

/// The sessions that are to be looked at, the next one first.
///
/// Locking: a leaf lock for a few instructions, taken under the lock of the session's shard.
#[derive(Debug)]
pub(super) struct Agenda(Mutex<BTreeSet<(Timestamp, SessionId)>>);

impl Agenda {
    pub(super) fn new() -> Self {
        Self(Mutex::new(BTreeSet::new()))
    }

    /// Enters a session, in place of what was entered of it before.
    pub(super) fn enter(&self, id: SessionId, before: Option<Timestamp>, due: Timestamp) {
        let mut agenda = lock(&self.0);
        if let Some(before) = before {
            agenda.remove(&(before, id));
        }
        agenda.insert((due, id));
    }

    /// Takes a session out.
    pub(super) fn leave(&self, id: SessionId, due: Timestamp) {
        lock(&self.0).remove(&(due, id));
    }

    /// Takes out what is due.
    pub(super) fn take(&self, now: Timestamp) -> Vec<SessionId> {
        let mut agenda = lock(&self.0);
        let mut due = Vec::new();
        while agenda.first().is_some_and(|(at, _)| *at <= now) {
            due.extend(agenda.pop_first().map(|(_, id)| id));
        }
        due
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1_000)
    }

    #[test]
    fn each_session_is_taken_once_and_in_time() {
        let (agenda, one, other) = (
            Agenda::new(),
            SessionId::from_bytes([1; SessionId::LEN]),
            SessionId::from_bytes([2; SessionId::LEN]),
        );
        agenda.enter(one, None, at(10));
        agenda.enter(other, None, at(10));
        agenda.enter(one, Some(at(10)), at(20));
        assert_eq!(agenda.take(at(9)), []);
        assert_eq!(agenda.take(at(10)), [other]);
        assert_eq!(agenda.take(at(30)), [one]);
        agenda.enter(one, None, at(10));
        agenda.leave(one, at(10));
        assert_eq!((agenda.take(at(30)).len(), agenda.len()), (0, 0));
    }
}
