//! A request of a program that cannot be done, as JSON.

use adjourn::session::{RotateError, ValueError};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::io::{self, ErrorKind};

/// Which status, and why.
#[derive(Debug)]
pub(crate) struct Refused(StatusCode, String);

impl Refused {
    pub(crate) fn new(status: StatusCode, why: &(impl ToString + ?Sized)) -> Self {
        Self(status, why.to_string())
    }
}

impl From<ValueError> for Refused {
    fn from(error: ValueError) -> Self {
        let status = match error {
            ValueError::Name { .. } => StatusCode::BAD_REQUEST,
            ValueError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ValueError::NoSession => StatusCode::UNAUTHORIZED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, &error)
    }
}

impl From<RotateError> for Refused {
    fn from(error: RotateError) -> Self {
        let status = match error {
            RotateError::NoSession | RotateError::Outdated => StatusCode::UNAUTHORIZED,
            RotateError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, &error)
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::QuotaExceeded | ErrorKind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, &error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}
