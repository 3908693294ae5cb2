//! What a gRPC client understands.

use super::{Answer, Refusal, client::Grpc};
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
    let mut answer = Response::new(Bytes::new());
    let headers = answer.headers_mut();
    let content_type = match kind {
        Grpc::Native => "application/grpc",
        Grpc::Web => "application/grpc-web+proto",
        Grpc::WebText => "application/grpc-web-text+proto",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(STATUS, status);
    // The code of a reason is a word of a-z, 0-9 and '-'.
    if let Ok(message) = HeaderValue::try_from(message) {
        headers.insert(MESSAGE, message);
    }
    answer
}

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");
const UNAUTHENTICATED: HeaderValue = HeaderValue::from_static("16");
