//! `sslmode`, with an authority of one's own.

use crate::{assert_names, certificates::Authority, free_port, postgres_server::Server};
use adjourn::store::{Error, PostgresStore, SessionStore};
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgSslMode},
};

/// A server that is reached by a port, and speaks TLS when told to.
struct Reached {
    port: u16,
    server: Server,
}

impl Reached {
    fn start() -> Option<Self> {
        let port = free_port();
        let settings = format!("-c listen_addresses=127.0.0.1 -c port={port}");
        let server = Server::start_with(&settings)?;
        Some(Self { port, server })
    }

    async fn speak_tls(&self, authority: &Authority) {
        let socket = self.server.socket();
        authority.give_key_to_owner_of(socket.parent().unwrap());
        let local = self.server.options().port(self.port);
        let pool = PgPool::connect_with(local).await.unwrap();
        let (certificate, key) = (authority.file("server.pem"), authority.file("server.key"));
        for statement in [
            format!("alter system set ssl_cert_file = '{certificate}'"),
            format!("alter system set ssl_key_file = '{key}'"),
            "alter system set ssl = on".to_owned(),
            "select pg_reload_conf()".to_owned(),
        ] {
            let ran = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&pool);
            ran.await.unwrap();
        }
        // It reads them when it gets to it.
        let began = std::time::Instant::now();
        loop {
            let on: String = sqlx::query_scalar("select current_setting('ssl')")
                .fetch_one(&pool)
                .await
                .unwrap();
            if on == "on" {
                return;
            }
            assert!(began.elapsed().as_secs() < 60, "{}", self.server.log());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    fn address(&self, authority: &Authority) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("localhost")
            .port(self.port)
            .username("adjourn")
            .database("postgres")
            .ssl_mode(PgSslMode::VerifyFull)
            .ssl_root_cert(authority.file("ca.pem"))
    }
}

async fn open(address: PgConnectOptions) -> Result<PostgresStore, Error> {
    let builder = PostgresStore::builder(PgPool::connect_lazy_with(address));
    builder.migrate().await?;
    builder.open().await
}

#[tokio::test]
async fn a_store_works_over_tls() {
    let Some(postgres) = Reached::start() else {
        return;
    };
    let authority = Authority::new();
    postgres.speak_tls(&authority).await;
    let address = postgres.address(&authority);
    let store = open(address.clone()).await.unwrap();
    assert!(store.page(None, 10).await.unwrap().sessions.is_empty());
    // The pool's and the listening connection, and this one.
    let pool = PgPool::connect_with(address).await.unwrap();
    let counted = "select count(*) filter (where ssl), count(*) from pg_stat_ssl join pg_stat_activity using (pid) \
                   where client_port > 0";
    let (secured, all): (i64, i64) = sqlx::query_as(counted).fetch_one(&pool).await.unwrap();
    assert!(all >= 3, "{all}");
    assert_eq!(secured, all);
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_refused_by_name() {
    let Some(postgres) = Reached::start() else {
        return;
    };
    let (authority, other) = (Authority::new(), Authority::new());
    postgres.speak_tls(&authority).await;
    let refused = open(postgres.address(&other)).await;
    assert_names(
        &refused.err().unwrap(),
        "its certificate is not trusted (sslrootcert)",
    );
}

#[tokio::test]
async fn a_server_without_tls_is_refused_by_name() {
    let Some(postgres) = Reached::start() else {
        return;
    };
    let refused = open(postgres.address(&Authority::new())).await;
    assert_names(&refused.err().unwrap(), "a server with ssl=on");
}
