//! The gate to sensitive routes, as a layer.

use crate::{
    farewell::{Refusal, Wish, refusal_of},
    policy::is_preflight,
    session::Session,
};
use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower_layer::Layer;
use tower_service::Service;

/// Lets only requests with a live session pass: for `Router::route_layer` and around any service
/// inside the [`SessionLayer`](super::SessionLayer).
///
/// Others get the negotiated answer: a redirect to the log-in or exit page, or 401 with the reason.
/// A CORS preflight passes (`OPTIONS` with `Origin` and `Access-Control-Request-Method`): a handler for
/// any method must not answer it with what is sensitive.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// # use adjourn::{Sessions, store::MemoryStore, require_session};
/// # use axum::{Router, routing::get};
/// # let sessions = Sessions::builder(MemoryStore::new()).build().unwrap();
/// let app: Router = Router::new()
///     .route("/account", get(|| async { "Balance" }))
///     .route_layer(require_session())
///     .route("/", get(|| async { "Welcome" }))
///     .layer(sessions.layer());
/// # }
/// ```
pub const fn require_session() -> RequireSessionLayer {
    RequireSessionLayer(())
}

/// The layer made by [`require_session`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct RequireSessionLayer(());

impl<S> Layer<S> for RequireSessionLayer {
    type Service = RequireSession<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireSession(inner)
    }
}

/// The service made by [`RequireSessionLayer`].
#[derive(Clone, Copy, Debug)]
#[must_use = "services do nothing unless they are called"]
pub struct RequireSession<S>(S);

impl<S, B, R> Service<Request<B>> for RequireSession<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = RequireSessionFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match refusal(&request) {
            None => RequireSessionFuture::passed(self.0.call(request)),
            Some(refused) => RequireSessionFuture::Refused {
                refusal: Some(refused),
            },
        }
    }
}

fn refusal<B>(request: &Request<B>) -> Option<Refused> {
    if is_preflight(request.method(), request.headers()) {
        return None;
    }
    let Some(session) = session_of(request, "require_session") else {
        return Some(Refused::MissingLayer);
    };
    refusal_of(&session.standing()).map(Refused::Session)
}

/// The session that the layer put there; without one `gate` is mounted wrongly.
pub(super) fn session_of<'a, B>(request: &'a Request<B>, gate: &str) -> Option<&'a Session> {
    let session = request.extensions().get();
    if session.is_none() {
        tracing::error!(
            target: "adjourn",
            "{gate}() found no session: put SessionLayer around it (under axum: \
             `.layer(sessions.layer())` after all routes)"
        );
    }
    session
}

enum Refused {
    MissingLayer,
    Session(Refusal),
}

pin_project! {
    /// The response future of [`RequireSession`] and [`RequireFresh`](super::RequireFresh).
    #[project = Projection]
    #[must_use = "futures do nothing unless polled"]
    pub enum RequireSessionFuture<F> {
        #[doc(hidden)]
        Passed { #[pin] future: F },
        #[doc(hidden)]
        Refused { refusal: Option<Refused> },
    }
}

impl<F> RequireSessionFuture<F> {
    pub(super) const fn passed(future: F) -> Self {
        Self::Passed { future }
    }

    pub(super) const fn refused(refusal: Refusal) -> Self {
        let refusal = Some(Refused::Session(refusal));
        Self::Refused { refusal }
    }

    pub(super) const fn missing_layer() -> Self {
        let refusal = Some(Refused::MissingLayer);
        Self::Refused { refusal }
    }
}

impl<F, R, E> Future for RequireSessionFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let refused = match self.project() {
            Projection::Passed { future } => return Poll::Ready(ready!(future.poll(cx))),
            Projection::Refused { refusal } => refusal.take(),
        };
        Poll::Ready(Ok(match refused {
            Some(Refused::Session(refusal)) => {
                Wish::Refuse(refusal).into_response(StatusCode::UNAUTHORIZED)
            }
            Some(Refused::MissingLayer) | None => {
                let mut response = Response::new(R::default());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }))
    }
}
