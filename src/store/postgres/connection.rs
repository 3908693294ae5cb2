//! Work on the pool: one statement an operation, within the time limit, and errors that name the
//! cause.

use super::{
    held::{Held, Taken},
    schema::SchemaName,
    statements::Statements,
    validate::Asked,
};
use crate::{
    id::SessionId,
    store::{Answer, Error, Notice, NoticeSender, gather::Gathered, on_tasks, stored::Columns},
};
use sqlx::{
    PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

/// What the store shares with the work that it started.
pub(super) struct Inner {
    /// Check-ins of the same moment, to be asked together.
    pub(super) check_ins: Gathered<Asked, Option<PgRow>>,
    /// Work that is done, to be said together.
    pub(super) finished: Gathered<(SessionId, u64), bool>,
    pub(super) held: Arc<Held>,
    pub(super) limit: Duration,
    /// Tells this store's notices from those of others on the same schema.
    pub(super) node: String,
    pub(super) notices: NoticeSender,
    pub(super) pool: PgPool,
    pub(super) runtime: Handle,
    pub(super) schema: SchemaName,
    pub(super) statements: Statements,
    /// For errors: the table of sessions, with its schema.
    pub(super) table: String,
}

pub(super) type Sql = Query<'static, Postgres, PgArguments>;

impl Inner {
    /// Runs the work on a task of its own: a caller that goes away leaves no statement half read,
    /// and what ended is told here in any case.
    pub(super) fn answer<T, F>(&self, operation: &'static str, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        on_tasks::answer(&self.runtime, operation, work)
    }

    /// For a check-in: its statement happens as a whole or not at all, whoever waits for its answer, and ends nothing.
    pub(super) fn answer_in_place<T, F>(&self, operation: &'static str, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        on_tasks::answer_in_place(&self.runtime, operation, work)
    }

    /// The rows of a statement that can be repeated: over a connection that has just been used, if there is one, and
    /// if that is gone, over another of the pool. What the server refused is told apart from what never came.
    pub(super) async fn repeatable_rows(
        &self,
        operation: &'static str,
        query: impl Fn() -> Sql,
        end: Instant,
    ) -> Result<Result<Vec<PgRow>, sqlx::Error>, Error> {
        if let Some(held) = self.held.take() {
            match self.fetch(held, operation, query(), end).await? {
                Err(error) if is_lost(&error) => {}
                fetched => return Ok(fetched),
            }
        }
        // Boxed, as it is rare under load: a future is moved with all that it might ever wait for.
        let taken = acquire_until(end, &self.pool, operation, &self.schema, self.limit);
        let taken = Box::pin(taken).await?;
        Box::pin(self.fetch(Taken::new(taken), operation, query(), end)).await
    }

    async fn fetch(
        &self,
        mut taken: Taken,
        operation: &'static str,
        query: Sql,
        end: Instant,
    ) -> Result<Result<Vec<PgRow>, sqlx::Error>, Error> {
        let Ok(fetched) = timeout_at(end, query.fetch_all(&mut *taken.connection)).await else {
            drop(taken.connection.detach());
            return Err(late(operation, self.limit));
        };
        if fetched.is_ok() {
            self.held.keep(taken, &self.pool);
        }
        Ok(fetched)
    }

    /// One statement, one round trip.
    ///
    /// At the time limit its connection is closed and not given back: the pool would wait for its
    /// answer, however long that takes.
    pub(super) async fn rows(
        &self,
        operation: &'static str,
        query: Sql,
    ) -> Result<Vec<PgRow>, Error> {
        let end = Instant::now() + self.limit;
        let mut connection = acquire(&self.pool, operation, &self.schema, self.limit).await?;
        let Ok(fetched) = timeout_at(end, query.fetch_all(&mut *connection)).await else {
            drop(connection.detach());
            return Err(late(operation, self.limit));
        };
        fetched.map_err(|error| named(operation, &self.schema, error))
    }

    /// The one row of a function that answers with one.
    pub(super) async fn row(&self, operation: &'static str, query: Sql) -> Result<PgRow, Error> {
        let mut rows = self.rows(operation, query).await?;
        let row = rows.pop();
        row.ok_or_else(|| {
            let table = &self.table;
            Error::corrupt(format!(
                "{operation}: the functions beside {table} gave no answer"
            ))
        })
    }

    /// The answer of a function that says whether it did something.
    pub(super) async fn is_done(&self, operation: &'static str, query: Sql) -> Result<bool, Error> {
        let row = self.row(operation, query).await?;
        let done = row.flag("done");
        done.map_err(|fault| fault.in_table(&self.table))
    }

    /// As [`rows`](Self::rows), for what ends sessions: when it fails nobody here knows whether it
    /// happened, and whoever holds sessions must check them.
    pub(super) async fn ending_rows(
        &self,
        operation: &'static str,
        query: Sql,
    ) -> Result<Vec<PgRow>, Error> {
        let rows = self.rows(operation, query).await;
        rows.inspect_err(|_| self.notices.send(|| Notice::Gap))
    }

    pub(super) fn tell(&self, notice: Notice) {
        self.notices.send(|| notice);
    }
}

pub(super) fn late(operation: &'static str, limit: Duration) -> Error {
    Error::unavailable(format!("{operation} took longer than {limit:?}"))
}

/// A connection of the pool, within the time limit.
pub(super) async fn acquire(
    pool: &PgPool,
    operation: &'static str,
    schema: &SchemaName,
    limit: Duration,
) -> Result<PoolConnection<Postgres>, Error> {
    acquire_until(Instant::now() + limit, pool, operation, schema, limit).await
}

/// As [`acquire`], where a part of the limit may be over.
async fn acquire_until(
    end: Instant,
    pool: &PgPool,
    operation: &'static str,
    schema: &SchemaName,
    limit: Duration,
) -> Result<PoolConnection<Postgres>, Error> {
    match timeout_at(end, pool.acquire()).await {
        Ok(acquired) => acquired.map_err(|error| named(operation, schema, error)),
        Err(_) => Err(Error::unavailable(format!(
            "{operation}: no connection within {limit:?}: those of the pool are in use, or the \
             server gives none"
        ))),
    }
}

/// Whether the connection is gone, so that the pool would have given another: the statement was not done, or nobody knows.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(refused) => {
            refused.code().is_some_and(|code| code.starts_with("57P"))
        }
        _ => false,
    }
}

/// An error of the database as text: its details could quote a row.
#[derive(Debug, thiserror::Error)]
#[error("{code} {message}")]
struct Refusal {
    code: String,
    message: String,
}

pub(super) fn named(operation: &'static str, schema: &SchemaName, error: sqlx::Error) -> Error {
    let corrupt = |what: String| Error::corrupt(format!("{operation}: {what}"));
    let unavailable = |what: &str| Error::unavailable(format!("{operation}: {what}"));
    let sqlx::Error::Database(refused) = &error else {
        return match &error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::RowNotFound => {
                corrupt(format!("the schema {schema} is damaged or foreign"))
            }
            sqlx::Error::PoolTimedOut => unavailable("every connection of the pool is in use"),
            sqlx::Error::PoolClosed => unavailable("the pool is closed"),
            sqlx::Error::Tls(_) => unavailable(
                "no TLS connection to the server: sslmode asks for one, which needs a feature of sqlx in the application \
                 (tls-rustls for one) and a server with ssl=on",
            ),
            sqlx::Error::Io(io) if io.kind() == io::ErrorKind::InvalidData => unavailable(
                "no TLS connection to the server: its certificate is not trusted (sslrootcert), or is for another name",
            ),
            _ => unavailable("no connection to the server"),
        }
        .with_source(error);
    };
    let code = refused.code().unwrap_or_default().into_owned();
    let message = refused.message().to_owned();
    let named = match code.as_str() {
        "25001" => unavailable("the transaction isolation must be \"read committed\""),
        "25006" => {
            unavailable("the server is read-only, or a replica: adjourn must reach the primary")
        }
        "28000" | "28P01" => unavailable("the server refuses the user or the password"),
        "3D000" => unavailable("there is no such database"),
        "42501" => unavailable("the user lacks a privilege on the schema"),
        "3F000" | "42P01" | "42703" | "42704" | "42804" | "42883" | "42P13" | "42P07" | "42710"
        | "42723" => corrupt(format!(
            "the schema {schema} is missing, or not the one that adjourn made: run \
             PostgresStore::builder(..).migrate()"
        )),
        "53100" => unavailable("the disk of the server is full"),
        "53300" => unavailable("the server has no connection left"),
        "57P01" | "57P02" | "57P03" => unavailable("the server is starting or shutting down"),
        "XX001" | "XX002" => corrupt("the server says that its data is damaged".to_owned()),
        _ => unavailable("the server refused"),
    };
    named.with_source(Arc::new(Refusal { code, message }))
}
