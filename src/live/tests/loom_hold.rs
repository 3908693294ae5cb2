//! Holding races with ending: no connection is left uncut, none is left behind.

use crate::{
    id::SessionId,
    live::{Live, Since},
    reason::EndReason,
};
use loom::thread;
use std::time::Duration;

const ID: SessionId = SessionId::from_bytes([1; SessionId::LEN]);
const OTHER: SessionId = SessionId::from_bytes([2; SessionId::LEN]);

#[test]
fn loom_a_connection_held_while_its_session_ends_is_cut() {
    loom::model(|| {
        let live = Live::with_memory(4);
        // The store said "live" after this, so the ending comes after it, too.
        let mark = live.mark();
        let ending = thread::spawn({
            let live = live.clone();
            move || live.ended(ID, EndReason::Logout)
        });
        let guard = live.hold(ID, mark);
        ending.join().unwrap();
        assert_eq!(guard.reason(), Some(EndReason::Logout));
        drop(guard);
        assert!(live.is_empty());
    });
}

#[test]
fn loom_a_connection_is_cut_or_unverified_when_the_memory_is_overrun() {
    loom::model(|| {
        let live = Live::with_memory(1);
        let mark = live.mark();
        let endings = thread::spawn({
            let live = live.clone();
            move || {
                live.ended(ID, EndReason::Logout);
                live.ended(OTHER, EndReason::Logout);
            }
        });
        let guard = live.hold(ID, mark);
        endings.join().unwrap();
        assert!(guard.is_ended() || guard.is_unverified());
    });
}

#[test]
fn loom_a_gap_leaves_no_connection_that_is_neither_held_nor_unverified() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let mark = live.mark();
        let gap = thread::spawn({
            let live = live.clone();
            move || {
                live.record_gap();
                live.held()
            }
        });
        let guard = live.hold(ID, mark);
        let held = gap.join().unwrap();
        assert!(held.contains(&ID) || guard.is_unverified());
    });
}

#[test]
fn loom_a_connection_that_leaves_does_not_take_a_new_one_with_it() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let mark = live.mark();
        let old = live.hold(ID, mark);
        let leaving = thread::spawn(move || drop(old));
        let ending = thread::spawn({
            let live = live.clone();
            move || live.ended(ID, EndReason::Logout)
        });
        let new = live.hold(ID, mark);
        leaving.join().unwrap();
        let told = ending.join().unwrap();
        assert!(new.is_ended());
        assert!(told <= 2);
        drop(new);
        assert!(live.is_empty());
    });
}

#[test]
fn loom_whoever_concludes_knows_what_was_cut_whoever_was_told_first() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let guard = live.hold(ID, live.mark());
        let told = thread::spawn({
            let live = live.clone();
            move || {
                live.ended(ID, EndReason::Logout);
                // As its handler does then.
                drop(guard);
            }
        });
        let cut = live.conclude(ID, EndReason::Logout, Duration::ZERO);
        assert_eq!(cut, Some(1));
        told.join().unwrap();
        assert!(live.is_empty());
    });
}

#[test]
fn loom_an_ending_is_seen_by_whoever_learns_that_it_was_recorded() {
    loom::model(|| {
        let live = Live::with_memory(4);
        let mark = live.mark();
        let ending = thread::spawn({
            let live = live.clone();
            move || live.ended(ID, EndReason::Logout)
        });
        let other = thread::spawn({
            let live = live.clone();
            move || live.ended(OTHER, EndReason::Forced)
        });
        // Whatever is known meanwhile, it is not wrong.
        match live.since(mark, ID) {
            Since::Ended(reason) => assert_eq!(reason, EndReason::Logout),
            Since::Lost => panic!("nothing was lost"),
            Since::Nothing => {}
        }
        ending.join().unwrap();
        assert_eq!(live.since(mark, ID), Since::Ended(EndReason::Logout));
        other.join().unwrap();
        assert_eq!(live.since(mark, OTHER), Since::Ended(EndReason::Forced));
    });
}
