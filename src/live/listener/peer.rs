//! A hand on a connection.

use super::stream::Connection;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Weak,
};

/// Who is at the other end of a connection of a [`CutListener`](super::CutListener), and a hand on
/// the connection that does not keep it open.
///
/// Under axum, serve with `into_make_service_with_connect_info::<Peer>()`. On hyper alone, put it
/// into the extensions of each request of the connection. It takes the place of
/// [`PeerAddr`](crate::PeerAddr).
#[derive(Clone)]
pub struct Peer {
    address: SocketAddr,
    connection: Weak<Connection>,
}

impl Peer {
    pub(super) const fn new(address: SocketAddr, connection: Weak<Connection>) -> Self {
        Self {
            address,
            connection,
        }
    }

    /// The address.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address without the port.
    pub const fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Does some work unless the connection is closed before it is done.
    pub(crate) async fn while_open(&self, work: impl Future<Output = ()>) {
        let Some(closed) = self.connection.upgrade().map(|open| open.closed().clone()) else {
            return;
        };
        closed.run_until_cancelled(work).await;
    }

    /// Shuts the connection in both directions, if it is still open.
    pub(crate) fn shut(&self) {
        if let Some(connection) = self.connection.upgrade() {
            connection.shut();
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
