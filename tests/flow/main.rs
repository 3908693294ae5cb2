//! Flows over real HTTP.
#![cfg(feature = "axum")]
#![allow(
    clippy::excessive_nesting,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and holds its handlers inside"
)]

mod bad_input;
mod bytes;
mod clients;
mod cookies;
mod ending;
mod exit_pages;
mod extend;
mod farewell;
mod layers;
mod leave;
mod log_out;
mod near_cache;
mod negotiation;
mod next_user;
mod old_cookie;
mod paths;
mod policy;
mod regressions;
mod return_to;
mod revival;
mod rows;
mod session;
mod site_data;
mod store_down;
mod support;
mod sweep;
