//! Flows over real HTTP.
#![cfg(feature = "axum")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod bytes;
mod cookies;
mod farewell;
mod ending;
mod leave;
mod log_out;
mod negotiation;
mod paths;
mod revival;
mod session;
mod support;
