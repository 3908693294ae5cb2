//! A file of its own for each test.

use adjourn::{
    id::{SecretHash, SessionId, Subject},
    record::Values,
    store::{
        Attempt, Claimant, Created, Error, NewSession, SessionStore, SqliteStore,
        sqlite::SqliteStoreBuilder,
    },
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

pub(crate) const SECRET: SecretHash = SecretHash::from_bytes([1; 32]);

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

pub(crate) fn claimant() -> Claimant {
    Claimant {
        attempt: Attempt::random().unwrap(),
        lease: Duration::from_secs(30),
    }
}

pub(crate) async fn log_in(store: &dyn SessionStore, of: &str) -> SessionId {
    try_log_in(store, of).await.unwrap()
}

pub(crate) async fn try_log_in(store: &dyn SessionStore, of: &str) -> Result<SessionId, Error> {
    let subject = Subject::new(of).unwrap();
    let session = NewSession {
        id: store.mint_id(Some(&subject)).await.unwrap(),
        secret_hash: SECRET,
        subject: Some(subject),
        idle_timeout: Some(Duration::from_mins(15)),
        touch_interval: Duration::from_mins(1),
        absolute_timeout: Duration::from_hours(8),
        client: None,
        values: Values::from_iter([("cart", b"[1]".as_slice())]),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: claimant(),
    };
    match store.create(session).await? {
        Created::Created { live, .. } => Ok(live.id),
        other => panic!("nothing stands in its way: {other:?}"),
    }
}
