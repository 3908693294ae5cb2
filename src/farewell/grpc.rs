//! What a gRPC client understands.

use super::{Answer, Refusal, client::Grpc};
use crate::policy::LogOutRefusal;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header::CONTENT_TYPE};

/// A response without messages, whose headers are its trailers ("Trailers-Only"), with HTTP status
/// 200: clients make the wrong status of any other.
pub(super) fn refused(kind: Grpc, refusal: &Refusal) -> Answer {
    let (status, message) = match refusal {
        Refusal::Ended(reason) => (UNAUTHENTICATED, format!("the session ended: {reason}")),
        Refusal::Ambiguous | Refusal::NoSession => {
            (UNAUTHENTICATED, "a session is needed".to_owned())
        }
        Refusal::NotFresh { .. } => (UNAUTHENTICATED, "log in again for this".to_owned()),
        Refusal::Outdated => (UNAUTHENTICATED, "the session token was replaced".to_owned()),
        Refusal::Unavailable | Refusal::Unjudged => {
            (UNAVAILABLE, "the session cannot be checked now".to_owned())
        }
    };
    trailers_only(kind, status, &message)
}

/// The same for a request that was no honest log-out or extension.
pub(super) fn forbidden(kind: Grpc, refusal: LogOutRefusal) -> Answer {
    let message = format!("the request was refused: {}", refusal.code());
    trailers_only(kind, PERMISSION_DENIED, &message)
}

/// The answer to a log-out: one message without fields, as which every message type can be read, and the
/// status "OK". Without a message clients take a call that went well for one that was cut.
pub(super) fn done(kind: Grpc) -> Answer {
    let mut answer = Response::new(Bytes::from_static(match kind {
        Grpc::Native => EMPTY_MESSAGE,
        Grpc::Web => WEB,
        Grpc::WebText => WEB_TEXT,
    }));
    if kind == Grpc::Native {
        answer.extensions_mut().insert(OkInTrailers);
    }
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, content_type(kind));
    answer
}

/// In the extensions of an answer: its body is followed by the trailers of a call that went well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OkInTrailers;

fn trailers_only(kind: Grpc, status: HeaderValue, message: &str) -> Answer {
    let mut answer = Response::new(Bytes::new());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, content_type(kind));
    headers.insert(STATUS, status);
    // Codes are words of a-z, 0-9 and '-', which need no percent-encoding.
    if let Ok(message) = HeaderValue::from_str(message) {
        headers.insert(MESSAGE, message);
    }
    answer
}

const fn content_type(kind: Grpc) -> HeaderValue {
    HeaderValue::from_static(match kind {
        Grpc::Native => "application/grpc",
        Grpc::Web => "application/grpc-web+proto",
        Grpc::WebText => "application/grpc-web-text+proto",
    })
}

/// Not compressed, of no bytes.
const EMPTY_MESSAGE: &[u8] = b"\0\0\0\0\0";
/// gRPC-Web: the trailers are a frame of the body.
const WEB: &[u8] = b"\0\0\0\0\0\x80\0\0\0\x0fgrpc-status:0\r\n";
/// The same in base64.
const WEB_TEXT: &[u8] = b"AAAAAACAAAAAD2dycGMtc3RhdHVzOjANCg==";

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const PERMISSION_DENIED: HeaderValue = HeaderValue::from_static("7");
const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");
const UNAUTHENTICATED: HeaderValue = HeaderValue::from_static("16");
