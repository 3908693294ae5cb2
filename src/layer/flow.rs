//! The path of a request: `enter` and `leave`, one step after the other.

use super::Core;
use crate::{
    audit::{Event, EventKind},
    carrier::{Presented, Via},
    farewell::{Answer, Marker, Refusal, Wish, decorate, no_store},
    id::{SecretHash, SessionId, Token},
    live::{CutStyle, SessionBody},
    policy::{self, RequestFacts, RequestMethod},
    record::{Activity, Tombstone},
    session::{Committed, Delivery, Entered, Session, Standing},
    store::{self, Answer as StoreAnswer, CheckIn, NotLive, Reply},
    terminate::BoxError,
};
use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body::Body;
use std::sync::Arc;

/// Whether the request has come through a layer of the same `Sessions` already.
pub(super) fn is_inside<B>(core: &Core, request: &Request<B>) -> bool {
    let session = request.extensions().get::<Session>();
    session.is_some_and(|session| Arc::ptr_eq(session.context(), &core.context))
}

/// A request comes in: who is it, and may it pass?
pub(super) fn enter<B>(core: &Arc<Core>, request: &mut Request<B>) -> Reply<Entrance> {
    core.background.ensure_started(&core.context.road);
    let arrival = Arrival::read(core, request);
    match core.carriers.read(request.headers()) {
        Presented::Nothing => {
            let marker = core.farewell.marker_of(request.headers());
            Reply::Now(
                arrival
                    .with_marker(marker)
                    .enter(Standing::Anonymous, None, false),
            )
        }
        Presented::Malformed { via } => {
            arrival.record(EventKind::UnknownToken, None);
            Reply::Now(arrival.enter(Standing::Anonymous, Some((via, None)), true))
        }
        Presented::One { token, via, strays } => {
            if strays {
                arrival.record(EventKind::DuplicateCookie { live: 1 }, Some(token.id()));
            }
            let (id, hash) = (token.id(), token.secret_hash());
            let answer = core.context.store().check_in(id, &hash, arrival.activity);
            arrival.checked_in(id, (via, hash), answer)
        }
        Presented::Several { tokens, via } => Reply::later(arrival.sort_out(tokens, via)),
    }
}

/// A response goes out: what became of the session, and what is the client told?
pub(super) fn leave<R>(
    mut visit: Visit,
    committed: Result<Committed, store::Error>,
    response: Response<R>,
) -> Response<SessionBody<R>>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let Some(session) = visit.delivery.session().cloned() else {
        return response.map(SessionBody::plain);
    };
    if let Err(error) = committed {
        session.context().road.store_failed("commit", &error);
        return visit
            .answer(&session, &Refusal::Unavailable)
            .map(SessionBody::ours);
    }
    let replaced = visit.replacement(&session, committed.ok(), &response);
    let mut response = match replaced {
        Some(answer) => answer.map(SessionBody::ours),
        None => guard(&session, response),
    };
    visit.farewell(&session, &mut response);
    visit.delivery.done();
    response
}

/// A request before the store is asked.
struct Arrival {
    core: Arc<Core>,
    /// The handle of the request, of whose session nothing is known yet.
    session: Session,
    activity: Activity,
    /// Whether its path needs a live session.
    gated: bool,
    marker: Option<Box<Marker>>,
}

impl Arrival {
    fn read<B>(core: &Arc<Core>, request: &Request<B>) -> Self {
        let facts = RequestFacts::read(request.method(), request.uri(), request.headers());
        let peer = (core.peer)(request.extensions());
        let address = policy::client_address(peer, request.headers(), &core.trusted_proxies);
        // A preflight carries no credentials: refusing it would break CORS, and it reads nothing.
        let gated = request.method() != Method::OPTIONS
            && core.farewell.paths.is_sensitive(outer_path(request));
        let activity = (core.activity)(&facts);
        let mark = core.context.road.live.mark();
        Self {
            session: Session::new(Arc::clone(&core.context), facts, address, mark),
            core: Arc::clone(core),
            activity,
            gated,
            marker: None,
        }
    }

    fn with_marker(mut self, marker: Option<Marker>) -> Self {
        self.marker = marker.map(Box::new);
        self
    }

    /// What follows from the store's answer to one token.
    fn checked_in(
        self,
        id: SessionId,
        presented: (Via, SecretHash),
        answer: StoreAnswer<CheckIn>,
    ) -> Reply<Entrance> {
        match answer {
            // The way of nearly every request.
            Reply::Now(Ok(CheckIn::Live(live))) => {
                let (via, hash) = presented;
                Reply::Now(self.enter(Standing::Live(live), Some((via, Some(hash))), false))
            }
            Reply::Now(answer) => Reply::later(self.judge(id, presented, answer)),
            Reply::Later(answer) => {
                Reply::later(async move { self.judge(id, presented, answer.await).await })
            }
        }
    }

    async fn judge(
        self,
        id: SessionId,
        (via, hash): (Via, SecretHash),
        answer: Result<CheckIn, store::Error>,
    ) -> Entrance {
        let (standing, stale) = match self.standing(id, answer).await {
            Ok(standing) => standing,
            Err(error) => return self.refuse_unavailable("check_in", &error),
        };
        self.enter(standing, Some((via, Some(hash))), stale)
    }

    /// How the session stands, and whether the token is to be removed.
    async fn standing(
        &self,
        id: SessionId,
        answer: Result<CheckIn, store::Error>,
    ) -> Result<(Standing, bool), store::Error> {
        match answer? {
            CheckIn::Live(live) => Ok((Standing::Live(live), false)),
            CheckIn::Due(cause) => {
                let reason = self
                    .core
                    .context
                    .road
                    .learn(id, NotLive::Due(cause))
                    .await?;
                Ok((Standing::Ended { id, reason }, true))
            }
            CheckIn::Ended(tombstone) => {
                self.record_use_after_end(&tombstone);
                Ok((
                    Standing::Ended {
                        id,
                        reason: tombstone.reason().clone(),
                    },
                    true,
                ))
            }
            CheckIn::Outdated => {
                self.record(EventKind::OutdatedToken, Some(id));
                // Not removed: that would delete the cookie that replaced it.
                Ok((Standing::Outdated, false))
            }
            CheckIn::WrongSecret => {
                self.record(EventKind::WrongSecret, Some(id));
                Ok((Standing::Anonymous, true))
            }
            CheckIn::Unknown => {
                self.record(EventKind::UnknownToken, Some(id));
                Ok((Standing::Anonymous, true))
            }
        }
    }

    /// Several tokens under one cookie name: one that lives is used, two are refused.
    async fn sort_out(self, tokens: Vec<Token>, via: Via) -> Entrance {
        let mut live = Vec::new();
        let mut dead = (Standing::Anonymous, None);
        for token in tokens {
            let (id, hash) = (token.id(), token.secret_hash());
            let answer = self
                .core
                .context
                .store()
                .check_in(id, &hash, self.activity)
                .await;
            match self.standing(id, answer).await {
                Ok((Standing::Live(session), _)) => live.push((session, hash)),
                Ok((Standing::Ended { id, reason }, _)) => {
                    dead = (Standing::Ended { id, reason }, Some(hash));
                }
                Ok(_) => {}
                Err(error) => return self.refuse_unavailable("check_in", &error),
            }
        }
        self.record(EventKind::DuplicateCookie { live: live.len() }, None);
        if live.len() > 1 {
            let ids = live.into_iter().map(|(session, _)| session.id).collect();
            return self.enter(Standing::Ambiguous(ids), Some((via, None)), true);
        }
        match live.pop() {
            Some((session, hash)) => {
                self.enter(Standing::Live(session), Some((via, Some(hash))), false)
            }
            None => self.enter(dead.0, Some((via, dead.1)), true),
        }
    }

    /// The session of the request, and whether the request may pass.
    fn enter(
        self,
        standing: Standing,
        presented: Option<(Via, Option<SecretHash>)>,
        stale: bool,
    ) -> Entrance {
        let refusal = if self.gated {
            refusal_of(&standing)
        } else {
            None
        };
        self.session.enter(Entered {
            standing,
            presented,
            stale,
        });
        let visit = Visit {
            delivery: Delivery::of(self.session),
            core: self.core,
            marker: self.marker,
        };
        Entrance { visit, refusal }
    }

    fn refuse_unavailable(self, operation: &'static str, error: &store::Error) -> Entrance {
        self.core.context.road.store_failed(operation, error);
        let mut entrance = self.enter(Standing::Anonymous, None, false);
        entrance.refusal = Some(Refusal::Unavailable);
        entrance
    }

    fn record(&self, kind: EventKind, id: Option<SessionId>) {
        let road = &self.core.context.road;
        let client = Arc::new(self.session.request_client());
        let mut event = Event::new(kind, road.clock.now()).from(Some(client));
        event.session_id = id;
        road.record(&event);
    }

    fn record_use_after_end(&self, tombstone: &Tombstone) {
        let cause = tombstone.ending.cause().clone();
        self.record(EventKind::UseAfterEnd { cause }, Some(tombstone.id));
    }
}

/// A request whose session is known.
pub(super) struct Entrance {
    visit: Visit,
    refusal: Option<Refusal>,
}

impl Entrance {
    /// Lets the request in with its session, or answers it.
    pub(super) fn admit<B>(self, request: &mut Request<B>) -> Result<Visit, Box<Answer>> {
        let Self { mut visit, refusal } = self;
        let Some(session) = visit.delivery.session() else {
            return Ok(visit);
        };
        match refusal {
            None => {
                request.extensions_mut().insert(session.clone());
                Ok(visit)
            }
            Some(refusal) => {
                let session = session.clone();
                let mut answer = visit.answer(&session, &refusal);
                visit.farewell(&session, &mut answer);
                visit.delivery.done();
                Err(Box::new(answer))
            }
        }
    }
}

/// A request on its way through the inner service.
pub(super) struct Visit {
    core: Arc<Core>,
    delivery: Delivery,
    marker: Option<Box<Marker>>,
}

impl Visit {
    /// Writes what the request changed.
    pub(super) fn commit(&self) -> Reply<Result<Committed, store::Error>> {
        self.delivery
            .session()
            .map_or(Reply::Now(Ok(Committed::AsIs)), Session::commit)
    }

    /// The response that takes the place of the inner service's, if one does.
    fn replacement<R>(
        &self,
        session: &Session,
        committed: Option<Committed>,
        response: &Response<R>,
    ) -> Option<Answer> {
        if let Some(Committed::EndedMeanwhile(reason)) = committed
            && self.core.replace_in_flight
        {
            return Some(self.answer(session, &Refusal::Ended(reason)));
        }
        match response.extensions().get::<Wish>()? {
            Wish::Refuse(refusal) => Some(self.answer(session, refusal)),
            Wish::Farewell => {
                let ended = session
                    .end_reason()
                    .unwrap_or(crate::reason::EndReason::Logout);
                let facts = session.facts();
                let answer = self.core.farewell.part(facts, session.via(), &ended);
                Some(without_body_for_head(facts, answer))
            }
        }
    }

    fn answer(&self, session: &Session, refusal: &Refusal) -> Answer {
        let facts = session.facts();
        let mut answer = self.core.farewell.refuse(facts, session.via(), refusal);
        no_store(answer.headers_mut());
        if session.via() != Some(Via::Bearer) {
            let referrer = http::HeaderValue::from_static("no-referrer");
            answer
                .headers_mut()
                .insert(http::header::REFERRER_POLICY, referrer);
        }
        without_body_for_head(facts, answer)
    }

    /// The headers that the session demands, and a redirect that leads where it may.
    fn farewell<R>(&self, session: &Session, response: &mut Response<R>) {
        let effects = session.effects();
        if let Some((_, reason, true)) = &effects.ended {
            let mut status = response.status();
            self.core
                .farewell
                .judge_redirect(reason, &mut status, response.headers_mut());
            *response.status_mut() = status;
        }
        let status = response.status();
        let (facts, marker) = (session.facts(), self.marker.as_deref());
        let headers = response.headers_mut();
        decorate(
            &self.core.farewell,
            facts,
            marker,
            &effects,
            status,
            headers,
        );
    }
}

/// Lets a response that goes on while the session lives end with it.
fn guard<R>(session: &Session, response: Response<R>) -> Response<SessionBody<R>>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    // Only what has no body by its method needs to be told apart.
    let method = match session.facts().method() {
        RequestMethod::Head => Method::HEAD,
        RequestMethod::Connect => Method::CONNECT,
        _ => Method::GET,
    };
    let guard = CutStyle::of(&method, &response).and_then(|style| Some((style, session.live()?)));
    response.map(|body| match guard {
        Some((style, guard)) => SessionBody::guarded(body, guard, style),
        None => SessionBody::plain(body),
    })
}

/// Why a request that needs a live session is refused.
pub(super) fn refusal_of(standing: &Standing) -> Option<Refusal> {
    match standing {
        Standing::Live(_) => None,
        Standing::Ambiguous(_) => Some(Refusal::Ambiguous),
        Standing::Anonymous => Some(Refusal::NoSession),
        Standing::Ended { reason, .. } => Some(Refusal::Ended(reason.clone())),
        Standing::Outdated => Some(Refusal::Outdated),
    }
}

/// The path as the client sent it, also inside a nested router.
fn outer_path<B>(request: &Request<B>) -> &str {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(uri)) = request.extensions().get() {
        return Uri::path(uri);
    }
    Uri::path(request.uri())
}

fn without_body_for_head(facts: &RequestFacts, mut answer: Answer) -> Answer {
    if facts.method() == RequestMethod::Head {
        *answer.body_mut() = Bytes::new();
    }
    answer
}
