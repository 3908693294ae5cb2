//! The stores on servers that are reached by TLS: `cargo test --manifest-path tests/tls/Cargo.toml`.

#![cfg(test)]

mod certificates;
#[allow(
    dead_code,
    reason = "shared with the tests of the stores, which use more of it"
)]
#[path = "../../store_postgres/server.rs"]
mod postgres_server;
#[allow(dead_code, reason = "as above")]
#[path = "../../store_redis/redis_server.rs"]
mod redis_server;

mod postgres;
mod redis;

use adjourn::store::{Error, ErrorKind};
use std::{error::Error as _, iter::successors, net::TcpListener};

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// That the store is unavailable, and that what it says names the cause.
fn assert_names(error: &Error, cause: &str) {
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let sources = successors(error.source(), |&error| error.source());
    let said = sources.fold(error.to_string(), |said, source| {
        format!("{said}: {source}")
    });
    assert!(said.contains(cause), "{said}");
}
