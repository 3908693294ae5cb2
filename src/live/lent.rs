//! A body that its session's end drops at once, wherever it is.

use super::sync::{Mutex, MutexGuard, lock};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    // Not loom's, which makes no wakers: what it shares is guarded by the lock.
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

/// Has a body, and lends it out for each poll. As a [`Waker`] that the cut wakes it drops the body,
/// also while nobody polls it because the peer does not read, and wakes whoever waits for it.
///
/// The lock is held to take the body and to give it back, never while it is polled or dropped: code
/// of the application runs then, which may block, panic, or end the session itself. A body that is
/// lent out when its session ends is dropped by whoever polls it, as soon as it is given back.
pub(super) struct Lent<B>(Mutex<State<B>>);

struct State<B> {
    body: Option<Pin<Box<B>>>,
    is_cut: bool,
    waits: Option<Waker>,
}

impl<B> Lent<B> {
    pub(super) fn new(body: B) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            body: Some(Box::pin(body)),
            is_cut: false,
            waits: None,
        })))
    }

    /// Polls the body; `None` when it is gone. Where it waits, the cut wakes the task, too.
    pub(super) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut B>, &mut Context<'_>) -> Poll<T>,
    ) -> Option<Poll<T>> {
        // If the body panics, it goes with that.
        let mut body = self.lock().body.take()?;
        let polled = poll(body.as_mut(), cx);
        let waits = polled.is_pending().then_some(cx.waker());
        drop(self.give_back(body, waits));
        Some(polled)
    }

    /// Looks at the body; `None` when it is gone.
    pub(super) fn look<T>(&self, look: impl FnOnce(&B) -> T) -> Option<T> {
        let body = self.lock().body.take()?;
        let seen = look(&body);
        drop(self.give_back(body, None));
        Some(seen)
    }

    /// What is to be dropped outside of the lock.
    fn give_back(
        &self,
        body: Pin<Box<B>>,
        waits: Option<&Waker>,
    ) -> (Option<Pin<Box<B>>>, Option<Waker>) {
        let mut state = self.lock();
        if state.is_cut {
            return (Some(body), None);
        }
        state.body = Some(body);
        let Some(waker) = waits else {
            return (None, None);
        };
        let known = state.waits.as_ref();
        if known.is_some_and(|known| known.will_wake(waker)) {
            return (None, None);
        }
        (None, state.waits.replace(waker.clone()))
    }

    fn cut(&self) {
        let mut state = self.lock();
        state.is_cut = true;
        let (body, waits) = (state.body.take(), state.waits.take());
        drop(state);
        // A destructor that panics must keep nobody else from being cut.
        if catch_unwind(AssertUnwindSafe(|| drop(body))).is_err() {
            tracing::error!(
                target: "adjourn",
                "the body of a response panicked when it was dropped at the end of its session"
            );
        }
        if let Some(waker) = waits {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<B>> {
        lock(&self.0)
    }
}

impl<B: Send + 'static> Wake for Lent<B> {
    fn wake(self: Arc<Self>) {
        self.cut();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.cut();
    }
}
