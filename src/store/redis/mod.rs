//! The store on Redis: for several nodes, on one server or a cluster.
//!
//! # Set-up
//! ```no_run
//! use adjourn::{Sessions, store::RedisStore};
//!
//! # async fn set_up() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::builder("redis://shop:secret@redis.internal/0")?.open().await?;
//! let sessions = Sessions::builder(store).with_log_in_page("/login").build()?;
//! # Ok(()) }
//! ```
//! A cluster is opened with [`RedisStore::cluster_builder`] and some of its nodes.
//!
//! TLS is chosen by a feature of the `redis` crate in the application, `tokio-rustls-comp` for one, and by an address that
//! begins with `rediss://`; without the feature such an address is an error that says so. An authority of one's own is given to
//! [`redis::Client`], whose [`ConnectionInfo`](redis::ConnectionInfo) then opens the store:
//! `RedisStore::builder(Client::build_with_tls(address, certificates)?.get_connection_info().clone())`.
//!
//! # Rules
//! 1. Every operation is one script and one round trip; check-ins of the same moment share one, except on a cluster, up to 32, each
//!    judged for itself. A script that the server has not seen is sent once.
//! 2. A script is not rolled back: it reads and checks everything that it judges before it writes. (A check-in judges no values, so a
//!    session whose values are damaged may be touched before that is named.)
//! 3. The server's time decides (`TIME`), never a node's clock. Deadlines are scores of a set that is swept; no key ends a
//!    session by expiring. A session's key expires a week after its absolute deadline, in case nobody sweeps, and its
//!    tombstone when nobody can ask for it; cuts, deadlines and pending work never expire.
//! 4. There are 256 shards, each with a hash tag, so that its keys share a slot. A session's id begins with its shard, and
//!    the sessions of a subject share one: the first byte of a keyed hash of the subject. The key is made once, in the store.
//! 5. Generations, claims and the numbers of notices count in each shard. Everybody's cut takes the same number in all.
//! 6. An ending, its pending work and its notice are one script.
//! 7. Every operation can be repeated after a lost reply, and is, once, when the connection is gone.
//! 8. No `KEYS`, no `SCAN`: a sweep looks at the first deadline of each shard, and then only where something is due.
//!
//! # Keys
//! | key | what |
//! |---|---|
//! | `adjourn:key` | by which subjects are routed; losing it alone makes log-ins fail until the store is emptied |
//! | `adjourn:application` | [whose they are](RedisStoreBuilder::with_application), if it has a name |
//! | `adjourn:{tag}:s:<id>` | a session or its tombstone, in one string |
//! | `adjourn:{tag}:u:<subject>` | the live sessions of a subject |
//! | `adjourn:{tag}:ids`, `due`, `work` | live sessions, deadlines and cuts to look at, pending work |
//! | `adjourn:{tag}:cuts`, `meta` | the cuts, the counters |
//!
//! Scripts declare the keys of the shard and of the session that they are called for, a shared check-in those of several. The
//! other sessions of a subject, and its
//! set, have names that a script makes itself, in the same slot: a proxy that wants every key declared
//! refuses them. A service that spreads keys over servers is opened as a cluster, also behind one address.
//!
//! # When something fails
//! | what | what the store answers | then |
//! |---|---|---|
//! | the server is stopped, restarting, or out of connections | `Unavailable` | goes on by itself |
//! | it is paused, cut off or too slow | `Unavailable` at the time limit; what was asked may still happen, and then whole | goes on by itself; the connection that hangs is replaced |
//! | it is full (`maxmemory`) | log-ins and values are `Unavailable`; sessions are still checked, touched and ended | goes on by itself |
//! | it cannot write to its disk | `Unavailable` | goes on by itself |
//! | the address leads to a replica, or a demoted primary | `Unavailable` for every operation, reads too: a replica is behind | goes on when it leads to the primary |
//! | it was restarted empty, or from an old snapshot | sessions are unknown, or as they were then; endings of the last five minutes that this node knows are repeated | |
//! | a part of a cluster is down | `Unavailable` for its shards; the others go on | goes on by itself |
//! | a slot of a cluster moves | waits, up to the time limit | goes on by itself |
//! | wrong password, missing permission, a setting that is refused | `Unavailable`, naming it | |
//! | a key is foreign or damaged, or of a newer version; the prefix is [another application's](RedisStoreBuilder::with_application) | `Corrupt`, naming the key and the field, or the two | restore it, give the other application another prefix, or update the node |
//! | the listening connection fails, or messages are lost | a `Gap`, after which everything held is checked | connects again by itself, with growing pauses |
//! | the reply to an ending was lost | `Unavailable`, and a `Gap` here; the same attempt again is `First` again | |
//! | a replica does not confirm ([`with_wait`](RedisStoreBuilder::with_wait)) | `Unavailable`, saying so: not done | |
//!
//! The layer answers 503 to `Unavailable` and `Corrupt`, and never says that a log-out was done.
//!
//! Knows nothing of who works on endings, nor of requests.

mod call;
mod connection;
mod contract;
mod create;
mod cut;
mod ending;
mod fault;
mod keys;
mod layout;
mod link;
mod listen;
mod numbers;
mod open;
mod repeat;
mod rows;
mod scripts;
mod start;
mod sweep;
mod tags;
mod validate;
mod view;
mod wait;
mod write;

use self::call::Inner;
use super::Error;
pub use open::{InvalidKeyPrefix, RedisStoreBuilder};
use redis::IntoConnectionInfo;
use std::{fmt, sync::Arc, time::Duration};

/// A session store on Redis 7 or later, or on Valkey, on one server or a cluster.
///
/// See the [module](self) for set-up, rules, keys and what happens when something fails. Tested with Redis 7.0 and Valkey
/// 8.0.
///
/// *Cost:* at most one script an operation; a check-in is two reads by key, and writes once a touch interval. All nodes share the
/// primary's one thread, so a script never works for more than some milliseconds. One connection of its own listens.
pub struct RedisStore(Arc<Inner>);

impl RedisStore {
    /// How long an operation may take, unless
    /// [`with_time_limit`](RedisStoreBuilder::with_time_limit) says otherwise.
    pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(2);

    /// What every key begins with, unless [`with_key_prefix`](RedisStoreBuilder::with_key_prefix) says otherwise.
    pub const DEFAULT_KEY_PREFIX: &str = "adjourn";

    /// To open a store on one server: `redis://user:password@host:port/database`, `rediss://` with TLS, or a
    /// [`redis::ConnectionInfo`].
    ///
    /// # Errors
    /// It is no such address.
    pub fn builder(server: impl IntoConnectionInfo) -> Result<RedisStoreBuilder, Error> {
        RedisStoreBuilder::of(vec![server], false)
    }

    /// To open a store on a cluster, of which some nodes are given: the others are found through them.
    ///
    /// # Errors
    /// None is given, or one is no address.
    pub fn cluster_builder<N: IntoConnectionInfo>(
        nodes: impl IntoIterator<Item = N>,
    ) -> Result<RedisStoreBuilder, Error> {
        RedisStoreBuilder::of(nodes, true)
    }

    fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("keys", &self.0.keys)
            .field("time_limit", &self.0.limit)
            .finish_non_exhaustive()
    }
}
