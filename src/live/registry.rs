//! The open connections of this node, by session.

use super::{signal::Signal, sync::Arc, table::Table};
use crate::{id::SessionId, reason::EndReason};
use std::mem;

/// The open connections of this node: for each session one signal, and how many wait for it.
///
/// An entry is there exactly as long as somebody is registered, and everybody registered for a
/// session at the same time shares the entry's signal: register, unregister and the look-up of a
/// cut are each one step under the lock of the entry's shard. Signals are cut outside of it.
#[derive(Clone)]
pub(super) struct Registry(Arc<Table<Entry>>);

#[derive(Default)]
struct Entry {
    guards: usize,
    signal: Arc<Signal>,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self(Arc::new(Table::new()))
    }

    /// Registers a connection; [`unregister`](Self::unregister) must follow.
    pub(super) fn register(&self, id: SessionId) -> Arc<Signal> {
        let (signal, left) = self.0.change(id, |entry| {
            entry.guards = entry.guards.saturating_add(1);
            // Whoever registers now has asked the store: the session lived through the outage.
            let is_over = entry.signal.is_unavailable();
            let left = is_over.then(|| mem::take(&mut entry.signal));
            (Arc::clone(&entry.signal), left)
        });
        drop(left);
        signal
    }

    /// Takes back one [`register`](Self::register); the last one removes the session.
    pub(super) fn unregister(&self, id: SessionId) {
        let removed = self.0.remove_if(id, |entry| {
            entry.guards = entry.guards.saturating_sub(1);
            entry.guards == 0
        });
        drop(removed);
    }

    /// Cuts all connections of a session; how many, or 0 when they had been cut before.
    pub(super) fn cut(&self, id: SessionId, reason: EndReason) -> usize {
        let entry = |entry: &Entry| (entry.guards, Arc::clone(&entry.signal));
        match self.0.read(id, entry) {
            Some((guards, signal)) if signal.cut(reason) => guards,
            _ => 0,
        }
    }

    /// Cuts all connections of all sessions, which may go on; how many.
    pub(super) fn cut_unavailable(&self) -> usize {
        let cut = |id| {
            let entry = |entry: &Entry| (entry.guards, Arc::clone(&entry.signal));
            let (guards, signal) = self.0.read(id, entry)?;
            signal.cut_unavailable().then_some(guards)
        };
        self.held().into_iter().filter_map(cut).sum()
    }

    /// The sessions that hold a connection which was not cut.
    pub(super) fn held(&self) -> Vec<SessionId> {
        self.0.ids(|entry| !entry.signal.is_cut())
    }

    /// How many sessions hold a connection, cut or not.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
