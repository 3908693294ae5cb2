//! The cut races with a poll: the body is dropped once, and who waits for it is woken.

use crate::{
    id::SessionId,
    live::{CutStyle, Live, SessionBody},
    reason::EndReason,
};
use bytes::Bytes;
use http_body::{Body, Frame};
use loom::thread;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

const ID: SessionId = SessionId::from_bytes([1; SessionId::LEN]);

/// A body on which nothing ever comes; counts how often it was dropped.
struct Silent(Arc<AtomicUsize>);

impl Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn loom_a_body_that_is_polled_while_it_is_cut_is_dropped_and_nobody_waits_for_it() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let drops = Arc::new(AtomicUsize::new(0));
        let guard = live.hold(ID, live.mark());
        let mut body = SessionBody::guarded(Silent(Arc::clone(&drops)), guard, CutStyle::Abort);
        let ending = thread::spawn({
            let live = live.clone();
            move || live.ended(ID, EndReason::Logout)
        });
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut poll = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker));
        let first = poll();
        ending.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        if first.is_pending() {
            assert_eq!(woken.0.load(Ordering::Relaxed), 1);
            assert!(matches!(poll(), Poll::Ready(Some(Err(_)))));
        } else {
            assert!(matches!(first, Poll::Ready(Some(Err(_)))));
        }
        drop(body);
        assert!(live.is_empty());
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}
