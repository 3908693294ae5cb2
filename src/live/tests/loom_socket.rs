//! A socket races with the end of its session: it is taken back wherever it is, once, and whoever
//! waits for it is woken.

use crate::{
    id::SessionId,
    live::{Live, LiveSocket, socket::take_back},
    reason::EndReason,
};
use futures_core::Stream;
use loom::{future::block_on, thread};
use std::{
    cell::RefCell,
    future::pending,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

const ID: SessionId = SessionId::from_bytes([1; SessionId::LEN]);

/// A socket on which nothing ever comes; counts how often it was dropped.
struct Silent(Arc<AtomicUsize>);

impl Stream for Silent {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
        Poll::Pending
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn silent() -> (Silent, Arc<AtomicUsize>) {
    let drops = Arc::new(AtomicUsize::new(0));
    (Silent(Arc::clone(&drops)), drops)
}

fn ending(live: &Live) -> thread::JoinHandle<usize> {
    let live = live.clone();
    thread::spawn(move || live.ended(ID, EndReason::Logout))
}

#[test]
fn loom_a_socket_that_opens_while_its_session_ends_is_taken_back() {
    loom::model(|| {
        let live = Live::with_memory(4);
        // The store said "live" after this, so the ending comes after it, too.
        let mark = live.mark();
        let ending = ending(&live);
        let mut guard = live.hold(ID, mark);
        let (socket, drops) = silent();
        let hold = |mut socket: LiveSocket<Silent>| async move {
            socket.recv().await;
            pending::<()>().await;
        };
        let (taken, reason) =
            block_on(take_back(&mut guard, socket, hold)).expect("the end is seen");
        assert_eq!(reason, EndReason::Logout);
        assert!(taken.is_some(), "nobody else had it");
        ending.join().unwrap();
        drop(taken);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        drop(guard);
        assert!(live.is_empty());
    });
}

#[test]
fn loom_whoever_waits_for_a_socket_elsewhere_is_woken_when_it_is_taken() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let mut guard = live.hold(ID, live.mark());
        let (socket, drops) = silent();
        let ending = ending(&live);
        // Waits in another task of the handler: loom fails if nobody wakes it.
        let waiting = Rc::new(RefCell::new(None));
        let waits = Rc::clone(&waiting);
        let hand_over = move |mut socket: LiveSocket<Silent>| async move {
            *waits.borrow_mut() = Some(thread::spawn(move || {
                assert_eq!(block_on(socket.recv()), None);
                assert!(socket.is_taken_back());
            }));
        };
        let taken = block_on(take_back(&mut guard, socket, hand_over));
        let (taken, _) = taken.expect("the end is seen");
        assert!(taken.is_some());
        ending.join().unwrap();
        drop(taken);
        // None where the end comes before the handler begins.
        if let Some(waiting) = waiting.take() {
            waiting.join().unwrap();
        }
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn loom_a_socket_that_is_dropped_while_its_session_ends_is_dropped_once() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let mut guard = live.hold(ID, live.mark());
        let (socket, drops) = silent();
        let ending = ending(&live);
        // Dropped in another task of the handler, while the watch looks for both.
        let dropping = Rc::new(RefCell::new(None));
        let dropped = Rc::clone(&dropping);
        let elsewhere = move |socket: LiveSocket<Silent>| async move {
            *dropped.borrow_mut() = Some(thread::spawn(move || drop(socket)));
        };
        if let Some((taken, reason)) = block_on(take_back(&mut guard, socket, elsewhere)) {
            assert_eq!(reason, EndReason::Logout);
            drop(taken);
        }
        ending.join().unwrap();
        if let Some(dropping) = dropping.take() {
            dropping.join().unwrap();
        }
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        drop(guard);
        assert!(live.is_empty());
    });
}
