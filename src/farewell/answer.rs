//! The negotiated answer: one function says what each client gets.

use super::{FarewellConfig, grpc};
use crate::{
    carrier::Via,
    policy::{RequestFacts, RequestMethod},
    reason::EndReason,
    session::{Doubt, Standing},
    terminate::Ended,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use std::time::Duration;

/// Why a request is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// Two live sessions under one cookie name: none is believed.
    Ambiguous,
    /// The session ended.
    Ended(EndReason),
    /// There is no session, or none that we issued.
    NoSession,
    /// The user proved too long ago who they are; the session lives on.
    NotFresh {
        /// How long ago it may be.
        max_age: Duration,
    },
    /// The secret was replaced.
    Outdated,
    /// The store failed.
    Unavailable,
    /// A policy could not judge; the session lives on.
    Unjudged,
}

/// Why a request that needs a live session is refused.
pub(crate) fn refusal_of(standing: &Standing) -> Option<Refusal> {
    match standing {
        Standing::Live(_) => None,
        Standing::Ambiguous(_) => Some(Refusal::Ambiguous),
        Standing::Anonymous => Some(Refusal::NoSession),
        Standing::Doubted(doubted) => Some(doubted.doubt.into()),
        Standing::Ended { reason, .. } => Some(Refusal::Ended(reason.clone())),
        Standing::Outdated(_) => Some(Refusal::Outdated),
    }
}

impl From<Doubt> for Refusal {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::NotFresh { max_age, .. } => Self::NotFresh { max_age },
            Doubt::Unjudged => Self::Unjudged,
        }
    }
}

/// What a handler wishes its response to be; the layer makes it, because only the layer knows the
/// request and the configuration. Travels in the extensions of the response.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// The answer to a log-out.
    Farewell,
    /// The refusal of a request that needs a live session, or a fresh one.
    Refuse(Refusal),
}

/// The answer to a log-out that fits the client: a redirect to the exit page for a person, a short
/// JSON document for a program.
///
/// Return it from a handler; the [`SessionLayer`](crate::SessionLayer) makes the response. Any other
/// response of the handler is kept as well, with the headers of the ending added.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use adjourn::{Farewell, Session, session::LogOutError};
///
/// async fn log_out(session: Session) -> Result<Farewell, LogOutError> {
///     Ok(session.log_out().await?.into())
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a farewell does nothing unless it is returned as the response"]
pub struct Farewell(());

impl From<Ended> for Farewell {
    fn from(_receipt: Ended) -> Self {
        Self(())
    }
}

impl Farewell {
    /// The response to return where there is no axum.
    pub fn into_http_response<B: Default>(self) -> Response<B> {
        Wish::Farewell.into_response(StatusCode::NO_CONTENT)
    }
}

impl Wish {
    /// A response that says what is wished, with a status for those who look at it before the
    /// layer.
    pub(crate) fn into_response<B: Default>(self, status: StatusCode) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = status;
        response.extensions_mut().insert(self);
        response
    }
}

/// A response of our own, before the headers of the ending are added.
pub(crate) type Answer = Response<Bytes>;

impl FarewellConfig {
    /// The answer to a request that is refused.
    pub(crate) fn refuse(
        &self,
        facts: &RequestFacts,
        via: Option<Via>,
        refusal: &Refusal,
    ) -> Answer {
        if facts.is_grpc() && facts.method() == RequestMethod::Post {
            return grpc::refused(refusal);
        }
        match refusal {
            Refusal::Unavailable => return unavailable("store-unavailable"),
            Refusal::Unjudged => return unavailable("policy-unavailable"),
            _ => {}
        }
        if facts.is_navigation() && via != Some(Via::Bearer) {
            let page = match refusal {
                Refusal::Ended(reason) => Some(self.exits.of(reason)),
                Refusal::Ambiguous
                | Refusal::NoSession
                | Refusal::NotFresh { .. }
                | Refusal::Outdated
                | Refusal::Unavailable
                | Refusal::Unjudged => self.exits.log_in.as_deref(),
            };
            if let Some(page) = page {
                return see_other(page);
            }
        }
        let (code, title) = match refusal {
            Refusal::Ended(reason) => (reason.code(), "The session has ended"),
            Refusal::NotFresh { .. } => ("reauthentication-required", "Log in again for this"),
            Refusal::Outdated => ("outdated", "The session token was replaced"),
            Refusal::Ambiguous | Refusal::NoSession | Refusal::Unavailable | Refusal::Unjudged => {
                ("no-session", "A session is needed")
            }
        };
        let mut answer = problem(StatusCode::UNAUTHORIZED, code, title);
        if let Refusal::NotFresh { max_age } = refusal {
            self.challenge_again(answer.headers_mut(), via, *max_age);
        } else {
            self.challenge(answer.headers_mut(), via);
        }
        answer
    }

    /// The answer to a log-out; without a reason there was nothing to end.
    pub(crate) fn part(
        &self,
        facts: &RequestFacts,
        via: Option<Via>,
        ended: Option<&EndReason>,
    ) -> Answer {
        if facts.is_navigation() && via != Some(Via::Bearer) {
            return see_other(self.exits.of(ended.unwrap_or(&EndReason::Logout)));
        }
        let reason = ended.map(EndReason::code);
        let body = serde_json::json!({ "ended": ended.is_some(), "reason": reason });
        with_body(StatusCode::OK, JSON, &body)
    }

    /// RFC 9110 section 11.6.1: a 401 has a challenge. Never `Basic`, which opens a dialog.
    pub(crate) fn challenge(&self, headers: &mut HeaderMap, via: Option<Via>) {
        if self.bearer {
            // RFC 6750 section 3.1: no error code when no token was sent.
            let value = match via {
                Some(Via::Bearer) => r#"Bearer realm="session", error="invalid_token""#,
                Some(Via::Cookie) | None => r#"Bearer realm="session""#,
            };
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        if self.cookie.is_some() && via != Some(Via::Bearer) {
            let value = HeaderValue::from_static(r#"Cookie realm="session""#);
            headers.append(WWW_AUTHENTICATE, value);
        }
    }

    /// RFC 9470 section 3: the token is good, but the log-in behind it is too old. The same words
    /// for the cookie.
    fn challenge_again(&self, headers: &mut HeaderMap, via: Option<Via>, max_age: Duration) {
        let scheme = if via == Some(Via::Bearer) || self.cookie.is_none() {
            "Bearer"
        } else {
            "Cookie"
        };
        let value = format!(
            "{scheme} realm=\"session\", error=\"insufficient_user_authentication\", \
             error_description=\"More recent authentication is required\", max_age=\"{}\"",
            max_age.as_secs()
        );
        // Digits and fixed text are always a header value.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
}

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

/// A problem document (RFC 9457) with a stable reason; it names nobody.
pub(crate) fn problem(status: StatusCode, code: &str, title: &str) -> Answer {
    let body = serde_json::json!({
        "type": format!("urn:adjourn:problem/{code}"),
        "title": title,
        "status": status.as_u16(),
        "reason": code,
    });
    with_body(status, PROBLEM_JSON, &body)
}

fn unavailable(code: &str) -> Answer {
    let mut answer = problem(
        StatusCode::SERVICE_UNAVAILABLE,
        code,
        "The session cannot be checked now",
    );
    answer
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

fn with_body(status: StatusCode, content_type: HeaderValue, body: &serde_json::Value) -> Answer {
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
