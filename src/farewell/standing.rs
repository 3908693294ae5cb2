//! What the endpoint for it says of a session that is not live, as the client script needs it.

use super::{Answer, FarewellConfig, Marker, Refusal, no_store, reply::problem_with};
use crate::{carrier::Via, reason::EndReason};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_SECURITY_POLICY, VARY},
};

impl FarewellConfig {
    /// Why the request has no live session, where a person goes now, and whether they may come back
    /// to the page. Always a document, also for who navigates here, as only programs ask.
    ///
    /// `marker`: that of the request, of an ending that another tab met first.
    pub(crate) fn standing(
        &self,
        refusal: &Refusal,
        via: Option<Via>,
        marker: Option<&Marker>,
    ) -> Answer {
        let (state, title, reason) = match refusal {
            Refusal::Ended(reason) => ("ended", "The session has ended", Some(reason)),
            Refusal::Outdated => ("outdated", "The session token was replaced", None),
            Refusal::Ambiguous
            | Refusal::NoSession
            | Refusal::NotFresh { .. }
            | Refusal::Unavailable
            | Refusal::Unjudged => {
                let reason = marker.map(|marker| &marker.reason);
                ("none", "A session is needed", reason)
            }
        };
        let code = match (reason, refusal) {
            (Some(reason), _) => reason.code(),
            (None, Refusal::Outdated) => "outdated",
            (None, _) => "no-session",
        };
        let may_return = self.returns.is_some() && reason.is_some_and(EndReason::is_timeout);
        let members = [
            ("state", state.into()),
            (
                "exit",
                self.exits.of(reason.unwrap_or(&EndReason::Lost)).into(),
            ),
            ("log_in", self.exits.log_in.as_deref().into()),
            ("may_return", may_return.into()),
        ];
        let mut answer = problem_with(StatusCode::UNAUTHORIZED, code, title, members);
        private(answer.headers_mut());
        self.challenge(answer.headers_mut(), via);
        answer
    }
}

/// For the pages of this site only, and not to be kept, executed or framed by anybody.
pub(crate) fn private(headers: &mut HeaderMap) {
    no_store(headers);
    cross_origin(headers);
    headers.insert(VARY, HeaderValue::from_static("sec-fetch-site, origin"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
}

/// No other site's page may load it (ASVS 3.5.8).
pub(crate) fn cross_origin(headers: &mut HeaderMap) {
    let name = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(name, HeaderValue::from_static("same-origin"));
}
