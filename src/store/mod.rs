//! Where sessions are kept: the contract of a store, its outcomes, the embedded
//! [`MemoryStore`] and the stores that outlive the process.
//!
//! 1. **Only [`create`](SessionStore::create) inserts.** Every other write is conditional on one
//!    predicate, *live*: not ended, before both deadlines, not cut
//!    ([`Record::due`](crate::record::Record::due)). There is no upsert, so nothing revives.
//! 2. **Ending is a compare-and-set.** The first wins, erases the values, turns the row into its
//!    [`Tombstone`](crate::record::Tombstone) and leases the pending work to the winner, in one
//!    atomic step.
//! 3. **The secret is judged first.** Who presents the wrong one learns nothing and changes
//!    nothing.
//! 4. **The first cause wins**, also when nobody was there to see it: a session past a deadline or
//!    cut is concluded with that cause, whatever the caller asked for.
//! 5. **Every write is idempotent by content**, so that a lost reply or a driver's retry does no
//!    harm.
//! 6. **Time is the store's.** No operation takes the time.
//! 7. **Outcomes are not errors.** An [`Error`] means that the store could not do it.
//!
//! The conformance suite in `testing` (feature `test-util`) is this contract as
//! tests; a store is done when it passes.
//!
//! Each operation says by which one script (Redis) or statement (PostgreSQL) a shared store can
//! do it atomically in one round trip. `live(row)` stands for the predicate above; on Redis all
//! keys of a session and of its subject share a hash slot, because the store mints the id.

#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
mod application;
mod change;
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
mod codec;
mod contract;
mod error;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod gather;
mod memory;
mod near;
mod notice;
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
mod on_tasks;
mod outcome;
#[cfg(feature = "postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
pub mod postgres;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub mod redis;
mod reply;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub mod sqlite;
#[cfg(any(feature = "postgres", feature = "redis", feature = "sqlite"))]
mod stored;

#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use contract::SessionStore;
pub use error::{Error, ErrorKind};
pub use memory::MemoryStore;
pub(crate) use near::NearCache;
pub use notice::{Notice, NoticeSender, Notices};
pub use outcome::{
    AtLimit, Attempt, CheckIn, Checked, Claimant, Created, Cursor, End, Limit, Listed, NewSession,
    NotLive, Page, Rotated, Ticket, Update, Updated,
};
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
pub use reply::{BoxFuture, Reply, ReplyFuture};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

/// What a store operation answers with.
pub type Answer<T> = Reply<Result<T, Error>>;
