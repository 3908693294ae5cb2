//! What hangs on a session beside its record, over real HTTP: permissions for a time, fresh
//! log-ins, caches, scratch directories, hooks.
#![cfg(feature = "axum")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod causes;
mod fresh;
mod grants;
mod hooks;
mod local;
#[path = "../flow/support/mod.rs"]
mod support;
