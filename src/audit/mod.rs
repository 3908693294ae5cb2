//! What is recorded of a session's life, for security monitoring, troubleshooting and usage
//! patterns.
//!
//! 1. One event type, [`Event`], with stable codes ([`EventKind::code`]).
//! 2. Every ending is recorded once, keyed by the session id; a copy after a crash says
//!    `redelivered`.
//! 3. Nothing secret: an event holds the public session id and never a token, a hash, a cookie or
//!    a value. Texts from the client are made harmless before they get here
//!    ([`Client`](crate::record::Client)).
//! 4. A [`Sink`] that panics neither stops the ending nor the next sink.
//!
//! The built-in sink writes to `tracing` with the target [`TARGET`].

mod event;
mod sink;

pub use event::{Event, EventKind};
pub(crate) use sink::record;
pub use sink::{Sink, TARGET, TracingSink};
