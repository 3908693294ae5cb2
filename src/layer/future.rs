//! The future between `enter` and `leave`: a state machine with a name.

use super::flow::{self, Entrance, Visit};
use crate::{
    farewell::Answer,
    live::SessionBody,
    session::Committed,
    store::{self, BoxFuture, Reply},
    terminate::BoxError,
};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower_service::Service;
use tracing::{Instrument, Span, instrument::Instrumented};

pin_project! {
    /// The response future of [`SessionService`](super::SessionService).
    ///
    /// # Cancel safety
    /// Dropped, nothing is half-done: an ending that began is finished, what was not committed is
    /// not written, and a session that was started but not delivered is ended.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, R>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, R, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, R, F> {
        /// The store answers later. What waits is boxed, as is the answer that it waits for: no
        /// other request pays for its size.
        Enter {
            entrance: BoxFuture<'static, Entrance>,
            waiting: Option<Box<(Request<B>, S)>>,
        },
        /// The inner service works.
        Inner {
            #[pin]
            future: F,
            visit: Option<Visit>,
        },
        /// The inner service works, in the span of its request: apart, so that no other request
        /// pays for it.
        Told {
            #[pin]
            future: Instrumented<F>,
            visit: Option<Visit>,
        },
        /// The store commits.
        Leave {
            commit: BoxFuture<'static, Result<Committed, store::Error>>,
            leaving: Option<Box<(Visit, Response<R>)>>,
        },
        /// The layer answers by itself.
        Refused { answer: Option<Box<Answer>> },
    }
}

impl<S, B, R> ResponseFuture<S, B, R>
where
    S: Service<Request<B>>,
{
    pub(super) fn enter(
        entrance: BoxFuture<'static, Entrance>,
        request: Request<B>,
        service: S,
    ) -> Self {
        Self {
            state: State::Enter {
                entrance,
                waiting: Some(Box::new((request, service))),
            },
        }
    }

    #[inline]
    pub(super) fn inner(future: S::Future, visit: Visit) -> Self {
        Self {
            state: State::Inner {
                future,
                visit: Some(visit),
            },
        }
    }

    #[cold]
    pub(super) fn told(service: &mut S, request: Request<B>, visit: Visit) -> Self {
        Self {
            state: call_told(service, request, visit),
        }
    }

    pub(super) fn pass_through(future: S::Future) -> Self {
        Self {
            state: State::Inner {
                future,
                visit: None,
            },
        }
    }

    pub(super) fn refused(answer: Box<Answer>) -> Self {
        Self {
            state: State::Refused {
                answer: Some(answer),
            },
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<SessionBody<R>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let next = match self.as_mut().project().state.project() {
            StateProjection::Enter { entrance, waiting } => {
                let entrance = ready!(entrance.as_mut().poll(cx));
                waiting.take().map(|waiting| go_in(entrance, *waiting))
            }
            StateProjection::Inner { future, visit } => {
                let response = match future.poll(cx) {
                    Poll::Ready(Ok(response)) => response,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                };
                // The visit stays where it is: moved, it would be copied, and the response with it.
                let Some(leaving) = visit else {
                    return Poll::Ready(Ok(response.map(SessionBody::plain)));
                };
                match leaving.commit() {
                    Reply::Now(committed) => {
                        return Poll::Ready(Ok(flow::leave(leaving, committed, response)));
                    }
                    Reply::Later(commit) => {
                        let leaving = visit.take().map(|visit| Box::new((visit, response)));
                        Some(State::Leave { commit, leaving })
                    }
                }
            }
            StateProjection::Told { future, visit } => {
                let response = ready!(future.poll(cx))?;
                visit.take().map(|visit| State::Leave {
                    commit: Box::pin(visit.commit().into_future()),
                    leaving: Some(Box::new((visit, response))),
                })
            }
            StateProjection::Leave { commit, leaving } => {
                let committed = ready!(commit.as_mut().poll(cx));
                let left = leaving.take().map(|leaving| *leaving);
                let left = left.map(|(mut visit, r)| flow::leave(&mut visit, committed, r));
                return left.map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
            }
            StateProjection::Refused { answer } => {
                let answer = answer.take().map(|answer| answer.map(SessionBody::ours));
                return answer.map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)));
            }
        };
        // Only a future that is polled after it was ready finds nothing left to do.
        let Some(next) = next else {
            return Poll::Pending;
        };
        self.as_mut().project().state.set(next);
        self.poll(cx)
    }
}

/// Calls the inner service, if the request may pass.
fn go_in<S, B, R>(
    entrance: Entrance,
    (mut request, mut service): (Request<B>, S),
) -> State<S, B, R, S::Future>
where
    S: Service<Request<B>>,
{
    match entrance.admit(&mut request) {
        Ok(visit) if visit.span().is_some() => call_told(&mut service, request, visit),
        Ok(visit) => State::Inner {
            future: service.call(request),
            visit: Some(visit),
        },
        Err(answer) => State::Refused {
            answer: Some(answer),
        },
    }
}

/// In the span of the request.
#[cold]
fn call_told<S, B, R>(
    service: &mut S,
    request: Request<B>,
    visit: Visit,
) -> State<S, B, R, S::Future>
where
    S: Service<Request<B>>,
{
    let span = visit.span().cloned().unwrap_or_else(Span::none);
    State::Told {
        future: span
            .in_scope(|| service.call(request))
            .instrument(span.clone()),
        visit: Some(visit),
    }
}

impl<S, B, R> fmt::Debug for ResponseFuture<S, B, R>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Enter { .. } => "enter",
            State::Inner { .. } | State::Told { .. } => "inner",
            State::Leave { .. } => "leave",
            State::Refused { .. } => "refused",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .finish()
    }
}
