//! A request on its way through the inner service, and its response on the way out.

use super::outcome::Told;
#[cfg(feature = "listener")]
use crate::layer::upgraded;
use crate::{
    carrier::Via,
    farewell::{Answer, FarewellConfig, Leaving, Past, Refusal, Wish, decorate, no_store},
    layer::{Core, outer_uri},
    live::{CutStyle, LiveGuard},
    policy::{RequestFacts, RequestMethod},
    session::{Committed, Delivery, Session},
    store::{self, Reply},
};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use std::sync::Arc;
use tracing::Span;

/// A request whose session is known.
pub(in crate::layer) struct Entrance {
    pub(super) visit: Visit,
    pub(super) refusal: Option<Refusal>,
}

impl Entrance {
    /// Lets the request in with its session, or answers it.
    #[inline]
    pub(in crate::layer) fn admit<B>(self, request: &mut Request<B>) -> Result<Visit, Box<Answer>> {
        let Self { mut visit, refusal } = self;
        let Some(session) = visit.delivery.session() else {
            return Ok(visit);
        };
        let (facts, headers, farewell) = (session.facts(), request.headers(), &visit.core.farewell);
        if let Some(language) = farewell.language_of(facts, headers) {
            aside(&mut visit.aside).language = language;
        }
        if farewell.returns.is_some() {
            let path = path_of(request);
            let past = visit.aside.as_mut().and_then(|aside| aside.past.take());
            let past = farewell.look_back(session, path, past);
            let may_return = farewell.may_return(session, path);
            if past.is_some() || may_return {
                let aside = aside(&mut visit.aside);
                (aside.past, aside.may_return) = (past, may_return);
            }
        }
        if let Some(refusal) = refusal {
            let session = session.clone();
            let mut answer = visit.answer(&session, &refusal);
            visit.farewell(&session, &mut answer, (true, false));
            visit.came_out(&session, answer.status(), true);
            visit.delivery.done();
            return Err(Box::new(answer));
        }
        request.extensions_mut().insert(session.clone());
        #[cfg(all(feature = "listener", feature = "axum"))]
        upgraded::show_address(request.extensions_mut());
        #[cfg(feature = "listener")]
        if let Some(peer) = upgraded::peer_of(request) {
            aside(&mut visit.aside).peer = Some(peer);
        }
        Ok(visit)
    }
}

/// A request on its way through the inner service.
pub(in crate::layer) struct Visit {
    pub(super) core: Arc<Core>,
    pub(super) delivery: Delivery,
    pub(super) aside: Option<Box<Aside>>,
}

/// What few requests have, apart, so that the others do not carry it along.
#[derive(Default)]
pub(super) struct Aside {
    pub(super) past: Option<Box<Past>>,
    /// The languages that its answer may have to be in.
    language: Box<[u8]>,
    /// Whether it is for a page to which its user may be brought back.
    pub(super) may_return: bool,
    pub(super) told: Option<Told>,
    /// Whose connection may leave HTTP with the response.
    #[cfg(feature = "listener")]
    pub(super) peer: Option<crate::live::Peer>,
}

pub(super) fn aside(aside: &mut Option<Box<Aside>>) -> &mut Aside {
    aside.get_or_insert_default()
}

impl Visit {
    /// The span in which the inner service works, if somebody listens.
    #[inline]
    pub(in crate::layer) fn span(&self) -> Option<&Span> {
        let told = self.aside.as_ref()?.told.as_ref()?;
        Some(told.span())
    }

    /// Tells how the request came out, if somebody listens.
    #[inline]
    pub(super) fn came_out(&self, session: &Session, status: StatusCode, answered: bool) {
        let told = self.aside.as_ref().and_then(|aside| aside.told.as_ref());
        if let Some(told) = told {
            told.came_out(session, status, answered);
        }
    }

    #[inline]
    pub(super) fn past(&self) -> Option<&Past> {
        self.aside.as_ref()?.past.as_deref()
    }

    /// Writes what the request changed.
    #[inline]
    pub(in crate::layer) fn commit(&self) -> Reply<Result<Committed, store::Error>> {
        self.delivery
            .session()
            .map_or(Reply::Now(Ok(Committed::AsIs)), Session::commit)
    }

    /// The response that takes the place of the inner service's, if one does.
    #[inline]
    pub(super) fn replacement(
        &self,
        session: &Session,
        committed: &Committed,
        wish: Option<&Wish>,
    ) -> Option<Answer> {
        if wish.is_none() && !matches!(committed, Committed::EndedMeanwhile(_)) {
            return None;
        }
        self.wished(session, committed, wish)
    }

    fn wished(
        &self,
        session: &Session,
        committed: &Committed,
        wish: Option<&Wish>,
    ) -> Option<Answer> {
        if let Committed::EndedMeanwhile(reason) = committed
            && self.core.replace_in_flight
        {
            let refusal = Refusal::Ended(reason.clone());
            if let Some(Wish::Standing) = wish {
                let farewell = &self.core.farewell;
                let answer = farewell.standing(&refusal, session.via(), None);
                return Some(without_body_for_head(session.facts(), answer));
            }
            return Some(self.answer(session, &refusal));
        }
        match wish? {
            Wish::Forbid(refusal) => {
                FarewellConfig::forbid(session.facts(), session.via(), *refusal)
            }
            Wish::Standing | Wish::Store => None,
            Wish::Refuse(Refusal::NoSession) => {
                // A handler that found none may have been shown none.
                let doubt = session.doubt().map(Refusal::from);
                Some(self.answer(session, &doubt.unwrap_or(Refusal::NoSession)))
            }
            Wish::Refuse(refusal) => Some(self.answer(session, refusal)),
            Wish::Farewell => {
                let (facts, via, ended) = (session.facts(), session.via(), session.end_reason());
                if ended.is_none() && via == Some(Via::Bearer) {
                    return Some(self.answer(session, &Refusal::NoSession));
                }
                let mut answer = self.core.farewell.part(facts, via, ended.as_ref());
                no_store(answer.headers_mut());
                Some(without_body_for_head(facts, answer))
            }
        }
    }

    pub(super) fn answer(&self, session: &Session, refusal: &Refusal) -> Answer {
        let facts = session.facts();
        let mut answer = self.refuse(session, refusal);
        no_store(answer.headers_mut());
        if session.via() != Some(Via::Bearer) {
            let referrer = http::HeaderValue::from_static("no-referrer");
            answer
                .headers_mut()
                .insert(http::header::REFERRER_POLICY, referrer);
        }
        without_body_for_head(facts, answer)
    }

    /// A page of another origin that opens a WebSocket is not told how the session stands.
    fn refuse(&self, session: &Session, refusal: &Refusal) -> Answer {
        if *refusal != Refusal::Unavailable
            && let Some(refused) = session.foreign_handshake()
        {
            return refused.into_http_response();
        }
        let (past, farewell) = (self.past(), &self.core.farewell);
        let language = self
            .aside
            .as_ref()
            .map_or(&[] as &[u8], |aside| &aside.language);
        farewell.refuse(session.facts(), session.via(), refusal, past, language)
    }

    /// The headers that the session demands, and a redirect that leads where it may.
    #[inline]
    pub(super) fn farewell<R>(
        &self,
        session: &Session,
        response: &mut Response<R>,
        (refused, storable): (bool, bool),
    ) {
        let effects = session.effects();
        if let Some((_, reason, true)) = &effects.ended {
            let mut status = response.status();
            let refused =
                self.core
                    .farewell
                    .judge_redirect(reason, &mut status, response.headers_mut());
            for target in refused {
                session.record_redirect_refused(target.as_bytes());
            }
            *response.status_mut() = status;
        }
        let status = response.status();
        let (facts, past) = (session.facts(), self.past());
        let leaving = Leaving {
            status,
            refused,
            storable,
        };
        let headers = response.headers_mut();
        decorate(&self.core.farewell, facts, past, &effects, leaving, headers);
    }
}

/// What ends a response with its session, if it goes on while the session lives.
#[inline]
pub(super) fn guard<R: Body>(
    session: &Session,
    response: &Response<R>,
) -> Option<(CutStyle, LiveGuard)> {
    // The way of nearly every response: it is whole, whatever else it is.
    if response.body().size_hint().exact().is_some() {
        return None;
    }
    // Only what has no body by its method needs to be told apart.
    let method = match session.facts().method() {
        RequestMethod::Head => Method::HEAD,
        RequestMethod::Connect => Method::CONNECT,
        _ => Method::GET,
    };
    let style = CutStyle::of(&method, response)?;
    Some((style, session.guard()?))
}

/// What the user asked for: path and query, as received.
///
/// A client that writes the whole URL into its request takes this server for a proxy (RFC 9112
/// section 3.2.2): whose page it wants is not for us to say, so it is none of ours. In HTTP/2 and 3
/// every request has an authority, which means what `Host` does.
fn path_of<B>(request: &Request<B>) -> &str {
    let uri = outer_uri(request);
    if uri.authority().is_some() && request.version() < Version::HTTP_2 {
        return "";
    }
    uri.path_and_query().map_or("", |path| path.as_str())
}

fn without_body_for_head(facts: &RequestFacts, mut answer: Answer) -> Answer {
    if facts.method() == RequestMethod::Head {
        *answer.body_mut() = Bytes::new();
    }
    answer
}
