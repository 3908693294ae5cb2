//! The service.

use super::{
    answer::{Answer, allow, fault, for_method},
    route::Route,
    sessions, signed_out, status,
};
use crate::{
    layer::{Core, Sessions, outer_uri},
    live::SessionBody,
    record::Activity,
    session::Session,
};
use http::{Method, Request, Response, StatusCode};
use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower_service::Service;

/// The body of an endpoint's response.
pub type EndpointsBody = SessionBody<String>;

/// The endpoints of [`Sessions`](crate::Sessions).
///
/// See the [module](super).
#[derive(Clone)]
#[must_use = "services do nothing unless they are called"]
pub struct Endpoints(pub(super) Arc<Core>);

impl Sessions {
    /// The endpoints, to be mounted under `/session` (or where
    /// [`with_endpoints_at`](crate::SessionsBuilder::with_endpoints_at) says).
    pub fn endpoints(&self) -> Endpoints {
        Endpoints(Arc::clone(&self.0))
    }
}

impl Endpoints {
    fn answer<B>(&self, request: &Request<B>) -> EndpointsFuture {
        let method = request.method();
        let Some(route) = Route::of(self.path(request)) else {
            let title = "There is no such endpoint";
            return EndpointsFuture::now(method, fault(StatusCode::NOT_FOUND, "not-found", title));
        };
        if *method == Method::OPTIONS {
            let mut answer = Response::new(SessionBody::empty());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            return EndpointsFuture::now(method, allow(answer, route.methods()));
        }
        if !route.takes(method) {
            let title = "Another method is needed";
            let answer = fault(StatusCode::METHOD_NOT_ALLOWED, "method", title);
            return EndpointsFuture::now(method, allow(answer, route.methods()));
        }
        self.call_route(route, request)
    }

    fn call_route<B>(&self, route: Route<'_>, request: &Request<B>) -> EndpointsFuture {
        let (method, headers) = (request.method(), request.headers());
        let now = |answer| EndpointsFuture::now(method, answer);
        let session = match route {
            Route::File(file) => return now(file.answer(headers)),
            Route::SignedOut => {
                let session = request.extensions().get();
                let query = request.uri().query().unwrap_or_default();
                return now(signed_out::page(&self.0, session, headers, query));
            }
            Route::End
            | Route::EndOthers
            | Route::EndSession(_)
            | Route::Extend
            | Route::Sessions
            | Route::Status => match self.session(route, request) {
                Ok(session) => session,
                Err(what) => return now(misplaced(what)),
            },
        };
        let (core, headers) = (Arc::clone(&self.0), headers.clone());
        match route {
            Route::End => EndpointsFuture::later(method, sessions::end(session)),
            Route::EndOthers => {
                EndpointsFuture::later(method, sessions::end_others(core, session, headers))
            }
            Route::EndSession(id) => {
                let id = id.parse().ok();
                EndpointsFuture::later(method, sessions::end_one(core, session, headers, id))
            }
            Route::Extend => EndpointsFuture::later(method, status::extend(core, session, headers)),
            Route::Sessions => {
                EndpointsFuture::later(method, sessions::list(core, session, headers))
            }
            Route::File(_) | Route::SignedOut | Route::Status => {
                now(status::status(&core, &session, &headers))
            }
        }
    }

    /// The path below the mount: what the configuration says, else what a router has left of it.
    fn path<'a, B>(&self, request: &'a Request<B>) -> &'a str {
        let path = request.uri().path();
        self.0
            .endpoints
            .below(outer_uri(request).path())
            .unwrap_or_else(|| path.strip_prefix('/').unwrap_or(path))
    }

    /// The session of the request, or what is wrong with the set-up.
    fn session<B>(&self, route: Route<'_>, request: &Request<B>) -> Result<Session, &'static str> {
        let Some(session) = request.extensions().get::<Session>() else {
            return Err(
                "the endpoints found no session: put SessionLayer around them (under axum: \
                 `.layer(sessions.layer())` after all routes)",
            );
        };
        if !Arc::ptr_eq(session.context(), &self.0.context) {
            return Err(
                "the endpoints found the session of another SessionLayer: put the layer of the same \
                 Sessions around them, inside of all others",
            );
        }
        let is_poll = matches!(route, Route::Extend | Route::Status);
        if is_poll && session.activity() == Activity::Active {
            return Err(
                "the endpoints are mounted elsewhere than with_endpoints_at says, so that the layer \
                 takes their polls for activity: set with_endpoints_at to the path of the mount",
            );
        }
        Ok(session.clone())
    }
}

fn misplaced(what: &str) -> Answer {
    tracing::error!(target: "adjourn", "{what}");
    fault(
        StatusCode::INTERNAL_SERVER_ERROR,
        "misplaced-endpoints",
        what,
    )
}

impl<B> Service<Request<B>> for Endpoints {
    type Response = Response<EndpointsBody>;
    type Error = Infallible;
    type Future = EndpointsFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.answer(&request)
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoints")
    }
}

/// The response future of [`Endpoints`].
#[must_use = "futures do nothing unless polled"]
pub struct EndpointsFuture(Step);

enum Step {
    /// Known at once; taken when it was handed out.
    Now(Option<Box<Answer>>),
    Later(Method, Pin<Box<dyn Future<Output = Answer> + Send>>),
}

impl EndpointsFuture {
    fn now(method: &Method, answer: Answer) -> Self {
        Self(Step::Now(Some(Box::new(for_method(method, answer)))))
    }

    fn later(method: &Method, answer: impl Future<Output = Answer> + Send + 'static) -> Self {
        Self(Step::Later(method.clone(), Box::pin(answer)))
    }
}

impl Future for EndpointsFuture {
    type Output = Result<Response<EndpointsBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Step::Now(answer) => match answer.take() {
                Some(answer) => Poll::Ready(Ok(*answer)),
                // Polled again after it was ready, which no caller does.
                None => Poll::Pending,
            },
            Step::Later(method, answer) => {
                let answer = ready!(answer.as_mut().poll(cx));
                Poll::Ready(Ok(for_method(method, answer)))
            }
        }
    }
}

impl fmt::Debug for EndpointsFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointsFuture")
    }
}
