//! What a store pushes to its nodes.

use crate::{id::SessionId, reason::EndReason, record::Scope};
use std::fmt;
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
    /// Notices were missed: whoever holds sessions must check them all. After a
    /// [`Silence`](Self::Silence): notices are heard again.
    Gap,
    /// Notices of other nodes are not heard from now on, until the next [`Gap`](Self::Gap).
    Silence,
}

/// The notices of a store, from the moment it was asked for them.
///
/// A receiver that falls behind loses the oldest and is told by a [`Notice::Gap`].
pub struct Notices {
    receiver: broadcast::Receiver<Notice>,
    /// Who hears each notice before it is received.
    listener: Option<Box<Listener>>,
}

type Listener = dyn Fn(&Notice) + Send + Sync;

impl Notices {
    /// The next notice; `None` when the store is gone.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<Notice> {
        let notice = match self.receiver.recv().await {
            Ok(notice) => notice,
            Err(broadcast::error::RecvError::Lagged(_)) => Notice::Gap,
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some(self.heard(notice))
    }

    /// The next notice that is there already.
    pub(crate) fn try_recv(&mut self) -> Option<Notice> {
        let notice = match self.receiver.try_recv() {
            Ok(notice) => notice,
            Err(broadcast::error::TryRecvError::Lagged(_)) => Notice::Gap,
            Err(_) => return None,
        };
        Some(self.heard(notice))
    }

    /// Lets somebody hear each notice before it is received.
    pub(super) fn heard_by(mut self, listener: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    fn heard(&self, notice: Notice) -> Notice {
        if let Some(listener) = &self.listener {
            listener(&notice);
        }
        notice
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
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
        Notices {
            receiver: self.0.subscribe(),
            listener: None,
        }
    }

    /// Sends to all receivers. Does nothing, at the price of one atomic load, when there are none.
    pub fn send(&self, notice: impl FnOnce() -> Notice) {
        if self.0.receiver_count() > 0 {
            // The receivers may have gone between the two: nobody misses anything then.
            let _gone = self.0.send(notice());
        }
    }
}
