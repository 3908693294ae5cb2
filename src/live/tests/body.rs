//! Bodies, whole and cut.

use super::waker::CountingWaker;
use crate::{
    id::SessionId,
    live::{CutStyle, Live, SessionBody, SessionEnded, SessionUnverified},
    reason::EndReason,
};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use std::{
    collections::VecDeque,
    fmt,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

pub(super) const ID: SessionId = SessionId::from_bytes([1; SessionId::LEN]);

pub(super) type Polled<B> = Poll<Option<Result<Frame<Bytes>, <B as Body>::Error>>>;

/// A body that gives its chunks and then ends, waits, or fails; knows when it is dropped.
pub(super) struct Script {
    chunks: VecDeque<&'static str>,
    then: Then,
    alive: Arc<()>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Then {
    End,
    Fail,
    Forever,
    Wait,
}

impl Script {
    pub(super) fn new(chunks: &[&'static str], then: Then) -> (Self, Arc<()>) {
        let alive = Arc::new(());
        let body = Self {
            chunks: chunks.iter().copied().collect(),
            then,
            alive: Arc::clone(&alive),
        };
        (body, alive)
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Polled<Self> {
        assert_eq!(Arc::strong_count(&self.alive), 2);
        let chunk = self.chunks.pop_front().map(Bytes::from);
        match (chunk, self.then) {
            (Some(chunk), _) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            (None, Then::End) => Poll::Ready(None),
            (None, Then::Fail) => Poll::Ready(Some(Err("inner".to_owned()))),
            (None, Then::Forever) => Poll::Ready(Some(Ok(Frame::data(Bytes::from("x"))))),
            (None, Then::Wait) => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.then == Then::End && self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(1);
        hint
    }
}

pub(super) fn poll<B: Body<Data = Bytes> + Unpin>(body: &mut B, waker: &Waker) -> Polled<B> {
    Pin::new(body).poll_frame(&mut Context::from_waker(waker))
}

fn next<B: Body<Data = Bytes, Error: fmt::Debug> + Unpin>(body: &mut B) -> Option<Frame<Bytes>> {
    match poll(body, Waker::noop()) {
        Poll::Ready(frame) => frame.map(Result::unwrap),
        Poll::Pending => panic!("it waits"),
    }
}

pub(super) fn text<B: Body<Data = Bytes, Error: fmt::Debug> + Unpin>(body: &mut B) -> String {
    let data = next(body).unwrap().into_data().unwrap();
    String::from_utf8(data.to_vec()).unwrap()
}

pub(super) fn guarded(live: &Live, body: Script, style: CutStyle) -> SessionBody<Script> {
    SessionBody::guarded(body, live.hold(ID, live.mark()), style)
}

#[test]
fn a_plain_body_passes_through_and_registers_nothing() {
    let live = Live::default();
    let (waker, count) = CountingWaker::new();
    let (script, _alive) = Script::new(&["a"], Then::Wait);
    let mut body = SessionBody::plain(script);
    assert_eq!(text(&mut body), "a");
    assert!(poll(&mut body, &waker).is_pending());
    live.ended(ID, EndReason::Logout);
    assert!(live.is_empty());
    assert_eq!(count.get(), 0);
    assert!(poll(&mut body, &waker).is_pending());

    let full = SessionBody::plain(Full::new(Bytes::from("abc")));
    assert_eq!(full.size_hint().exact(), Some(3));
    assert!(!full.is_end_stream());
}

#[test]
fn our_own_body_is_its_bytes() {
    let mut body = SessionBody::<Script>::ours("abc");
    assert_eq!(body.size_hint().exact(), Some(3));
    assert!(!body.is_end_stream());
    assert_eq!(text(&mut body), "abc");
    assert!(body.is_end_stream());
    assert!(next(&mut body).is_none());
}

#[test]
fn the_default_is_empty_whatever_the_inner_body_is() {
    struct NoBody;
    let debug = format!("{:?}", SessionBody::<NoBody>::default());
    assert_eq!(debug, "SessionBody::Ours { bytes: 0 }");
    let mut body = SessionBody::<Full<Bytes>>::default();
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(next(&mut body).is_none());
    assert!(SessionBody::<Script>::ours("").is_end_stream());
}

#[test]
fn a_download_that_is_cut_fails_and_drops_its_source_at_once() {
    let live = Live::default();
    let (script, alive) = Script::new(&["half"], Then::Wait);
    let mut body = guarded(&live, script, CutStyle::Abort);
    assert_eq!(text(&mut body), "half");
    live.ended(ID, EndReason::Forced);

    let Poll::Ready(Some(Err(error))) = poll(&mut body, Waker::noop()) else {
        panic!("it does not fail");
    };
    let ended = error.downcast_ref::<SessionEnded>().unwrap();
    assert_eq!(ended.reason(), &EndReason::Forced);
    assert_eq!(Arc::strong_count(&alive), 1);
    assert!(live.is_empty());
    assert!(next(&mut body).is_none());
}

// R-14-10
#[test]
fn an_event_stream_that_waits_is_woken_and_ends_with_its_event() {
    let live = Live::default();
    let (waker, count) = CountingWaker::new();
    let (script, alive) = Script::new(&["data: 1\n\n"], Then::Wait);
    let mut body = guarded(&live, script, CutStyle::EventStream);
    assert_eq!(text(&mut body), "data: 1\n\n");
    assert!(poll(&mut body, &waker).is_pending());
    assert_eq!(count.get(), 0);

    live.ended(ID, EndReason::IdleTimeout);

    assert_eq!(count.get(), 1);
    let event = "event: session-ended\ndata: {\"reason\":\"idle-timeout\"}\n\n";
    assert_eq!(text(&mut body), event);
    assert_eq!(Arc::strong_count(&alive), 1);
    assert!(body.is_end_stream());
    assert!(next(&mut body).is_none());
}

#[test]
fn the_event_ends_a_line_that_was_begun_in_another_frame() {
    let live = Live::default();
    let (script, _alive) = Script::new(&["data: 1\n\nda", "ta: 2", ""], Then::Wait);
    let mut body = guarded(&live, script, CutStyle::EventStream);
    for _ in 0..3 {
        next(&mut body);
    }
    live.ended(ID, EndReason::Logout);
    assert!(text(&mut body).starts_with("\nevent: session-ended\n"));
}

// R-14-11
#[test]
fn a_grpc_stream_ends_with_its_status() {
    let live = Live::default();
    let (script, _alive) = Script::new(&["half"], Then::Wait);
    let mut body = guarded(&live, script, CutStyle::Grpc);
    next(&mut body);
    live.ended(ID, EndReason::Logout);

    let trailers = next(&mut body).unwrap().into_trailers().unwrap();
    let mut expected = HeaderMap::new();
    expected.insert("grpc-status", "16".parse().unwrap());
    expected.insert("grpc-message", "the session ended: logout".parse().unwrap());
    assert_eq!(trailers, expected);
    assert!(next(&mut body).is_none());
}

#[test]
fn what_cannot_be_verified_is_told_apart_from_an_ending() {
    for style in [CutStyle::Abort, CutStyle::EventStream] {
        let live = Live::default();
        let mut body = guarded(&live, Script::new(&["data: a\n\n"], Then::Wait).0, style);
        live.cut_unavailable();
        let Poll::Ready(Some(Err(error))) = poll(&mut body, Waker::noop()) else {
            panic!("{style:?}: it must not look complete")
        };
        assert!(error.is::<SessionUnverified>(), "{style:?}: {error}");
        assert!(body.is_end_stream() && live.is_empty());
    }
    let live = Live::default();
    let mut body = guarded(&live, Script::new(&[], Then::Wait).0, CutStyle::Grpc);
    live.cut_unavailable();
    let trailers = next(&mut body).unwrap().into_trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "14");
}

#[test]
fn a_body_that_is_always_ready_is_cut_and_registers_no_waker() {
    let live = Live::default();
    let (waker, count) = CountingWaker::new();
    let (script, _alive) = Script::new(&[], Then::Forever);
    let mut body = guarded(&live, script, CutStyle::Abort);
    for _ in 0..100 {
        assert!(matches!(poll(&mut body, &waker), Poll::Ready(Some(Ok(_)))));
    }
    live.ended(ID, EndReason::Logout);
    assert_eq!(count.get(), 0);
    assert!(matches!(poll(&mut body, &waker), Poll::Ready(Some(Err(_)))));
}

#[test]
fn a_session_that_had_ended_lets_no_byte_out() {
    let live = Live::default();
    let mark = live.mark();
    live.ended(ID, EndReason::Logout);
    let (script, _alive) = Script::new(&["secret"], Then::End);
    let mut body = SessionBody::guarded(script, live.hold(ID, mark), CutStyle::EventStream);
    assert!(text(&mut body).starts_with("event: session-ended\n"));
    assert!(next(&mut body).is_none());
}

#[test]
fn a_body_that_ended_or_failed_gives_its_guard_back() {
    let live = Live::default();
    let (script, _alive) = Script::new(&["all"], Then::End);
    let mut body = guarded(&live, script, CutStyle::Abort);
    assert_eq!(text(&mut body), "all");
    assert!(live.is_empty(), "the inner body said that this was the end");
    live.ended(ID, EndReason::Logout);
    assert!(next(&mut body).is_none(), "a whole body is not cut");

    let (script, _alive) = Script::new(&[], Then::Fail);
    let mut body = guarded(&live, script, CutStyle::EventStream);
    let Poll::Ready(Some(Err(error))) = poll(&mut body, Waker::noop()) else {
        panic!("it does not fail");
    };
    assert_eq!(error.to_string(), "inner");
    assert!(live.is_empty());
    assert!(next(&mut body).is_none());
}

#[test]
fn a_dropped_body_gives_its_guard_back() {
    let live = Live::default();
    let (waker, count) = CountingWaker::new();
    let (script, _alive) = Script::new(&[], Then::Wait);
    let mut body = guarded(&live, script, CutStyle::Abort);
    assert!(poll(&mut body, &waker).is_pending());
    assert_eq!(live.len(), 1);
    drop(body);
    assert!(live.is_empty());
    assert_eq!(live.ended(ID, EndReason::Logout), 0);
    assert_eq!(count.get(), 0);
}

#[test]
fn a_stream_that_may_end_early_promises_no_size() {
    let live = Live::default();
    let lower = |style| {
        let (script, _alive) = Script::new(&[], Then::Wait);
        guarded(&live, script, style).size_hint().lower()
    };
    assert_eq!(lower(CutStyle::Abort), 1);
    assert_eq!(lower(CutStyle::EventStream), 0);
    assert_eq!(lower(CutStyle::Grpc), 0);
}

#[tokio::test]
async fn a_whole_guarded_body_collects_as_it_is() {
    let live = Live::default();
    let (script, _alive) = Script::new(&["a", "b"], Then::End);
    let body = pin!(guarded(&live, script, CutStyle::EventStream));
    assert_eq!(body.collect().await.unwrap().to_bytes(), "ab");
    assert!(live.is_empty());
}

#[test]
fn debug_shows_no_content() {
    let live = Live::default();
    let (script, _alive) = Script::new(&["secret"], Then::Wait);
    let debug = format!("{:?}", guarded(&live, script, CutStyle::Abort));
    assert!(debug.starts_with("SessionBody::Guarded { guard: LiveGuard"));
    let debug = debug + &format!("{:?}", SessionBody::<Script>::ours("secret"));
    assert!(!debug.contains("secret"), "{debug}");
}

#[test]
fn bodies_and_guards_move_between_threads_and_stay_small() {
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<SessionBody<Full<Bytes>>>();
    send_and_sync::<crate::live::LiveGuard>();
    assert!(size_of::<SessionBody<Pin<Box<Full<Bytes>>>>>() <= 40);
}
