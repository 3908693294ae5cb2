//! The store on a SQLite file: the contract, restarts, other processes, and what can go wrong.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "stores are tested by themselves, off the road, and a test that cannot go on fails"
)]

mod applications;
mod faults;
#[path = "../outage/mounted.rs"]
mod mounted;
mod processes;
mod sizes;
mod support;

use support::File;

adjourn::testing::store_suite!(File::default());
