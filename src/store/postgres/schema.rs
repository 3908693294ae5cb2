//! The schema: its name, its statements, and how it comes to be.

use super::connection::named;
use crate::store::{Error, application::compare};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};
use std::{fmt, sync::Arc};

/// Each step from one version of the schema to the next. Never changed once it was released.
const MIGRATIONS: [&str; 1] = [SCHEMA_1];

pub(super) const SCHEMA_1: &str = include_str!("schema_1.sql");

/// The version that this crate reads and writes.
const NEWEST: i64 = 1;

/// A name that is a plain identifier, so that it can stand in a statement.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct SchemaName(Arc<str>);

impl SchemaName {
    /// # Errors
    /// It is not 1 to 40 characters of `a-z`, `0-9` and `_` that begin with a letter, or begins
    /// with `pg_`.
    pub(super) fn new(name: &str) -> Result<Self, InvalidSchemaName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let well_formed = (1..=40).contains(&name.len())
            && name.bytes().all(plain)
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && !name.starts_with("pg_");
        if well_formed {
            Ok(Self(name.into()))
        } else {
            Err(InvalidSchemaName)
        }
    }

    /// Puts the name into a statement.
    pub(super) fn fill(&self, sql: &str) -> String {
        sql.replace("@schema@", &format!("\"{}\"", self.0))
            .replace("@name@", &self.0)
    }

    /// Where notices are told.
    pub(super) fn channel(&self) -> String {
        format!("{}_notices", self.0)
    }

    /// All statements that make the schema.
    pub(super) fn sql(&self) -> String {
        self.fill(&MIGRATIONS.join("\n"))
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Default for SchemaName {
    fn default() -> Self {
        Self(super::PostgresStore::DEFAULT_SCHEMA.into())
    }
}

/// The text is not the name of a schema for a [`PostgresStore`](super::PostgresStore).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "not a schema name: 1 to 40 characters of a-z, 0-9 and '_' are expected, the first a letter, \
     and not pg_..."
)]
#[non_exhaustive]
pub struct InvalidSchemaName;

/// Brings the schema to the newest version; does nothing when it is.
pub(super) async fn migrate(pool: &PgPool, schema: &SchemaName) -> Result<(), Error> {
    const LOCK: &str =
        "select pg_advisory_xact_lock(hashtextextended('adjourn migrate @name@', 0))";
    let fault = |error| named("migrate", schema, error);
    let mut connection = pool.acquire().await.map_err(fault)?;
    let mut step = connection.begin().await.map_err(fault)?;
    sqlx::raw_sql(AssertSqlSafe(schema.fill(LOCK)))
        .execute(&mut *step)
        .await
        .map_err(fault)?;
    let found = version(&mut step, schema).await?;
    if found > NEWEST {
        return Err(newer(schema, found));
    }
    let done = usize::try_from(found).unwrap_or(0);
    for sql in MIGRATIONS.iter().skip(done) {
        sqlx::raw_sql(AssertSqlSafe(schema.fill(sql)))
            .execute(&mut *step)
            .await
            .map_err(fault)?;
    }
    step.commit().await.map_err(fault)
}

/// That the schema is there and of this version, and that the server is one to write to.
pub(super) async fn check(connection: &mut PgConnection, schema: &SchemaName) -> Result<(), Error> {
    const SERVER: &str = "select @schema@.guard() is not null as guarded, \
        current_setting('server_encoding') as encoding, \
        current_setting('transaction_read_only') as read_only";
    let found = version(connection, schema).await?;
    if found > NEWEST {
        return Err(newer(schema, found));
    }
    if found < NEWEST {
        return Err(Error::corrupt(format!(
            "the schema {schema} has version {found}, this version of adjourn needs {NEWEST}: run \
             PostgresStore::builder(..).migrate(), or the statements of PostgresStore::schema_sql()"
        )));
    }
    let row = sqlx::query(AssertSqlSafe(schema.fill(SERVER)))
        .fetch_one(connection)
        .await
        .map_err(|error| named("open", schema, error))?;
    let setting = |name| {
        row.try_get::<String, _>(name)
            .map_err(|error| named("open", schema, error))
    };
    let encoding = setting("encoding")?;
    if encoding != "UTF8" {
        return Err(Error::unavailable(format!(
            "the encoding of the database is {encoding}: adjourn needs UTF8"
        )));
    }
    if setting("read_only")? != "off" {
        return Err(Error::unavailable(
            "transactions are read-only here (default_transaction_read_only): adjourn writes",
        ));
    }
    Ok(())
}

/// 0 where there is no schema yet.
async fn version(connection: &mut PgConnection, schema: &SchemaName) -> Result<i64, Error> {
    const EXISTS: &str = "select to_regclass('@schema@.meta') is not null as is_there";
    const VERSION: &str = "select number from @schema@.meta where name = 'schema'";
    let fault = |error| named("migrate", schema, error);
    let row = sqlx::query(AssertSqlSafe(schema.fill(EXISTS)))
        .fetch_one(&mut *connection)
        .await
        .map_err(fault)?;
    if !row.try_get::<bool, _>("is_there").map_err(fault)? {
        return Ok(0);
    }
    let row = sqlx::query(AssertSqlSafe(schema.fill(VERSION)))
        .fetch_optional(connection)
        .await
        .map_err(fault)?;
    let found = row.map(|row| row.try_get("number")).transpose();
    found.map_err(fault)?.ok_or_else(|| {
        Error::corrupt(format!(
            "the table {schema}.meta has no schema version: it is damaged or foreign"
        ))
    })
}

fn newer(schema: &SchemaName, found: i64) -> Error {
    Error::corrupt(format!(
        "the schema {schema} has version {found}, made by a newer version of adjourn (this one \
         knows {NEWEST}): update this node"
    ))
}

/// Writes down whose the schema is, unless it is another's.
pub(super) async fn claim(
    connection: &mut PgConnection,
    schema: &SchemaName,
    application: Option<&str>,
) -> Result<(), Error> {
    const CLAIM: &str =
        "insert into @schema@.meta values ('application', 0, $1) on conflict do nothing";
    const FOUND: &str = "select text from @schema@.meta where name = 'application'";
    let fault = |error| named("open", schema, error);
    if application.is_some() {
        sqlx::query(AssertSqlSafe(schema.fill(CLAIM)))
            .bind(application)
            .execute(&mut *connection)
            .await
            .map_err(fault)?;
    }
    let row = sqlx::query(AssertSqlSafe(schema.fill(FOUND)))
        .fetch_optional(connection)
        .await
        .map_err(fault)?;
    let found: Option<String> = row
        .map(|row| row.try_get("text"))
        .transpose()
        .map_err(fault)?;
    let place = format_args!("the sessions in the schema {schema}");
    compare(
        found.as_deref(),
        application,
        place,
        "PostgresStoreBuilder::with_schema",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reason::EndReason, store::codec};

    #[test]
    fn only_plain_names_are_schemas() {
        for name in ["adjourn", "a", "shop_2", &"x".repeat(40)] {
            assert_eq!(SchemaName::new(name).unwrap().to_string(), name);
        }
        for name in [
            "",
            "_a",
            "2a",
            "A",
            "a-b",
            "a.b",
            "a\"; drop table x; --",
            "pg_a",
            "\u{e9}",
            &"x".repeat(41),
        ] {
            assert_eq!(SchemaName::new(name), Err(InvalidSchemaName), "{name}");
        }
    }

    /// The functions write causes by themselves: in the words of the codec.
    #[test]
    fn causes_in_the_schema_are_those_of_the_codec() {
        let sql = SchemaName::new("adjourn").unwrap().sql();
        for reason in [
            EndReason::IdleTimeout,
            EndReason::AbsoluteTimeout,
            EndReason::Lost,
        ] {
            let text = format!("'{}'", codec::cause_to_text(&reason.into()));
            assert!(sql.contains(&text), "{text}");
        }
        assert!(!sql.contains('@'), "each name is filled in");
    }

    /// The functions know the contract's constants by number.
    #[test]
    fn times_in_the_schema_are_those_of_the_contract() {
        let (ticket, tombstone) = (
            crate::store::Ticket::LIFETIME.as_millis(),
            crate::record::Tombstone::MIN_RETENTION.as_millis(),
        );
        let [first, ..] = MIGRATIONS;
        assert!(first.contains(&format!("n - p_issued > {ticket}")));
        assert!(first.contains(&format!("at < n - {ticket}")));
        assert!(first.contains(&format!("p_now + {tombstone}")));
    }
}
