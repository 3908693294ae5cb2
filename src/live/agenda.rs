//! When the sessions that hold a connection are to be looked at: at their deadline, for the sweeper
//! of another node may be slow or dead.

use super::sync::{Mutex, lock};
use crate::{
    id::SessionId,
    record::{Live, Remaining},
    time::Timestamp,
};
use std::{collections::BTreeSet, time::Duration};

/// When a session is due, as far as is known, by this node's clock.
///
/// It is only when to ask the store, which alone says whether the session is over: activity that
/// came another way has moved the deadline meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    at: Timestamp,
    /// What no activity moves.
    absolute: Timestamp,
    /// How long after a deadline that had moved it is asked again.
    pause: Duration,
}

impl Due {
    /// What the store said of the session, believed to have said it `now`.
    pub(crate) fn of(live: &Live, now: Timestamp) -> Self {
        Self::new(live.remaining(), live.record.idle_timeout(), now)
    }

    pub(super) fn new(remaining: Remaining, idle: Option<Duration>, now: Timestamp) -> Self {
        let idle = idle.unwrap_or(remaining.absolute);
        Self {
            at: now.saturating_add(remaining.soonest()),
            absolute: now.saturating_add(remaining.absolute),
            pause: (idle / 16).clamp(SHORTEST, LONGEST),
        }
    }

    /// It was live `now`: its deadline has moved, nobody said to when.
    pub(super) fn moved(self, now: Timestamp) -> Self {
        let later = now.saturating_add(self.pause);
        let at = if self.absolute > now {
            later.min(self.absolute)
        } else {
            later
        };
        Self { at, ..self }
    }
}

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
    pub(super) fn enter(&self, id: SessionId, before: Option<&Due>, due: &Due) {
        let mut agenda = lock(&self.0);
        if let Some(before) = before {
            agenda.remove(&(before.at, id));
        }
        agenda.insert((due.at, id));
    }

    /// Takes a session out.
    pub(super) fn leave(&self, id: SessionId, due: &Due) {
        lock(&self.0).remove(&(due.at, id));
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

/// How soon it is asked again, at the soonest.
const SHORTEST: Duration = Duration::from_secs(1);

/// As often as what is held is checked in any case, unless configured otherwise.
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1_000)
    }

    fn due(at_seconds: u64) -> Due {
        Due {
            at: at(at_seconds),
            absolute: at(100),
            pause: Duration::from_secs(10),
        }
    }

    #[test]
    fn a_deadline_that_moved_is_looked_at_again_and_the_absolute_one_in_time() {
        assert_eq!(due(50).moved(at(51)).at, at(61));
        assert_eq!(due(50).moved(at(95)).at, at(100));
        let late = due(100).moved(at(100));
        assert_eq!(late.at, at(110), "the clock of the store may be behind");
    }

    #[test]
    fn each_session_is_taken_once_and_in_time() {
        let (agenda, one, other) = (
            Agenda::new(),
            SessionId::from_bytes([1; SessionId::LEN]),
            SessionId::from_bytes([2; SessionId::LEN]),
        );
        agenda.enter(one, None, &due(10));
        agenda.enter(other, None, &due(10));
        agenda.enter(one, Some(&due(10)), &due(20));
        assert_eq!(agenda.take(at(9)), []);
        assert_eq!(agenda.take(at(10)), [other]);
        assert_eq!(agenda.take(at(30)), [one]);
        agenda.enter(one, None, &due(10));
        agenda.leave(one, &due(10));
        assert_eq!((agenda.take(at(30)).len(), agenda.len()), (0, 0));
    }
}
