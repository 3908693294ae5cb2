//! The endings that this node heard of lately.

use super::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::{id::SessionId, reason::EndReason};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
};

/// A moment in the sequence of endings that a node heard of; from
/// [`Live::mark`](super::Live::mark).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark(u64);

/// What is known of a session since a [`Mark`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a session that ended meanwhile must not be served"]
#[expect(
    clippy::exhaustive_enums,
    reason = "who ignored a further answer would serve a session that ended"
)]
pub enum Since {
    /// It ended.
    Ended(EndReason),
    /// Not everything since the mark is known: ask the store.
    Lost,
    /// It did not end, as far as this node was told.
    Nothing,
}

/// A counter of endings, and the latest of them.
///
/// An ending that was recorded before [`since`](Self::since) was called is seen by it: `record`
/// stores the counter (release) after it has written the ending, `since` loads it (acquire)
/// before it decides that there is nothing to look up. "Before" is meant as *happens before*,
/// which a lock that both took establishes; [`Live`](super::Live) relies on the registry's.
pub(super) struct Endings {
    /// How many endings and gaps there were. Written under the lock, read without it.
    count: AtomicU64,
    recent: Mutex<Recent>,
    capacity: usize,
}

/// Everything after number `complete_after`, and perhaps some before.
#[derive(Default)]
struct Recent {
    /// The latest number and the first reason of each session.
    by_id: HashMap<SessionId, Known>,
    /// Oldest first. A session that was recorded twice stands here twice.
    order: VecDeque<(u64, SessionId)>,
    complete_after: u64,
}

struct Known {
    number: u64,
    reason: EndReason,
}

impl Endings {
    /// Remembers the latest `capacity` endings. With none, every ending makes everything
    /// [`Since::Lost`], which is right if slow.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            count: AtomicU64::new(0),
            recent: Mutex::new(Recent::default()),
            capacity,
        }
    }

    /// Now. One atomic load.
    #[inline]
    pub(super) fn mark(&self) -> Mark {
        Mark(self.count.load(Ordering::Acquire))
    }

    /// Records an ending. Locks.
    pub(super) fn record(&self, id: SessionId, reason: EndReason) {
        self.advance(|recent, number| recent.insert(number, id, reason, self.capacity));
    }

    /// Records that endings may have been missed: whatever is asked with a mark before this is
    /// [`Since::Lost`], unless it is known to have ended. Locks.
    pub(super) fn record_gap(&self) {
        self.advance(|recent, number| recent.complete_after = number);
    }

    /// What is known of `id` since `mark`: one atomic load when nothing was recorded, else a
    /// look-up under the lock, in constant time.
    pub(super) fn since(&self, mark: Mark, id: SessionId) -> Since {
        if self.mark() == mark {
            return Since::Nothing;
        }
        let recent = lock(&self.recent);
        match recent.by_id.get(&id) {
            Some(known) if known.number > mark.0 => Since::Ended(known.reason.clone()),
            _ if recent.complete_after > mark.0 => Since::Lost,
            _ => Since::Nothing,
        }
    }

    /// Gives `write` the next number, and shows the number to others only after that.
    fn advance(&self, write: impl FnOnce(&mut Recent, u64)) {
        let mut recent = lock(&self.recent);
        // Relaxed: only written under the lock that is held here.
        let number = self.count.load(Ordering::Relaxed).saturating_add(1);
        write(&mut recent, number);
        self.count.store(number, Ordering::Release);
    }
}

impl fmt::Debug for Endings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endings")
            .field("count", &self.mark().0)
            .finish_non_exhaustive()
    }
}

impl Recent {
    fn insert(&mut self, number: u64, id: SessionId, reason: EndReason, capacity: usize) {
        self.by_id
            .entry(id)
            .and_modify(|known| known.number = number)
            .or_insert(Known { number, reason });
        self.order.push_back((number, id));
        while self.order.len() > capacity {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((number, id)) = self.order.pop_front() else {
            return;
        };
        // Otherwise it was recorded again, and that entry is still to come.
        if self
            .by_id
            .get(&id)
            .is_some_and(|known| known.number == number)
        {
            self.by_id.remove(&id);
        }
        self.complete_after = self.complete_after.max(number);
    }
}

#[cfg(all(test, not(adjourn_loom)))]
mod tests {
    use super::*;

    fn id(n: u8) -> SessionId {
        SessionId::from_bytes([n; SessionId::LEN])
    }

    #[test]
    fn an_ending_is_known_to_marks_before_it_only() {
        let endings = Endings::new(8);
        let before = endings.mark();
        assert_eq!(endings.since(before, id(1)), Since::Nothing);
        endings.record(id(1), EndReason::Logout);
        let after = endings.mark();
        endings.record(id(2), EndReason::Forced);

        assert_eq!(
            endings.since(before, id(1)),
            Since::Ended(EndReason::Logout)
        );
        assert_eq!(endings.since(after, id(1)), Since::Nothing);
        assert_eq!(endings.since(after, id(2)), Since::Ended(EndReason::Forced));
        assert_eq!(endings.since(before, id(3)), Since::Nothing);
    }

    #[test]
    fn an_overrun_memory_admits_it_but_tells_what_it_knows() {
        let endings = Endings::new(2);
        let first = endings.mark();
        endings.record(id(1), EndReason::Logout);
        let second = endings.mark();
        endings.record(id(2), EndReason::Logout);
        endings.record(id(3), EndReason::Logout);

        assert_eq!(endings.since(first, id(1)), Since::Lost);
        assert_eq!(endings.since(first, id(9)), Since::Lost);
        assert_eq!(endings.since(first, id(3)), Since::Ended(EndReason::Logout));
        assert_eq!(endings.since(second, id(9)), Since::Nothing);
    }

    #[test]
    fn a_gap_loses_what_was_before_it_and_nothing_after() {
        let endings = Endings::new(8);
        let before = endings.mark();
        endings.record(id(1), EndReason::Logout);
        endings.record_gap();
        let after = endings.mark();
        endings.record(id(2), EndReason::Logout);

        assert_eq!(endings.since(before, id(9)), Since::Lost);
        assert_eq!(
            endings.since(before, id(1)),
            Since::Ended(EndReason::Logout)
        );
        assert_eq!(endings.since(after, id(9)), Since::Nothing);
    }

    #[test]
    fn an_ending_told_twice_keeps_its_first_reason_and_stays_known() {
        let endings = Endings::new(2);
        endings.record(id(1), EndReason::IdleTimeout);
        let mark = endings.mark();
        endings.record(id(2), EndReason::Logout);
        endings.record(id(1), EndReason::Logout);

        let ended = Since::Ended(EndReason::IdleTimeout);
        assert_eq!(endings.since(mark, id(1)), ended);
        assert_eq!(endings.since(mark, id(9)), Since::Nothing);
    }

    #[test]
    fn memory_is_bounded() {
        let endings = Endings::new(4);
        for n in 0..100 {
            endings.record(id(n % 7), EndReason::Logout);
        }
        let recent = lock(&endings.recent);
        assert_eq!((recent.order.len(), recent.by_id.len()), (4, 4));
    }

    #[test]
    fn without_any_memory_everything_must_be_asked() {
        let endings = Endings::new(0);
        let mark = endings.mark();
        endings.record(id(1), EndReason::Logout);
        assert_eq!(endings.since(mark, id(1)), Since::Lost);
        assert_eq!(endings.since(endings.mark(), id(1)), Since::Nothing);
    }
}
