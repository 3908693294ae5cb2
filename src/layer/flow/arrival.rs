//! A request that comes in: what is known of it, and what follows from the store's answer.

use super::{
    Entrance, Visit,
    outcome::Told,
    visit::{Aside, aside},
};
use crate::{
    audit::{Event, EventKind},
    carrier::{Sighted, Via},
    farewell::{Marker, Past, Refusal, refusal_of},
    id::{SecretHash, SessionId, Token},
    layer::{Core, endpoints::Place, outer_uri},
    policy::{self, RequestFacts},
    record::{Activity, Live, Tombstone},
    session::{Delivery, Entered, Session, Standing},
    store::{self, Answer as StoreAnswer, CheckIn, NotLive, Reply},
};
use http::Request;
use std::sync::Arc;

/// A request before the store is asked.
pub(super) struct Arrival {
    pub(super) core: Arc<Core>,
    /// The handle of the request, of whose session nothing is known yet.
    pub(super) session: Session,
    pub(super) activity: Activity,
    place: Place,
    /// Whether its path needs a live session.
    gated: bool,
    aside: Option<Box<Aside>>,
}

impl Arrival {
    #[inline]
    pub(super) fn read<'a, B>(core: &Arc<Core>, request: &'a Request<B>) -> (Self, Sighted<'a>) {
        let (facts, sighted) =
            RequestFacts::read_sighting(request.method(), request.uri(), request.headers());
        let peer = (core.peer)(request.extensions());
        let address = policy::client_address(peer, request.headers(), &core.trusted_proxies);
        // A preflight carries no credentials: refusing it would break CORS.
        let path = outer_uri(request).path();
        let gated = core.farewell.paths.is_sensitive(path)
            && !policy::is_preflight(request.method(), request.headers());
        let place = core.endpoints.place(path);
        let activity = match place {
            Place::Usual => (core.activity)(&facts, path),
            Place::Asset | Place::Passive => Activity::Passive,
        };
        let request_id = core.request_id.as_ref();
        let request_id = request_id.and_then(|find| find(request.headers(), request.extensions()));
        let mark = core.context.road.live.mark();
        let context = Arc::clone(&core.context);
        let arrival = Self {
            session: Session::new(context, facts, address, mark, activity, request_id),
            core: Arc::clone(core),
            activity,
            place,
            gated,
            aside: None,
        };
        (arrival, sighted)
    }

    #[inline]
    pub(super) fn with_marker(mut self, marker: Marker) -> Self {
        self.session.note_former(marker.former(None));
        aside(&mut self.aside).past = Some(Box::new(Past {
            marker: Some(marker),
            wanted: None,
        }));
        self
    }

    /// Whether it asks for a file that is the same for everybody.
    #[inline]
    pub(super) fn is_asset(&self) -> bool {
        self.place == Place::Asset && !self.gated
    }

    /// What follows from the store's answer to one token.
    #[inline]
    pub(super) fn checked_in(
        self,
        id: SessionId,
        presented: (Via, SecretHash),
        answer: StoreAnswer<CheckIn>,
    ) -> Reply<Entrance> {
        match answer {
            // The way of nearly every request.
            Reply::Now(Ok(CheckIn::Live(live))) if self.core.context.policies.is_none() => {
                let (via, hash) = presented;
                Reply::Now(self.enter(Standing::Live(live), Some((via, Some(hash))), false))
            }
            Reply::Now(Ok(CheckIn::Live(live))) => match self.session.judge(live) {
                Reply::Now(judged) => self.judged(presented, judged),
                Reply::Later(judged) => {
                    Reply::later(async move { self.judged(presented, judged.await).await })
                }
            },
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
        match self.standing(id, &hash, answer).await {
            Ok((Standing::Live(live), _)) => {
                let judged = self.session.judge(live).await;
                self.judged((via, hash), judged).await
            }
            Ok((standing, stale)) => self.enter(standing, Some((via, Some(hash))), stale),
            Err(error) => self.refuse_unavailable("check_in", &error),
        }
    }

    /// How the session stands, and whether the token is to be removed.
    async fn standing(
        &self,
        id: SessionId,
        hash: &SecretHash,
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
                if let Some(policies) = &self.core.context.policies {
                    let road = &self.core.context.road;
                    policies.dead_token(road, &tombstone).await;
                }
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
                Ok((Standing::Outdated(id), false))
            }
            CheckIn::WrongSecret => {
                self.record(EventKind::WrongSecret, Some(id));
                self.guessed(id, hash);
                Ok((Standing::Anonymous, true))
            }
            CheckIn::Unknown => {
                self.record(EventKind::UnknownToken, Some(id));
                self.guessed(id, hash);
                Ok((Standing::Anonymous, true))
            }
        }
    }

    /// Several values under one cookie name, these of which are tokens: one live session is used,
    /// two are refused. The order says nothing (RFC 6265bis section 4.2.2).
    pub(super) async fn sort_out(self, tokens: Vec<Token>, via: Via) -> Entrance {
        let mut live: Vec<(Live, SecretHash)> = Vec::new();
        let mut dead = (Standing::Anonymous, None);
        for token in tokens {
            let (id, hash) = (token.id(), token.secret_hash());
            let answer = self
                .core
                .context
                .store()
                .check_in(id, &hash, self.asked_as())
                .await;
            match self.standing(id, &hash, answer).await {
                // The secrets before and after a rotation are one session.
                Ok((Standing::Live(session), _))
                    if live.iter().any(|(known, _)| known.id == session.id) => {}
                Ok((Standing::Live(session), _)) => live.push((session, hash)),
                Ok((outdated @ Standing::Outdated(_), _)) => dead = (outdated, Some(hash)),
                Ok((ended @ Standing::Ended { .. }, _))
                    if !matches!(dead.0, Standing::Outdated(_)) =>
                {
                    dead = (ended, Some(hash));
                }
                Ok(_) => {}
                Err(error) => return self.refuse_unavailable("check_in", &error),
            }
        }
        let only = live.first().filter(|_| live.len() == 1);
        let only = only.map(|(session, _)| session.id);
        self.record(EventKind::DuplicateCookie { live: live.len() }, only);
        if live.len() > 1 {
            let ids = live.into_iter().map(|(session, _)| session.id).collect();
            return self.enter(Standing::Ambiguous(ids), Some((via, None)), true);
        }
        if let Some((session, hash)) = live.pop() {
            let judged = self.session.judge(session).await;
            return self.judged((via, hash), judged).await;
        }
        // To remove what is outdated would remove what replaced it.
        let stale = !matches!(dead.0, Standing::Outdated(_));
        self.enter(dead.0, Some((via, dead.1)), stale)
    }

    /// The session of the request, and whether the request may pass.
    #[inline]
    pub(super) fn enter(
        self,
        standing: Standing,
        presented: Option<(Via, Option<SecretHash>)>,
        stale: bool,
    ) -> Entrance {
        let refusal = self.refusal(&standing);
        self.session.enter(Entered {
            standing,
            presented,
            stale,
        });
        self.let_in(refusal)
    }

    /// Nothing was presented, or nothing that counts here: the session is as it was made.
    #[inline]
    pub(super) fn enter_anonymous(self) -> Entrance {
        let refusal = self.refusal(&Standing::Anonymous);
        self.let_in(refusal)
    }

    #[inline]
    fn refusal(&self, standing: &Standing) -> Option<Refusal> {
        if self.gated {
            refusal_of(standing)
        } else {
            None
        }
    }

    #[inline]
    fn let_in(mut self, refusal: Option<Refusal>) -> Entrance {
        if Told::is_wanted() {
            aside(&mut self.aside).told = Told::of(&self.session);
        }
        let visit = Visit {
            delivery: Delivery::of(self.session),
            core: self.core,
            aside: self.aside,
        };
        Entrance { visit, refusal }
    }

    pub(super) fn refuse_unavailable(
        self,
        operation: &'static str,
        error: &store::Error,
    ) -> Entrance {
        self.core.context.road.store_failed(operation, error);
        let mut entrance = self.enter_anonymous();
        entrance.refusal = Some(Refusal::Unavailable);
        entrance
    }

    fn guessed(&self, id: SessionId, secret: &SecretHash) {
        if let Some(policies) = &self.core.context.policies {
            let address = self.session.address();
            policies.guessed(&self.core.context.road, address, id, secret);
        }
    }

    pub(super) fn record(&self, kind: EventKind, id: Option<SessionId>) {
        self.core.context.road.record(&self.event(kind, id));
    }

    fn event(&self, kind: EventKind, id: Option<SessionId>) -> Event {
        let road = &self.core.context.road;
        let client = Arc::new(self.session.request_client());
        let mut event = Event::new(kind, road.clock.now())
            .from(Some(client))
            .asked_by(self.session.request_id());
        event.session_id = id;
        event
    }

    fn record_use_after_end(&self, tombstone: &Tombstone) {
        let cause = tombstone.ending.cause().clone();
        let event = self
            .event(EventKind::UseAfterEnd { cause }, Some(tombstone.id))
            .by(tombstone.subject.clone());
        self.core.context.road.record(&event);
    }
}
