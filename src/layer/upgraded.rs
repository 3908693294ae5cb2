//! Connections that left HTTP on behalf of a session, and what shuts them when it ends.

use crate::{
    live::Peer,
    session::{Committed, Session},
};
use http::{Extensions, Request, StatusCode, Version, header::UPGRADE};
use std::time::Duration;
use tokio::{runtime::Handle, time::sleep};

/// The peer of a request that may leave HTTP with its connection: not of one over HTTP/2, whose
/// connection carries others.
pub(super) fn peer_of<B>(request: &Request<B>) -> Option<Peer> {
    let asks = request.version() < Version::HTTP_2 && request.headers().contains_key(UPGRADE);
    asks.then(|| known_peer(request.extensions()).cloned())?
}

/// Where a server leaves the peer.
pub(super) fn known_peer(extensions: &Extensions) -> Option<&Peer> {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(peer)) = extensions.get() {
        return Some(peer);
    }
    extensions.get()
}

/// Lets handlers find the address where they are used to.
#[cfg(feature = "axum")]
pub(super) fn show_address(extensions: &mut Extensions) {
    use axum::extract::ConnectInfo;
    use std::net::SocketAddr;

    let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<Peer>>() else {
        return;
    };
    let address = ConnectInfo::<SocketAddr>(peer.address());
    if extensions.get::<ConnectInfo<SocketAddr>>().is_none() {
        extensions.insert(address);
    }
}

/// Shuts the connection when the session has ended and the grace is over.
///
/// Also where the session ended before the response was out, which is then a refusal: a peer that
/// closes its half of the connection is upgraded by hyper all the same.
pub(super) fn watch(
    session: &Session,
    peer: Option<Peer>,
    status: StatusCode,
    committed: &Committed,
    grace: Duration,
) {
    let Some(peer) = peer.filter(|_| status == StatusCode::SWITCHING_PROTOCOLS) else {
        return;
    };
    let guard = session.guard_connection();
    let ended = matches!(committed, Committed::EndedMeanwhile(_));
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    if guard.is_none() && !ended {
        return;
    }
    runtime.spawn(async move {
        let work = async {
            if let Some(guard) = guard {
                guard.ended().await;
            }
            sleep(grace).await;
            peer.shut();
        };
        peer.while_open(work).await;
    });
}
