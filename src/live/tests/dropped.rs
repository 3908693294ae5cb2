//! What is inside a body is dropped by the cut, whatever it does meanwhile.

use super::body::{ID, Polled, Script, Then, guarded, poll, text};
use crate::{
    live::{CutStyle, Live, SessionBody},
    reason::EndReason,
};
use bytes::Bytes;
use http_body::{Body, Frame};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

// A peer that does not read keeps its server from polling.
#[test]
fn a_cut_drops_what_is_inside_though_nobody_polls() {
    for style in [CutStyle::Abort, CutStyle::EventStream, CutStyle::Grpc] {
        let live = Live::default();
        let (script, alive) = Script::new(&["half"], Then::Forever);
        let mut body = guarded(&live, script, style);
        assert_eq!(text(&mut body), "half");
        live.ended(ID, EndReason::Forced);
        assert_eq!(Arc::strong_count(&alive), 1, "{style:?}");
        assert!(!body.is_end_stream(), "{style:?}: it has something to say");
        assert!(poll(&mut body, Waker::noop()).is_ready());
        assert!(body.is_end_stream(), "{style:?}");
    }
    let live = Live::default();
    let (script, alive) = Script::new(&[], Then::Wait);
    let _body = guarded(&live, script, CutStyle::Abort);
    live.cut_unavailable();
    assert_eq!(Arc::strong_count(&alive), 1, "nor when nobody can say");
}

#[test]
fn what_is_inside_of_a_body_that_was_cut_from_the_start_is_dropped() {
    let live = Live::default();
    let mark = live.mark();
    live.ended(ID, EndReason::Logout);
    let (script, alive) = Script::new(&[], Then::Wait);
    let _body = SessionBody::guarded(script, live.hold(ID, mark), CutStyle::Abort);
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// A body of the worst kind: does something while it is polled, and when it is dropped.
struct Unruly(Box<dyn FnMut() -> Polled<Script> + Send>, Option<Arc<()>>);

impl Body for Unruly {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Polled<Self> {
        (self.0)()
    }
}

impl Drop for Unruly {
    fn drop(&mut self) {
        assert!(self.1.is_some(), "a destructor of the application");
    }
}

#[test]
fn a_body_that_ends_its_own_session_while_it_is_polled_is_dropped_and_cut() {
    for waits in [false, true] {
        let live = Live::default();
        let (ends, alive) = (live.clone(), Arc::new(()));
        let poll_it = move || {
            ends.ended(ID, EndReason::Logout);
            if waits {
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(Frame::data(Bytes::from("last")))))
        };
        let unruly = Unruly(Box::new(poll_it), Some(Arc::clone(&alive)));
        let guard = live.hold(ID, live.mark());
        let mut body = SessionBody::guarded(unruly, guard, CutStyle::Abort);
        if !waits {
            assert_eq!(text(&mut body), "last");
            assert_eq!(Arc::strong_count(&alive), 1, "when it was given back");
        }
        assert!(matches!(
            poll(&mut body, Waker::noop()),
            Poll::Ready(Some(Err(_)))
        ));
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn a_body_that_panics_when_it_is_dropped_keeps_no_other_from_being_cut() {
    let live = Live::default();
    let unruly = Unruly(Box::new(|| Poll::Pending), None);
    let _first = SessionBody::guarded(unruly, live.hold(ID, live.mark()), CutStyle::Abort);
    let (script, alive) = Script::new(&[], Then::Wait);
    let _second = guarded(&live, script, CutStyle::Abort);
    let unruly = Unruly(Box::new(|| Poll::Pending), None);
    let _third = SessionBody::guarded(unruly, live.hold(ID, live.mark()), CutStyle::Abort);
    assert_eq!(live.ended(ID, EndReason::Logout), 3);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_body_that_panicked_does_not_look_complete() {
    let live = Live::default();
    let unruly = Unruly(
        Box::new(|| panic!("a body of the application")),
        Some(Arc::new(())),
    );
    let guard = live.hold(ID, live.mark());
    let mut body = SessionBody::guarded(unruly, guard, CutStyle::EventStream);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        poll(&mut body, Waker::noop()).is_ready()
    }));
    polled.unwrap_err();
    assert!(!body.is_end_stream());
    assert!(matches!(
        poll(&mut body, Waker::noop()),
        Poll::Ready(Some(Err(_)))
    ));
    assert!(live.is_empty());
}
