//! A key prefix of its own for each test, whose time is the test's.

use crate::redis_server::Server;
use adjourn::{
    id::{SecretHash, SessionId, Subject},
    record::Values,
    store::{
        Attempt, Claimant, Created, Error, NewSession, RedisStore, SessionStore,
        redis::RedisStoreBuilder,
    },
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

pub(crate) const SECRET: SecretHash = SecretHash::from_bytes([1; 32]);

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

pub(crate) fn claimant() -> Claimant {
    Claimant {
        attempt: Attempt::random().unwrap(),
        lease: Duration::from_secs(30),
    }
}

pub(crate) async fn log_in(store: &dyn SessionStore, of: &str) -> SessionId {
    try_log_in(store, of).await.unwrap()
}

pub(crate) async fn try_log_in(store: &dyn SessionStore, of: &str) -> Result<SessionId, Error> {
    let session = plan(store, of).await;
    match store.create(session).await? {
        Created::Created { live, .. } => Ok(live.id),
        other => panic!("nothing stands in its way: {other:?}"),
    }
}

/// A session to be created.
pub(crate) async fn plan(store: &dyn SessionStore, of: &str) -> NewSession {
    let subject = Subject::new(of).unwrap();
    NewSession {
        id: store.mint_id(Some(&subject)).await.unwrap(),
        secret_hash: SECRET,
        subject: Some(subject),
        idle_timeout: Some(Duration::from_mins(15)),
        touch_interval: Duration::from_mins(1),
        absolute_timeout: Duration::from_hours(8),
        client: None,
        values: Values::from_iter([("cart", b"[1]".as_slice())]),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: claimant(),
    }
}
