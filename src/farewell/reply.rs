//! Ready-made responses.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, VARY},
};
use serde_json::{Map, Value};

/// A response of our own, before the headers of the ending are added.
pub(crate) type Answer = Response<Bytes>;

/// A redirect after which every method becomes GET (RFC 9110 section 15.4.4).
pub(super) fn see_other(path: &str) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    // Configured paths were checked to be header values.
    if let Ok(location) = HeaderValue::from_str(path) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// A redirect for htmx, which heeds no header of a 3xx response: the script navigates.
pub(super) fn hx_redirect(path: &str) -> Answer {
    let mut answer = Response::new(Bytes::new());
    // Configured paths were checked to be header values.
    if let Ok(location) = HeaderValue::from_str(path) {
        answer.headers_mut().insert(HX_REDIRECT, location);
    }
    answer
}

/// A problem document (RFC 9457) with a stable reason; it names nobody.
pub(crate) fn problem(status: StatusCode, code: &str, title: &str) -> Answer {
    problem_with(status, code, title, [])
}

/// The same with further members.
pub(super) fn problem_with<const N: usize>(
    status: StatusCode,
    code: &str,
    title: &str,
    members: [(&str, Value); N],
) -> Answer {
    let always = [
        ("type", format!("urn:adjourn:problem/{code}").into()),
        ("title", title.into()),
        ("status", status.as_u16().into()),
        ("reason", code.into()),
    ];
    let members = always.into_iter().chain(members);
    let body: Map<_, _> = members
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    with_body(status, PROBLEM_JSON, &Value::Object(body))
}

/// The session cannot be judged: what failed, says the code.
pub(super) fn unavailable(code: &str) -> Answer {
    let title = "The session cannot be checked now";
    to_be_tried_again(problem(StatusCode::SERVICE_UNAVAILABLE, code, title))
}

/// Says when to ask again.
pub(super) fn to_be_tried_again(mut answer: Answer) -> Answer {
    let seconds = HeaderValue::from_static("5");
    answer.headers_mut().insert(RETRY_AFTER, seconds);
    answer
}

/// A JSON document.
pub(super) fn json(body: &Value) -> Answer {
    with_body(StatusCode::OK, JSON, body)
}

/// Says that the answer depends on what kind of client asked: whoever stores it all the same must
/// not show it to another.
pub(super) fn varying(mut answer: Answer, on: &'static str) -> Answer {
    let on = HeaderValue::from_static(on);
    answer.headers_mut().insert(VARY, on);
    answer
}

fn with_body(status: StatusCode, content_type: HeaderValue, body: &Value) -> Answer {
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer.headers_mut().insert(NOSNIFF.0, NOSNIFF.1);
    answer
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const NOSNIFF: (HeaderName, HeaderValue) = (
    http::header::X_CONTENT_TYPE_OPTIONS,
    HeaderValue::from_static("nosniff"),
);

pub(super) const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
