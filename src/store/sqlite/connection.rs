//! Work on the file: off the caller's task, one writer at a time, and errors that name the cause.

use crate::{
    record::Generation,
    store::{Answer, Error, Notice, NoticeSender, Reply, codec, on_tasks, sql},
    time::{Clock, Timestamp},
};
use sqlx::{
    ConnectOptions, Row, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    runtime::Handle,
    sync::{Mutex, MutexGuard},
    time::timeout,
};

/// What the store shares with the work that it started.
pub(super) struct Inner {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limit: Duration,
    pub(super) notices: NoticeSender,
    /// Tells this store's notices from those of others on the same file.
    pub(super) node: i64,
    pub(super) options: SqliteConnectOptions,
    pub(super) pool: SqlitePool,
    pub(super) runtime: Handle,
    /// `None` after a failure: the next to write connects anew.
    pub(super) writer: Mutex<Option<Writer>>,
}

/// The one connection that writes. Waiting for it is in turn; waiting for SQLite's own lock is not.
pub(super) struct Writer {
    connection: SqliteConnection,
    synced: Synced,
}

/// What a commit waits for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Synced {
    /// The disk (`synchronous = full`): it survives a power failure.
    Disk,
    /// The operating system (`normal`): a power failure may undo the last. For touches.
    System,
}

/// A write transaction that holds SQLite's lock from the start (`begin immediate`).
///
/// Dropped before it was committed it takes its connection with it, and all is as before.
pub(super) struct Write<'a> {
    pub(super) now: Timestamp,
    writer: Writer,
    slot: MutexGuard<'a, Option<Writer>>,
    inner: &'a Inner,
    told: Vec<Notice>,
}

impl Inner {
    /// Runs the work on a task of its own, so that a caller that goes away, or that is not polled
    /// for long, leaves no transaction open; answers after the time limit in any case.
    pub(super) fn answer<T, F>(&self, operation: &'static str, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let limit = self.limit;
        let answer = on_tasks::answer(&self.runtime, operation, work).into_future();
        Reply::later(async move {
            let answered = timeout(limit, answer).await;
            answered.unwrap_or_else(|_| Err(late(operation, limit)))
        })
    }

    /// On a task, too: what reads may have to write.
    pub(super) fn answer_in_place<T, F>(&self, operation: &'static str, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.answer(operation, work)
    }

    pub(super) async fn read(
        &self,
        operation: &'static str,
    ) -> Result<PoolConnection<Sqlite>, Error> {
        self.pool.acquire().await.map_err(query_fault(operation))
    }

    pub(super) async fn write(
        &self,
        operation: &'static str,
        synced: Synced,
    ) -> Result<Write<'_>, Error> {
        // Whoever asked was answered at the limit: nobody wants the work any more.
        let waited = timeout(self.limit, self.writer.lock()).await;
        let mut slot = waited.map_err(|_| late(operation, self.limit))?;
        let mut writer = match slot.take() {
            Some(writer) => writer,
            None => Writer {
                connection: connect(&self.options, operation).await?,
                synced: Synced::Disk,
            },
        };
        if writer.synced != synced {
            let pragma = match synced {
                Synced::Disk => "pragma synchronous = full",
                Synced::System => "pragma synchronous = normal",
            };
            run(&mut writer.connection, pragma, operation).await?;
            writer.synced = synced;
        }
        run(&mut writer.connection, "begin immediate", operation).await?;
        Ok(Write {
            now: self.clock.now(),
            writer,
            slot,
            inner: self,
            told: Vec::new(),
        })
    }
}

impl Write<'_> {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.writer.connection
    }

    pub(super) async fn commit(mut self, operation: &'static str) -> Result<(), Error> {
        run(&mut self.writer.connection, "commit", operation).await?;
        *self.slot = Some(self.writer);
        drop(self.slot);
        for notice in self.told {
            self.inner.notices.send(|| notice);
        }
        Ok(())
    }

    /// Writes a notice down for the other processes; those of this one hear of it at the commit.
    pub(super) async fn tell(
        &mut self,
        notice: Notice,
        operation: &'static str,
    ) -> Result<(), Error> {
        const TELL: &str = "insert into adjourn_notice (at, node, id, body) values (?, ?, ?, ?)";
        let (id, body) = match &notice {
            Notice::Cut(scope) => (None, codec::scope_to_text(scope)),
            Notice::Ended { id, reason } => (Some(*id), reason.code().to_owned()),
            Notice::Gap | Notice::Silence => return Ok(()),
        };
        let (at, node) = (sql::instant(self.now), self.inner.node);
        sqlx::query(TELL)
            .bind(at)
            .bind(node)
            .bind(id.map(|id| id.as_bytes().to_vec()))
            .bind(body)
            .execute(self.connection())
            .await
            .map_err(query_fault(operation))?;
        self.told.push(notice);
        Ok(())
    }

    pub(super) async fn next_generation(
        &mut self,
        operation: &'static str,
    ) -> Result<Generation, Error> {
        self.next("generation", operation)
            .await
            .map(Generation::new)
    }

    /// The next number of a counter.
    pub(super) async fn next(
        &mut self,
        counter: &'static str,
        operation: &'static str,
    ) -> Result<u64, Error> {
        const NEXT: &str =
            "update adjourn_meta set number = number + 1 where name = ? returning number";
        let row = sqlx::query(NEXT)
            .bind(counter)
            .fetch_one(self.connection())
            .await
            .map_err(query_fault(operation))?;
        let number: i64 = row.try_get("number").map_err(fault)?;
        u64::try_from(number).map_err(|_| {
            Error::corrupt(format!(
                "the counter {counter} in adjourn_meta is below zero"
            ))
        })
    }
}

/// A connection of our own, with what an ending needs.
pub(super) async fn connect(
    options: &SqliteConnectOptions,
    operation: &'static str,
) -> Result<SqliteConnection, Error> {
    let connected = options.connect().await;
    connected.map_err(query_fault(operation))
}

/// How the writer and the listener connect: to the application's file, with our own settings.
pub(super) fn own_options(pool: &SqlitePool, limit: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::clone(&pool.connect_options())
        .create_if_missing(false)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(limit)
        .disable_statement_logging()
}

async fn run(
    connection: &mut SqliteConnection,
    sql: &'static str,
    operation: &'static str,
) -> Result<(), Error> {
    let ran = sqlx::query(sql).execute(connection).await;
    ran.map(|_| ()).map_err(query_fault(operation))
}

fn late(operation: &'static str, limit: Duration) -> Error {
    Error::unavailable(format!("{operation} took longer than {limit:?}"))
}

pub(super) fn query_fault(operation: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| named(operation, error)
}

/// What reading a column says: the column is not ours.
pub(super) fn fault(error: sqlx::Error) -> Error {
    Error::corrupt("a column is damaged or foreign").with_source(error)
}

fn named(operation: &'static str, error: sqlx::Error) -> Error {
    let corrupt = |what: &str| Error::corrupt(format!("{operation}: {what}"));
    let unavailable = |what: &str| Error::unavailable(format!("{operation}: {what}"));
    let named = match &error {
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::RowNotFound => corrupt("the tables of adjourn are damaged or foreign"),
        sqlx::Error::PoolTimedOut => unavailable("every connection of the pool is in use"),
        sqlx::Error::PoolClosed => unavailable("the pool is closed"),
        _ => match primary_code(&error) {
            Some(1 | 20) => corrupt("the tables of adjourn are missing, damaged or foreign"),
            Some(5 | 6) => unavailable("another process keeps the SQLite file locked"),
            Some(8) => unavailable(
                "the SQLite file is read-only: this process must be allowed to write it and its \
                 folder",
            ),
            Some(10) => unavailable("the disk under the SQLite file fails"),
            Some(11) => corrupt("the SQLite file is damaged"),
            Some(13) => unavailable("the disk under the SQLite file is full"),
            Some(14) => unavailable("the SQLite file cannot be opened"),
            Some(26) => corrupt("the file is not a SQLite database, or is encrypted"),
            _ => unavailable("SQLite refused"),
        },
    };
    named.with_source(error)
}

/// SQLite's result code without the extension.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xFF)
}
