//! The endpoints over real HTTP; every answer is compared with `docs/openapi.json`.
#![cfg(feature = "axum")]
#![allow(
    clippy::excessive_nesting,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod complete;
mod contract;
mod end;
mod extend;
mod files;
mod mounts;
mod sessions;
mod status;
#[path = "../flow/support/mod.rs"]
mod support;
