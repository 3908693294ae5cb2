//! Keeps other sites' pages from acting in a user's name: the browser adds the cookie to what they
//! send.

use crate::page;
use adjourn::{
    Session,
    policy::{LogOutRefusal, RequestFacts, judge_log_out},
};
use axum::{extract::Request, http::Method, middleware::Next, response::Response};

/// Refuses requests that another site caused, if they change something. WebSockets, which browsers
/// open across sites without asking anybody, are judged by adjourn: see `streams`.
pub(crate) async fn only(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    // The rules for a log-out (`Sec-Fetch-Site`, else `Origin`) fit every request with an effect;
    // they ask for POST, so that is what they are told.
    let as_post = RequestFacts::read(&Method::POST, request.uri(), request.headers());
    match judge_log_out(&as_post, false, None) {
        // No proof is neither header: no browser, so nobody's browser was made to send it. Only the
        // log-out itself is stricter.
        Ok(()) | Err(LogOutRefusal::NoProof) => next.run(request).await,
        Err(refusal) => {
            tracing::warn!(why = refusal.code(), "refused a request of another site");
            let session = request.extensions().get::<Session>();
            let viewer = session.and_then(Session::subject);
            let why = "The request did not come from this site.";
            page::refused(&RequestFacts::of(&request), viewer.as_ref(), why)
        }
    }
}
