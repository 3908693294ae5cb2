//! The proxy of the tests before a PostgreSQL server.

#[path = "../store_common/proxy.rs"]
mod common;

use crate::server::Server;
pub(crate) use common::{Mode, Proxy, Upstream};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

impl Proxy {
    pub(crate) async fn before_postgres(server: &Server) -> Self {
        Self::before(Upstream::Socket(server.socket())).await
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("adjourn")
            .database("postgres")
            .ssl_mode(PgSslMode::Disable)
    }
}
