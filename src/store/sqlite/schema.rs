//! The tables, and how they come to be.

use super::connection::{fault, query_fault};
use crate::store::{Error, application::compare};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

/// Each step from one version of the tables to the next. Never changed once it was released.
const MIGRATIONS: [&str; 1] = [include_str!("schema_1.sql")];

/// The version that this crate reads and writes.
const NEWEST: i64 = 1;

/// All statements that make the tables, for those who run their own migrations.
pub(super) fn sql() -> String {
    MIGRATIONS.join("\n")
}

/// Brings the tables to the newest version; does nothing when they are.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), Error> {
    let run = |sql: &'static str| sqlx::raw_sql(sql);
    run("begin immediate")
        .execute(&mut *connection)
        .await
        .map_err(query_fault("migrate"))?;
    let found = version(connection).await?;
    if found > NEWEST {
        return Err(newer(found));
    }
    let done = usize::try_from(found).unwrap_or(0);
    for step in MIGRATIONS.iter().skip(done) {
        run(step)
            .execute(&mut *connection)
            .await
            .map_err(query_fault("migrate"))?;
    }
    // That the file can be written is found at the start too: `begin immediate` alone does not.
    run("update adjourn_meta set number = number where name = 'schema'")
        .execute(&mut *connection)
        .await
        .map_err(query_fault("migrate"))?;
    run("commit")
        .execute(&mut *connection)
        .await
        .map_err(query_fault("migrate"))?;
    check(connection).await
}

/// 0 where there are no tables yet.
async fn version(connection: &mut SqliteConnection) -> Result<i64, Error> {
    const VERSION: &str = "select number from adjourn_meta where name = 'schema'";
    const EXISTS: &str =
        "select 1 from sqlite_schema where type = 'table' and name = 'adjourn_meta'";
    let exists = sqlx::query(EXISTS)
        .fetch_optional(&mut *connection)
        .await
        .map_err(query_fault("migrate"))?;
    if exists.is_none() {
        return Ok(0);
    }
    let found = sqlx::query(VERSION)
        .fetch_optional(&mut *connection)
        .await
        .map_err(query_fault("migrate"))?;
    let read = |row: SqliteRow| row.try_get("number").map_err(fault);
    found.map(read).transpose()?.ok_or_else(|| {
        Error::corrupt("the table adjourn_meta has no schema version: it is damaged or foreign")
    })
}

fn newer(found: i64) -> Error {
    Error::corrupt(format!(
        "the tables have version {found}, made by a newer version of adjourn (this one knows \
         {NEWEST}): update this process"
    ))
}

/// That the tables are ours: foreign ones of the same name are found at the start, not at the
/// first request.
async fn check(connection: &mut SqliteConnection) -> Result<(), Error> {
    for sql in [
        super::rows::NO_SESSION,
        "select generation, subject, created_before, cause, at, walked from adjourn_cut limit 0",
        "select seq, at, node, id, body from adjourn_notice limit 0",
        "select name, number, text from adjourn_meta limit 0",
    ] {
        sqlx::query(sql)
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| {
                Error::corrupt("a table adjourn_... is not the one that adjourn made")
                    .with_source(error)
            })?;
    }
    Ok(())
}

/// Writes down whose the tables are, unless they are another's.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    application: Option<&str>,
) -> Result<(), Error> {
    const CLAIM: &str =
        "insert into adjourn_meta values ('application', 0, ?) on conflict do nothing";
    const FOUND: &str = "select text from adjourn_meta where name = 'application'";
    if application.is_some() {
        sqlx::query(CLAIM)
            .bind(application)
            .execute(&mut *connection)
            .await
            .map_err(query_fault("open"))?;
    }
    let row = sqlx::query(FOUND)
        .fetch_optional(connection)
        .await
        .map_err(query_fault("open"))?;
    let found: Option<String> = row
        .map(|row| row.try_get("text"))
        .transpose()
        .map_err(fault)?;
    compare(
        found.as_deref(),
        application,
        "the sessions in this file",
        "SqliteStore::open",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_the_last_step() {
        assert_eq!(usize::try_from(NEWEST).unwrap(), MIGRATIONS.len());
    }
}
