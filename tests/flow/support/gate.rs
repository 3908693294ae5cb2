//! A gate in a handler: the test knows when the request is inside, and lets it go on.

use super::within;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Holds requests inside their handler until the test says so; clones are the same gate.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Doors>);

struct Doors {
    arrived: Semaphore,
    opened: Semaphore,
    gone: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Doors {
            arrived: Semaphore::new(0),
            opened: Semaphore::new(0),
            gone: Semaphore::new(0),
        }))
    }
}

impl Gate {
    /// For the handler: says that it is here and waits to be let go.
    pub(crate) async fn pass(&self) {
        let _gone = SayGone(self.clone());
        self.0.arrived.add_permits(1);
        self.0.opened.acquire().await.unwrap().forget();
    }

    /// For the test: waits until a request is inside.
    pub(crate) async fn arrived(&self) {
        within(self.0.arrived.acquire()).await.unwrap().forget();
    }

    /// For the test: lets one request go on.
    pub(crate) fn open(&self) {
        self.0.opened.add_permits(1);
    }

    /// For the test: waits until a request has left the gate, let go or dropped.
    pub(crate) async fn gone(&self) {
        within(self.0.gone.acquire()).await.unwrap().forget();
    }
}

struct SayGone(Gate);

impl Drop for SayGone {
    fn drop(&mut self) {
        self.0.0.gone.add_permits(1);
    }
}
