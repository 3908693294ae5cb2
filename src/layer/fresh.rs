//! The gate to routes that want a recent log-in.

use super::require::{RequireSessionFuture, session_of};
use crate::{
    farewell::{Refusal, Wish, refusal_of},
    policy::is_preflight,
    session::NotFresh,
};
use http::{Request, Response, StatusCode};
use std::{
    task::{Context, Poll},
    time::Duration,
};
use tower_layer::Layer;
use tower_service::Service;

/// Lets only requests pass whose session belongs to somebody who logged in at most `max_age` ago:
/// for `Router::route_layer` and around any service inside the
/// [`SessionLayer`](super::SessionLayer). See
/// [`Session::require_fresh`](crate::Session::require_fresh).
///
/// A session that is not fresh lives on. A person is sent to the log-in page, a program gets 401
/// `reauthentication-required` with the challenge of RFC 9470. Who has no live session gets the
/// answer of [`require_session`](super::require_session). A CORS preflight passes.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// # use adjourn::{Sessions, store::MemoryStore, require_fresh};
/// # use axum::{Router, routing::post};
/// # use std::time::Duration;
/// # let sessions = Sessions::builder(MemoryStore::new()).build().unwrap();
/// let app: Router = Router::new()
///     .route("/password", post(|| async { "changed" }))
///     .route_layer(require_fresh(Duration::from_mins(5)))
///     .layer(sessions.layer());
/// # }
/// ```
pub const fn require_fresh(max_age: Duration) -> RequireFreshLayer {
    RequireFreshLayer(max_age)
}

/// The layer made by [`require_fresh`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct RequireFreshLayer(Duration);

impl<S> Layer<S> for RequireFreshLayer {
    type Service = RequireFresh<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireFresh {
            inner,
            max_age: self.0,
        }
    }
}

/// The service made by [`RequireFreshLayer`].
#[derive(Clone, Copy, Debug)]
#[must_use = "services do nothing unless they are called"]
pub struct RequireFresh<S> {
    inner: S,
    max_age: Duration,
}

impl<S, B, R> Service<Request<B>> for RequireFresh<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = RequireSessionFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if is_preflight(request.method(), request.headers()) {
            return RequireSessionFuture::passed(self.inner.call(request));
        }
        let fresh = session_of(&request, "require_fresh")
            .map(|session| session.require_fresh(self.max_age).map_err(Refusal::from));
        match fresh {
            Some(Ok(())) => RequireSessionFuture::passed(self.inner.call(request)),
            Some(Err(refusal)) => RequireSessionFuture::refused(refusal),
            None => RequireSessionFuture::missing_layer(),
        }
    }
}

impl From<NotFresh> for Refusal {
    fn from(error: NotFresh) -> Self {
        let too_old = Self::NotFresh {
            max_age: error.max_age(),
        };
        error.not_live().and_then(refusal_of).unwrap_or(too_old)
    }
}

impl NotFresh {
    /// The response to return where there is no axum; the
    /// [`SessionLayer`](super::SessionLayer) makes it the negotiated one.
    pub fn into_http_response<B: Default>(self) -> Response<B> {
        Wish::Refuse(self.into()).into_response(StatusCode::UNAUTHORIZED)
    }
}

/// Extractors and responses for axum.
#[cfg(feature = "axum")]
mod axum {
    use super::{super::SessionRequired, NotFresh};
    use crate::layer::LiveSession;
    use axum_core::{
        extract::FromRequestParts,
        response::{IntoResponse, Response},
    };
    use http::request::Parts;
    use std::{ops::Deref, time::Duration};

    /// A live session whose user logged in at most `SECONDS` ago: an extractor for handlers that
    /// need one. See [`Session::require_fresh`](crate::Session::require_fresh).
    ///
    /// ```
    /// use adjourn::FreshSession;
    ///
    /// async fn change_password(session: FreshSession<300>) -> String {
    ///     format!("{} has a new password", session.subject().map_or("nobody", |s| s.as_str()))
    /// }
    /// ```
    #[derive(Clone, Debug)]
    pub struct FreshSession<const SECONDS: u64>(LiveSession);

    impl<const SECONDS: u64> Deref for FreshSession<SECONDS> {
        type Target = LiveSession;

        fn deref(&self) -> &LiveSession {
            &self.0
        }
    }

    impl<S: Sync, const SECONDS: u64> FromRequestParts<S> for FreshSession<SECONDS> {
        type Rejection = SessionRequired;

        async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRequired> {
            let session =
                <LiveSession as FromRequestParts<S>>::from_request_parts(parts, state).await?;
            session.require_fresh(Duration::from_secs(SECONDS))?;
            Ok(Self(session))
        }
    }

    impl IntoResponse for NotFresh {
        fn into_response(self) -> Response {
            self.into_http_response()
        }
    }
}

#[cfg(feature = "axum")]
pub use axum::FreshSession;
