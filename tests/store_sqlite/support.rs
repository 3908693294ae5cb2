//! A file of its own for each test.

#[path = "../store_common/mod.rs"]
#[allow(
    clippy::duplicate_mod,
    dead_code,
    reason = "each test uses some of it, those of several stores by way of each"
)]
mod common;

#[allow(unused_imports, reason = "as above")]
pub(crate) use self::common::{log_in::*, nodes::*};
use adjourn::{
    store::{SessionStore, SqliteStore, sqlite::SqliteStoreBuilder},
    testing::StoreHarness,
    time::{Clock, ManualClock},
};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// A folder with a file, removed with the test.
pub(crate) struct File {
    pub(crate) clock: ManualClock,
    folder: PathBuf,
}

impl Default for File {
    fn default() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("adjourn-sqlite-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        Self {
            clock: ManualClock::default(),
            folder,
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _left_to_the_system = fs::remove_dir_all(&self.folder);
    }
}

impl File {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("sessions.db")
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) async fn pool(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(self.path())
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        SqlitePool::connect_with(options).await.unwrap()
    }

    pub(crate) async fn builder(&self) -> SqliteStoreBuilder {
        SqliteStore::builder(self.pool().await).with_clock(self.clock.clone())
    }

    pub(crate) async fn store(&self) -> SqliteStore {
        self.builder().await.open().await.unwrap()
    }

    /// Runs a statement past the store.
    pub(crate) async fn run(&self, sql: &'static str) {
        let pool = self.pool().await;
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
        pool.close().await;
    }
}

impl StoreHarness for File {
    async fn open(&self) -> Arc<dyn SessionStore> {
        Arc::new(self.store().await)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn set_back(&self, by: Duration) -> bool {
        self.clock.set(self.clock.now().saturating_sub(by));
        true
    }

    fn many(&self) -> usize {
        2_500
    }
}
