//! Extractors and responses for axum.

use crate::{
    farewell::{Farewell, Refusal, Wish, refusal_of},
    id::{SessionId, Subject},
    record::{Live, Remaining},
    session::{
        EndOthersError, ExtendError, LogOutError, NotFresh, RotateError, ScratchError, Session,
        SocketRefused, StartError, UpdateError, ValueError,
    },
    store,
    terminate::{EndError, Terminator},
};
use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use std::ops::Deref;

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or(MissingLayer)
    }
}

/// A session that was live when the request came in: an extractor for handlers that need one.
///
/// A request without gets the negotiated answer: a redirect to the log-in or exit page, or 401 with
/// the reason. `Option<LiveSession>` is `None` instead.
#[derive(Clone, Debug)]
pub struct LiveSession {
    session: Session,
    live: Live,
}

impl LiveSession {
    /// The public name of the session.
    pub const fn session_id(&self) -> SessionId {
        self.live.id
    }

    /// Who it belongs to; `None` for an anonymous one.
    pub fn subject(&self) -> Option<&Subject> {
        self.live.record.subject()
    }

    /// How long it lives on if nothing happens.
    pub fn expires_in(&self) -> Remaining {
        self.live.remaining()
    }

    fn of(session: Session) -> Result<Self, SessionRequired> {
        if let Some(live) = session.live_record() {
            return Ok(Self { session, live });
        }
        let refusal = refusal_of(&session.standing()).unwrap_or(Refusal::NoSession);
        Err(SessionRequired(Why::Refused(refusal)))
    }
}

impl Deref for LiveSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl<S: Sync> FromRequestParts<S> for LiveSession {
    type Rejection = SessionRequired;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Self::of(session)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for LiveSession {
    type Rejection = MissingLayer;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, Self::Rejection> {
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self::of(session).ok())
    }
}

impl<S: Sync> FromRequestParts<S> for Terminator {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self(std::sync::Arc::clone(&session.context().road)))
    }
}

/// The request came through no [`SessionLayer`](super::SessionLayer): a mistake in the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "no session layer: add `.layer(sessions.layer())` to the router, after all routes that use \
     sessions"
)]
#[non_exhaustive]
pub struct MissingLayer;

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        tracing::error!(target: "adjourn", "{self}");
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

/// The request has no live session, or not a fresh one: the rejection of [`LiveSession`] and
/// [`FreshSession`](super::FreshSession). As a response it becomes the negotiated answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("a live session is needed")]
pub struct SessionRequired(#[source] Why);

#[derive(Clone, Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    MissingLayer(MissingLayer),
    #[error(transparent)]
    NotFresh(NotFresh),
    #[error("the request has none")]
    Refused(Refusal),
}

impl From<MissingLayer> for SessionRequired {
    fn from(missing: MissingLayer) -> Self {
        Self(Why::MissingLayer(missing))
    }
}

impl From<NotFresh> for SessionRequired {
    fn from(error: NotFresh) -> Self {
        Self(Why::NotFresh(error))
    }
}

impl IntoResponse for SessionRequired {
    fn into_response(self) -> Response {
        match self.0 {
            Why::MissingLayer(missing) => missing.into_response(),
            Why::NotFresh(error) => error.into_response(),
            Why::Refused(refusal) => Wish::Refuse(refusal).into_response(StatusCode::UNAUTHORIZED),
        }
    }
}

impl IntoResponse for Farewell {
    fn into_response(self) -> Response {
        self.into_http_response()
    }
}

macro_rules! into_response {
    ($($error:ty),* $(,)?) => {$(
        impl IntoResponse for $error {
            fn into_response(self) -> Response {
                self.into_http_response()
            }
        }
    )*};
}
into_response!(
    EndError,
    EndOthersError,
    ExtendError,
    LogOutError,
    RotateError,
    SocketRefused,
    ScratchError,
    StartError,
    UpdateError,
    ValueError,
    store::Error,
);
