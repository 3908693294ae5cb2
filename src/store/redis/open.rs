//! How the store is opened.

use super::{
    RedisStore,
    call::Inner,
    connection::Target,
    fault::{late, named},
    keys::{Keys, RoutingKey, is_prefix},
    link::Link,
    listen::{self, Source},
    repeat::Recent,
    scripts::{SERVER_TIME, Scripts},
    start, validate,
    wait::Confirmation,
};
use crate::{
    store::{Error, NoticeSender, gather::Gathered},
    time::Clock,
};
use redis::{ConnectionInfo, IntoConnectionInfo};
use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::timeout};

/// How a [`RedisStore`] is opened; from [`RedisStore::builder`] or [`RedisStore::cluster_builder`].
#[must_use = "nothing is opened before `open`"]
pub struct RedisStoreBuilder {
    application: Option<String>,
    clock: Option<Arc<dyn Clock>>,
    is_cluster: bool,
    limit: Duration,
    prefix: String,
    servers: Vec<ConnectionInfo>,
    wait: Option<(NonZeroU32, Duration)>,
}

impl RedisStoreBuilder {
    pub(super) fn of<S: IntoConnectionInfo>(
        servers: impl IntoIterator<Item = S>,
        is_cluster: bool,
    ) -> Result<Self, Error> {
        let servers = servers
            .into_iter()
            .map(IntoConnectionInfo::into_connection_info);
        let servers = servers.collect::<Result<Vec<_>, _>>();
        let servers = servers.map_err(|error| named("the address of a server", &error))?;
        if servers.is_empty() {
            return Err(Error::unavailable("no server is given"));
        }
        Ok(Self {
            application: None,
            clock: None,
            is_cluster,
            limit: RedisStore::DEFAULT_TIME_LIMIT,
            prefix: RedisStore::DEFAULT_KEY_PREFIX.to_owned(),
            servers,
            wait: None,
        })
    }

    /// What every key begins with: applications that share a server, and not their users, take one each. What
    /// belongs together must have the same, on every node and for ever.
    ///
    /// *Default:* [`RedisStore::DEFAULT_KEY_PREFIX`].
    ///
    /// # Errors
    /// It is not 1 to 64 characters of `a-z`, `A-Z`, `0-9` and `_-.:/`.
    pub fn with_key_prefix(mut self, prefix: &str) -> Result<Self, InvalidKeyPrefix> {
        if !is_prefix(prefix) {
            return Err(InvalidKeyPrefix);
        }
        prefix.clone_into(&mut self.prefix);
        Ok(self)
    }

    /// The name of this application. The first node that opens the store with one writes it down; from then on the store
    /// is opened under that name only. Give every node of the application the same.
    ///
    /// Two applications that were given the same key prefix by mistake share their sessions: a token of one is
    /// good for the user of the same name in the other. With names the second does not start, and says why.
    ///
    /// *Default:* none, which a store that has a name refuses, and one without takes for its own.
    pub fn with_application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// How long an operation may take before it is [`Unavailable`](crate::store::ErrorKind::Unavailable).
    ///
    /// *Default:* [`RedisStore::DEFAULT_TIME_LIMIT`], since a request should rather be refused than hang.
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Confirms endings, cuts and log-ins that end other sessions on so many replicas (`WAIT`): one that fewer
    /// have after `timeout` is an error that says so, and not done. Where a replica takes over, an ending that was answered
    /// holds.
    ///
    /// Each waits for the replicas, one after the other on a connection of its own. `timeout` must be less than the
    /// time limit.
    ///
    /// *Default:* off: an ending is answered when the primary has it, and a failover right after it may bring the
    /// session back until this node notices, and ends it again.
    pub fn with_wait(mut self, replicas: NonZeroU32, timeout: Duration) -> Self {
        self.wait = Some((replicas, timeout));
        self
    }

    /// For tests: takes the time from `clock` and not from the server. Every store on the same keys needs the same.
    #[cfg(feature = "test-util")]
    #[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
    pub fn with_test_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Checks the server and its settings, begins to listen, and opens the store.
    ///
    /// # Errors
    /// The server cannot be reached within the time limit, refuses the user, is too old or a replica; or a
    /// setting is refused, by its name: `maxmemory-policy` must be `noeviction`, and `cluster-enabled` as the store is
    /// opened; keys of this prefix are foreign, of a newer version or
    /// of [another application](Self::with_application); [`with_wait`](Self::with_wait) was given a
    /// timeout of nothing, or one not below the time limit; or it is not called within a Tokio runtime.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn open(self) -> Result<RedisStore, Error> {
        let runtime = Handle::try_current().map_err(|error| {
            Error::unavailable("a RedisStore is opened within a Tokio runtime").with_source(error)
        })?;
        let database = self
            .servers
            .first()
            .map_or(0, |server| server.redis_settings().db());
        let keys = Keys::new(&self.prefix, database, RoutingKey::random()?);
        let keys = Arc::new(keys.belonging_to(self.application.clone()));
        let link = Link::new(self.target()?, Arc::clone(&keys), self.limit);
        let confirmation = self.confirmation(&keys)?;
        let confirming = self.wait.map(|(replicas, _)| replicas.get());
        self.check(&link, confirming).await?;
        let mut source = Source {
            channel: keys.channel.clone(),
            limit: self.limit,
            next: 0,
            servers: self.servers,
        };
        let listener = source.connect().await?;
        let mut node = [0; 8];
        getrandom::fill(&mut node)?;
        let now = self.clock.as_ref().map_or(SERVER_TIME, |_| TEST_TIME);
        let inner = Arc::new(Inner {
            check_ins: Gathered::new(validate::SCRIPTS, validate::AT_ONCE),
            clock: self.clock,
            confirmation,
            keys,
            limit: self.limit,
            link,
            node: format!("{:016x}", u64::from_be_bytes(node)),
            notices: NoticeSender::new(NOTICES),
            recent: Recent::default(),
            runtime,
            scripts: Scripts::telling_time_by(now),
        });
        let listening = listen::listen(Arc::downgrade(&inner), listener, source);
        inner.runtime.spawn(listening);
        Ok(RedisStore(inner))
    }

    fn target(&self) -> Result<Target, Error> {
        let mut servers = self.servers.clone();
        let target = if self.is_cluster {
            Target::cluster(servers, self.limit)
        } else {
            let server = servers.pop();
            Target::node(server.ok_or_else(|| Error::unavailable("no server is given"))?)
        };
        target.map_err(|error| named("open", &error))
    }

    fn confirmation(&self, keys: &Arc<Keys>) -> Result<Option<Confirmation>, Error> {
        let Some((replicas, timeout)) = self.wait else {
            return Ok(None);
        };
        if timeout.as_millis() == 0 || timeout >= self.limit {
            let limit = self.limit;
            return Err(Error::unavailable(format!(
                "with_wait: the timeout {timeout:?} must be a millisecond at least, and less than the time limit \
                 {limit:?} (with_time_limit)"
            )));
        }
        Ok(Some(Confirmation {
            link: Link::new(self.target()?, Arc::clone(keys), self.limit),
            replicas: replicas.get(),
            timeout,
        }))
    }

    async fn check(&self, link: &Link, confirming: Option<u32>) -> Result<(), Error> {
        const OPEN: &str = "open";
        let checking = async {
            let (_, mut connection) = link.connection(OPEN).await?;
            start::check(&mut connection, self.is_cluster, confirming).await
        };
        let checked = timeout(self.limit, checking).await;
        checked.unwrap_or_else(|_| Err(late(OPEN, self.limit)))
    }
}

impl fmt::Debug for RedisStoreBuilder {
    /// Without the addresses, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("application", &self.application)
            .field("is_cluster", &self.is_cluster)
            .field("key_prefix", &self.prefix)
            .field("time_limit", &self.limit)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

/// The text cannot be what the keys of a [`RedisStore`] begin with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a key prefix: 1 to 64 characters of a-z, A-Z, 0-9 and _-.:/ are expected")]
#[non_exhaustive]
pub struct InvalidKeyPrefix;

/// The time that a test tells, in milliseconds: the last argument.
const TEST_TIME: &str = "local now=tonumber(ARGV[#ARGV])";

/// How far a receiver of notices may fall behind.
const NOTICES: usize = 4_096;
