//! The connection that all operations share, and how it comes back.
//!
//! Commands of many tasks go over one connection, each answered in its turn. A connection that fails, or on which an
//! operation was not answered in time, is left to those that still wait on it, and the next operation
//! makes another; while that fails, operations are refused at once, and the server is asked again after growing pauses.

use super::{
    connection::{Connection, Target},
    fault::{named, named_over_tls, of_key},
    keys::{Keys, RoutingKey},
};
use crate::store::{Error, application::compare};
use redis::{RedisError, Value};
use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};

/// One connection, made when it is needed and replaced when it is broken.
pub(super) struct Link {
    /// Whether nothing was answered since the last trouble.
    is_silent: AtomicBool,
    keys: Arc<Keys>,
    limit: Duration,
    /// With its number.
    open: RwLock<Option<(u64, Connection)>>,
    /// Held over the attempt to connect, so that there is one at a time: whoever waits for it waits for the connection.
    opening: Mutex<Opening>,
    target: Target,
}

#[derive(Default)]
struct Opening {
    failed: Option<Failed>,
    last: u64,
    /// Since when nothing has been answered by a cluster.
    silent_since: Option<Instant>,
}

struct Failed {
    error: RedisError,
    not_before: Instant,
    pause: Duration,
}

impl Link {
    pub(super) fn new(target: Target, keys: Arc<Keys>, limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            is_silent: AtomicBool::new(false),
            keys,
            limit,
            open: RwLock::new(None),
            opening: Mutex::default(),
            target,
        })
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.target, Target::Cluster(_))
    }

    /// The connection that is open, or another.
    pub(super) async fn connection(
        &self,
        operation: &'static str,
    ) -> Result<(u64, Connection), Error> {
        match self.current() {
            Some(open) => Ok(open),
            None => Box::pin(self.open(operation)).await,
        }
    }

    async fn open(&self, operation: &'static str) -> Result<(u64, Connection), Error> {
        let mut opening = self.opening.lock().await;
        if let Some(open) = self.current() {
            return Ok(open);
        }
        let now = Instant::now();
        if let Some(failed) = opening
            .failed
            .as_ref()
            .filter(|failed| now < failed.not_before)
        {
            return Err(self.named(operation, &failed.error));
        }
        match self.target.connect(self.limit).await {
            Ok(mut connection) => {
                opening.failed = None;
                self.settle(operation, &mut connection).await?;
                Ok(self.keep(&mut opening, connection))
            }
            Err(error) => {
                let pause = opening.failed.take().map_or(SHORTEST_PAUSE, |failed| {
                    (failed.pause * 2).min(LONGEST_PAUSE)
                });
                let named = self.named(operation, &error);
                opening.failed = Some(Failed {
                    error,
                    not_before: Instant::now() + pause,
                    pause,
                });
                Err(named)
            }
        }
    }

    fn named(&self, operation: &str, error: &RedisError) -> Error {
        if self.target.is_tls() {
            named_over_tls(operation, error)
        } else {
            named(operation, error)
        }
    }

    /// Something was answered.
    pub(super) fn is_well(&self) {
        if self.is_silent.load(Ordering::Relaxed) {
            self.is_silent.store(false, Ordering::Relaxed);
        }
    }

    /// The connection with this number is of no use any more.
    ///
    /// That of a cluster mends itself where it can, and serves the nodes that are well, which one that is made while a node
    /// hangs may not: it is replaced only when no node has answered for a while, and kept until another is there.
    pub(super) async fn replace(self: &Arc<Self>, number: u64) {
        match &self.target {
            Target::Cluster(_) => {
                let mut opening = self.opening.lock().await;
                let now = Instant::now();
                let since = match opening.silent_since {
                    Some(since) if self.is_silent.swap(true, Ordering::Relaxed) => since,
                    _ => now,
                };
                opening.silent_since = Some(since);
                if opening.last == number && now >= since + SILENCE {
                    opening.silent_since = Some(now);
                    tokio::spawn(Arc::clone(self).renew());
                }
            }
            Target::Node(_) => {
                let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
                if open.as_ref().is_some_and(|(of, _)| *of == number) {
                    *open = None;
                }
            }
        }
    }

    async fn renew(self: Arc<Self>) {
        if let Some((_, connection)) = self.current()
            && connection.is_any_primary_well().await
        {
            return self.is_well();
        }
        if let Ok(mut connection) = self.target.connect(self.limit).await
            && self.settle("connect", &mut connection).await.is_ok()
        {
            let mut opening = self.opening.lock().await;
            self.keep(&mut opening, connection);
        }
    }

    fn current(&self) -> Option<(u64, Connection)> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.clone()
    }

    fn keep(&self, opening: &mut Opening, connection: Connection) -> (u64, Connection) {
        opening.last += 1;
        let open = (opening.last, connection);
        let kept = Some(open.clone());
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = kept;
        open
    }

    /// Sees to it that the store is this application's, and that this node routes subjects by the key that the store holds, also
    /// after it was emptied.
    pub(super) async fn settle(
        &self,
        operation: &'static str,
        connection: &mut Connection,
    ) -> Result<RoutingKey, Error> {
        self.claim(operation, connection).await?;
        let key = self.keys.routing_key();
        let fault = |error: RedisError| of_key(operation, &key, &error);
        let mut get = redis::cmd("GET");
        get.arg(&key);
        let mut found = connection.send(get.clone(), &key).await.map_err(fault)?;
        if found == Value::Nil {
            let mut set = redis::cmd("SET");
            set.arg(&key).arg(self.keys.routing().to_text()).arg("NX");
            connection.send(set, &key).await.map_err(fault)?;
            found = connection.send(get, &key).await.map_err(fault)?;
        }
        let text = match found {
            Value::BulkString(bytes) => String::from_utf8(bytes).unwrap_or_default(),
            _ => String::new(),
        };
        let routing = RoutingKey::from_text(&key, &text)?;
        self.keys.route_by(routing);
        Ok(routing)
    }

    /// Writes down whose the store is, unless it is another's.
    async fn claim(
        &self,
        operation: &'static str,
        connection: &mut Connection,
    ) -> Result<(), Error> {
        let (key, own) = (
            self.keys.application_key(),
            self.keys.application.as_deref(),
        );
        let command = own.map_or_else(
            || redis::Cmd::get(&key),
            |name| {
                let mut set = redis::cmd("SET");
                set.arg(&key).arg(name).arg("NX").arg("GET");
                set
            },
        );
        let found = connection.send(command, &key).await;
        let found = match found.map_err(|error| of_key(operation, &key, &error))? {
            Value::BulkString(name) => Some(String::from_utf8_lossy(&name).into_owned()),
            // Nobody's so far, and this node's now.
            _ => own.map(str::to_owned),
        };
        let place = format_args!("the keys with the prefix {}", self.keys.prefix());
        compare(
            found.as_deref(),
            own,
            place,
            "RedisStoreBuilder::with_key_prefix",
        )
    }
}

/// How long no node of a cluster answers before the connection is replaced.
pub(super) const SILENCE: Duration = Duration::from_secs(10);

const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// The longest time between two attempts to connect: how late the store may be to come back.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
