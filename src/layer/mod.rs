//! The layer around a service, its configuration and its extractors.
//!
//! ```text
//! request -> enter: carrier.read -> store.check_in -> gate -> inner service
//!         -> leave: session.commit -> answer or keep -> farewell headers -> guard the body -> response
//! ```
//!
//! [`Sessions`] owns everything. [`SessionLayer`] and [`SessionService`] wrap any Tower service;
//! `flow` holds the two straight-line functions of the picture, and the future between them is a
//! nameable state machine.
//!
//! Each request is a span at the level DEBUG (name `request`, target `adjourn::request`), entered while
//! the inner service works: `request_id` and `session_id` from the start, and how it came out:
//! `session` (how it stood), `reason`, `new_session_id`, `answered` (by the layer itself), `status`.
//! An event of the same target closes it. It costs nothing while nobody listens.
//!
//! Order of layers, outermost first: tracing, panic catching, CORS, compression, **session**,
//! timeouts, routes. CORS outside, else a script cannot read the 401; compression outside, so that
//! the last event of a cut stream is compressed with the rest.

mod builder;
mod cacheable;
mod endpoints;
#[cfg(feature = "axum")]
mod extract;
mod flow;
mod fresh;
mod future;
mod path;
mod peer;
mod require;
mod resources;
mod service;
mod sessions;
#[cfg(feature = "listener")]
mod upgraded;
#[cfg(feature = "ws")]
pub mod websocket;

pub(crate) use builder::LEAST_WARNING;
pub use builder::{BuildError, SessionsBuilder};
pub use cacheable::{Cacheable, CacheableFuture, CacheableLayer, cacheable};
#[cfg(test)]
pub(crate) use endpoints::ASSETS;
#[cfg(feature = "axum")]
pub use extract::{LiveSession, MissingLayer, SessionRequired};
#[cfg(feature = "axum")]
pub use fresh::FreshSession;
pub use fresh::{RequireFresh, RequireFreshLayer, require_fresh};
pub use future::ResponseFuture;
pub(crate) use path::outer_uri;
pub use peer::PeerAddr;
pub use require::{RequireSession, RequireSessionLayer, require_session};
pub use service::{SessionLayer, SessionService};
pub(crate) use sessions::Core;
pub use sessions::Sessions;
