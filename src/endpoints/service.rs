//! The service.

use crate::{
    farewell::{no_store, signed_out, still_signed_in},
    layer::{Core, Sessions},
    live::SessionBody,
    session::Session,
};
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY},
};
use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// The body of an endpoint's response.
pub type EndpointsBody = SessionBody<String>;

/// The endpoints of [`Sessions`](crate::Sessions).
///
/// See the [module](super).
#[derive(Clone)]
#[must_use = "services do nothing unless they are called"]
pub struct Endpoints(Arc<Core>);

impl Sessions {
    /// The endpoints, to be mounted under `/session` (or where
    /// [`with_endpoints_at`](crate::SessionsBuilder::with_endpoints_at) says).
    pub fn endpoints(&self) -> Endpoints {
        Endpoints(Arc::clone(&self.0))
    }
}

impl Endpoints {
    fn answer<B>(&self, request: &Request<B>) -> Response<EndpointsBody> {
        // Below a prefix or without it: the last segment says which.
        let path = request.uri().path();
        match path.rsplit('/').next().unwrap_or_default() {
            "signed-out" => self.signed_out(request),
            _ => plain(StatusCode::NOT_FOUND),
        }
    }

    fn signed_out<B>(&self, request: &Request<B>) -> Response<EndpointsBody> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let config = &self.0.farewell;
        let session = request.extensions().get::<Session>();
        let body = if request.method() == Method::HEAD {
            String::new()
        } else if session.is_some_and(Session::is_live) {
            still_signed_in()
        } else {
            let marker = config.marker_of(request.headers());
            let reason = marker
                .map(|marker| marker.reason)
                .or_else(|| session.and_then(Session::end_reason));
            signed_out(reason.as_ref(), config.exits.log_in.as_deref())
        };
        let mut response = Response::new(SessionBody::ours(body));
        let headers = response.headers_mut();
        for (name, value) in PAGE_HEADERS {
            headers.insert(name, value);
        }
        no_store(headers);
        response
    }
}

impl<B> Service<Request<B>> for Endpoints {
    type Response = Response<EndpointsBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoints")
    }
}

fn plain(status: StatusCode) -> Response<EndpointsBody> {
    let mut response = Response::new(SessionBody::empty());
    *response.status_mut() = status;
    response
}

/// The page needs nothing but its own styles, and nobody may frame it.
const PAGE_HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; \
             base-uri 'none'; form-action 'none'",
        ),
    ),
];
