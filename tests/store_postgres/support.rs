//! A schema of its own for each test, whose time is the test's.

#[path = "../store_common/mod.rs"]
#[allow(
    clippy::duplicate_mod,
    dead_code,
    reason = "each test uses some of it, those of several stores by way of each"
)]
mod common;

#[allow(unused_imports, reason = "as above")]
pub(crate) use self::common::{log_in::*, nodes::*};
use crate::server::Server;
use adjourn::{
    store::{PostgresStore, SessionStore, postgres::PostgresStoreBuilder},
    testing::StoreHarness,
};
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// A schema of one test.
pub(crate) struct Schema {
    pub(crate) name: String,
    pub(crate) options: PgConnectOptions,
    pool: OnceLock<PgPool>,
}

impl Schema {
    pub(crate) fn of_a_test() -> Option<Self> {
        Server::shared().map(Self::on)
    }

    pub(crate) fn on(options: PgConnectOptions) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        Self::named(&format!("test_{}_{number}", std::process::id()), options)
    }

    pub(crate) fn named(name: &str, options: PgConnectOptions) -> Self {
        Self {
            name: name.to_owned(),
            options,
            pool: OnceLock::new(),
        }
    }

    pub(crate) fn pool(&self) -> PgPool {
        let pool = self.pool.get_or_init(|| {
            PgPoolOptions::new()
                .max_connections(16)
                .acquire_timeout(Duration::from_secs(20))
                .connect_lazy_with(self.options.clone())
        });
        pool.clone()
    }

    pub(crate) fn builder_on(&self, pool: PgPool) -> PostgresStoreBuilder {
        let limit = Duration::from_secs(20);
        let builder = PostgresStore::builder(pool).with_time_limit(limit);
        builder.with_schema(&self.name).unwrap()
    }

    pub(crate) fn builder(&self) -> PostgresStoreBuilder {
        self.builder_on(self.pool())
    }

    /// A store that tells the server's time.
    pub(crate) async fn store(&self) -> PostgresStore {
        let builder = self.builder();
        builder.migrate().await.unwrap();
        builder.open().await.unwrap()
    }

    /// Runs statements past the store; `@schema@` is the schema.
    pub(crate) async fn run(&self, sql: &str) {
        let sql = sql.replace("@schema@", &self.name);
        let ran = sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool())
            .await;
        ran.unwrap();
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = sql.replace("@schema@", &self.name);
        let row = sqlx::query(AssertSqlSafe(sql))
            .fetch_one(&self.pool())
            .await;
        sqlx::Row::get(&row.unwrap(), 0)
    }

    /// What the server counted for the table of sessions. What a connection counts is there for
    /// others when it is closed: so this closes all.
    pub(crate) async fn counted(&self, column: &str) -> i64 {
        self.pool().close().await;
        let again = Self::on(self.options.clone());
        // Not those that ask this, of which the pool may have opened several.
        let others = format!(
            "select count(*) from pg_stat_activity where pid <> pg_backend_pid() and query like '%{}%' and query not like 'LISTEN%' \
             and query not like '%pg_stat_activity%'",
            self.name
        );
        while again.number(&others).await > 0 {
            tokio::task::yield_now().await;
        }
        let counted = format!(
            "select {column} from pg_stat_user_tables where schemaname = '{}' and relname = 'session'",
            self.name
        );
        again.number(&counted).await
    }

    /// From now on the schema's time stands still and is moved by the test.
    ///
    /// Only who owns the schema can do that: the store itself has no such setting.
    pub(crate) async fn stop_time(&self) {
        self.run(
            "create table @schema@.test_clock as select 1767225600000::bigint as ms; \
             create or replace function @schema@.now_ms() returns bigint language sql volatile \
             as 'select ms from @schema@.test_clock'",
        )
        .await;
    }

    pub(crate) async fn move_time(&self, millis: i64) {
        self.run(&format!(
            "update @schema@.test_clock set ms = ms + {millis}"
        ))
        .await;
    }
}

impl StoreHarness for Schema {
    async fn open(&self) -> Arc<dyn SessionStore> {
        let builder = self.builder();
        builder.migrate().await.unwrap();
        self.stop_time().await;
        Arc::new(builder.open().await.unwrap())
    }

    async fn advance(&self, by: Duration) {
        self.move_time(i64::try_from(by.as_millis()).unwrap()).await;
    }

    async fn set_back(&self, by: Duration) -> bool {
        self.move_time(-i64::try_from(by.as_millis()).unwrap())
            .await;
        true
    }

    fn many(&self) -> usize {
        2_500
    }
}
