//! A body that begins and never ends by itself.

use super::within;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::Semaphore;

/// One frame, and then nothing for ever: an event stream, a download, a long poll.
pub(crate) struct Endless {
    first: Option<Bytes>,
    dropped: Dropped,
}

/// Tells when a body was dropped.
#[derive(Clone)]
pub(crate) struct Dropped(Arc<Semaphore>);

impl Dropped {
    /// Waits until a body was dropped.
    pub(crate) async fn wait(&self) {
        within(self.0.acquire()).await.unwrap().forget();
    }
}

impl Default for Dropped {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Endless {
    pub(crate) fn new(first: &'static str, dropped: &Dropped) -> Self {
        Self {
            first: Some(first.into()),
            dropped: dropped.clone(),
        }
    }
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Poll::Pending,
        }
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.dropped.0.add_permits(1);
    }
}
