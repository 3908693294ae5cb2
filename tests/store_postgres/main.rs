//! The store on PostgreSQL: the contract, several nodes, and what can go wrong. The tests start a
//! server of their own.
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
mod faults;
mod nodes;
mod outage;
mod plans;
#[allow(dead_code, reason = "the outages of whole sites use the rest")]
mod proxy;
#[allow(dead_code, reason = "the outages of whole sites use the rest")]
mod server;
mod sizes;
mod support;

adjourn::testing::store_suite!(match support::Schema::of_a_test() {
    Some(schema) => schema,
    None => return,
});
