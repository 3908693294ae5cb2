//! The parts that answers are made of.

use super::EndpointsBody;
use crate::{
    carrier::Via,
    farewell::{Refusal, Wish, private, problem, refusal_of},
    layer::Core,
    live::SessionBody,
    policy::LogOutRefusal,
    session::Session,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use http_body::Body;
use serde_json::Value;

/// The response of an endpoint.
pub(super) type Answer = Response<EndpointsBody>;

/// A JSON document.
pub(super) fn json(body: &Value) -> Answer {
    let mut answer = Response::new(SessionBody::ours(Bytes::from(body.to_string())));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    private(headers);
    answer
}

/// The request has no live session: why, and where a person goes now.
pub(super) fn not_live(core: &Core, session: &Session, request: &HeaderMap) -> Answer {
    let refusal = refusal_of(&session.standing()).unwrap_or(Refusal::NoSession);
    let farewell = &core.farewell;
    let marker = farewell.marker_of(request);
    let answer = farewell.standing(&refusal, session.via(), marker.as_ref());
    answer.map(SessionBody::ours)
}

/// The request comes from elsewhere than this site.
pub(super) fn refused(refusal: LogOutRefusal) -> Answer {
    let title = match refusal {
        LogOutRefusal::CrossSite => "Another site asked",
        LogOutRefusal::Method => "Another method is needed",
        LogOutRefusal::NoProof => {
            "Nothing says where the request comes from: it has neither Sec-Fetch-Site nor Origin \
             (with curl, add -H 'Sec-Fetch-Site: same-origin')"
        }
        LogOutRefusal::OriginMismatch => "Another origin asked",
        LogOutRefusal::OriginNotConfigured => {
            "The request has no Sec-Fetch-Site, and its Origin cannot be compared: set the \
             application's own with with_origin(\"https://...\")"
        }
        LogOutRefusal::OriginNull => "An origin that the browser hides asked",
        LogOutRefusal::SameSite => "A sibling host asked",
    };
    let mut answer = fault(refusal.status(), refusal.code(), title);
    answer.extensions_mut().insert(Wish::Forbid(refusal));
    answer
}

/// A problem document of an endpoint.
pub(super) fn fault(status: StatusCode, code: &str, title: &str) -> Answer {
    let mut answer = problem(status, code, title).map(SessionBody::ours);
    private(answer.headers_mut());
    answer
}

/// What the layer makes the answer of, as it does for every route.
pub(super) fn wish(wish: Wish, status: StatusCode) -> Answer {
    wish.into_response(status)
}

/// The store failed: nothing is known, and nothing ended.
pub(super) fn unavailable() -> Answer {
    wish(
        Wish::Refuse(Refusal::Unavailable),
        StatusCode::SERVICE_UNAVAILABLE,
    )
}

/// Adds what methods there are.
pub(super) fn allow(mut answer: Answer, methods: HeaderValue) -> Answer {
    answer.headers_mut().insert(ALLOW, methods);
    answer
}

/// Without its body where the method asks for none, and with its length all the same.
pub(super) fn for_method(method: &Method, mut answer: Answer) -> Answer {
    if *method != Method::HEAD {
        return answer;
    }
    if let Some(length @ 1..) = answer.body().size_hint().exact() {
        answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    answer.map(|_| SessionBody::empty())
}

pub(super) fn is_bearer(session: &Session) -> bool {
    session.via() == Some(Via::Bearer)
}
