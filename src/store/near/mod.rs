//! A near cache: sessions that the store called live a moment ago, in the memory of this node.
//!
//! A [`SessionStore`] around another, so that nothing else knows of it:
//!
//! 1. Only [`check_in`](SessionStore::check_in) is answered from memory, to the secret that the
//!    store accepted, and for at most `max_staleness` counted from when the store was asked.
//! 2. Never past a deadline, and never where activity is to be written: a cached answer serves
//!    only while the stored last-seen is younger than the touch interval. There is nothing to flush.
//! 3. Whatever this node does to a session, and every notice of an ending or a cut, evicts it. An
//!    answer that was on its way meanwhile is not kept ([`shelf`]).
//! 4. While notices are not heard, everything goes to the store.

mod contract;
mod shelf;
#[cfg(test)]
mod tests;

use self::shelf::Shelf;
use super::{Notice, SessionStore};
use crate::{id::SessionId, time::Clock};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A store that answers from memory for a moment. See the [module](self).
pub(crate) struct NearCache {
    store: Arc<dyn SessionStore>,
    memory: Arc<Memory>,
}

struct Memory {
    shelf: Shelf,
    clock: Arc<dyn Clock>,
    /// Whether endings elsewhere are told to this node. Not before somebody listens.
    told: AtomicBool,
}

impl NearCache {
    /// `clock`: by which an answer grows old.
    pub(crate) fn new(
        store: Arc<dyn SessionStore>,
        max_staleness: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let memory = Memory {
            shelf: Shelf::new(max_staleness),
            clock,
            told: AtomicBool::new(false),
        };
        Self {
            store,
            memory: Arc::new(memory),
        }
    }
}

impl Memory {
    fn is_told(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }

    fn listening(&self) {
        self.shelf.clear();
        self.told.store(true, Ordering::Release);
    }

    fn evict_all(&self, ids: impl IntoIterator<Item = SessionId>) {
        for id in ids {
            self.shelf.evict(id);
        }
    }

    fn hear(&self, notice: &Notice) {
        match notice {
            Notice::Ended { id, .. } => self.shelf.evict(*id),
            Notice::Cut(scope) => self.shelf.evict_scope(scope),
            Notice::Gap => self.listening(),
            Notice::Silence => {
                self.told.store(false, Ordering::Release);
                self.shelf.clear();
            }
        }
    }
}
