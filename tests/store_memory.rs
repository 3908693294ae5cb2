//! The store contract, on the embedded store.

use adjourn::{
    store::{MemoryStore, SessionStore},
    testing::StoreHarness,
    time::{Clock, ManualClock},
};
use std::{sync::Arc, time::Duration};

#[derive(Default)]
struct Harness(ManualClock);

impl StoreHarness for Harness {
    async fn open(&self) -> Arc<dyn SessionStore> {
        Arc::new(MemoryStore::with_clock(self.0.clone()))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    async fn set_back(&self, by: Duration) -> bool {
        self.0.set(self.0.now().saturating_sub(by));
        true
    }
}

adjourn::testing::store_suite!(Harness::default());
