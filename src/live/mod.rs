//! What this node holds open, and what ended lately: the part of an ending that reaches streams
//! and sockets, and requests that are still being answered.
//!
//! 1. **Take the [`Mark`] first.** [`Live::mark`] comes before the store is asked whether the
//!    session is live. Everything that ends after that question is then among the endings after
//!    the mark, or the store has already answered that the session is over.
//! 2. **Register first, then look.** [`Live::hold`] enters the connection into the registry and
//!    only then looks for an ending after the mark. [`Live::ended`] remembers the ending and only
//!    then cuts. Whichever of the two comes second sees the other, so no connection is left
//!    uncut (the loom models in `tests` prove it).
//! 3. **What is not known is asked.** When so much ended that the memory was overrun, or notices
//!    were missed ([`Live::record_gap`]), the answer is [`Since::Lost`] and the guard is
//!    [unverified](LiveGuard::is_unverified): ask the store.
//! 4. **A cut is final.** Once cut, a guard stays cut, and the first reason stands.
//! 5. **Nearly free.** A request whose body is whole costs two atomic loads and registers
//!    nothing. Only what streams is guarded ([`CutStyle::of`]).
//! 6. **What is kept goes.** Whatever else of sessions a node keeps observes the endings: it is
//!    put down first and then looked at like a connection (rule 2), and it is among what is
//!    [held](Live::held). An observer is called outside of locks, its panic is caught.
//! 7. **A cut body never looks complete**: see [`CutStyle`]. What is inside is dropped by the cut, also
//!    while nobody polls it, since a peer that does not read would keep it for ever.
//! 8. **A socket can be taken back** from its handler wherever the handler has put it, and the peer
//!    is told why: see [`LiveSocket`].
//! 9. **What cannot be verified is cut too**, after a grace, and told apart: nobody is told that a
//!    session ended which may go on ([`LiveGuard::is_unavailable`], [`SessionUnverified`]). Who
//!    registers after that, when the store answers again, is not cut with the others.
//! 10. **Deadlines are remembered, not judged**: a session that holds a connection is to be looked at
//!     when it is due, and the store says whether it is over. No connection has a timer.
//!
//! ```
//! use adjourn::{id::SessionId, live::{Live, Since}, reason::EndReason};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let live = Live::default();
//! let id = SessionId::random()?;
//!
//! let mark = live.mark();
//! // ... the store says that the session is live, the handler opens a socket ...
//! let guard = live.hold(id, mark);
//! assert!(!guard.is_ended());
//!
//! // ... meanwhile, somewhere else ...
//! assert_eq!(live.ended(id, EndReason::Logout), 1);
//!
//! assert_eq!(guard.ended().await, EndReason::Logout);
//! assert_eq!(live.since(mark, id), Since::Ended(EndReason::Logout));
//! # Ok::<(), getrandom::Error>(())
//! # })?;
//! # Ok::<(), getrandom::Error>(())
//! ```
//!
//! Knows nothing of stores and notices: whoever learns of an ending tells it.

mod agenda;
mod body;
mod cut;
mod endings;
mod gone;
mod guard;
mod kept;
mod lent;
#[cfg(feature = "listener")]
pub mod listener;
mod node;
mod observers;
mod registry;
mod signal;
mod socket;
mod sync;
mod table;
#[cfg(test)]
mod tests;

pub use body::{BoxError, SessionBody};
pub use cut::{CutStyle, SessionEnded, SessionUnverified};
pub use endings::{Mark, Since};
pub use guard::LiveGuard;
pub(crate) use kept::Kept;
#[cfg(feature = "listener")]
pub use listener::{CutListener, CutStream, Peer};
pub use node::Live;
pub(crate) use observers::Observer;
pub use socket::{Close, LiveSocket, SocketError};
pub(crate) use socket::{CloseRules, is_sendable, watch};
