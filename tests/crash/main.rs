//! A process that uses a store, hooks and sinks is killed at each point of an ending, or stopped for
//! longer than its lease: another takes over, and nothing is lost or told in two ways.
//!
//! Three such processes at once, at random, are in [`nodes`].
//!
//! The process is this program again, as the test [`child`]. A [`Place`](place::Place) is a store
//! that several processes share, with its time: a new store needs one, and a line at the end of
//! this file.
#![cfg(unix)]
#![allow(
    clippy::disallowed_methods,
    clippy::excessive_nesting,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and logs in past the road"
)]

mod child;
mod history;
mod node;
mod nodes;
mod place;
mod point;
mod points;
mod postgres;
mod process;
mod random;
mod redis;
#[path = "../store_redis/redis_server.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod redis_server;
mod running;
#[path = "../store_postgres/server.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod server;
mod serving;
#[path = "../flow/support/spy.rs"]
#[allow(dead_code, reason = "the flows use the rest")]
mod spy;
mod sqlite;
#[path = "../store_postgres/support.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod support;

/// The process that dies. Run by the tests; by itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn child() {
    let Some(order) = process::Order::given() else {
        return;
    };
    match order.store.as_str() {
        "postgres" => work(postgres::Database::at(&order.address), order).await,
        "redis" => work(redis::Keys::at(&order.address), order).await,
        "sqlite" => child::run(sqlite::File::at(&order.address), order).await,
        other => panic!("no such store: {other}"),
    }
}

async fn work<P: place::Shared>(place: P, order: process::Order) {
    match order.dies {
        point::Point::Anywhere => serving::serve(place, order).await,
        _ => child::run(place, order).await,
    }
}

/// Waits for something that comes at once, or never because it is broken.
async fn within<F: Future>(what: F) -> F::Output {
    let waited = tokio::time::timeout(std::time::Duration::from_mins(5), what).await;
    waited.expect("what the test waits for happens")
}

points::points!(on_postgres, crate::postgres::Database);
points::points!(on_redis, crate::redis::Keys);
points::points!(on_sqlite, crate::sqlite::File);
