//! The path of a request: `enter` and `leave`, one step after the other.

mod arrival;
mod judged;
mod outcome;
mod visit;

pub(super) use self::visit::{Entrance, Visit};
use self::{arrival::Arrival, visit::guard};
use super::Core;
use crate::{
    audit::EventKind,
    carrier::Presented,
    farewell::{Answer, OkInTrailers, Refusal, Wish, decorate_quietly},
    live::{CutStyle, LiveGuard, SessionBody},
    session::{Committed, Session, Standing},
    store::{self, Reply},
    terminate::BoxError,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use std::sync::Arc;

/// Whether the request has come through a layer of the same `Sessions` already.
pub(super) fn is_inside<B>(core: &Core, request: &Request<B>) -> bool {
    let session = request.extensions().get::<Session>();
    session.is_some_and(|session| Arc::ptr_eq(session.context(), &core.context))
}

/// A request comes in: who is it, and may it pass?
pub(super) fn enter<B>(core: &Arc<Core>, request: &Request<B>) -> Reply<Entrance> {
    core.background.ensure_started(&core.context.road);
    let headers = request.headers();
    let (arrival, sighted) = Arrival::read(core, request);
    if arrival.is_asset() {
        // The same for everybody, whatever they present: caches may keep it.
        return Reply::Now(arrival.enter_anonymous());
    }
    match core.carriers.read(headers, &sighted) {
        Presented::Nothing => {
            let cookies = sighted.has_cookies();
            let marker = cookies.then(|| core.farewell.marker_of(headers)).flatten();
            Reply::Now(match marker {
                Some(marker) => arrival.with_marker(marker).enter_anonymous(),
                None => arrival.enter_anonymous(),
            })
        }
        Presented::Malformed { via } => {
            arrival.record(EventKind::UnknownToken, None);
            Reply::Now(arrival.enter(Standing::Anonymous, Some((via, None)), true))
        }
        Presented::One {
            token,
            via,
            strays: false,
        } => {
            let (id, hash) = (token.id(), token.secret_hash());
            let answer = core.context.store().check_in(id, &hash, arrival.asked_as());
            arrival.checked_in(id, (via, hash), answer)
        }
        Presented::One { token, via, .. } => Reply::later(arrival.sort_out(vec![token], via)),
        Presented::Several { tokens, via } => Reply::later(arrival.sort_out(tokens, via)),
    }
}

/// A response goes out: what became of the session, and what is the client told?
// Inlined, so that a response that is let out is not copied on its way.
#[inline]
pub(super) fn leave<R>(
    visit: &mut Visit,
    committed: Result<Committed, store::Error>,
    mut response: Response<R>,
) -> Response<SessionBody<R>>
where
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    match part(visit, committed, &mut response) {
        Parting::Plain => response.map(SessionBody::plain),
        Parting::Guarded(style, guard) => {
            response.map(|body| SessionBody::guarded(body, guard, style))
        }
        Parting::Replaced(answer) => replaced(*answer),
    }
}

/// How a response goes out.
enum Parting {
    /// With its body as it is.
    Plain,
    /// With a body that is cut when its session ends.
    Guarded(CutStyle, LiveGuard),
    /// Not at all, but this instead.
    Replaced(Box<Answer>),
}

#[inline]
fn part<R: Body>(
    visit: &mut Visit,
    committed: Result<Committed, store::Error>,
    response: &mut Response<R>,
) -> Parting {
    let Some(session) = visit.delivery.session() else {
        return Parting::Plain;
    };
    let committed = match committed {
        Ok(committed) => committed,
        Err(error) => {
            session.context().road.store_failed("commit", &error);
            let answer = visit.answer(session, &Refusal::Unavailable);
            visit.came_out(session, answer.status(), true);
            return Parting::Replaced(Box::new(answer));
        }
    };
    #[cfg(feature = "listener")]
    super::upgraded::watch(
        session,
        visit.aside.as_mut().and_then(|aside| aside.peer.take()),
        response.status(),
        &committed,
        session.context().sockets.close.grace,
    );
    let wish = response.extensions().get::<Wish>();
    let storable = matches!(wish, Some(Wish::Store));
    if let Some(mut answer) = visit.replacement(session, &committed, wish) {
        visit.farewell(session, &mut answer, (true, false));
        visit.came_out(session, answer.status(), true);
        visit.delivery.done();
        return Parting::Replaced(Box::new(answer));
    }
    let guard = guard(session, response);
    match committed {
        Committed::Untouched { live } if visit.past().is_none() && !storable => {
            decorate_quietly(&visit.core.farewell, live, response.headers_mut());
        }
        _ => visit.farewell(session, response, (false, storable)),
    }
    if let Some(aside) = &visit.aside {
        if aside.may_return {
            response.headers_mut().append(MAY_RETURN.0, MAY_RETURN.1);
        }
        visit.came_out(session, response.status(), false);
    }
    visit.delivery.done();
    guard.map_or(Parting::Plain, |(style, guard)| {
        Parting::Guarded(style, guard)
    })
}

/// An answer of ours in place of a response.
#[cold]
fn replaced<R>(mut answer: Answer) -> Response<SessionBody<R>> {
    let has_trailers = answer.extensions_mut().remove::<OkInTrailers>().is_some();
    answer.map(|body| {
        if has_trailers {
            SessionBody::grpc(body)
        } else {
            SessionBody::ours(body)
        }
    })
}

/// Tells the script of the page, which cannot know otherwise how its page was asked for, that its
/// user may be brought back to it.
const MAY_RETURN: (HeaderName, HeaderValue) = (
    HeaderName::from_static("server-timing"),
    HeaderValue::from_static("adjourn-return"),
);
