//! What is kept of sessions goes with them.

use crate::{
    id::SessionId,
    live::{Kept, Live, Since, observers::Observer},
    reason::EndReason,
};
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

fn id(n: u16) -> SessionId {
    let [high, low] = n.to_be_bytes();
    let mut bytes = [0; SessionId::LEN];
    (bytes[14], bytes[15]) = (high, low);
    SessionId::from_bytes(bytes)
}

fn kept<T: Send + Sync + 'static>(live: &Live, capacity: usize) -> Arc<Kept<T>> {
    let kept = Arc::new(Kept::new(capacity));
    let observer: Weak<Kept<T>> = Arc::downgrade(&kept);
    live.observe(observer);
    kept
}

/// Counts itself away.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn an_ending_drops_what_is_kept_of_its_session_and_nothing_else() {
    let live = Live::default();
    let (dropped, kept) = (Arc::new(AtomicUsize::new(0)), kept(&live, 8));
    let mark = live.mark();
    for n in [1, 2] {
        let value = Arc::new(Counted(Arc::clone(&dropped)));
        assert_eq!(kept.put(&live, mark, id(n), value), Since::Nothing);
    }
    assert_eq!(live.held(), [id(1), id(2)]);

    live.ended(id(1), EndReason::Logout);

    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert!(kept.get(id(1)).is_none() && kept.get(id(2)).is_some());
    assert_eq!(
        live.held(),
        [id(2)],
        "to be checked when notices were missed"
    );
    assert_eq!(live.len(), 0, "no connection");
}

#[test]
fn what_comes_after_the_ending_is_not_kept() {
    let live = Live::default();
    let kept = kept(&live, 8);
    let mark = live.mark();
    live.ended(id(1), EndReason::Logout);
    let since = kept.put(&live, mark, id(1), Arc::new(1));
    assert_eq!(since, Since::Ended(EndReason::Logout));
    assert_eq!(kept.len(), 0);
}

#[test]
fn what_may_have_ended_is_kept_until_the_store_was_asked() {
    let live = Live::with_memory(1);
    let kept = kept(&live, 8);
    let mark = live.mark();
    live.ended(id(1), EndReason::Logout);
    live.ended(id(2), EndReason::Logout);
    assert_eq!(kept.put(&live, mark, id(1), Arc::new(1)), Since::Lost);
    assert_eq!(live.held(), [id(1)]);
    live.ended(id(1), EndReason::Logout);
    assert_eq!(kept.len(), 0);
}

#[test]
fn the_oldest_makes_room_and_a_replaced_value_is_young_again() {
    let live = Live::default();
    let kept = kept(&live, 2);
    let mark = live.mark();
    for n in [1, 2, 1, 3] {
        let _nothing = kept.put(&live, mark, id(n), Arc::new(n));
    }
    let held = [1, 2, 3].map(|n| kept.get(id(n)).as_deref().copied());
    assert_eq!(held, [Some(1), None, Some(3)]);
    assert_eq!(kept.len(), 2);
}

#[test]
fn no_capacity_is_exceeded_and_none_at_all_keeps_nothing() {
    for capacity in [0, 1, 10, 5_000] {
        let live = Live::default();
        let kept = kept(&live, capacity);
        let mark = live.mark();
        for n in 0..6_000 {
            let _nothing = kept.put(&live, mark, id(n), Arc::new(n));
            assert!(kept.len() <= capacity || n > 100, "{capacity}");
        }
        assert!(kept.len() <= capacity, "{} of {capacity}", kept.len());
        assert!(
            kept.len() >= capacity * 9 / 10,
            "{} of {capacity}",
            kept.len()
        );
        kept.clear();
        assert_eq!(kept.len(), 0);
    }
}

/// Ends another session when it is dropped, and then panics if it is told to.
struct Comes {
    back: Live,
    panics: bool,
}

impl Drop for Comes {
    fn drop(&mut self) {
        self.back.ended(id(2), EndReason::Logout);
        let _mine = kept::<u8>(&self.back, 1);
        assert!(!self.panics, "when it is dropped");
    }
}

#[test]
fn a_value_may_come_back_and_panic_when_it_is_dropped() {
    let live = Live::default();
    let (first, second) = (kept(&live, 8), kept(&live, 8));
    let mark = live.mark();
    for (n, panics) in [(1, true), (2, false)] {
        let back = live.clone();
        let value = Arc::new(Comes { back, panics });
        assert_eq!(first.put(&live, mark, id(n), value), Since::Nothing);
    }
    let _nothing = second.put(&live, mark, id(1), Arc::new(()));

    live.ended(id(1), EndReason::Logout);

    assert_eq!((first.len(), second.len()), (0, 0));
    assert_eq!(live.since(mark, id(2)), Since::Ended(EndReason::Logout));
}

#[test]
fn an_observer_that_nobody_keeps_is_forgotten() {
    let live = Live::default();
    let mark = live.mark();
    let gone = kept(&live, 8);
    let _nothing = gone.put(&live, mark, id(1), Arc::new(()));
    drop(gone);
    assert_eq!(live.held(), []);
    let there = kept::<()>(&live, 8);
    assert_eq!(there.held(), []);
}

#[test]
fn nothing_stays_when_threads_keep_and_end() {
    let live = Live::default();
    let kept = kept(&live, 1_000);
    let keep_and_end = || {
        for n in 0..5_000_u16 {
            let (id, mark) = (id(n % 7), live.mark());
            let _whatever = kept.put(&live, mark, id, Arc::new(n));
            live.ended(id, EndReason::Logout);
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(keep_and_end);
        }
    });
    assert_eq!((kept.len(), live.held().len()), (0, 0));
}
