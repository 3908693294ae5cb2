//! A whole site whose store fails, with the real servers: what each operation does, what becomes of
//! open connections, and that it goes on by itself.
//!
//! What the layer does with each failed operation is proven in `tests/flow/store_down.rs`, what the
//! stores answer in their own tests.
#![cfg(unix)]
#![allow(
    clippy::excessive_nesting,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod any;
#[path = "../sockets/client.rs"]
#[allow(dead_code, reason = "the tests of sockets use the rest")]
mod client;
#[path = "../store_sqlite/support.rs"]
#[allow(
    clippy::disallowed_methods,
    dead_code,
    reason = "the tests of the store use the rest"
)]
mod file;
mod mounted;
mod open;
#[path = "../store_redis/support.rs"]
#[allow(
    clippy::disallowed_methods,
    dead_code,
    reason = "the tests of the store use the rest"
)]
mod place;
mod postgres;
#[path = "../store_postgres/proxy.rs"]
mod proxy;
mod redis;
#[path = "../store_redis/redis_server.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod redis_server;
#[path = "../sockets/routes.rs"]
#[allow(dead_code, reason = "the tests of sockets use the rest")]
mod routes;
#[path = "../store_postgres/support.rs"]
#[allow(
    clippy::disallowed_methods,
    dead_code,
    reason = "the tests of the store use the rest"
)]
mod schema;
#[path = "../store_postgres/server.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod server;
mod sqlite;
#[path = "../flow/support/mod.rs"]
mod support;
