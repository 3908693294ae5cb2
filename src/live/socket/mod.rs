//! Sockets that end with their session, without the help of whoever uses them.
//!
//! 1. **Two sides.** The handler has a [`LiveSocket`], which reads and writes through a slot that
//!    it shares with the task around it, the *watch*. The watch can empty the slot at any time,
//!    wherever the handler has put its socket: into a `split`, another task, a `static`.
//! 2. **The lock of the slot is held for one poll only**, so the watch waits for no handler.
//! 3. **A socket never outlives its watch.** Dropped for any reason, the watch empties the slot.
//! 4. **Who waits is woken.** A task that waits for the socket sees it end.
//! 5. **The end is told.** The watch takes the socket, drops the handler, sends the [`Close`], waits
//!    for the peer's answer up to a grace and drops the socket, whether or not the peer reads.

mod close;
mod error;
mod shared;
mod watch;

pub use close::Close;
pub(crate) use close::{CloseRules, is_sendable};
pub use error::SocketError;
#[cfg(all(test, adjourn_loom))]
pub(super) use watch::take_back;
pub(crate) use watch::watch;

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use shared::{Shared, Side};
use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A socket that is taken away from its handler when its session ends.
///
/// A [`Stream`] and [`Sink`] of what the socket inside is one of. Once it is taken away the stream
/// is over and the sink answers [`SocketError::TakenBack`].
///
/// Cost: one uncontended lock a poll, one waker while it waits.
#[must_use = "dropping the socket closes the connection"]
pub struct LiveSocket<S>(Arc<Shared<S>>);

impl<S> LiveSocket<S> {
    /// Whether the socket was taken away.
    pub fn is_taken_back(&self) -> bool {
        self.0.is_empty()
    }

    /// The next message; `None` when the socket is closed or was taken away.
    ///
    /// # Cancel safety
    /// As that of the socket inside: a WebSocket loses no message.
    pub async fn recv(&mut self) -> Option<S::Item>
    where
        S: Stream + Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Sends a message and flushes.
    ///
    /// # Errors
    /// The socket failed, or was taken away.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropped, the message may have been sent or not; never a part of it alone.
    pub async fn send<M>(&mut self, message: M) -> Result<(), SocketError<S::Error>>
    where
        S: Sink<M> + Unpin,
    {
        send(self, message).await
    }

    fn taken_back<E>(&self) -> SocketError<E> {
        SocketError::TakenBack(self.0.reason())
    }

    fn poll_write<M, R>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<Result<R, S::Error>>,
    ) -> Poll<Result<R, SocketError<S::Error>>>
    where
        S: Sink<M> + Unpin,
    {
        match self.0.poll(Side::Writer, cx, poll) {
            Some(polled) => polled.map_err(SocketError::Socket),
            None => Poll::Ready(Err(self.taken_back())),
        }
    }
}

impl<S: Stream + Unpin> Stream for LiveSocket<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let polled = self.0.poll(Side::Reader, cx, S::poll_next);
        polled.unwrap_or(Poll::Ready(None))
    }
}

impl<S: FusedStream + Unpin> FusedStream for LiveSocket<S> {
    fn is_terminated(&self) -> bool {
        self.0.read(S::is_terminated).unwrap_or(true)
    }
}

impl<S: Sink<M> + Unpin, M> Sink<M> for LiveSocket<S> {
    type Error = SocketError<S::Error>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_write(cx, S::poll_ready)
    }

    fn start_send(self: Pin<&mut Self>, message: M) -> Result<(), Self::Error> {
        match self.0.change(|socket| socket.start_send(message)) {
            Some(sent) => sent.map_err(SocketError::Socket),
            None => Err(self.taken_back()),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_write(cx, S::poll_flush)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_write(cx, S::poll_close)
    }
}

impl<S> Drop for LiveSocket<S> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl<S> fmt::Debug for LiveSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSocket")
            .field("taken_back", &self.is_taken_back())
            .finish_non_exhaustive()
    }
}

async fn send<S, M>(sink: &mut S, message: M) -> Result<(), S::Error>
where
    S: Sink<M> + Unpin,
{
    poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await?;
    Pin::new(&mut *sink).start_send(message)?;
    poll_fn(|cx| Pin::new(&mut *sink).poll_flush(cx)).await
}
