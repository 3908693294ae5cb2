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
//! 5. An ending is never held up for a sink, and never undone by one. A sink that must not lose
//!    anything refuses log-ins instead ([`Sink::is_ready`]).
//! 6. What anybody can cause at will is limited and counted ([`EventLimits`]).
//!
//! The built-in sink writes to `tracing` with the target [`TARGET`].

mod event;
mod flood;
mod native;
mod scope;
mod sink;
mod tracing_sink;
mod trail;

pub use event::{Event, EventKind, FailedHook, Severity};
pub use flood::EventLimits;
pub use scope::EndScope;
pub use sink::{Flush, Sink};
pub use tracing_sink::{TARGET, TracingSink};
pub(crate) use trail::Trail;
