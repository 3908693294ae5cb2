//! The store on PostgreSQL: for several nodes.
//!
//! # Set-up
//! ```no_run
//! use adjourn::{Sessions, store::PostgresStore};
//! use sqlx::PgPool;
//!
//! # async fn set_up() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = PgPool::connect("postgres://shop@db.internal/shop").await?;
//! let builder = PostgresStore::builder(pool);
//! builder.migrate().await?; // or run PostgresStore::schema_sql("adjourn")? with your own migrations
//! let sessions = Sessions::builder(builder.open().await?).with_log_in_page("/login").build()?;
//! # Ok(()) }
//! ```
//! TLS is chosen by a feature of `sqlx` in the application, `tls-rustls` for one, and by `sslmode` in the
//! address: `verify-full` checks the server's certificate, by the authorities in `sslrootcert` if it is given; `require` does
//! not, and `prefer`, sqlx's default, goes on without TLS where there is none. With `require` or more an application without
//! the feature gets an error that says so.
//!
//! # Rules
//! 1. Every operation is one statement and one round trip, in a transaction of its own: a call of a function that the migration
//!    made, which a check-in of who is plainly live does without. `READ COMMITTED` is needed and checked.
//! 2. The server's `clock_timestamp()` decides, never a node's clock, and never the start of a
//!    transaction.
//! 3. Judged first, on the newest version of the row under its lock, then written. Only
//!    `create_session` inserts sessions; the tombstone is the session's own row.
//! 4. Locks: everybody's and a subject's (advisory) only in log-ins and cuts, always before rows;
//!    rows in the order of their ids; a sweep skips what is locked.
//! 5. An ending, its pending work and its notice are one transaction, which waits for the disk
//!    (`synchronous_commit = on` at least) whatever the connection's setting. So do log-ins, cuts
//!    and rotations. That work is done is said for many endings at once and waits for no disk: if the server crashes and
//!    forgets it, the work is taken over once more.
//! 6. What a touch writes stands in no index.
//! 7. Check-ins of the same moment share a statement, which reads and waits for no lock. What it does not settle (a touch that
//!    is due, a session that is ending) each settles by a statement of its own, so that nobody waits, or fails, for another
//!    one's session.
//!
//! # When something fails
//! | what | what the store answers | then |
//! |---|---|---|
//! | the server is stopped, restarting, or out of connections | `Unavailable` | goes on by itself |
//! | it is paused, cut off or too slow | `Unavailable` at the time limit; what was asked may still happen, and then whole | goes on by itself; the connections that hang are closed |
//! | every connection of the pool is in use | `Unavailable` at the time limit | goes on by itself |
//! | its disk is full | `Unavailable` for writes; what was asked did not happen | goes on by itself |
//! | the pool reaches a replica, or a demoted primary | `Unavailable` for every operation, reads too: a replica is behind | goes on when it reaches the primary |
//! | wrong password, missing privilege | `Unavailable`, naming it | |
//! | the transaction isolation is another one | `Unavailable`, naming the setting | |
//! | the schema is missing, foreign or damaged | `Corrupt`, naming the schema, or the session and the column | migrate, or restore |
//! | the schema is of a newer version | [`open`](PostgresStoreBuilder::open) fails with `Corrupt` | update the node |
//! | the listening connection fails | a `Gap` when it is back, after which everything held is checked | connects again by itself, with growing pauses |
//! | the reply to an ending was lost | `Unavailable`, and a `Gap` here; the same attempt again is `First` again | |
//!
//! The layer answers 503 to `Unavailable` and `Corrupt`, and never says that a log-out was done.
//!
//! # Connection poolers
//! `PgBouncer` in transaction mode works for the pool, with prepared statements off or supported
//! (`PgConnectOptions::statement_cache_capacity(0)`). Listening needs a direct connection:
//! [`with_listen_options`](PostgresStoreBuilder::with_listen_options).
//!
//! Knows nothing of who works on endings, nor of requests.

mod connection;
mod contract;
mod create;
mod ending;
mod held;
mod listen;
mod packed;
mod rows;
mod schema;
mod statements;
mod validate;
mod view;
mod write;

use self::{connection::Inner, held::Held, schema::SchemaName, statements::Statements};
use super::{Error, NoticeSender, gather::Gathered};
pub use schema::InvalidSchemaName;
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::timeout};

/// A session store on PostgreSQL, on the application's pool.
///
/// See the [module](self) for set-up, rules and what happens when something fails. Tested with
/// PostgreSQL 15; needs 14 or later.
///
/// *Cost:* at most one statement an operation, and one more for a touch, once a touch interval, or an ending. A check-in reads
/// one row by its key; it writes once a touch
/// interval, into the row's own page. Check-ins that are asked while others are under way go together, up to 64 in a
/// statement and four statements at a time: the busier a node, the less each costs. One connection of its own listens. A pool asks a connection whether it is well
/// when it is given back, and with sqlx's default `test_before_acquire(true)` when it is taken, which are two more
/// round trips. Check-ins that follow each other therefore go on with the connections that have just answered: at most
/// half of the pool stays with the store, 20 ms after the last check-in and a second in all.
pub struct PostgresStore(Arc<Inner>);

impl PostgresStore {
    /// How long an operation may take, unless
    /// [`with_time_limit`](PostgresStoreBuilder::with_time_limit) says otherwise.
    pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(2);

    /// The schema that holds everything, unless [`with_schema`](PostgresStoreBuilder::with_schema)
    /// says otherwise.
    pub const DEFAULT_SCHEMA: &str = "adjourn";

    /// To migrate and open on this pool.
    pub fn builder(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStoreBuilder {
            application: None,
            limit: Self::DEFAULT_TIME_LIMIT,
            listen: None,
            pool,
            schema: SchemaName::default(),
        }
    }

    /// The statements that make a schema of this name, of the newest version, for those who run
    /// their own migrations.
    ///
    /// ```
    /// let sql = adjourn::store::PostgresStore::schema_sql("sessions")?;
    /// assert!(sql.contains(r#"create table "sessions".session"#));
    /// # Ok::<(), adjourn::store::postgres::InvalidSchemaName>(())
    /// ```
    ///
    /// # Errors
    /// It is not a plain identifier: 1 to 40 characters of `a-z`, `0-9` and `_`.
    pub fn schema_sql(schema: &str) -> Result<String, InvalidSchemaName> {
        SchemaName::new(schema).map(|schema| schema.sql())
    }

    fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("schema", &self.0.schema)
            .field("time_limit", &self.0.limit)
            .finish_non_exhaustive()
    }
}

/// How a [`PostgresStore`] is migrated and opened; from [`PostgresStore::builder`].
#[must_use = "nothing is opened before `open`"]
pub struct PostgresStoreBuilder {
    application: Option<String>,
    limit: Duration,
    listen: Option<PgConnectOptions>,
    pool: PgPool,
    schema: SchemaName,
}

impl PostgresStoreBuilder {
    /// Keeps everything in a schema of this name: applications that share a database, and not their
    /// users, take one each.
    ///
    /// *Default:* [`PostgresStore::DEFAULT_SCHEMA`].
    ///
    /// # Errors
    /// It is not a plain identifier: 1 to 40 characters of `a-z`, `0-9` and `_`, the first a letter.
    pub fn with_schema(mut self, schema: &str) -> Result<Self, InvalidSchemaName> {
        self.schema = SchemaName::new(schema)?;
        Ok(self)
    }

    /// The name of this application. The first node that opens the store with one writes it down; from then on the store
    /// is opened under that name only. Give every node of the application the same.
    ///
    /// Two applications that were given the same schema by mistake share their sessions: a token of one is
    /// good for the user of the same name in the other. With names the second does not start, and says why.
    ///
    /// *Default:* none, which a store that has a name refuses, and one without takes for its own.
    pub fn with_application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// How long an operation may take, waiting for a connection included, before it is
    /// [`Unavailable`](super::ErrorKind::Unavailable).
    ///
    /// *Default:* [`PostgresStore::DEFAULT_TIME_LIMIT`], since a request should rather be refused
    /// than hang.
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// How to connect for listening, where the pool goes through a transaction pooler: straight to
    /// the server.
    ///
    /// *Default:* as the pool does.
    pub fn with_listen_options(mut self, options: PgConnectOptions) -> Self {
        self.listen = Some(options);
        self
    }

    /// Makes the schema, or brings it to the newest version; does nothing when it is. Safe when
    /// several nodes call it at once.
    ///
    /// Needs the privilege to create a schema; [`open`](Self::open) and the store need only to use
    /// it.
    ///
    /// # Errors
    /// The server cannot be reached or refuses, or the schema is foreign or of a newer version.
    ///
    /// # Cancel safety
    /// Cancel safe: a migration happens as a whole or not at all.
    pub async fn migrate(&self) -> Result<(), Error> {
        schema::migrate(&self.pool, &self.schema).await
    }

    /// Checks the server and the schema, begins to listen, and opens the store.
    ///
    /// # Errors
    /// The server cannot be reached within the time limit, is a replica or read-only; the database
    /// is not UTF8; the transaction isolation is not `read committed`; the schema is missing,
    /// foreign, of another version or [another application's](Self::with_application); or it is not called within a Tokio runtime.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn open(self) -> Result<PostgresStore, Error> {
        let runtime = Handle::try_current().map_err(|error| {
            Error::unavailable("a PostgresStore is opened within a Tokio runtime")
                .with_source(error)
        })?;
        self.check().await?;
        let options = self
            .listen
            .unwrap_or_else(|| PgConnectOptions::clone(&self.pool.connect_options()));
        let listener = listen::connect(&options, &self.schema, self.limit).await?;
        let mut node = [0; 8];
        getrandom::fill(&mut node)?;
        let inner = Arc::new(Inner {
            check_ins: Gathered::new(validate::STATEMENTS, validate::AT_ONCE),
            finished: Gathered::new(1, ending::AT_ONCE_FINISHED),
            held: Held::new(&self.pool, runtime.clone(), self.limit),
            limit: self.limit,
            node: format!("{:016x}", u64::from_be_bytes(node)),
            notices: NoticeSender::new(NOTICES),
            pool: self.pool,
            runtime,
            statements: Statements::new(&self.schema),
            table: format!("{}.session", self.schema),
            schema: self.schema,
        });
        let listening = listen::listen(Arc::downgrade(&inner), listener, options);
        inner.runtime.spawn(listening);
        Ok(PostgresStore(inner))
    }

    async fn check(&self) -> Result<(), Error> {
        let mut connection =
            connection::acquire(&self.pool, "open", &self.schema, self.limit).await?;
        let checking = async {
            schema::check(&mut connection, &self.schema).await?;
            let application = self.application.as_deref();
            schema::claim(&mut connection, &self.schema, application).await
        };
        let checked = timeout(self.limit, checking).await;
        checked.unwrap_or_else(|_| Err(connection::late("open", self.limit)))
    }
}

impl fmt::Debug for PostgresStoreBuilder {
    /// Without the address of the server, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStoreBuilder")
            .field("application", &self.application)
            .field("schema", &self.schema)
            .field("time_limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// How far a receiver of notices may fall behind.
const NOTICES: usize = 4_096;
