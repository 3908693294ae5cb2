//! The responses that the errors of sessions become.

use super::{
    Refusal, Wish,
    answer::{Answer, problem},
};
use crate::{
    policy::LogOutRefusal,
    session::{LogOutError, StartError},
    terminate::EndError,
};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::ALLOW};

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

impl EndError {
    /// The response to return, also where there is no axum: 503.
    pub fn into_http_response<B: Default>(self) -> Response<B> {
        Wish::Refuse(Refusal::Unavailable).into_response(StatusCode::SERVICE_UNAVAILABLE)
    }
}

impl StartError {
    /// The response to return, also where there is no axum: 503 when the store failed, 409 at the
    /// limit of sessions and for an outdated ticket, 500 for what is a mistake of the server's.
    pub fn into_http_response<B: Default + From<Bytes>>(self) -> Response<B> {
        match &self {
            Self::End(_) | Self::Store(_) => {
                Wish::Refuse(Refusal::Unavailable).into_response(StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::LimitReached(_) => {
                problem(StatusCode::CONFLICT, "limit-reached", &self.to_string()).map(B::from)
            }
            Self::Outdated => {
                problem(StatusCode::CONFLICT, "log-in-outdated", &self.to_string()).map(B::from)
            }
            Self::Subject(_) | Self::Values(_) => {
                tracing::error!(target: "adjourn", error = %self, "a log-in cannot work");
                problem(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "log-in-impossible",
                    "Nobody was logged in",
                )
                .map(B::from)
            }
        }
    }
}

fn refused(refusal: LogOutRefusal) -> Answer {
    let mut answer = problem(refusal.status(), refusal.code(), &refusal.to_string());
    if refusal.status() == StatusCode::METHOD_NOT_ALLOWED {
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    answer
}
