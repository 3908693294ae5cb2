//! The open connections of this node, by session.

use super::{agenda::Agenda, gone::Gone, signal::Signal, sync::Arc, table::Table};
use crate::{id::SessionId, reason::EndReason, time::Timestamp};
use std::{
    mem,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// The open connections of this node: for each session one signal, and how many wait for it.
///
/// An entry is there exactly as long as somebody is registered, and everybody registered for a
/// session at the same time shares the entry's signal: register, unregister and the look-up of a
/// cut are each one step under the lock of the entry's shard. Signals are cut outside of it.
#[derive(Clone)]
pub(super) struct Registry(Arc<Inner>);

struct Inner {
    table: Table<Entry>,
    /// Exactly one place for each entry that knows its deadline, but while it is being looked at.
    agenda: Agenda,
    /// Of sessions that were cut and have no entry any more.
    gone: Gone,
    /// A figure for people: nothing depends on it.
    connections: AtomicUsize,
}

#[derive(Default)]
struct Entry {
    guards: usize,
    /// The guards that stand for a connection of their own.
    connections: usize,
    signal: Arc<Signal>,
    due: Option<Timestamp>,
    /// How many connections there were when the session's ending was first told.
    cut: Option<usize>,
    /// Whether that number was handed to whoever concludes the ending.
    is_told: bool,
}

impl Entry {
    /// The number stays what it was when this is first called. What an outage cut is none of it.
    fn note_cut(&mut self) -> usize {
        let open = if self.signal.is_cut() {
            0
        } else {
            self.connections
        };
        *self.cut.get_or_insert(open)
    }
}

impl Registry {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            table: Table::new(),
            agenda: Agenda::new(),
            gone: Gone::new(),
            connections: AtomicUsize::new(0),
        }))
    }

    /// Registers a connection, whose session is looked at when it is due;
    /// [`unregister`](Self::unregister) must follow.
    pub(super) fn register(&self, id: SessionId, due: Option<Timestamp>) -> Arc<Signal> {
        let (signal, left) = self.0.table.change(id, |entry| {
            entry.guards = entry.guards.saturating_add(1);
            entry.connections = entry.connections.saturating_add(1);
            if let Some(due) = due {
                self.enter(id, entry, due);
            }
            // Whoever registers now has asked the store: the session lived through the outage.
            let is_over = entry.signal.is_unavailable();
            let left = is_over.then(|| mem::take(&mut entry.signal));
            (Arc::clone(&entry.signal), left)
        });
        drop(left);
        signal
    }

    /// Says that what was registered is for a connection that is registered already.
    #[cfg(feature = "listener")]
    pub(super) fn is_one_more(&self, id: SessionId) {
        self.0.table.change_if_any(id, |entry| {
            entry.connections = entry.connections.saturating_sub(1);
        });
        self.count(false);
    }

    /// Takes back one [`register`](Self::register), which `counts` as a connection or not; the last
    /// one removes the session.
    pub(super) fn unregister(&self, id: SessionId, counts: bool) {
        let removed = self.0.table.remove_if(id, |entry| {
            entry.guards = entry.guards.saturating_sub(1);
            entry.connections = entry.connections.saturating_sub(usize::from(counts));
            let is_last = entry.guards == 0;
            if let (true, Some(due)) = (is_last, entry.due) {
                self.0.agenda.leave(id, due);
            }
            if let (true, false, Some(cut)) = (is_last, entry.is_told, entry.cut) {
                self.0.gone.note(id, cut);
            }
            is_last
        });
        drop(removed);
    }

    /// Takes the sessions that are due and not cut; [`moved`](Self::moved) follows for those that
    /// live.
    pub(super) fn due(&self, now: Timestamp) -> Vec<SessionId> {
        let mut due = self.0.agenda.take(now);
        due.retain(|id| {
            let is_cut = self.0.table.read(*id, |entry| entry.signal.is_cut());
            is_cut == Some(false)
        });
        due
    }

    /// Looks at a session again at this time, if it still holds a connection.
    pub(super) fn moved(&self, id: SessionId, due: Timestamp) {
        self.0
            .table
            .change_if_any(id, |entry| self.enter(id, entry, due));
    }

    /// The last one counts: one that is too early only asks the store too early.
    fn enter(&self, id: SessionId, entry: &mut Entry, due: Timestamp) {
        let before = entry.due.replace(due);
        self.0.agenda.enter(id, before, due);
    }

    /// One more connection is open, or one less.
    pub(super) fn count(&self, opened: bool) {
        let connections = &self.0.connections;
        if opened {
            connections.fetch_add(1, Ordering::Relaxed);
        } else {
            connections.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many connections are open, cut or not.
    pub(super) fn connections(&self) -> usize {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// Cuts all connections of a session; how many, or 0 when they had been cut before.
    pub(super) fn cut(&self, id: SessionId, reason: EndReason) -> usize {
        let cut = |entry: &mut Entry| (entry.note_cut(), Arc::clone(&entry.signal));
        match self.0.table.change_if_any(id, cut) {
            Some((connections, signal)) if signal.cut(reason) => connections,
            _ => 0,
        }
    }

    /// [`cut`](Self::cut), for whoever concludes the ending: how many connections were cut for it, by
    /// this call or since it was first told, at most so long ago. `None` if that is not known any
    /// more. Once for each ending.
    pub(super) fn conclude(
        &self,
        id: SessionId,
        reason: EndReason,
        at_most_ago: Duration,
    ) -> Option<usize> {
        let cut = |entry: &mut Entry| {
            entry.is_told = true;
            (entry.note_cut(), Arc::clone(&entry.signal))
        };
        let cut = self.0.table.change_if_any(id, cut);
        let cut = cut.map_or(0, |(connections, signal)| {
            signal.cut(reason);
            connections
        });
        // Looked at second: what leaves the table is put there before.
        Some(cut + self.0.gone.take(id, at_most_ago)?)
    }

    /// Cuts all connections of all sessions, which may go on; how many.
    pub(super) fn cut_unavailable(&self) -> usize {
        let cut = |id| {
            let entry = |entry: &Entry| (entry.connections, Arc::clone(&entry.signal));
            let (connections, signal) = self.0.table.read(id, entry)?;
            signal.cut_unavailable().then_some(connections)
        };
        self.held().into_iter().filter_map(cut).sum()
    }

    /// The sessions that hold a connection which was not cut.
    pub(super) fn held(&self) -> Vec<SessionId> {
        self.0.table.ids(|entry| !entry.signal.is_cut())
    }

    /// How many sessions hold a connection, cut or not.
    pub(super) fn len(&self) -> usize {
        self.0.table.len()
    }

    #[cfg(test)]
    pub(super) fn agenda_len(&self) -> usize {
        self.0.agenda.len()
    }
}
