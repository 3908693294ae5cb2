//! One SQLite file, and a clock that all processes read from another file.

use crate::place::{Moved, Place, ending};
use adjourn::{
    audit::{BlockingSink, Event},
    store::{Error, SqliteStore},
};
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::runtime::Handle;

/// A folder with the sessions and the time.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn at(address: &str) -> Self {
        Self(PathBuf::from(address))
    }

    async fn pool(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(self.0.join("sessions.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        SqlitePool::connect_with(options).await.unwrap()
    }

    fn clock(&self) -> Moved {
        Moved::in_folder(&self.0)
    }
}

impl Place for File {
    type Store = SqliteStore;
    type Table = Table;

    const STORE: &'static str = "sqlite";

    async fn make(folder: &Path) -> Option<Self> {
        let file = Self(folder.to_owned());
        let table = "create table audit (id text primary key, reason text not null)";
        let pool = file.pool().await;
        sqlx::query(table).execute(&pool).await.unwrap();
        Some(file)
    }

    fn address(&self) -> String {
        self.0.display().to_string()
    }

    async fn open(&self, limit: Duration) -> Result<SqliteStore, Error> {
        let builder = SqliteStore::builder(self.pool().await).with_time_limit(limit);
        builder.with_clock(self.clock()).open().await
    }

    async fn advance(&self, by: Duration) {
        self.clock().advance(by);
    }

    async fn table(&self) -> Table {
        Table(self.pool().await, Handle::current())
    }

    async fn rows(&self) -> Vec<(String, String)> {
        let pool = self.pool().await;
        let rows = sqlx::query("select id, reason from audit").fetch_all(&pool);
        let rows = rows.await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

pub(crate) struct Table(SqlitePool, Handle);

impl BlockingSink for Table {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let Some((id, reason)) = ending(event) else {
            return Ok(());
        };
        let insert = sqlx::query("insert into audit values (?, ?) on conflict (id) do nothing")
            .bind(id)
            .bind(reason)
            .execute(&self.0);
        self.1.block_on(insert).map(drop).map_err(io::Error::other)
    }
}
