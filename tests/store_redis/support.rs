//! A key prefix of its own for each test, whose time is the test's.

#[path = "../store_common/mod.rs"]
#[allow(
    clippy::duplicate_mod,
    dead_code,
    reason = "each test uses some of it, those of several stores by way of each"
)]
mod common;

#[allow(unused_imports, reason = "as above")]
pub(crate) use self::common::{log_in::*, nodes::*};
use crate::redis_server::Server;
use adjourn::{
    store::{RedisStore, SessionStore, redis::RedisStoreBuilder},
    testing::StoreHarness,
    time::{Clock, ManualClock},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// Where a test keeps its sessions.
pub(crate) struct Place {
    pub(crate) clock: ManualClock,
    nodes: Vec<String>,
    pub(crate) prefix: String,
}

impl Place {
    /// On the server that most tests share.
    pub(crate) fn of_a_test() -> Option<Self> {
        Server::shared().map(Self::on)
    }

    pub(crate) fn on(server: &Server) -> Self {
        Self::at(vec![server.url()])
    }

    /// More than one address is a cluster.
    pub(crate) fn at(nodes: Vec<String>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        Self {
            clock: ManualClock::default(),
            nodes,
            prefix: format!("test{number}"),
        }
    }

    pub(crate) fn builder(&self) -> RedisStoreBuilder {
        let builder = match self.nodes.as_slice() {
            [server] => RedisStore::builder(server.as_str()),
            nodes => RedisStore::cluster_builder(nodes.iter().map(String::as_str)),
        };
        let builder = builder.unwrap().with_time_limit(Duration::from_secs(20));
        builder.with_key_prefix(&self.prefix).unwrap()
    }

    /// A store that tells the server's time.
    pub(crate) async fn store(&self) -> RedisStore {
        self.builder().open().await.unwrap()
    }

    /// A store that tells the time of the test.
    pub(crate) async fn timed(&self) -> RedisStore {
        let builder = self.builder().with_test_clock(self.clock.clone());
        builder.open().await.unwrap()
    }
}

impl StoreHarness for Place {
    async fn open(&self) -> Arc<dyn SessionStore> {
        Arc::new(self.timed().await)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn set_back(&self, by: Duration) -> bool {
        self.clock.set(self.clock.now().saturating_sub(by));
        true
    }

    fn many(&self) -> usize {
        2_500
    }
}
