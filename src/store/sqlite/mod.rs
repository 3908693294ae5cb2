//! The store on one SQLite file: for one machine whose sessions survive a deploy.
//!
//! # Set-up
//! ```no_run
//! use adjourn::{Sessions, store::SqliteStore};
//!
//! # async fn set_up() -> Result<(), Box<dyn std::error::Error>> {
//! let store = SqliteStore::open("/var/lib/shop/sessions.db").await?; // makes file and tables
//! let sessions = Sessions::builder(store).with_log_in_page("/login").build()?;
//! # Ok(()) }
//! ```
//! An application that has its database in SQLite already gives its pool instead:
//! [`SqliteStore::builder`].
//!
//! # Rules
//! 1. Every operation is one transaction. What writes begins with `begin immediate`: a transaction
//!    that read first and then wanted to write would fail at once, whatever the time limit.
//! 2. One connection of our own writes, in turn; the pool reads. The file is in WAL mode, so that
//!    readers and the writer do not wait for each other.
//! 3. Endings, log-ins, cuts, rotations and values wait for the disk (`synchronous = full`); touches
//!    and leases do not: a power failure may move a last-seen back.
//! 4. Work runs on a task of its own and SQLite on threads of its own: no async thread blocks, and
//!    a caller that goes away leaves no transaction open.
//! 5. A check-in that has nothing to write takes no lock: an `UPDATE` that matches no row would.
//! 6. The [`Clock`] decides, as on every process of one machine it is the same.
//! 7. Other processes on the same file (a blue-green deploy, an admin tool) are seen by polling.
//!
//! # When something fails
//! | what | what the store answers | then |
//! |---|---|---|
//! | the file is locked by another process beyond the time limit | `Unavailable` | goes on by itself |
//! | the disk is full, or fails | `Unavailable`; what was asked did not happen | goes on by itself when there is room |
//! | the file or its folder is read-only | [`SqliteStore::open`] fails; reads go on if it came later, writes are `Unavailable` | goes on by itself |
//! | the file is damaged, no database, or holds foreign tables named `adjourn_...` | `Corrupt`, naming the table, the session and the column | restore it |
//! | a newer version of adjourn made the tables | [`SqliteStore::open`] fails with `Corrupt` | update the process |
//! | the process is killed | nothing that was answered is lost | leases run out, others take over |
//! | the power fails | as above; the last touches may be | |
//! | an operation takes longer than the time limit | `Unavailable`; it may still happen, and then whole | |
//!
//! The layer answers 503 to `Unavailable` and `Corrupt`, and never says that a log-out was done.
//!
//! Knows nothing of who works on endings, nor of requests.

mod connection;
mod contract;
mod create;
mod ending;
mod listen;
mod pending;
mod rows;
mod schema;
mod sweep;
mod validate;
mod view;
mod write;

use self::{
    connection::{Inner, connect, own_options, query_fault},
    listen::Listener,
};
use super::{Error, NoticeSender};
use crate::time::{Clock, SystemClock};
use sqlx::{
    ConnectOptions, Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use std::{fmt, path::Path, sync::Arc, time::Duration};
use tokio::{runtime::Handle, sync::Mutex};

/// A session store on one SQLite file.
///
/// See the [module](self) for set-up, rules and what happens when something fails. Sessions, endings
/// and pending work survive the process. Several processes of one machine may use one file; network
/// file systems do not lock well enough for SQLite.
///
/// *Cost:* a check-in is one read of one row (tens of microseconds); a touch once a touch interval,
/// and every ending and log-in, one transaction. All writes of a machine happen one after the other:
/// a few thousand a second on an SSD.
pub struct SqliteStore(Arc<Inner>);

impl SqliteStore {
    /// How long an operation may take, unless
    /// [`with_time_limit`](SqliteStoreBuilder::with_time_limit) says otherwise.
    pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(2);

    /// How often the file is asked whether another process wrote to it, unless
    /// [`with_poll_interval`](SqliteStoreBuilder::with_poll_interval) says otherwise.
    pub const DEFAULT_POLL_INTERVAL: Duration = Duration::from_millis(100);

    /// Opens the file, or makes it, with all tables; on the machine's clock.
    ///
    /// # Errors
    /// The file cannot be made or opened, is no SQLite database, or its tables are foreign or of a
    /// newer version.
    ///
    /// # Cancel safety
    /// Cancel safe: opening again goes on where it was.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::builder(file_pool(path)).open().await
    }

    /// To open on the application's pool, or with other than the default settings.
    ///
    /// The pool must be of one file in WAL mode. The store reads through it, and keeps two
    /// connections of its own to the same file for writing and for notices.
    ///
    /// ```no_run
    /// use adjourn::store::SqliteStore;
    /// use sqlx::{SqlitePool, sqlite::{SqliteConnectOptions, SqliteJournalMode}};
    ///
    /// # async fn set_up() -> Result<(), Box<dyn std::error::Error>> {
    /// let options = SqliteConnectOptions::new()
    ///     .filename("/var/lib/shop/shop.db")
    ///     .create_if_missing(true)
    ///     .journal_mode(SqliteJournalMode::Wal);
    /// let pool = SqlitePool::connect_with(options).await?;
    /// let store = SqliteStore::builder(pool.clone()).open().await?;
    /// # Ok(()) }
    /// ```
    pub fn builder(pool: SqlitePool) -> SqliteStoreBuilder {
        SqliteStoreBuilder {
            application: None,
            clock: Arc::new(SystemClock),
            limit: Self::DEFAULT_TIME_LIMIT,
            poll: Self::DEFAULT_POLL_INTERVAL,
            pool,
        }
    }

    /// The statements that make the tables of the newest version, for those who run their own
    /// migrations: [`open`](Self::open) then has nothing left to make.
    pub fn schema_sql() -> String {
        schema::sql()
    }

    fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("file", &self.0.options.get_filename())
            .field("time_limit", &self.0.limit)
            .finish_non_exhaustive()
    }
}

/// How a [`SqliteStore`] is opened; from [`SqliteStore::builder`].
#[derive(Debug)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteStoreBuilder {
    application: Option<String>,
    clock: Arc<dyn Clock>,
    limit: Duration,
    poll: Duration,
    pool: SqlitePool,
}

impl SqliteStoreBuilder {
    /// Takes the time from `clock`. All processes on the file must have the same time.
    ///
    /// *Default:* [`SystemClock`].
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The name of this application. The first node that opens the store with one writes it down; from then on the store
    /// is opened under that name only. Give every node of the application the same.
    ///
    /// Two applications that were given the same file by mistake share their sessions: a token of one is
    /// good for the user of the same name in the other. With names the second does not start, and says why.
    ///
    /// *Default:* none, which a store that has a name refuses, and one without takes for its own.
    pub fn with_application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// How long an operation may take before it is
    /// [`Unavailable`](super::ErrorKind::Unavailable): waiting for the file's lock included.
    ///
    /// *Default:* [`SqliteStore::DEFAULT_TIME_LIMIT`], since a request should rather be refused than
    /// hang.
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// How often the file is asked whether another process wrote to it: so much later at most an
    /// ending there cuts connections here.
    ///
    /// *Default:* [`SqliteStore::DEFAULT_POLL_INTERVAL`]; asking costs microseconds.
    pub fn with_poll_interval(mut self, every: Duration) -> Self {
        self.poll = every;
        self
    }

    /// Makes the tables or brings them to the newest version, and opens the store.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; also when the file is [another
    /// application's](Self::with_application), the pool is not of one file in WAL mode, or it is not
    /// called within a Tokio runtime.
    ///
    /// # Cancel safety
    /// Cancel safe: opening again goes on where it was.
    pub async fn open(self) -> Result<SqliteStore, Error> {
        let runtime = Handle::try_current().map_err(|error| {
            Error::unavailable("a SqliteStore is opened within a Tokio runtime").with_source(error)
        })?;
        let options = own_options(&self.pool, self.limit);
        check_journal(&self.pool).await?;
        let mut connection = connect(&options, OPEN).await?;
        schema::migrate(&mut connection).await?;
        schema::claim(&mut connection, self.application.as_deref()).await?;
        let mut node = [0; 8];
        getrandom::fill(&mut node)?;
        let inner = Arc::new(Inner {
            clock: self.clock,
            limit: self.limit,
            notices: NoticeSender::new(NOTICES),
            node: i64::from_be_bytes(node),
            options,
            pool: self.pool,
            runtime,
            writer: Mutex::new(None),
        });
        let listener = Listener::open(&inner).await?;
        let listening = listen::listen(Arc::downgrade(&inner), listener, self.poll);
        inner.runtime.spawn(listening);
        Ok(SqliteStore(inner))
    }
}

/// A pool of readers of one file.
fn file_pool(path: impl AsRef<Path>) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .disable_statement_logging();
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(SqliteStore::DEFAULT_TIME_LIMIT)
        .connect_lazy_with(options)
}

/// In other modes readers and writers wait for each other, and a database in memory is another one
/// on every connection.
async fn check_journal(pool: &SqlitePool) -> Result<(), Error> {
    let mode = sqlx::query("pragma journal_mode").fetch_one(pool).await;
    let mode: String = mode
        .and_then(|row| row.try_get(0))
        .map_err(query_fault(OPEN))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(Error::unavailable(format!(
        "the pool's journal_mode is \"{mode}\": a SqliteStore needs one file in WAL mode, set by \
         SqliteConnectOptions::journal_mode(SqliteJournalMode::Wal)"
    )))
}

const OPEN: &str = "open";

/// How far a receiver of notices may fall behind.
const NOTICES: usize = 4_096;

/// How many connections read at once.
const READERS: u32 = 4;
