//! The responses that the errors of sessions become.

use super::{
    Answer, Refusal, Wish, refusal_of,
    reply::{problem, varying},
};
use crate::{
    policy::LogOutRefusal,
    session::{
        EndOthersError, ExtendError, LogOutError, RotateError, ScratchError, SocketRefused,
        StartError, UpdateError, ValueError, Why,
    },
    store,
    terminate::EndError,
};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::ALLOW};
use std::io::ErrorKind;

impl LogOutError {
    /// The response to return, also where there is no axum: 405 with `Allow: POST` or 403 when the
    /// request was no honest log-out, 503 when the store failed.
    pub fn into_http_response<B: Default + From<Bytes>>(self) -> Response<B> {
        match self {
            Self::Refused(refusal) => refused(refusal).map(B::from),
            Self::Store(error) => error.into_http_response(),
        }
    }
}

impl ExtendError {
    /// The response to return, also where there is no axum: 401 with the reason without a live
    /// session, 405 with `Allow: POST` or 403 when the request is none to extend, 503 when the
    /// store failed.
    pub fn into_http_response<B: Default + From<Bytes>>(self) -> Response<B> {
        let refusal = match self {
            Self::Ended(reason) => Refusal::Ended(reason),
            Self::NoSession => Refusal::NoSession,
            Self::Outdated => Refusal::Outdated,
            Self::Refused(refusal) => return not_extended(refusal).map(B::from),
            Self::Store(error) => return error.into_http_response(),
        };
        Wish::Refuse(refusal).into_response(StatusCode::UNAUTHORIZED)
    }
}

impl store::Error {
    /// The response to return, also where there is no axum: 503, as when the layer itself cannot
    /// reach the store.
    pub fn into_http_response<B: Default>(self) -> Response<B> {
        unavailable()
    }
}

impl EndOthersError {
    /// The response to return, also where there is no axum: 401 without a session, 503 when the
    /// store failed.
    pub fn into_http_response<B: Default>(self) -> Response<B> {
        match self {
            Self::NoSubject => no_session(),
            Self::Store(error) => error.into_http_response(),
        }
    }
}

impl EndError {
    /// The response to return, also where there is no axum: 503.
    pub fn into_http_response<B: Default>(self) -> Response<B> {
        unavailable()
    }
}

impl ScratchError {
    /// The response to return, also where there is no axum: 401 without a session, 507 when the disk
    /// is full, 500 for what is a mistake of the server's.
    pub fn into_http_response<B: Default + From<Bytes>>(self) -> Response<B> {
        let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
        match &self {
            Self::NoSession => no_session(),
            Self::Io(error) if full.contains(&error.kind()) => {
                tracing::error!(target: "adjourn", "there is no room for scratch directories");
                let title = "There is no room for files now";
                problem(StatusCode::INSUFFICIENT_STORAGE, "storage-full", title).map(B::from)
            }
            Self::Io(error) => {
                tracing::error!(target: "adjourn", %error, "{self}");
                mistake()
            }
            Self::NoRoot => {
                tracing::error!(target: "adjourn", "{self}");
                mistake()
            }
        }
    }
}

impl StartError {
    /// The response to return, also where there is no axum: 503 when the store or the audit trail failed, 409 at the
    /// limit of sessions and for an outdated ticket, 500 for what is a mistake of the server's.
    pub fn into_http_response<B: Default + From<Bytes>>(self) -> Response<B> {
        match &self {
            Self::AuditUnavailable | Self::End(_) | Self::Store(_) => unavailable(),
            Self::LimitReached(_) => {
                problem(StatusCode::CONFLICT, "limit-reached", &self.to_string()).map(B::from)
            }
            Self::Outdated => {
                problem(StatusCode::CONFLICT, "log-in-outdated", &self.to_string()).map(B::from)
            }
            Self::Subject(_) | Self::Values(_) => {
                tracing::error!(target: "adjourn", error = %self, "a log-in cannot work");
                mistake()
            }
        }
    }
}

impl ValueError {
    /// The response to return, also where there is no axum: 401 without a session, 413 when the
    /// values are too large, 500 for what is a mistake of the server's.
    pub fn into_http_response<B: Default + From<Bytes>>(self) -> Response<B> {
        match &self {
            Self::NoSession => no_session(),
            Self::TooLarge { .. } => {
                let title = "The session's values are too large";
                problem(StatusCode::PAYLOAD_TOO_LARGE, "values-too-large", title).map(B::from)
            }
            Self::Decode { .. } | Self::Encode { .. } | Self::Name { .. } => {
                tracing::error!(target: "adjourn", error = %self, "a session value cannot work");
                mistake()
            }
        }
    }
}

impl UpdateError {
    /// The response to return, also where there is no axum: 409 when others kept changing the
    /// session, 503 when the store failed, else like [`ValueError`].
    pub fn into_http_response<B: Default + From<Bytes>>(self) -> Response<B> {
        match self {
            Self::Contended => problem(StatusCode::CONFLICT, "contended", "Try again").map(B::from),
            Self::Store(_) => unavailable(),
            Self::Value(error) => error.into_http_response(),
        }
    }
}

impl RotateError {
    /// The response to return, also where there is no axum: 401 without a session or when another
    /// rotation came first, 503 when the store failed, 500 for what is a mistake of the server's.
    pub fn into_http_response<B: Default + From<Bytes>>(self) -> Response<B> {
        match &self {
            Self::Bearer => {
                tracing::error!(target: "adjourn", error = %self, "a rotation cannot work");
                mistake()
            }
            Self::NoSession => no_session(),
            Self::Outdated => {
                Wish::Refuse(Refusal::Outdated).into_response(StatusCode::UNAUTHORIZED)
            }
            Self::Store(_) => unavailable(),
        }
    }
}

fn no_session<B: Default>() -> Response<B> {
    Wish::Refuse(Refusal::NoSession).into_response(StatusCode::UNAUTHORIZED)
}

fn unavailable<B: Default>() -> Response<B> {
    Wish::Refuse(Refusal::Unavailable).into_response(StatusCode::SERVICE_UNAVAILABLE)
}

fn mistake<B: From<Bytes>>() -> Response<B> {
    let title = "The server made a mistake";
    problem(StatusCode::INTERNAL_SERVER_ERROR, "server-error", title).map(B::from)
}

impl SocketRefused {
    /// The response to return, also where there is no axum: 403 to a page that may not open a
    /// socket here, else what the layer makes the negotiated answer of, a 401.
    pub fn into_http_response<B: Default + From<Bytes>>(self) -> Response<B> {
        match self.into_why() {
            Why::NotLive(standing) => {
                let refusal = refusal_of(&standing).unwrap_or(Refusal::NoSession);
                Wish::Refuse(refusal).into_response(StatusCode::UNAUTHORIZED)
            }
            Why::Origin(refusal) => {
                let answer = problem(refusal.status(), refusal.code(), &refusal.to_string());
                varying(answer, BY_ORIGIN).map(B::from)
            }
        }
    }
}

fn not_extended(refusal: LogOutRefusal) -> Answer {
    let title = ExtendError::Refused(refusal).to_string();
    with_allow(refusal, problem(refusal.status(), refusal.code(), &title))
}

fn refused(refusal: LogOutRefusal) -> Answer {
    let answer = problem(refusal.status(), refusal.code(), &refusal.to_string());
    with_allow(refusal, answer)
}

fn with_allow(refusal: LogOutRefusal, mut answer: Answer) -> Answer {
    if refusal.status() == StatusCode::METHOD_NOT_ALLOWED {
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    answer.extensions_mut().insert(Wish::Forbid(refusal));
    varying(answer, BY_ORIGIN)
}

/// Fetch Metadata, section 5: where the answer depends on who asked.
const BY_ORIGIN: &str = "Authorization, Cookie, Origin, Sec-Fetch-Site";
