//! `rediss://`, with an authority of one's own.

use crate::{assert_names, certificates::Authority, free_port, redis_server::Server};
use adjourn::store::{Error, RedisStore, SessionStore};
use redis::{Client, ConnectionInfo, TlsCertificates};

/// A server that speaks TLS on a second port.
struct Secured {
    authority: Authority,
    port: u16,
    server: Server,
}

impl Secured {
    fn start() -> Option<Self> {
        let authority = Authority::new();
        let port = free_port();
        let server = Server::start(&[
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            &authority.file("server.pem"),
            "--tls-key-file",
            &authority.file("server.key"),
            "--tls-ca-cert-file",
            &authority.file("ca.pem"),
            "--tls-auth-clients",
            "no",
        ])?;
        Some(Self {
            authority,
            port,
            server,
        })
    }
}

/// As an application gives its own authority to the client.
fn trusting(authority: &Authority, port: u16) -> ConnectionInfo {
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(authority.read("ca.pem")),
    };
    let client = Client::build_with_tls(format!("rediss://localhost:{port}"), certificates);
    client.unwrap().get_connection_info().clone()
}

async fn refusal(address: ConnectionInfo) -> Error {
    let opened = RedisStore::builder(address).unwrap().open().await;
    opened.expect_err("it is not opened")
}

#[tokio::test]
async fn a_store_works_over_tls() {
    let Some(redis) = Secured::start() else {
        return;
    };
    let address = trusting(&redis.authority, redis.port);
    let store = RedisStore::builder(address).unwrap().open().await.unwrap();
    // The listening connection is one of its own.
    let clients = redis.server.cli(&["client", "list", "type", "pubsub"]);
    assert!(
        clients.contains(&format!("laddr=127.0.0.1:{}", redis.port)),
        "{clients}"
    );
    assert!(store.page(None, 10).await.unwrap().sessions.is_empty());
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_refused_by_name() {
    let Some(redis) = Secured::start() else {
        return;
    };
    let other = Authority::new();
    assert_names(
        &refusal(trusting(&other, redis.port)).await,
        "its certificate is not trusted",
    );
    // Those of the machine do not know it either.
    let address = format!("rediss://localhost:{}", redis.port);
    let opened = RedisStore::builder(address).unwrap().open().await;
    assert_names(&opened.err().unwrap(), "its certificate is not trusted");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_by_name() {
    let Some(redis) = Secured::start() else {
        return;
    };
    let plain = trusting(&redis.authority, redis.server.port);
    assert_names(
        &refusal(plain).await,
        "is this its port for TLS (tls-port)?",
    );
}

#[tokio::test]
async fn a_plain_address_of_a_server_with_tls_is_refused() {
    let Some(redis) = Secured::start() else {
        return;
    };
    let plain = format!("redis://localhost:{}", redis.port);
    let opened = RedisStore::builder(plain).unwrap().open().await;
    assert_names(&opened.err().unwrap(), "expects TLS (rediss://)");
}
