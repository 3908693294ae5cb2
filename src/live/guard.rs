//! The hold of one connection on its session.

use super::{
    registry::Registry,
    signal::{Place, Signal, Wait},
    sync::Arc,
};
use crate::{id::SessionId, reason::EndReason, time::Timestamp};
#[cfg(feature = "listener")]
use std::mem;
use std::{
    fmt,
    task::{Context, Poll},
};

/// Says when the session of a connection ends, for as long as the connection keeps it.
///
/// From [`Live::hold`](super::Live::hold). Holding one keeps no session alive and is no activity.
/// Dropping it unregisters the connection.
#[must_use = "dropping the guard unregisters the connection, which is then not cut"]
pub struct LiveGuard {
    id: SessionId,
    signal: Arc<Signal>,
    registry: Registry,
    place: Option<Place>,
    unverified: bool,
    /// Whether it stands for a connection of its own.
    counts: bool,
}

impl LiveGuard {
    /// Registers.
    pub(super) fn new(id: SessionId, registry: &Registry, due: Option<Timestamp>) -> Self {
        registry.count(true);
        Self {
            id,
            signal: registry.register(id, due),
            registry: registry.clone(),
            place: None,
            unverified: false,
            counts: true,
        }
    }

    /// Says that another guard is for the same connection.
    #[cfg(feature = "listener")]
    pub(crate) fn is_one_more(&mut self) {
        if mem::take(&mut self.counts) {
            self.registry.is_one_more(self.id);
        }
    }

    /// Cuts this connection and all others of its session that are registered.
    pub(super) fn cut(&self, reason: EndReason) {
        self.signal.cut(reason);
    }

    /// Says that nobody knows whether the session had ended before it was registered.
    pub(super) const fn set_unverified(&mut self) {
        self.unverified = true;
    }

    /// The session.
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Whether the session has ended. One atomic load.
    pub fn is_ended(&self) -> bool {
        self.signal.is_cut()
    }

    /// Whether the session may have ended before the connection was registered, so that the store
    /// must be asked once. An ending after that question reaches the guard as any other.
    pub const fn is_unverified(&self) -> bool {
        self.unverified
    }

    /// Whether it was cut because the store could not say for too long whether the session is live
    /// ([`with_outage_grace`](crate::SessionsBuilder::with_outage_grace)). The session may go on;
    /// this guard does not, and its reason is [`Lost`](EndReason::Lost).
    pub fn is_unavailable(&self) -> bool {
        self.signal.is_unavailable()
    }

    /// Why the session has ended, if it has.
    pub fn reason(&self) -> Option<EndReason> {
        self.signal.reason()
    }

    /// Waits until the session ends, and says why; at once if it has ended.
    ///
    /// # Cancel safety
    /// Cancel safe: a session that has ended stays so, and nothing is left behind by a future
    /// that is dropped.
    pub async fn ended(&self) -> EndReason {
        Wait::new(&self.signal).await
    }

    /// [`ended`](Self::ended) for a hand-written future, body or stream. The guard keeps the
    /// waker of the latest call only.
    pub fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<EndReason> {
        self.signal.poll(&mut self.place, cx)
    }
}

impl Drop for LiveGuard {
    fn drop(&mut self) {
        self.signal.leave(self.place);
        self.registry.unregister(self.id, self.counts);
        if self.counts {
            self.registry.count(false);
        }
    }
}

impl fmt::Debug for LiveGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveGuard")
            .field("id", &self.id)
            .field("ended", &self.is_ended())
            .field("unverified", &self.unverified)
            .finish_non_exhaustive()
    }
}
