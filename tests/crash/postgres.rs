//! A schema of its own, whose time the test moves.

use crate::{
    place::{Place, Shared, ending},
    server::Server,
    support::Schema,
};
use adjourn::{
    audit::{BlockingSink, Event},
    id::SessionId,
    store::{Error, PostgresStore},
};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, Row, postgres::PgConnectOptions};
use std::{io, path::Path, str::FromStr, time::Duration};
use tokio::runtime::Handle;

pub(crate) struct Database(pub(crate) Schema);

impl Database {
    /// In the server's own time.
    async fn in_own_time(schema: Schema) -> Self {
        schema.builder().migrate().await.unwrap();
        schema
            .run("create table @schema@.audit (id text primary key, reason text not null)")
            .await;
        Self(schema)
    }

    pub(crate) fn at(address: &str) -> Self {
        let (schema, url) = address.split_once('@').expect("a schema and an address");
        Self(Schema::named(
            schema,
            PgConnectOptions::from_str(url).unwrap(),
        ))
    }
}

impl Place for Database {
    type Store = PostgresStore;
    type Table = Table;

    const STORE: &'static str = "postgres";

    async fn make(_folder: &Path) -> Option<Self> {
        let schema = Schema::of_a_test()?;
        let database = Self::in_own_time(schema).await;
        database.0.stop_time().await;
        Some(database)
    }

    fn address(&self) -> String {
        format!("{}@{}", self.0.name, self.0.options.to_url_lossy())
    }

    async fn open(&self, limit: Duration) -> Result<PostgresStore, Error> {
        let builder = self.0.builder().with_time_limit(limit);
        builder.open().await
    }

    async fn advance(&self, by: Duration) {
        self.0
            .move_time(i64::try_from(by.as_millis()).unwrap())
            .await;
    }

    async fn table(&self) -> Table {
        Table(self.0.pool(), Handle::current(), self.0.name.clone())
    }

    async fn rows(&self) -> Vec<(String, String)> {
        let select = format!("select id, reason from {}.audit", self.0.name);
        let rows = sqlx::query(AssertSqlSafe(select))
            .fetch_all(&self.0.pool())
            .await;
        let rows = rows.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

impl Shared for Database {
    type Server = Server;

    const MAX_STALENESS: Option<Duration> = None;

    fn start() -> Option<Server> {
        Server::start()
    }

    async fn on(server: &Server) -> Self {
        Self::in_own_time(Schema::on(server.options())).await
    }

    fn pause(server: &mut Server) {
        server.pause();
    }

    fn resume(server: &mut Server) {
        server.resume();
    }

    async fn ids(&self) -> Vec<SessionId> {
        let select = format!("select id from {}.session", self.0.name);
        let rows = sqlx::query(AssertSqlSafe(select))
            .fetch_all(&self.0.pool())
            .await;
        let id = |bytes: Vec<u8>| SessionId::from_bytes(bytes.try_into().unwrap());
        rows.unwrap().iter().map(|row| id(row.get(0))).collect()
    }

    async fn unfinished(&self) -> usize {
        let open =
            "select count(*) from @schema@.session where ended_at is null or claim is not null";
        usize::try_from(self.0.number(open).await).unwrap()
    }
}

pub(crate) struct Table(PgPool, Handle, String);

impl BlockingSink for Table {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let Some((id, reason)) = ending(event) else {
            return Ok(());
        };
        let insert = format!(
            "insert into {}.audit values ($1, $2) on conflict (id) do nothing",
            self.2
        );
        let insert = sqlx::query(AssertSqlSafe(insert))
            .bind(id)
            .bind(reason)
            .execute(&self.0);
        self.1.block_on(insert).map(drop).map_err(io::Error::other)
    }
}
