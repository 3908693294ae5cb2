//! The negotiated answer.

use super::{
    Answer, Client, FarewellConfig, Past, Refusal, Wish, grpc,
    page::refusal_page,
    reply::{hx_redirect, json, problem, see_other, to_be_tried_again, unavailable, varying},
};
use crate::{
    carrier::Via,
    policy::{LogOutRefusal, RequestFacts},
    reason::EndReason,
    terminate::Ended,
};
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{ACCEPT_LANGUAGE, WWW_AUTHENTICATE},
};
use std::time::Duration;

/// The answer to a log-out that fits the client: a redirect to the exit page for a person, a short
/// JSON document for a program, an empty message for gRPC.
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

impl FarewellConfig {
    /// The answer to a request that is refused. `language`: what a person asks for, as
    /// [`language_of`](Self::language_of) kept it.
    pub(crate) fn refuse(
        &self,
        facts: &RequestFacts,
        via: Option<Via>,
        refusal: &Refusal,
        past: Option<&Past>,
        language: &[u8],
    ) -> Answer {
        let client = Client::of(facts, via);
        if let Client::Grpc(kind) = client {
            return grpc::refused(kind, refusal);
        }
        let unchecked = match refusal {
            Refusal::Unavailable => Some("store-unavailable"),
            Refusal::Unjudged => Some("policy-unavailable"),
            _ => None,
        };
        if let Some(code) = unchecked {
            let answer = match client {
                Client::Page => to_be_tried_again(refusal_page(self, refusal, None, language)),
                Client::Grpc(_) | Client::Htmx | Client::Program => unavailable(code),
            };
            return varying(answer, self.by_client());
        }
        let untold = past.and_then(|past| past.untold(facts));
        let page = match refusal {
            Refusal::Ended(reason) => Some(self.exits.of(reason)),
            // Without a page to log in the answer itself is what tells.
            Refusal::NoSession => self
                .exits
                .log_in
                .as_deref()
                .map(|log_in| untold.map_or(log_in, |reason| self.exits.of(reason))),
            Refusal::Ambiguous
            | Refusal::NotFresh { .. }
            | Refusal::Outdated
            | Refusal::Unavailable
            | Refusal::Unjudged => self.exits.log_in.as_deref(),
        };
        let answer = match (client, page) {
            (Client::Htmx, Some(page)) => hx_redirect(page),
            (Client::Page, Some(page)) => see_other(page),
            (Client::Page, None) => {
                let page = refusal_page(self, refusal, untold, language);
                self.challenging(page, via, refusal)
            }
            (Client::Grpc(_) | Client::Program, _) | (Client::Htmx, None) => {
                self.unauthorized(via, refusal)
            }
        };
        varying(answer, self.by_client())
    }

    /// The languages that this request asks for, kept for the case that it is refused: nothing
    /// unless there are several, and somebody reads the answer.
    #[inline]
    pub(crate) fn language_of(
        &self,
        facts: &RequestFacts,
        headers: &HeaderMap,
    ) -> Option<Box<[u8]>> {
        if self.texts.are_several() && facts.is_navigation() {
            languages(headers)
        } else {
            None
        }
    }

    const fn by_client(&self) -> &'static str {
        if self.texts.are_several() {
            BY_CLIENT_AND_LANGUAGE
        } else {
            BY_CLIENT
        }
    }

    /// The answer to a log-out; without a reason there was nothing to end.
    pub(crate) fn part(
        &self,
        facts: &RequestFacts,
        via: Option<Via>,
        ended: Option<&EndReason>,
    ) -> Answer {
        let page = self.exits.of(ended.unwrap_or(&EndReason::Logout));
        let answer = match Client::of(facts, via) {
            Client::Grpc(kind) => return grpc::done(kind),
            Client::Htmx => hx_redirect(page),
            Client::Page => see_other(page),
            Client::Program => {
                let reason = ended.map(EndReason::code);
                json(&serde_json::json!({ "ended": ended.is_some(), "reason": reason }))
            }
        };
        varying(answer, BY_CLIENT)
    }

    /// The answer to a request that was no honest log-out or extension, where the one that the handler
    /// gave is not understood: every client but gRPC's knows a 403 and a 405.
    pub(crate) fn forbid(
        facts: &RequestFacts,
        via: Option<Via>,
        refusal: LogOutRefusal,
    ) -> Option<Answer> {
        match Client::of(facts, via) {
            Client::Grpc(kind) => Some(grpc::forbidden(kind, refusal)),
            Client::Htmx | Client::Page | Client::Program => None,
        }
    }

    /// What a program understands.
    fn unauthorized(&self, via: Option<Via>, refusal: &Refusal) -> Answer {
        let (code, title) = match refusal {
            Refusal::Ended(reason) => (reason.code(), "The session has ended"),
            Refusal::NotFresh { .. } => ("reauthentication-required", "Log in again for this"),
            Refusal::Outdated => ("outdated", "The session token was replaced"),
            Refusal::Ambiguous | Refusal::NoSession | Refusal::Unavailable | Refusal::Unjudged => {
                ("no-session", "A session is needed")
            }
        };
        let answer = problem(StatusCode::UNAUTHORIZED, code, title);
        self.challenging(answer, via, refusal)
    }

    fn challenging(&self, mut answer: Answer, via: Option<Via>, refusal: &Refusal) -> Answer {
        if let Refusal::NotFresh { max_age } = refusal {
            self.challenge_again(answer.headers_mut(), via, *max_age);
        } else {
            self.challenge(answer.headers_mut(), via);
        }
        answer
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

/// What [`Client::of`], the marker and `Clear-Site-Data` depend on.
const BY_CLIENT: &str = "Accept, Authorization, Cookie, HX-Request, Sec-Fetch-Dest, \
                         Sec-Fetch-Mode, Sec-Fetch-Site, Sec-Purpose, Turbo-Frame, \
                         X-Requested-With, X-Turbo-Request-Id";

/// The same, where a page has several languages.
const BY_CLIENT_AND_LANGUAGE: &str = "Accept, Accept-Language, Authorization, Cookie, HX-Request, \
                                      Sec-Fetch-Dest, Sec-Fetch-Mode, Sec-Fetch-Site, \
                                      Sec-Purpose, Turbo-Frame, X-Requested-With, \
                                      X-Turbo-Request-Id";

#[cold]
fn languages(headers: &HeaderMap) -> Option<Box<[u8]>> {
    headers.get(ACCEPT_LANGUAGE).map(|it| it.as_bytes().into())
}
