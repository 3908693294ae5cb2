//! The address of the peer.

use http::Extensions;
use std::net::{IpAddr, SocketAddr};

/// The address of the peer of a connection, for the extensions of its requests: how a bare hyper
/// server tells the layer who is there.
///
/// Under axum, `into_make_service_with_connect_info::<SocketAddr>()` does the same.
///
/// ```
/// # let peer: std::net::SocketAddr = ([127, 0, 0, 1], 1234).into();
/// # let mut request = http::Request::new(());
/// request.extensions_mut().insert(adjourn::PeerAddr(peer));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a name for an address")]
pub struct PeerAddr(pub SocketAddr);

/// The usual places where servers leave the address.
pub(super) fn usual_peer(extensions: &Extensions) -> Option<IpAddr> {
    if let Some(PeerAddr(address)) = extensions.get() {
        return Some(address.ip());
    }
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(address)) =
        extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()
    {
        return Some(address.ip());
    }
    #[cfg(feature = "listener")]
    if let Some(peer) = super::upgraded::known_peer(extensions) {
        return Some(peer.ip());
    }
    None
}
