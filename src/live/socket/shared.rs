//! The slot that a handler and the watch over it share.

use crate::{
    live::sync::{Mutex, MutexGuard, lock},
    reason::EndReason,
};
use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A slot with a socket, until one of both sides empties it.
///
/// The lock is held for one poll of the socket at most; nothing is woken or dropped under it but
/// by the socket itself.
pub(super) struct Shared<S>(Mutex<State<S>>);

struct State<S> {
    socket: Option<S>,
    reason: Option<EndReason>,
    /// The handler dropped its side.
    released: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    watch: Option<Waker>,
}

/// On whose behalf the socket is polled: each may wait in a task of its own.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Reader,
    Writer,
}

impl<S> Shared<S> {
    pub(super) fn new(socket: S) -> Self {
        Self(Mutex::new(State {
            socket: Some(socket),
            reason: None,
            released: false,
            reader: None,
            writer: None,
            watch: None,
        }))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().socket.is_none()
    }

    /// Why the slot was emptied, if that is why.
    pub(super) fn reason(&self) -> Option<EndReason> {
        self.lock().reason.clone()
    }

    pub(super) fn read<R>(&self, read: impl FnOnce(&S) -> R) -> Option<R> {
        self.lock().socket.as_ref().map(read)
    }

    /// Polls the socket; `None` if the slot is empty. Who waits is woken when it is emptied.
    pub(super) fn poll<R>(
        &self,
        side: Side,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<R>,
    ) -> Option<Poll<R>>
    where
        S: Unpin,
    {
        let mut state = self.lock();
        let polled = poll(Pin::new(state.socket.as_mut()?), cx);
        if polled.is_pending() {
            let waker = match side {
                Side::Reader => &mut state.reader,
                Side::Writer => &mut state.writer,
            };
            let replaced = remember(waker, cx);
            drop(state);
            drop(replaced);
        }
        Some(polled)
    }

    pub(super) fn change<R>(&self, change: impl FnOnce(Pin<&mut S>) -> R) -> Option<R>
    where
        S: Unpin,
    {
        self.lock().socket.as_mut().map(Pin::new).map(change)
    }

    /// Empties the slot, for the watch.
    pub(super) fn take(&self, reason: Option<EndReason>) -> Option<S> {
        let mut state = self.lock();
        let socket = state.socket.take();
        if socket.is_some() {
            state.reason = reason;
        }
        let waiting = [state.reader.take(), state.writer.take()];
        drop(state);
        waiting.into_iter().flatten().for_each(Waker::wake);
        socket
    }

    /// Empties the slot, because the handler dropped its side.
    pub(super) fn release(&self) {
        let mut state = self.lock();
        state.released = true;
        let socket = state.socket.take();
        let watch = state.watch.take();
        drop(state);
        drop(socket);
        watch.into_iter().for_each(Waker::wake);
    }

    /// Waits until the handler has dropped its side.
    pub(super) fn poll_released(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.released {
            return Poll::Ready(());
        }
        let replaced = remember(&mut state.watch, cx);
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// A panic of the socket inside leaves the slot as it is: it can still be emptied.
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        lock(&self.0)
    }
}

/// Remembers who waits; answers who is to be dropped, outside the lock.
fn remember(waker: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    if waker
        .as_ref()
        .is_some_and(|known| known.will_wake(cx.waker()))
    {
        return None;
    }
    waker.replace(cx.waker().clone())
}
