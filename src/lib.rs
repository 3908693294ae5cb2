//! Tower and axum middleware that makes the end of a user session correct.

pub mod audit;
pub mod carrier;
pub mod id;
pub mod reason;
pub mod record;
pub mod store;
pub mod time;
