//! Flows over real HTTP.
#![cfg(feature = "axum")]

mod smoke;
