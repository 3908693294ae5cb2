//! Routes whose responses may be stored although a session lives.

use crate::farewell::Wish;
use http::Response;
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower_layer::Layer;
use tower_service::Service;

/// Lets the `Cache-Control` of responses stand that show nothing of the session: static files,
/// public pages. For `Router::route_layer`, and around any service inside the
/// [`SessionLayer`](super::SessionLayer).
///
/// Without it every response to a live session is `no-store` (ASVS 14.3.2), whatever the handler
/// says. With it:
///
/// - a `Cache-Control` that the handler sets is kept; without one the response is `no-store` as
///   before;
/// - `Vary: Cookie` is added, also for visitors (RFC 9111 section 4.1): what was stored of one
///   session is not shown to another, nor to nobody. A page that does differ by session should
///   also be `private`;
/// - a response that sets or removes a session cookie, and the page on which a user lands after an
///   ending, stays `no-store`.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// # use adjourn::{Sessions, cacheable, store::MemoryStore};
/// # use axum::{Router, routing::get};
/// # let sessions = Sessions::builder(MemoryStore::new()).build().unwrap();
/// let app: Router = Router::new()
///     .route("/site.css", get(|| async { ([("cache-control", "max-age=3600")], "..") }))
///     .route_layer(cacheable())
///     .route("/", get(|| async { "Welcome" }))
///     .layer(sessions.layer());
/// # }
/// ```
pub const fn cacheable() -> CacheableLayer {
    CacheableLayer(())
}

/// The layer made by [`cacheable`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct CacheableLayer(());

impl<S> Layer<S> for CacheableLayer {
    type Service = Cacheable<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Cacheable(inner)
    }
}

/// The service made by [`CacheableLayer`].
#[derive(Clone, Copy, Debug)]
#[must_use = "services do nothing unless they are called"]
pub struct Cacheable<S>(S);

impl<S, Q, R> Service<Q> for Cacheable<S>
where
    S: Service<Q, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = CacheableFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        CacheableFuture {
            future: self.0.call(request),
        }
    }
}

pin_project! {
    /// The response future of [`Cacheable`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct CacheableFuture<F> {
        #[pin]
        future: F,
    }
}

impl<F, R, E> Future for CacheableFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = ready!(self.project().future.poll(cx))?;
        // What a handler asks for beyond that comes first: a refusal is never stored.
        if response.extensions().get::<Wish>().is_none() {
            response.extensions_mut().insert(Wish::Store);
        }
        Poll::Ready(Ok(response))
    }
}
