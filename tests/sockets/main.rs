//! Sockets and streams that end with their session, over real connections.

#![allow(
    clippy::excessive_nesting,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and holds its handlers inside"
)]

#[path = "../flow/support/mod.rs"]
mod support;

mod backstop;
mod causes;
mod client;
mod counted;
mod grpc;
mod handlers;
mod handshake;
mod listener;
mod outage;
mod routes;
