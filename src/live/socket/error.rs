//! What becomes of a message that a handler sends.

use crate::reason::EndReason;

/// A message was not sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError<E> {
    /// The socket itself failed.
    #[error(transparent)]
    Socket(E),
    /// The socket was taken away, because its session ended for this reason; or, without one,
    /// because the task that watches over it is gone, as in a shutdown.
    #[error("the socket was taken away: its session ended")]
    TakenBack(Option<EndReason>),
}
