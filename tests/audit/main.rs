//! What is recorded of sessions, over real HTTP and in real files.
#![cfg(feature = "axum")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy takes only what carries #[test] for a test"
)]

mod events;
mod files;
mod kept;
#[cfg(feature = "metrics")]
mod metrics;
mod requests;
mod secrets;
#[path = "../flow/support/mod.rs"]
mod support;
