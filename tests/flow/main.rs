//! Flows over real HTTP.
#![cfg(feature = "axum")]

mod session;
mod support;
