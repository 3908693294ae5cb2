//! What the suite needs to know of the store under test.

use crate::store::SessionStore;
use std::{future::Future, sync::Arc, time::Duration};

/// A store under test, and a hand on its time.
///
/// One harness serves one test: it opens its store once. What it opens must be empty, and must
/// stay alone with its test (a key prefix, a schema, a file of its own).
pub trait StoreHarness: Send + Sync + 'static {
    /// Opens a store with nothing in it.
    fn open(&self) -> impl Future<Output = Arc<dyn SessionStore>> + Send;

    /// Moves the opened store's time forward, so that no test waits.
    fn advance(&self, by: Duration) -> impl Future<Output = ()> + Send;

    /// Moves the opened store's time back, as a corrected clock would. `false` when the store
    /// cannot be made to: the case that asks for it then passes.
    fn set_back(&self, by: Duration) -> impl Future<Output = bool> + Send {
        let _ = by;
        async { false }
    }

    /// Whether the store's time moves only when it is told to.
    ///
    /// If it runs on between the operations, as a server's clock does, the cases stay some seconds
    /// away from each deadline instead of standing right on it.
    fn time_stands_still(&self) -> bool {
        true
    }

    /// How many sessions are many: enough that an operation which walks them all would show.
    /// A store behind a network says less, so that its tests end.
    fn many(&self) -> usize {
        100_000
    }
}
