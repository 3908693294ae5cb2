//! The page on which people land after an ending.

use super::answer::Answer;
use crate::{
    farewell::{no_store, signed_out, still_signed_in},
    layer::Core,
    live::SessionBody,
    session::Session,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY},
};

/// `GET signed-out`.
pub(super) fn page(core: &Core, session: Option<&Session>, request: &HeaderMap) -> Answer {
    let config = &core.farewell;
    let body = if session.is_some_and(Session::is_live) {
        still_signed_in()
    } else {
        let marker = config.marker_of(request);
        let reason = marker
            .map(|marker| marker.reason)
            .or_else(|| session.and_then(Session::end_reason));
        signed_out(reason.as_ref(), config.exits.log_in.as_deref())
    };
    let mut response = Response::new(SessionBody::ours(body));
    let headers = response.headers_mut();
    for (name, value) in PAGE_HEADERS {
        headers.insert(name, value);
    }
    no_store(headers);
    response
}

/// The page needs nothing but its own styles, and nobody may frame it.
const PAGE_HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; \
             base-uri 'none'; form-action 'none'",
        ),
    ),
];
