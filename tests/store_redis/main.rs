//! The store on Redis: the contract, several nodes, and what can go wrong. The tests start servers of their own.
#![cfg(unix)]
#![allow(
    clippy::disallowed_methods,
    clippy::excessive_nesting,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "stores are tested by themselves, off the road, and a test that cannot go on fails"
)]

mod applications;
mod cluster;
mod faults;
mod nodes;
mod outage;
#[path = "../store_common/proxy.rs"]
#[allow(dead_code, reason = "the tests of other stores use the rest")]
mod proxy;
mod redis_server;
mod sizes;
mod support;

adjourn::testing::store_suite!(match support::Place::of_a_test() {
    Some(place) => place,
    None => return,
});
