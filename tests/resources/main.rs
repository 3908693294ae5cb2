//! What hangs on a session beside its record, over real HTTP: permissions for a time, fresh
//! log-ins, caches, scratch directories, hooks.
#![cfg(feature = "axum")]

mod fresh;
mod grants;
#[path = "../flow/support/mod.rs"]
mod support;
