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
//! The built-in sink writes to `tracing` with the target [`TARGET`]. For a security team's tools:
//! [`JsonLines`] behind a [`Queue`], in OCSF, in the OWASP vocabulary or in the native form. A chain
//! of hashes makes tampering visible ([`verify`]).
//!
//! Every `Sink` is called on the path of a request or an ending, and promises not to block
//! ([`NonBlocking`]). What blocks goes behind a `Queue`:
//!
//! ```text
//! event -> limits -> TracingSink
//!                 -> Queue -> thread: JsonLines (BlockingSink)
//!                 -> a sink of the application
//! ```

mod event;
mod flood;
mod insights;
mod json_lines;
#[cfg(feature = "metrics")]
mod metrics_sink;
mod native;
mod queue;
mod scope;
mod sink;
mod tracing_sink;
mod trail;
mod verify;

pub use event::{Event, EventKind, FailedHook, PolicyFinding, Severity};
pub use flood::EventLimits;
pub(crate) use flood::network as source_of;
pub use insights::{Finding, InsightLimits, Insights, InsightsSnapshot, MinuteCounts, SourceCount};
pub use json_lines::{Format, Fsync, JsonLines, JsonLinesBuilder, Rotation};
#[cfg(feature = "metrics")]
pub use metrics_sink::MetricsSink;
pub use queue::{BlockingSink, Queue, QueueBuilder, QueueStats, Unwritten};
pub use scope::EndScope;
pub use sink::{Flush, NonBlocking, Sink};
pub use tracing_sink::{TARGET, TracingSink};
pub(crate) use trail::Trail;
pub use verify::{Fault, FaultKind, Verified, verify, verify_keyed};
