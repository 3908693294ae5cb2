//! How many connections were cut of sessions that hold none any more.

use super::sync::{Mutex, lock};
use crate::id::SessionId;
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// The number for each of the last sessions whose connections went before their ending was
/// concluded here: the store's notice was faster, or another node concludes it.
///
/// What is forgotten is known to be: a session that is not here had no connections, or has ended
/// before the youngest that was forgotten. A leaf lock, held for a look-up.
pub(super) struct Gone(Mutex<State>);

#[derive(Default)]
struct State {
    by_id: HashMap<SessionId, usize>,
    /// Oldest first, some of them concluded since.
    order: VecDeque<(SessionId, Instant)>,
    /// When the youngest came that was forgotten.
    forgotten: Option<Instant>,
}

impl Gone {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::default()))
    }

    /// Remembers so many connections of a session.
    pub(super) fn note(&self, id: SessionId, connections: usize) {
        if connections > 0 {
            lock(&self.0).note(id, connections, Instant::now(), MOST);
        }
    }

    /// Takes the number of a session whose connections were cut at most so long ago. `None` if it
    /// may have been forgotten.
    pub(super) fn take(&self, id: SessionId, at_most_ago: Duration) -> Option<usize> {
        lock(&self.0).take(id, at_most_ago, Instant::now())
    }
}

impl State {
    fn note(&mut self, id: SessionId, connections: usize, now: Instant, most: usize) {
        while self.order.len() >= most {
            let Some((oldest, noted)) = self.order.pop_front() else {
                break;
            };
            if self.by_id.remove(&oldest).is_some() {
                self.forgotten = Some(noted);
            }
        }
        self.by_id.insert(id, connections);
        self.order.push_back((id, now));
    }

    fn take(&mut self, id: SessionId, at_most_ago: Duration, now: Instant) -> Option<usize> {
        if let Some(connections) = self.by_id.remove(&id) {
            return Some(connections);
        }
        let ago = at_most_ago.saturating_add(SLACK);
        let is_known = |forgotten: Instant| now.saturating_duration_since(forgotten) > ago;
        self.forgotten.is_none_or(is_known).then_some(0)
    }
}

/// How many sessions are remembered: about a megabyte.
const MOST: usize = 16_384;

/// How much the clocks of the store and of this node may differ.
const SLACK: Duration = Duration::from_mins(5);

#[cfg(all(test, not(adjourn_loom)))]
mod tests {
    use super::*;

    fn id(n: u8) -> SessionId {
        SessionId::from_bytes([n; SessionId::LEN])
    }

    fn filled(ids: std::ops::Range<u8>, now: Instant) -> State {
        let mut state = State::default();
        ids.for_each(|n| state.note(id(n), usize::from(n), now, 4));
        state
    }

    #[test]
    fn a_number_is_taken_once() {
        let now = Instant::now();
        let mut gone = filled(1..4, now);
        assert_eq!(gone.take(id(2), Duration::ZERO, now), Some(2));
        assert_eq!(gone.take(id(2), Duration::ZERO, now), Some(0));
        assert_eq!(gone.take(id(9), Duration::ZERO, now), Some(0));
    }

    #[test]
    fn a_number_that_may_have_been_forgotten_is_not_told() {
        let now = Instant::now();
        let mut gone = filled(1..7, now);
        assert_eq!(gone.take(id(1), Duration::ZERO, now), None);
        assert_eq!(gone.take(id(3), Duration::ZERO, now), Some(3));

        let later = now + SLACK + Duration::from_mins(1);
        assert_eq!(gone.take(id(9), Duration::from_secs(59), later), Some(0));
        assert_eq!(gone.take(id(9), Duration::from_mins(1), later), None);
        assert_eq!(gone.take(id(4), Duration::from_mins(1), later), Some(4));
    }

    #[test]
    fn memory_is_bounded_and_what_was_taken_is_not_forgotten() {
        let now = Instant::now();
        let mut gone = filled(1..2, now);
        for n in 1..=200 {
            gone.take(id(n), Duration::ZERO, now);
            gone.note(id(n), 1, now, 4);
            assert_eq!(gone.take(id(n), Duration::ZERO, now), Some(1));
        }
        assert_eq!((gone.order.len(), gone.by_id.len()), (4, 0));
        assert_eq!(gone.forgotten, None);
    }
}
