//! Open connections and recent endings together: the order in which the two are asked and told.

use super::{
    LiveGuard, Mark, Since,
    endings::Endings,
    observers::{Observer, Observers},
    registry::Registry,
    sync::Arc,
};
use crate::{id::SessionId, reason::EndReason, time::Timestamp};
use std::{collections::BTreeSet, fmt, sync::Weak, time::Duration};

/// What one node holds open and what it knows to have ended lately; see the [module](super) for
/// the rules. A clone is another handle to the same.
///
/// Whoever uses the layer never meets it. It is public for those who build their own connections
/// on the parts of this crate.
///
/// Locking: every function but [`mark`](Self::mark) may take a lock for a few instructions, none
/// while it calls a waker.
#[derive(Clone)]
pub struct Live {
    endings: Arc<Endings>,
    registry: Registry,
    observers: Arc<Observers>,
}

impl Live {
    /// How many endings [`Live::default`] remembers.
    pub const DEFAULT_MEMORY: usize = 4096;

    /// Remembers the latest `memory` endings. Of a request or connection during which more end
    /// than that, the store must be asked.
    pub fn with_memory(memory: usize) -> Self {
        Self {
            endings: Arc::new(Endings::new(memory)),
            registry: Registry::new(),
            observers: Arc::new(Observers::new()),
        }
    }

    /// Now, in the sequence of endings: to be taken before the store is asked whether a session
    /// is live. One atomic load.
    #[inline]
    pub fn mark(&self) -> Mark {
        self.endings.mark()
    }

    /// What is known of a session since a mark. One atomic load if nothing at all ended since.
    pub fn since(&self, mark: Mark, id: SessionId) -> Since {
        self.endings.since(mark, id)
    }

    /// Registers a connection of a session which, after `mark` was taken, the store said to be
    /// live.
    ///
    /// The guard is ended already if the session ended since the mark, and
    /// [unverified](LiveGuard::is_unverified) if that is not known.
    pub fn hold(&self, id: SessionId, mark: Mark) -> LiveGuard {
        self.hold_until(id, mark, None)
    }

    /// [`hold`](Self::hold), and the session is among [`due`](Self::due) when its time has come.
    pub(crate) fn hold_until(
        &self,
        id: SessionId,
        mark: Mark,
        due: Option<Timestamp>,
    ) -> LiveGuard {
        // First the registry, then the endings. `ended` goes the other way round, and both pass
        // through the lock of the session's shard: if its cut came before our registration, that
        // lock also shows us the ending that it had recorded before.
        let mut guard = LiveGuard::new(id, &self.registry, due);
        match self.endings.since(mark, id) {
            Since::Ended(reason) => guard.cut(reason),
            Since::Lost => guard.set_unverified(),
            Since::Nothing => {}
        }
        guard
    }

    /// Tells that a session ended: remembers it, cuts its connections and lets go of what is kept
    /// of it. How many connections were cut; 0 also if they had been cut before. May be told again.
    pub fn ended(&self, id: SessionId, reason: EndReason) -> usize {
        self.endings.record(id, reason.clone());
        let cut = self.registry.cut(id, reason);
        self.observers.ended(id);
        cut
    }

    /// [`ended`](Self::ended), for whoever concludes an ending that was decided `at_most_ago` by
    /// clocks that may differ: how many connections this node cut for it, now or when it was first
    /// told of it. `None` if that is not known any more.
    pub(crate) fn conclude(
        &self,
        id: SessionId,
        reason: EndReason,
        at_most_ago: Duration,
    ) -> Option<usize> {
        self.endings.record(id, reason.clone());
        let cut = self.registry.conclude(id, reason, at_most_ago);
        self.observers.ended(id);
        cut
    }

    /// Cuts every connection because the store cannot say whether their sessions are live; they may
    /// go on, and nothing else that is kept of them goes. How many connections were cut.
    pub(crate) fn cut_unavailable(&self) -> usize {
        self.registry.cut_unavailable()
    }

    /// From now on the observer is told of endings, while somebody else keeps it.
    pub(crate) fn observe(&self, observer: Weak<dyn Observer>) {
        self.observers.add(observer);
    }

    /// Tells that endings may have been missed. What is asked with an earlier mark is
    /// [`Since::Lost`]; what is [held](Self::held) must be checked with the store by the caller.
    pub fn record_gap(&self) {
        self.endings.record_gap();
    }

    /// The sessions that hold open connections which were not cut, and those of which something
    /// else is kept, to check with the store.
    ///
    /// After a gap, ask for it after [`record_gap`](Self::record_gap): a connection that is
    /// registered later is then unverified, or took its mark after the gap.
    pub fn held(&self) -> Vec<SessionId> {
        let mut held: BTreeSet<SessionId> = self.observers.held().collect();
        held.extend(self.registry.held());
        held.into_iter().collect()
    }

    /// The sessions with open connections whose deadline has passed as far as is known, each once:
    /// to check with the store, and to be told of as [`ended`](Self::ended) or [`moved`](Self::moved).
    ///
    /// Cost: one short lock when none is due.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<SessionId> {
        self.registry.due(now)
    }

    /// A session that was due is live, or the store could not say: it is due again at this time.
    pub(crate) fn moved(&self, id: SessionId, due: Timestamp) {
        self.registry.moved(id, due);
    }

    /// How many sessions are to be looked at when they are due.
    #[cfg(test)]
    pub(super) fn agenda_len(&self) -> usize {
        self.registry.agenda_len()
    }

    /// How many connections are open, cut or not: guards that were not dropped yet.
    pub(crate) fn connections(&self) -> usize {
        self.registry.connections()
    }

    /// How many sessions hold open connections.
    pub fn len(&self) -> usize {
        self.registry.len()
    }

    /// Whether no session holds an open connection.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::with_memory(Self::DEFAULT_MEMORY)
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("endings", &self.endings)
            .field("sessions", &self.len())
            .finish_non_exhaustive()
    }
}
