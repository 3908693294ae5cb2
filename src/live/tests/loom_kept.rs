//! Keeping races with ending: nothing is left behind.

use crate::{
    id::SessionId,
    live::{Kept, Live, Since},
    reason::EndReason,
};
use loom::thread;
use std::sync::{Arc, Weak};

const ID: SessionId = SessionId::from_bytes([1; SessionId::LEN]);

fn kept(live: &Live) -> Arc<Kept<()>> {
    let kept = Arc::new(Kept::new(2));
    let observer: Weak<Kept<()>> = Arc::downgrade(&kept);
    live.observe(observer);
    kept
}

#[test]
fn loom_what_is_kept_while_its_session_ends_is_not_left_behind() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let kept = kept(&live);
        let mark = live.mark();
        let ending = thread::spawn({
            let live = live.clone();
            move || live.ended(ID, EndReason::Logout)
        });
        let _seen = kept.put(&live, mark, ID, Arc::new(()));
        ending.join().unwrap();
        assert_eq!(kept.len(), 0);
    });
}

#[test]
fn loom_an_observer_that_comes_while_a_session_ends_is_left_with_nothing() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let mark = live.mark();
        let ending = thread::spawn({
            let live = live.clone();
            move || live.ended(ID, EndReason::Logout)
        });
        let kept = kept(&live);
        let _seen = kept.put(&live, mark, ID, Arc::new(()));
        ending.join().unwrap();
        assert_eq!(kept.len(), 0);
    });
}

#[test]
fn loom_what_is_kept_in_a_gap_is_held_or_asked_about() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let kept = kept(&live);
        let mark = live.mark();
        let gap = thread::spawn({
            let live = live.clone();
            move || {
                live.record_gap();
                live.held()
            }
        });
        let since = kept.put(&live, mark, ID, Arc::new(()));
        let held = gap.join().unwrap();
        assert!(held.contains(&ID) || since == Since::Lost);
    });
}
