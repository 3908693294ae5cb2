//! The socket as a handler has it.

use crate::{
    live::{LiveSocket, SocketError},
    session::Touch,
    store,
};
use axum::{
    Error,
    extract::ws::{self, Message},
};
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use http::HeaderValue;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// A WebSocket that is taken from its handler when its session ends: in place of axum's
/// [`WebSocket`](ws::WebSocket), with the same methods.
///
/// Taken away, the stream is over and sending fails with a
/// [`SocketError::TakenBack`] inside axum's error.
#[must_use = "dropping the socket closes the connection"]
pub struct WebSocket {
    socket: LiveSocket<ws::WebSocket>,
    protocol: Option<HeaderValue>,
    touch: Touch,
}

impl WebSocket {
    pub(super) const fn new(
        socket: LiveSocket<ws::WebSocket>,
        protocol: Option<HeaderValue>,
        touch: Touch,
    ) -> Self {
        Self {
            socket,
            protocol,
            touch,
        }
    }

    /// The next message; `None` when the socket is closed or was taken away.
    ///
    /// # Cancel safety
    /// Cancel safe: no message is lost.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        self.socket.recv().await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The connection is closed, or the socket was taken away.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropped, the message may have been sent or not; never a part of it alone.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).await.map_err(error)
    }

    /// The subprotocol that was selected, if one was.
    pub const fn protocol(&self) -> Option<&HeaderValue> {
        self.protocol.as_ref()
    }

    /// Says that the user is there: see [`Hold::touch`](crate::session::Hold::touch).
    ///
    /// # Errors
    /// The store failed: whether the session is live is not known.
    ///
    /// # Cancel safety
    /// Cancel safe: the session was touched or not.
    pub async fn touch(&self) -> Result<bool, store::Error> {
        if self.socket.is_taken_back() {
            return Ok(false);
        }
        self.touch.now().await
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.socket).poll_next(cx)
    }
}

impl FusedStream for WebSocket {
    fn is_terminated(&self) -> bool {
        self.socket.is_terminated()
    }
}

impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.socket).poll_ready(cx).map_err(error)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        Pin::new(&mut self.socket)
            .start_send(message)
            .map_err(error)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(error)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.socket).poll_close(cx).map_err(error)
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("socket", &self.socket)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

fn error(error: SocketError<Error>) -> Error {
    match error {
        SocketError::Socket(error) => error,
        SocketError::TakenBack(_) => Error::new(error),
    }
}
