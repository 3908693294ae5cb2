//! The extractor.

use super::WebSocket;
use crate::{
    layer::MissingLayer,
    live::Close,
    session::{Session, SocketHold, SocketRefused},
};
use axum::extract::ws::{
    self, CloseFrame, DefaultOnFailedUpgrade, Message, OnFailedUpgrade,
    rejection::WebSocketUpgradeRejection,
};
use axum_core::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, request::Parts};
use std::{borrow::Cow, fmt};

/// Opens a WebSocket that ends with the session of its request: in place of axum's
/// [`WebSocketUpgrade`](ws::WebSocketUpgrade), with the same methods. See the [module](super).
///
/// Dropped, or when the upgrade fails, nothing is held.
#[must_use = "a WebSocket opens with the response of on_upgrade"]
pub struct WebSocketUpgrade<F = DefaultOnFailedUpgrade> {
    upgrade: ws::WebSocketUpgrade<F>,
    hold: SocketHold,
}

impl<F> WebSocketUpgrade<F> {
    /// The capacity of the read buffer in bytes. *Default:* 128 KiB.
    pub fn read_buffer_size(self, bytes: usize) -> Self {
        self.with(|upgrade| upgrade.read_buffer_size(bytes))
    }

    /// How many bytes are gathered before they are written. *Default:* 128 KiB.
    pub fn write_buffer_size(self, bytes: usize) -> Self {
        self.with(|upgrade| upgrade.write_buffer_size(bytes))
    }

    /// The most that the write buffer may hold, in bytes. *Default:* no limit.
    pub fn max_write_buffer_size(self, bytes: usize) -> Self {
        self.with(|upgrade| upgrade.max_write_buffer_size(bytes))
    }

    /// The longest message that is accepted, in bytes. *Default:* 64 MiB.
    pub fn max_message_size(self, bytes: usize) -> Self {
        self.with(|upgrade| upgrade.max_message_size(bytes))
    }

    /// The longest frame that is accepted, in bytes. *Default:* 16 MiB.
    pub fn max_frame_size(self, bytes: usize) -> Self {
        self.with(|upgrade| upgrade.max_frame_size(bytes))
    }

    /// Whether frames of clients need no mask. *Default:* they need one.
    pub fn accept_unmasked_frames(self, accept: bool) -> Self {
        self.with(|upgrade| upgrade.accept_unmasked_frames(accept))
    }

    /// The subprotocols that the server speaks, best first: the first that the client offers too
    /// is selected.
    pub fn protocols<I>(self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Cow<'static, str>>,
    {
        self.with(|upgrade| upgrade.protocols(protocols))
    }

    /// The subprotocols that the client offers.
    pub fn requested_protocols(&self) -> impl Iterator<Item = &HeaderValue> {
        self.upgrade.requested_protocols()
    }

    /// Selects a subprotocol, instead of [`protocols`](Self::protocols).
    pub fn set_selected_protocol(&mut self, protocol: HeaderValue) {
        self.upgrade.set_selected_protocol(protocol);
    }

    /// The subprotocol that was selected, if one was.
    pub fn selected_protocol(&self) -> Option<&HeaderValue> {
        self.upgrade.selected_protocol()
    }

    /// What to do when the connection cannot be upgraded: also when the session ends before the
    /// response is out, which is then a 401. *Default:* nothing.
    pub fn on_failed_upgrade<C: OnFailedUpgrade>(self, callback: C) -> WebSocketUpgrade<C> {
        WebSocketUpgrade {
            upgrade: self.upgrade.on_failed_upgrade(callback),
            hold: self.hold,
        }
    }

    /// The response that upgrades the connection. The handler then runs in a task of its own, until
    /// it is done or the session ends.
    ///
    /// A handler may hand its socket on to other tasks: it is cut wherever it is. It is dropped at
    /// an await; one that blocks its thread cannot be, see the feature `listener`.
    #[must_use = "the WebSocket opens only if the response is returned"]
    pub fn on_upgrade<C, Fut>(self, handler: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        F: OnFailedUpgrade,
    {
        let hold = self.hold;
        self.upgrade.on_upgrade(move |socket| {
            let (protocol, touch) = (socket.protocol().cloned(), hold.toucher());
            hold.run(socket, close_message, move |socket| {
                handler(WebSocket::new(socket, protocol, touch))
            })
        })
    }

    fn with(self, change: impl FnOnce(ws::WebSocketUpgrade<F>) -> ws::WebSocketUpgrade<F>) -> Self {
        Self {
            upgrade: change(self.upgrade),
            hold: self.hold,
        }
    }
}

fn close_message(close: &Close) -> Message {
    Message::Close(Some(CloseFrame {
        code: close.code(),
        reason: close.text().into(),
    }))
}

impl<S: Send + Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = WebSocketRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        // Judged first: a stranger learns nothing of how the handshake would go on.
        let hold = session.open_socket()?;
        let upgrade = ws::WebSocketUpgrade::from_request_parts(parts, state).await?;
        Ok(Self { upgrade, hold })
    }
}

impl<F> fmt::Debug for WebSocketUpgrade<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("upgrade", &self.upgrade)
            .field("hold", &self.hold)
            .finish()
    }
}

/// No WebSocket is opened: the rejection of [`WebSocketUpgrade`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketRejection {
    /// The request came through no session layer.
    #[error(transparent)]
    MissingLayer(#[from] MissingLayer),
    /// The page may not open one, or there is no live session.
    #[error(transparent)]
    Refused(#[from] SocketRefused),
    /// It is no handshake of a WebSocket.
    #[error(transparent)]
    Upgrade(#[from] WebSocketUpgradeRejection),
}

impl IntoResponse for WebSocketRejection {
    fn into_response(self) -> Response {
        match self {
            Self::MissingLayer(missing) => missing.into_response(),
            Self::Refused(refused) => refused.into_response(),
            Self::Upgrade(rejection) => rejection.into_response(),
        }
    }
}
