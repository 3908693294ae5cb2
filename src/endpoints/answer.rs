//! The parts that answers are made of.

use super::EndpointsBody;
use crate::{
    carrier::Via,
    farewell::{Refusal, Wish, no_store, problem, refusal_of},
    layer::Core,
    live::SessionBody,
    policy::LogOutRefusal,
    reason::EndReason,
    session::Session,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ALLOW, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use http_body::Body;
use serde_json::{Value, json};

/// The response of an endpoint.
pub(super) type Answer = Response<EndpointsBody>;

/// A JSON document.
pub(super) fn json(body: &Value) -> Answer {
    document(StatusCode::OK, "application/json", body)
}

/// The request has no live session: why, and where a person goes now. Always a document, also for
/// who navigates here, as only programs ask.
pub(super) fn not_live(core: &Core, session: &Session, request: &HeaderMap) -> Answer {
    let refusal = refusal_of(&session.standing()).unwrap_or(Refusal::NoSession);
    let (state, reason, title) = match &refusal {
        Refusal::Ended(reason) => ("ended", reason.code(), "The session has ended"),
        Refusal::Outdated => ("outdated", "outdated", "The session token was replaced"),
        _ => ("none", "no-session", "A session is needed"),
    };
    let exits = &core.farewell.exits;
    let exit = match &refusal {
        Refusal::Ended(reason) => exits.of(reason),
        // The marker of an ending that another tab met first.
        _ => core.farewell.marker_of(request).map_or_else(
            || exits.of(&EndReason::Lost),
            |marker| exits.of(&marker.reason),
        ),
    };
    let body = json!({
        "type": format!("urn:adjourn:problem/{reason}"),
        "title": title,
        "status": 401,
        "reason": reason,
        "state": state,
        "exit": exit,
        "log_in": exits.log_in,
    });
    let mut answer = document(StatusCode::UNAUTHORIZED, "application/problem+json", &body);
    core.farewell.challenge(answer.headers_mut(), session.via());
    answer
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
    fault(refusal.status(), refusal.code(), title)
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

/// No other site's page may load it (ASVS 3.5.8).
pub(super) fn cross_origin(headers: &mut HeaderMap) {
    let name = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(name, HeaderValue::from_static("same-origin"));
}

fn document(status: StatusCode, content_type: &'static str, body: &Value) -> Answer {
    let mut answer = Response::new(SessionBody::ours(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    private(headers);
    answer
}

/// For the pages of this site only, and not to be kept, executed or framed by anybody.
fn private(headers: &mut HeaderMap) {
    no_store(headers);
    cross_origin(headers);
    headers.insert(VARY, HeaderValue::from_static("sec-fetch-site, origin"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
}
