//! What `Sessions` hands out that lives as long as a session.

use super::Sessions;
use crate::session::SessionLocal;

impl Sessions {
    /// Something to keep in memory for each session until it ends, for at most `capacity` sessions
    /// (0 keeps nothing). See [`SessionLocal`].
    ///
    /// Each call makes another one: make it once, and hand clones to the handlers.
    pub fn local<T: Send + Sync + 'static>(&self, capacity: usize) -> SessionLocal<T> {
        SessionLocal::new(&self.0.context, capacity)
    }
}
