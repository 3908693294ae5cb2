//! Holding, ending, forgetting.

use super::waker::CountingWaker;
use crate::{
    id::SessionId,
    live::{Live, LiveGuard, Since},
    reason::EndReason,
    time::Timestamp,
};
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

fn id(n: u8) -> SessionId {
    SessionId::from_bytes([n; SessionId::LEN])
}

#[test]
fn an_ending_cuts_every_connection_of_its_session_and_no_other() {
    let live = Live::default();
    let mark = live.mark();
    let (first, second) = (live.hold(id(1), mark), live.hold(id(1), mark));
    let other = live.hold(id(2), mark);

    assert_eq!(live.ended(id(1), EndReason::IdleTimeout), 2);

    assert!(first.is_ended() && second.is_ended());
    assert_eq!(second.reason(), Some(EndReason::IdleTimeout));
    assert!(!other.is_ended());
    assert_eq!(other.reason(), None);
    assert_eq!(live.held(), [id(2)]);
}

#[test]
fn the_first_reason_stands_and_a_second_telling_cuts_nobody() {
    let live = Live::default();
    let guard = live.hold(id(1), live.mark());
    assert_eq!(live.ended(id(1), EndReason::Forced), 1);
    assert_eq!(live.ended(id(1), EndReason::Logout), 0);
    assert_eq!(guard.reason(), Some(EndReason::Forced));
}

#[test]
fn what_an_outage_cut_is_not_counted_as_cut_by_the_ending() {
    let live = Live::default();
    let guard = live.hold(id(1), live.mark());
    assert_eq!(live.cut_unavailable(), 1);
    let ended = live.conclude(id(1), EndReason::Logout, Duration::ZERO);
    assert_eq!(ended, Some(0));
    assert!(guard.is_unavailable());
}

#[test]
fn the_number_that_was_cut_is_kept_for_whoever_concludes_and_handed_out_once() {
    let live = Live::default();
    let (first, second) = (live.hold(id(1), live.mark()), live.hold(id(1), live.mark()));
    let before = live.mark();
    live.ended(id(1), EndReason::Logout);
    drop((first, second));
    // Came too late to be counted.
    let late = live.hold(id(1), before);
    assert!(late.is_ended());
    let conclude = || live.conclude(id(1), EndReason::Logout, Duration::ZERO);
    assert_eq!(conclude(), Some(2));
    drop(late);
    assert_eq!(conclude(), Some(0));
}

#[test]
fn a_connection_held_after_the_ending_is_cut_from_the_start() {
    let live = Live::default();
    let mark = live.mark();
    assert_eq!(live.ended(id(1), EndReason::Logout), 0);
    let guard = live.hold(id(1), mark);
    assert_eq!(guard.reason(), Some(EndReason::Logout));
    assert!(!guard.is_unverified());
}

#[test]
fn what_is_not_known_is_unverified() {
    let live = Live::with_memory(1);
    let mark = live.mark();
    live.ended(id(1), EndReason::Logout);
    live.ended(id(2), EndReason::Logout);
    assert!(live.hold(id(1), mark).is_unverified());

    let mark = live.mark();
    live.record_gap();
    let guard = live.hold(id(3), mark);
    assert!(guard.is_unverified());
    live.ended(id(3), EndReason::Logout);
    assert!(guard.is_ended(), "an unverified guard is cut as any other");
    assert!(!live.hold(id(4), live.mark()).is_unverified());
}

#[test]
fn what_is_held_is_due_once_and_leaves_nothing_behind() {
    let (live, now) = (Live::default(), Timestamp::from_unix_millis(1_000_000));
    let deadline = now.saturating_add(Duration::from_mins(15));
    let mark = live.mark();
    let guards: Vec<_> = (0..3)
        .map(|_| live.hold_until(id(1), mark, Some(deadline)))
        .collect();
    let cut = live.hold_until(id(2), mark, Some(deadline));
    live.ended(id(2), EndReason::Logout);
    assert_eq!(live.agenda_len(), 2, "one place for each session");

    let before = deadline.saturating_sub(Duration::from_millis(1));
    assert_eq!(live.due(before), []);
    assert_eq!(
        live.due(deadline),
        [id(1)],
        "what was cut is nobody's matter"
    );
    let again = deadline.saturating_add(Duration::from_secs(30));
    live.moved(id(1), again);
    assert_eq!(live.due(deadline), []);
    assert_eq!(live.due(again), [id(1)]);
    live.moved(id(1), again);

    drop((guards, cut));
    assert_eq!((live.len(), live.agenda_len()), (0, 0));
    live.moved(id(1), again);
    assert_eq!(live.agenda_len(), 0, "nothing is entered of what has left");
}

#[test]
fn the_last_guard_takes_the_session_with_it() {
    let live = Live::default();
    let mark = live.mark();
    let (first, second) = (live.hold(id(1), mark), live.hold(id(1), mark));
    drop(first);
    assert_eq!((live.len(), live.is_empty()), (1, false));
    assert_eq!(live.ended(id(1), EndReason::Logout), 1);
    drop(second);
    assert!(live.is_empty());
}

#[test]
fn waiting_wakes_once_and_a_dropped_wait_leaves_nothing() {
    let live = Live::default();
    let guard = live.hold(id(1), live.mark());
    let (waker, count) = CountingWaker::new();
    let (unused, unused_count) = CountingWaker::new();
    {
        let mut dropped = pin!(guard.ended());
        let mut cx = Context::from_waker(&unused);
        assert!(dropped.as_mut().poll(&mut cx).is_pending());
    }
    let mut waiting = pin!(guard.ended());
    let mut cx = Context::from_waker(&waker);
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    assert!(waiting.as_mut().poll(&mut cx).is_pending());

    live.ended(id(1), EndReason::Logout);
    live.ended(id(1), EndReason::Logout);

    assert_eq!((count.get(), unused_count.get()), (1, 0));
    let ready = waiting.as_mut().poll(&mut cx);
    assert_eq!(ready, Poll::Ready(EndReason::Logout));
}

#[test]
fn a_waiter_that_moves_to_another_task_is_woken_there() {
    let live = Live::default();
    let mut guard = live.hold(id(1), live.mark());
    let (old, old_count) = CountingWaker::new();
    let (new, new_count) = CountingWaker::new();
    for waker in [&old, &new] {
        let polled = guard.poll_ended(&mut Context::from_waker(waker));
        assert!(polled.is_pending());
    }
    live.ended(id(1), EndReason::Logout);
    assert_eq!((old_count.get(), new_count.get()), (0, 1));
}

#[test]
fn a_waker_may_come_back_while_it_is_dropped_or_woken() {
    let live = Live::default();
    let mark = live.mark();
    let mut guard = live.hold(id(1), mark);
    // Each waker owns another guard of the same session, which it drops with itself.
    let nested = || Waker::from(std::sync::Arc::new(Nested(live.hold(id(1), mark))));
    for _ in 0..2 {
        let polled = guard.poll_ended(&mut Context::from_waker(&nested()));
        assert!(polled.is_pending());
    }
    assert_eq!(live.ended(id(1), EndReason::Logout), 2);
    drop(guard);
    assert!(live.is_empty());
}

#[test]
fn nothing_leaks_when_threads_hold_drop_and_end() {
    let live = Live::default();
    let hold_and_drop = |ends: bool| {
        for round in 0..2_000_u16 {
            let id = id(u8::try_from(round % 5).unwrap());
            let guard = live.hold(id, live.mark());
            if ends {
                live.ended(id, EndReason::Logout);
                assert!(guard.is_ended());
            }
        }
    };
    thread::scope(|scope| {
        for n in 0..4 {
            let hold_and_drop = &hold_and_drop;
            scope.spawn(move || hold_and_drop(n == 0));
        }
    });
    assert!(live.is_empty());
    assert_eq!(live.held(), []);
}

#[test]
fn ten_thousand_connections_of_one_session_are_cut() {
    let live = Live::default();
    let mark = live.mark();
    let (waker, count) = CountingWaker::new();
    let mut guards: Vec<LiveGuard> = (0..10_000).map(|_| live.hold(id(1), mark)).collect();
    for guard in &mut guards {
        let polled = guard.poll_ended(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    assert_eq!(live.ended(id(1), EndReason::Logout), 10_000);
    assert_eq!(count.get(), 10_000);
    assert_eq!(live.since(mark, id(1)), Since::Ended(EndReason::Logout));
}

#[test]
fn debug_names_the_session_and_its_state() {
    let live = Live::default();
    let guard = live.hold(id(0), live.mark());
    assert_eq!(
        format!("{guard:?}"),
        "LiveGuard { id: SessionId(AAAAAAAAAAAAAAAAAAAAAA), ended: false, unverified: false, .. }"
    );
    assert_eq!(
        format!("{live:?}"),
        "Live { endings: Endings { count: 0, .. }, sessions: 1, .. }"
    );
}

struct Nested(#[expect(dead_code, reason = "held to be dropped")] LiveGuard);

impl std::task::Wake for Nested {
    fn wake(self: std::sync::Arc<Self>) {}
}

#[test]
fn what_cannot_be_verified_is_cut_and_whoever_comes_later_is_not() {
    let live = Live::default();
    let mark = live.mark();
    let (first, second) = (live.hold(id(1), mark), live.hold(id(2), mark));
    let ended = live.hold(id(3), mark);
    live.ended(id(3), EndReason::Logout);
    assert_eq!(live.cut_unavailable(), 2);
    assert_eq!(live.cut_unavailable(), 0, "once");
    for guard in [&first, &second] {
        assert!(guard.is_ended() && guard.is_unavailable());
        assert_eq!(guard.reason(), Some(EndReason::Lost));
    }
    assert!(!ended.is_unavailable(), "the first reason stands");
    assert_eq!(live.since(mark, id(1)), Since::Nothing, "it may go on");

    let later = live.hold(id(1), live.mark());
    assert!(!later.is_ended(), "the store answered since");
    assert_eq!(live.held(), [id(1)]);
    assert_eq!(live.ended(id(1), EndReason::Forced), 2);
    assert_eq!(later.reason(), Some(EndReason::Forced));
    assert!(first.is_unavailable() && !later.is_unavailable());
    drop((first, later));
    assert_eq!(live.len(), 2, "both were counted");
}
