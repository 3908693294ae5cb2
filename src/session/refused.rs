//! The refusal of a socket.

use super::Standing;
use crate::policy::WebSocketRefusal;

/// The handshake of a WebSocket is refused.
///
/// From [`Session::open_socket`](super::Session::open_socket). Its
/// [`into_http_response`](Self::into_http_response) is the answer; never a 101.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the WebSocket was refused")]
pub struct SocketRefused(#[source] Why);

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Why {
    #[error("there is no live session")]
    NotLive(Standing),
    #[error(transparent)]
    Origin(WebSocketRefusal),
}

impl SocketRefused {
    pub(super) const fn not_live(standing: Standing) -> Self {
        Self(Why::NotLive(standing))
    }

    pub(super) const fn origin(refusal: WebSocketRefusal) -> Self {
        Self(Why::Origin(refusal))
    }

    /// What is wrong with the page that asks, if that is why.
    pub const fn origin_refusal(&self) -> Option<WebSocketRefusal> {
        match self.0 {
            Why::NotLive(_) => None,
            Why::Origin(refusal) => Some(refusal),
        }
    }

    pub(crate) fn into_why(self) -> Why {
        self.0
    }
}
