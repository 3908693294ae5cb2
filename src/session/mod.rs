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
//! Knows nothing of status codes, headers and cookies.

mod commit;
mod context;
mod ending;
mod fresh;
mod handle;
mod local;
mod newborn;
mod start;
mod values;

pub(crate) use commit::{Committed, Delivery, Effects};
pub(crate) use context::Context;
pub use ending::{EndOthersError, LogOutError};
pub use fresh::NotFresh;
pub use handle::Session;
pub(crate) use handle::{Entered, Standing};
pub use local::SessionLocal;
pub use start::{LogIn, LoggedIn, StartError};
pub use values::{RotateError, UpdateError, ValueError};
