//! The contract, with a near cache around the embedded store.

use super::StoreHarness;
use crate::{
    store::{MemoryStore, NearCache, SessionStore},
    time::{Clock, ManualClock},
};
use std::{sync::Arc, time::Duration};

#[derive(Default)]
struct Harness(ManualClock);

impl StoreHarness for Harness {
    async fn open(&self) -> Arc<dyn SessionStore> {
        let store = Arc::new(MemoryStore::with_clock(self.0.clone()));
        let cache = NearCache::new(store, Duration::from_secs(10), Arc::new(self.0.clone()));
        // Answers from memory once somebody has listened. All that happens goes through it.
        drop(cache.notices());
        Arc::new(cache)
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    async fn set_back(&self, by: Duration) -> bool {
        self.0.set(self.0.now().saturating_sub(by));
        true
    }

    fn many(&self) -> usize {
        1_000
    }
}

crate::testing::store_suite!(Harness::default());
