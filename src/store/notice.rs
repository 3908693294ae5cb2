//! What a store pushes to its nodes.

use crate::{id::SessionId, reason::EndReason, record::Scope};
use tokio::sync::broadcast;

/// What a store pushes to its nodes: a hint, never the truth.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// Every session of the scope that was live is cut: whoever holds one must
    /// [`check`](super::SessionStore::check) it.
    Cut(Scope),
    /// One session ended.
    Ended {
        /// Which.
        id: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// Notices were missed: whoever holds sessions must check them all.
    Gap,
}

/// The notices of a store, from the moment it was asked for them.
///
/// A receiver that falls behind loses the oldest and is told by a [`Notice::Gap`].
#[derive(Debug)]
pub struct Notices(broadcast::Receiver<Notice>);

impl Notices {
    /// The next notice; `None` when the store is gone.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<Notice> {
        match self.0.recv().await {
            Ok(notice) => Some(notice),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Notice::Gap),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// The next notice that is there already.
    pub(crate) fn try_recv(&mut self) -> Option<Notice> {
        match self.0.try_recv() {
            Ok(notice) => Some(notice),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(Notice::Gap),
            Err(_) => None,
        }
    }
}

/// The sending side of [`Notices`], for stores.
#[derive(Clone, Debug)]
pub struct NoticeSender(broadcast::Sender<Notice>);

impl NoticeSender {
    /// A sender whose receivers may fall behind by `capacity` notices (rounded up to a power of
    /// two, at least 1) before they get a [`Notice::Gap`].
    pub fn new(capacity: usize) -> Self {
        Self(broadcast::Sender::new(capacity.clamp(1, 1 << 20)))
    }

    /// A receiver of what is sent from now on.
    pub fn subscribe(&self) -> Notices {
        Notices(self.0.subscribe())
    }

    /// Sends to all receivers. Does nothing, at the price of one atomic load, when there are none.
    pub fn send(&self, notice: impl FnOnce() -> Notice) {
        if self.0.receiver_count() > 0 {
            // The receivers may have gone between the two: nobody misses anything then.
            let _gone = self.0.send(notice());
        }
    }
}
