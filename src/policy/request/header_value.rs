//! Readers of single header values: bytes in, a yes or no or a kind out.

use http::HeaderValue;

/// What `Accept` names first of what is told apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Accept {
    EventStream,
    Html,
    Json,
    #[default]
    Other,
    TurboStream,
}

impl Accept {
    /// Looks into a further header line where the former did not decide.
    #[inline]
    pub(super) fn or(self, value: &HeaderValue) -> Self {
        match (self, value.as_bytes()) {
            // As most programs ask.
            (Self::Other, b"*/*") => Self::Other,
            (Self::Other, ranges) => Self::first(ranges),
            (Self::EventStream | Self::Html | Self::Json | Self::TurboStream, _) => self,
        }
    }

    fn first(ranges: &[u8]) -> Self {
        // As browsers navigate.
        if ranges.starts_with(b"text/html,") {
            return Self::Html;
        }
        ranges
            .split(|byte| *byte == b',')
            .find_map(Self::of)
            .unwrap_or_default()
    }

    fn of(range: &[u8]) -> Option<Self> {
        let media_type = essence(range);
        let is = |name: &[u8]| media_type.eq_ignore_ascii_case(name);
        if is(b"text/html") || is(b"application/xhtml+xml") {
            Some(Self::Html)
        } else if is(b"application/json") || is_suffixed(media_type, b"+json") {
            Some(Self::Json)
        } else if is(b"text/event-stream") {
            Some(Self::EventStream)
        } else if is(b"text/vnd.turbo-stream.html") {
            Some(Self::TurboStream)
        } else {
            None
        }
    }
}

/// A media type or token without its parameters.
fn essence(value: &[u8]) -> &[u8] {
    value
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

fn is_suffixed(text: &[u8], suffix: &[u8]) -> bool {
    text.split_at_checked(text.len().saturating_sub(suffix.len()))
        .is_some_and(|(_, end)| end.eq_ignore_ascii_case(suffix))
}

pub(super) fn is_prefetch(value: &HeaderValue) -> bool {
    essence(value.as_bytes()).eq_ignore_ascii_case(b"prefetch")
}

pub(super) fn names_websocket(value: &HeaderValue) -> bool {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// A gRPC call, by its `Content-Type`, with any encoding of the messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Grpc {
    Native,
    Web,
    WebText,
}

impl Grpc {
    pub(super) fn of(value: &HeaderValue) -> Option<Self> {
        let media_type = essence(value.as_bytes());
        let end = media_type.iter().position(|byte| *byte == b'+');
        let (name, _encoding) = media_type.split_at_checked(end.unwrap_or(media_type.len()))?;
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        if is(b"application/grpc") {
            Some(Self::Native)
        } else if is(b"application/grpc-web") {
            Some(Self::Web)
        } else if is(b"application/grpc-web-text") {
            Some(Self::WebText)
        } else {
            None
        }
    }
}
