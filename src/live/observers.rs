//! Who on this node is told when a session ends, beside the open connections.

use super::sync::{Mutex, lock};
use crate::id::SessionId;
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    // Not loom's, which have no weak references to traits: the list itself is guarded by its lock.
    sync::{Arc, Weak},
};

/// Keeps something of sessions on this node, and lets go of it when they end.
pub(crate) trait Observer: Send + Sync {
    /// A session ended, whatever caused it and wherever. May be told again. Must not block.
    fn ended(&self, id: SessionId);

    /// The sessions of which something is kept, to check with the store after notices were missed.
    fn held(&self) -> Vec<SessionId>;
}

/// The observers of a node.
///
/// Locking: the lock is held to copy or to replace the list, never while an observer is called;
/// so an observer may come back.
pub(super) struct Observers(Mutex<Arc<[Weak<dyn Observer>]>>);

impl Observers {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Arc::new([])))
    }

    /// From now on the observer is told, for as long as somebody else keeps it.
    pub(super) fn add(&self, observer: Weak<dyn Observer>) {
        let mut list = lock(&self.0);
        let kept = list.iter().filter(|known| known.strong_count() > 0);
        *list = kept.cloned().chain([observer]).collect();
    }

    /// Tells every observer. What one lets go of may be the application's, and may panic when it is
    /// dropped: that stops neither the ending nor the next observer.
    pub(super) fn ended(&self, id: SessionId) {
        for observer in self.all() {
            if catch_unwind(AssertUnwindSafe(|| observer.ended(id))).is_err() {
                tracing::error!(
                    target: "adjourn",
                    session_id = %id,
                    "what was kept of a session that ended panicked when it was dropped"
                );
            }
        }
    }

    /// The sessions of which an observer keeps something.
    pub(super) fn held(&self) -> impl Iterator<Item = SessionId> {
        self.all().flat_map(|observer| observer.held())
    }

    fn all(&self) -> impl Iterator<Item = Arc<dyn Observer>> + use<> {
        let list = Arc::clone(&lock(&self.0));
        (0..list.len()).filter_map(move |at| list.get(at)?.upgrade())
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observers")
            .field(&lock(&self.0).len())
            .finish()
    }
}
