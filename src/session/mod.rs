//! The session of one request: the handle that handlers use.
//!
//! 1. A handle is a view of the session as the store answered it when the request came in, plus
//!    what this request has changed so far. Reading never waits.
//! 2. Values, grants and a rotation are collected and written once, when the response is on its
//!    way ([`commit`](Session::set)): a request that fails before writes nothing. Log-in, end and
//!    [`update_if`](Session::update_if) go to the store at once.
//! 3. A write to a session that ended meanwhile writes nothing, and the client is told that it
//!    ended.
//! 4. A handle never brings a session back: it can only log in, which starts a new one.
//! 5. A session that was started but whose response was never produced is ended
//!    [`Undelivered`](crate::reason::EndReason::Undelivered).
//!
//! 6. What is held open on behalf of a session says so before the response ([`Session::live`],
//!    [`Session::open_socket`]), so that an ending in between is not missed.
//!
//! 7. What the store calls live the policies judge, if there are any: a session that they doubt is
//!    live to no handler, but can still log in (which replaces it) and out.
//!
//! Knows nothing of status codes, headers and cookies.

mod before;
mod commit;
mod context;
mod ending;
mod extend;
mod fresh;
mod handle;
mod hold;
mod local;
mod newborn;
mod policies;
mod refused;
mod return_to;
mod scratch;
mod start;
mod values;

pub(crate) use before::Former;
pub(crate) use commit::{Committed, Delivery, Effects};
pub(crate) use context::{Context, SocketRules};
pub use ending::{EndOthersError, LogOutError};
pub use extend::ExtendError;
pub use fresh::NotFresh;
pub use handle::Session;
pub(crate) use handle::{Doubt, Doubted, Entered, Standing};
#[cfg(feature = "ws")]
pub(crate) use hold::Touch;
pub use hold::{Hold, SocketHold};
pub use local::SessionLocal;
pub(crate) use policies::{Policies, PolicyConfig};
pub use refused::SocketRefused;
pub(crate) use refused::Why;
pub use return_to::ReturnTo;
pub use scratch::{ScratchDir, ScratchError};
pub use start::{LogIn, LoggedIn, StartError};
pub use values::{RotateError, UpdateError, ValueError};
