//! The task around a handler, which can take the socket back.

use super::{Close, CloseRules, LiveSocket, send, shared::Shared};
use crate::{live::LiveGuard, reason::EndReason};
use futures_core::Stream;
use futures_sink::Sink;
use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tokio::{task::consume_budget, time::timeout};

/// Runs a handler with a socket until both are done with, or the session has ended and the peer was
/// told.
///
/// A handler that returns but has handed its socket on is watched until that is dropped.
pub(crate) async fn watch<S, M, H, F>(
    mut guard: LiveGuard,
    rules: &CloseRules,
    socket: S,
    close: impl FnOnce(&Close) -> M,
    handler: H,
) where
    S: Stream + Sink<M> + Unpin,
    H: FnOnce(LiveSocket<S>) -> F,
    F: Future<Output = ()>,
{
    // Held until the peer was told: the connection is open as long.
    let Some((socket, reason)) = take_back(&mut guard, socket, handler).await else {
        return;
    };
    if let Some(socket) = socket {
        let close = close(&if guard.is_unavailable() {
            CloseRules::unavailable()
        } else {
            rules.close(reason)
        });
        // Either way the socket is dropped now.
        let _told = timeout(rules.grace, say_goodbye(socket, close)).await;
    }
}

/// Runs a handler until it is done with, or the session has ended: then the socket, unless the
/// handler has dropped it, and why.
pub(in crate::live) async fn take_back<S, H, F>(
    guard: &mut LiveGuard,
    socket: S,
    handler: H,
) -> Option<(Option<S>, EndReason)>
where
    H: FnOnce(LiveSocket<S>) -> F,
    F: Future<Output = ()>,
{
    let slot = Slot(Arc::new(Shared::new(socket)));
    let mut running = Running {
        // A handler of a session that ended before its socket opened never begins.
        handler: (!guard.is_ended()).then(|| {
            let socket = LiveSocket(Arc::clone(&slot.0));
            Box::pin(handler(socket))
        }),
        guard,
        waits: None,
    };
    let reason = poll_fn(|cx| running.poll(&slot.0, cx)).await?;
    // Taken first: dropped with the handler, it could tell the peer nothing.
    let socket = slot.0.take(Some(reason.clone()));
    let handler = running.handler.take();
    // A destructor that panics must not keep the peer from being told.
    let _panicked = catch_unwind(AssertUnwindSafe(|| drop(handler)));
    Some((socket, reason))
}

/// A handler at work.
struct Running<'a, F> {
    guard: &'a mut LiveGuard,
    /// Who is known to be woken when the session ends.
    waits: Option<Waker>,
    handler: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = ()>> Running<'_, F> {
    /// Why the session ended, or `None` when there is nothing left to watch.
    fn poll<S>(&mut self, shared: &Shared<S>, cx: &mut Context<'_>) -> Poll<Option<EndReason>> {
        if let Poll::Ready(reason) = self.poll_ended(cx) {
            return Poll::Ready(Some(reason));
        }
        if let Some(handler) = &mut self.handler {
            if handler.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.handler = None;
        }
        shared.poll_released(cx).map(|()| None)
    }

    /// One atomic load, unless the task has moved.
    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<EndReason> {
        let known = self
            .waits
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()));
        if known && !self.guard.is_ended() {
            return Poll::Pending;
        }
        self.waits = Some(cx.waker().clone());
        self.guard.poll_ended(cx)
    }
}

/// Sends the last message and reads until the peer has closed as well.
async fn say_goodbye<S, M>(mut socket: S, close: M)
where
    S: Stream + Sink<M> + Unpin,
{
    if send(&mut socket, close).await.is_ok() {
        while poll_fn(|cx| Pin::new(&mut socket).poll_next(cx))
            .await
            .is_some()
        {
            // A socket that is always ready must not outrun the grace.
            consume_budget().await;
        }
    }
}

/// The watch's side of the slot: dropped, it takes the socket with it.
struct Slot<S>(Arc<Shared<S>>);

impl<S> Drop for Slot<S> {
    fn drop(&mut self) {
        drop(self.0.take(None));
    }
}
