//! The signal that all connections of one session wait for.

use super::sync::{AtomicBool, Mutex, Ordering, lock};
use crate::reason::EndReason;
use std::{
    collections::HashMap,
    mem,
    task::{Context, Poll, Waker},
};

/// Cut once, with a reason; wakes everybody who waits.
///
/// The lock is held for a few instructions and never while a waker is woken or dropped: either
/// may run code that comes back here.
#[derive(Default)]
pub(super) struct Signal {
    /// Written under the lock, after the reason; read without it.
    cut: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    reason: Option<EndReason>,
    unavailable: bool,
    wakers: HashMap<Place, Waker>,
    next: u64,
}

/// The place of one waiter among those of a [`Signal`]. Never used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Place(u64);

impl Signal {
    /// Cuts; `false` if that was done before. The first reason stands.
    pub(super) fn cut(&self, reason: EndReason) -> bool {
        self.cut_as(reason, false)
    }

    /// Cuts although the session may go on: nobody can say.
    pub(super) fn cut_unavailable(&self) -> bool {
        self.cut_as(EndReason::Lost, true)
    }

    fn cut_as(&self, reason: EndReason, unavailable: bool) -> bool {
        let mut state = lock(&self.state);
        if state.reason.is_some() {
            return false;
        }
        (state.reason, state.unavailable) = (Some(reason), unavailable);
        self.cut.store(true, Ordering::Release);
        let wakers = mem::take(&mut state.wakers);
        drop(state);
        wakers.into_values().for_each(Waker::wake);
        true
    }

    /// Whether it was cut. One atomic load.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Why it was cut. One atomic load while it was not.
    pub(super) fn reason(&self) -> Option<EndReason> {
        if self.is_cut() {
            lock(&self.state).reason.clone()
        } else {
            None
        }
    }

    /// Whether it was cut although the session may go on. One atomic load while it was not cut.
    pub(super) fn is_unavailable(&self) -> bool {
        self.is_cut() && lock(&self.state).unavailable
    }

    /// Waits for the cut. `place` is the caller's: `None` at first, given to
    /// [`leave`](Self::leave) at last.
    pub(super) fn poll(&self, place: &mut Option<Place>, cx: &Context<'_>) -> Poll<EndReason> {
        let mut state = lock(&self.state);
        // Under the lock: a cut comes either before, and is seen, or after, and wakes.
        if let Some(reason) = &state.reason {
            return Poll::Ready(reason.clone());
        }
        let place = *place.get_or_insert_with(|| state.new_place());
        let known = state.wakers.get(&place);
        if known.is_some_and(|known| known.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let replaced = state.wakers.insert(place, cx.waker().clone());
        drop(state);
        drop(replaced);
        Poll::Pending
    }

    /// Waits no longer.
    pub(super) fn leave(&self, place: Option<Place>) {
        let Some(place) = place else { return };
        let waker = lock(&self.state).wakers.remove(&place);
        drop(waker);
    }
}

impl State {
    fn new_place(&mut self) -> Place {
        self.next = self.next.wrapping_add(1);
        Place(self.next)
    }
}

/// Waits for the cut and leaves when dropped.
#[must_use = "futures do nothing unless polled"]
pub(super) struct Wait<'a> {
    signal: &'a Signal,
    place: Option<Place>,
}

impl<'a> Wait<'a> {
    pub(super) const fn new(signal: &'a Signal) -> Self {
        Self {
            signal,
            place: None,
        }
    }
}

impl Future for Wait<'_> {
    type Output = EndReason;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<EndReason> {
        let signal = self.signal;
        signal.poll(&mut self.place, cx)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.signal.leave(self.place);
    }
}
