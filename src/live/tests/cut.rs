//! Which responses are guarded, and how they are cut.

use crate::{
    live::{CutStyle, SessionEnded, cut::last_event},
    reason::EndReason,
};
use bytes::Bytes;
use http::{Method, Response};
use http_body::{Body, Frame, SizeHint};
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

/// A body that says how large it is and no more.
struct Sized(SizeHint);

impl Body for Sized {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        self.0
    }
}

fn style(method: &Method, status: u16, headers: &[(&str, &str)]) -> Option<CutStyle> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    CutStyle::of(method, &response.body(Sized(SizeHint::new())).unwrap())
}

// R-14-10, R-14-11
#[test]
fn the_format_decides_how_a_stream_is_cut() {
    use CutStyle::{Abort, EventStream, Grpc};
    let cases = [
        ("text/event-stream", EventStream),
        ("Text/Event-Stream ; charset=utf-8", EventStream),
        ("text/event-streams", Abort),
        ("application/grpc", Grpc),
        ("application/grpc+proto", Grpc),
        ("application/grpc;x=y", Grpc),
        ("application/grpc-web", Abort),
        ("application/grpc-web-text+proto", Abort),
        ("application/grpcs", Abort),
        ("application/octet-stream", Abort),
        ("", Abort),
    ];
    for (kind, expected) in cases {
        let headers = [("content-type", kind)];
        assert_eq!(style(&Method::GET, 200, &headers), Some(expected), "{kind}");
    }
    assert_eq!(style(&Method::GET, 200, &[]), Some(Abort));
    assert_eq!(style(&Method::POST, 500, &[]), Some(Abort));
}

#[test]
fn an_event_cannot_stand_behind_compressed_or_counted_bytes() {
    for extra in [("content-encoding", "gzip"), ("content-length", "10")] {
        let headers = [("content-type", "text/event-stream"), extra];
        assert_eq!(
            style(&Method::GET, 200, &headers),
            Some(CutStyle::Abort),
            "{extra:?}"
        );
    }
}

#[test]
fn a_response_without_a_body_is_not_guarded() {
    for status in [101, 204, 205, 304] {
        assert_eq!(style(&Method::GET, status, &[]), None, "{status}");
    }
    assert_eq!(style(&Method::HEAD, 200, &[]), None);
    assert_eq!(style(&Method::CONNECT, 200, &[]), None);
    assert_eq!(style(&Method::CONNECT, 400, &[]), Some(CutStyle::Abort));
}

#[test]
fn a_body_of_known_size_is_not_guarded() {
    let exact = Response::new(Sized(SizeHint::with_exact(3)));
    assert_eq!(CutStyle::of(&Method::GET, &exact), None);
    let whole = Response::new(http_body_util::Full::new(Bytes::from("x")));
    assert_eq!(CutStyle::of(&Method::GET, &whole), None);
    let mut at_most = SizeHint::new();
    at_most.set_upper(3);
    let at_most = Response::new(Sized(at_most));
    assert_eq!(CutStyle::of(&Method::GET, &at_most), Some(CutStyle::Abort));
}

/// What an `EventSource` dispatches: HTML 9.2.6, as far as types and data go.
fn dispatched(stream: &str) -> Vec<(String, String)> {
    let (mut events, mut kind, mut data) = (Vec::new(), String::new(), String::new());
    let stream = stream.replace("\r\n", "\n").replace('\r', "\n");
    // What follows the last line end is no line.
    let lines = stream.rsplit_once('\n').map_or("", |(lines, _)| lines);
    for line in lines.split('\n') {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                let (kind, data) = (std::mem::take(&mut kind), std::mem::take(&mut data));
                if let Some(data) = data.strip_suffix('\n') {
                    events.push((kind, data.to_owned()));
                }
            }
            "event" => value.clone_into(&mut kind),
            "data" => data.extend([value, "\n"]),
            _ => {}
        }
    }
    events
}

// R-14-10
#[test]
fn wherever_a_stream_is_cut_the_client_is_told_and_no_half_event_passes_for_a_whole() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = ": hi\n\nevent: pay\ndata: 1000\ndata: EUR\n\nid: 7\ndata: 2000\n\n";
        let stream = stream.replace('\n', end);
        let whole = dispatched(&stream);
        assert_eq!(whole.len(), 2);
        for cut in 0..=stream.len() {
            let sent = &stream[..cut];
            let last = sent.bytes().last().unwrap_or(b'\n');
            let ours = last_event(&EndReason::IdleTimeout, last);
            let seen = dispatched(&format!("{sent}{}", str::from_utf8(&ours).unwrap()));

            let (told, before) = seen.split_last().unwrap();
            assert_eq!(told.0, "session-ended", "cut at {cut}");
            let last_line = told.1.lines().last();
            assert_eq!(last_line, Some(r#"{"reason":"idle-timeout"}"#));
            assert_eq!(before, dispatched(sent), "cut at {cut}");
            assert!(whole.starts_with(before));
        }
    }
}

#[test]
fn the_error_names_the_reason() {
    let error = SessionEnded::new(EndReason::SubjectDisabled);
    assert_eq!(error.to_string(), "the session ended: subject-disabled");
    assert_eq!(error.reason(), &EndReason::SubjectDisabled);
}
