//! What hangs on a session beside its record, over real HTTP: permissions for a time, fresh
//! log-ins, caches, scratch directories, hooks.
#![cfg(feature = "axum")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod causes;
mod fresh;
mod grants;
mod hooks;
mod local;
#[cfg(unix)]
mod scratch;
#[cfg(unix)]
mod scratch_restart;
#[cfg(unix)]
mod scratch_root;
mod shutdown;
#[path = "../flow/support/mod.rs"]
mod support;
#[cfg(unix)]
mod temp;
