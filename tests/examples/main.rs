//! Runs every example as a process of its own and uses it over real HTTP, as its reader would.
#![cfg(feature = "axum")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod audit_jsonl;
mod bearer;
mod demo_admin;
mod demo_api;
mod demo_audit;
mod demo_exit_pages;
mod demo_flags;
mod demo_log_in;
mod demo_log_out;
mod demo_my_sessions;
mod demo_pages;
mod demo_resources;
mod demo_return_to;
#[cfg(all(
    unix,
    feature = "postgres",
    feature = "redis",
    feature = "sqlite",
    feature = "ws"
))]
mod demo_stores;
mod demo_streams;
mod hyper;
#[cfg(all(
    feature = "postgres",
    feature = "redis",
    feature = "sqlite",
    feature = "ws"
))]
mod nodes;
mod support;
mod websockets;
