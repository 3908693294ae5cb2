//! The layer and the service: thin handles over [`flow`](super::flow).

use super::{Core, ResponseFuture, Sessions, flow};
use crate::{live::SessionBody, store::Reply, terminate::BoxError};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`SessionService`] around a service. Made by [`Sessions::layer`].
///
/// Under axum put it last: routes that are added after `.layer(..)` are not covered.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct SessionLayer(pub(super) Sessions);

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService {
            core: Arc::clone(&self.0.0),
            inner,
        }
    }
}

/// Validates the session of each request and carries out what its end demands of the response.
///
/// Any request body; response bodies with `Data = Bytes` that are `Send`, as those of axum are: whoever
/// ends a session drops what streams on its behalf, so the destructor of a stream must not block. The error type of the inner service is
/// not changed: what the session demands is answered with a response.
#[derive(Clone)]
#[must_use = "services do nothing unless they are called"]
pub struct SessionService<S> {
    core: Arc<Core>,
    inner: S,
}

impl<S> SessionService<S> {
    /// The service inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for SessionService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<SessionBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if flow::is_inside(&self.core, &request) {
            return ResponseFuture::pass_through(self.inner.call(request));
        }
        match flow::enter(&self.core, &request) {
            Reply::Now(entrance) => {
                let visit = match entrance.admit(&mut request) {
                    Ok(visit) => visit,
                    Err(answer) => return ResponseFuture::refused(answer),
                };
                if visit.span().is_some() {
                    return ResponseFuture::told(&mut self.inner, request, visit);
                }
                ResponseFuture::inner(self.inner.call(request), visit)
            }
            Reply::Later(entrance) => {
                // The service that was polled ready is the one to call.
                let unready = self.inner.clone();
                let ready = mem::replace(&mut self.inner, unready);
                ResponseFuture::enter(entrance, request, ready)
            }
        }
    }
}
