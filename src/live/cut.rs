//! How a body ends that is cut.

use crate::reason::EndReason;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body::Body;

/// How a streaming body ends when its session does.
///
/// A body that merely stopped would look complete, so only formats that can say otherwise end
/// cleanly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CutStyle {
    /// With the error [`SessionEnded`]: HTTP/1.1 closes the connection inside the message, HTTP/2
    /// resets the stream.
    Abort,
    /// With the event `session-ended`, whose data is `{"reason":"idle-timeout"}`, and cleanly.
    ///
    /// If the cut falls into a half-written event, that one becomes the `session-ended` event:
    /// what it has of `data` comes as lines before ours. So a client is told in any case, and
    /// never takes half of an event for a whole one.
    EventStream,
    /// With the trailers `grpc-status: 16` (UNAUTHENTICATED) and `grpc-message`.
    Grpc,
}

impl CutStyle {
    /// How the body of this response to `method` is to be cut. `None` if it need not be guarded:
    /// it is whole (its size is known), or it is none (HEAD, CONNECT, 1xx, 204, 205, 304).
    ///
    /// A `text/event-stream` with a `Content-Encoding` or a `Content-Length` is aborted: our
    /// event would stand behind compressed bytes, or not fit. So is gRPC-Web, which carries its
    /// trailers inside the body and may be in the middle of a message.
    pub fn of<B: Body>(method: &Method, response: &Response<B>) -> Option<Self> {
        let body = response.body();
        if bodiless(method, response.status())
            || body.is_end_stream()
            || body.size_hint().exact().is_some()
        {
            return None;
        }
        let headers = response.headers();
        let whole_number = headers.contains_key(CONTENT_LENGTH);
        let encoded = headers.contains_key(CONTENT_ENCODING);
        Some(match essence(headers).as_slice() {
            b"text/event-stream" if !encoded && !whole_number => Self::EventStream,
            grpc if is_grpc(grpc) => Self::Grpc,
            _ => Self::Abort,
        })
    }
}

/// The session of a response ended before its body was complete.
///
/// The error with which a body ends that was cut ([`CutStyle::Abort`]).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the session ended: {reason}")]
pub struct SessionEnded {
    reason: EndReason,
}

impl SessionEnded {
    pub(super) const fn new(reason: EndReason) -> Self {
        Self { reason }
    }

    /// Why.
    pub const fn reason(&self) -> &EndReason {
        &self.reason
    }
}

/// The store could not say for so long whether the session of a response is live that the response
/// was cut: see [`with_outage_grace`](crate::SessionsBuilder::with_outage_grace).
///
/// The error with which every body ends then but gRPC's, also a `text/event-stream`: its session has
/// not ended as far as anybody knows, and a client may try again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the session could not be verified for too long")]
#[non_exhaustive]
pub struct SessionUnverified;

/// The last event of a stream that was cut after the byte `last`.
///
/// No blank line comes first: it would dispatch a half-written event as if it were whole. Our
/// `event` field names its type instead, as the last one of an event does (HTML, 9.2.6). Only a
/// line that was begun must be ended first.
pub(super) fn last_event(reason: &EndReason, last: u8) -> Bytes {
    let newline = if matches!(last, b'\n' | b'\r') {
        ""
    } else {
        "\n"
    };
    // A code is a word of a-z, 0-9 and '-': it needs no escaping, here or in the trailers.
    Bytes::from(format!(
        "{newline}event: session-ended\ndata: {{\"reason\":\"{reason}\"}}\n\n"
    ))
}

/// The trailers of a gRPC call that was cut.
pub(super) fn grpc_trailers(reason: &EndReason) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert("grpc-status", HeaderValue::from_static("16"));
    if let Ok(message) = HeaderValue::try_from(format!("the session ended: {reason}")) {
        trailers.insert("grpc-message", message);
    }
    trailers
}

/// The trailers of a gRPC call whose session could not be verified: 14 (UNAVAILABLE).
pub(super) fn unavailable_trailers() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert("grpc-status", HeaderValue::from_static("14"));
    let message = HeaderValue::from_static("the session could not be verified");
    trailers.insert("grpc-message", message);
    trailers
}

/// The trailers of a gRPC call that went well.
pub(super) fn ok_trailers() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers
}

/// Whether there is no body, whatever the response says.
fn bodiless(method: &Method, status: StatusCode) -> bool {
    method == Method::HEAD
        || (method == Method::CONNECT && status.is_success())
        || status.is_informational()
        || matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        )
}

/// The media type in lower case, without its parameters.
fn essence(headers: &HeaderMap) -> Vec<u8> {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let essence = value.unwrap_or_default().split(|byte| *byte == b';').next();
    essence
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase()
}

/// `application/grpc`, `application/grpc+proto`; not `application/grpc-web`.
fn is_grpc(essence: &[u8]) -> bool {
    match essence.strip_prefix(b"application/grpc") {
        Some(rest) => rest.first().is_none_or(|byte| *byte == b'+'),
        None => false,
    }
}
