//! The handle: who and what the session of this request is.

use super::{Context, before::Before};
use crate::{
    carrier::Via,
    id::{RequestId, SecretHash, SessionId, Subject, Token},
    live::Mark,
    policy::RequestFacts,
    reason::EndReason,
    record::{Activity, Client, Live, Remaining},
    store::{Listed, Ticket, Update},
    time::Timestamp,
};
use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

/// The session of a request, live or not.
///
/// The layer puts one into the extensions of every request; under axum it is an extractor. Clones
/// are the same session. See the [module](super) for what is written when.
///
/// Reading is synchronous and takes a short lock of this request's own; nothing here is shared
/// with other requests.
#[derive(Clone)]
pub struct Session(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) context: Arc<Context>,
    pub(super) facts: RequestFacts,
    pub(super) address: Option<IpAddr>,
    /// Where the ring of recent endings stood when the store was asked.
    pub(super) mark: Mark,
    /// What the store was told of the user.
    activity: Activity,
    pub(super) request_id: Option<RequestId>,
    /// Whether something is held open on its behalf.
    pub(super) holds: AtomicBool,
    pub(super) state: Mutex<State>,
}

/// What the store said when the request came in.
pub(crate) struct Entered {
    pub(crate) standing: Standing,
    /// The token that was presented: by which carrier, and the hash of its secret.
    pub(crate) presented: Option<(Via, Option<SecretHash>)>,
    /// Whether what was presented is to be removed from the client.
    pub(crate) stale: bool,
}

/// How the session of this request stands.
#[derive(Clone, Debug, Default)]
pub(crate) enum Standing {
    /// Two or more live sessions under one cookie name: none is believed.
    Ambiguous(Vec<SessionId>),
    /// No session.
    #[default]
    Anonymous,
    /// Live, but by the policies not for this request.
    Doubted(Box<Doubted>),
    /// Ended, with the id if the client proved that it was its own.
    Ended { id: SessionId, reason: EndReason },
    /// Live.
    Live(Live),
    /// The right session, but with a secret that was replaced.
    Outdated(SessionId),
}

/// A live session that this request may not use.
#[derive(Clone, Debug)]
pub(crate) struct Doubted {
    pub(crate) live: Live,
    pub(crate) doubt: Doubt,
}

/// Why a request may not use its live session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Doubt {
    /// A policy wants a log-in less than `max_age` ago.
    NotFresh {
        why: &'static str,
        max_age: Duration,
    },
    /// Somebody who was to judge could not.
    Unjudged,
}

/// What changes while the request is handled.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not states of one thing"
)]
pub(super) struct State {
    pub(super) standing: Standing,
    pub(super) via: Option<Via>,
    /// The hash of the secret that the client will present next, as far as this request knows.
    pub(super) secret: Option<SecretHash>,
    pub(super) stale: bool,
    /// What is to be written, if anything.
    pub(super) pending: Option<Box<Update>>,
    pub(super) rotate: bool,
    pub(super) issued: Option<Box<Issued>>,
    pub(super) ticket: Option<Ticket>,
    /// A handler of this request ended the session.
    pub(super) ended_here: bool,
    /// A handler found out that somebody else had ended it meanwhile.
    pub(super) ended_meanwhile: bool,
    /// A handler tried to and the store failed.
    pub(super) end_failed: bool,
    /// The browser's storage belongs to somebody else than who logged in now.
    pub(super) subject_changed: bool,
    /// What the client says of the session before this one, and what came of it.
    pub(super) before: Option<Box<Before>>,
}

impl State {
    /// Whether there is nothing to write, and nothing but its standing to tell the client.
    #[inline]
    pub(super) const fn is_untouched(&self) -> bool {
        // One look at all flags: they are next to each other.
        let flagged = self.rotate | self.stale | self.end_failed | self.subject_changed;
        self.pending.is_none() && self.issued.is_none() && !flagged
    }
}

/// A token that goes out with this response. Boxed where it is kept: few do.
pub(super) enum Issued {
    /// Handed to the application, which tells its client.
    Bearer,
    /// Set as the session cookie.
    Cookie(Token),
}

impl Session {
    /// The session of a request of which nothing is known yet.
    #[inline]
    pub(crate) fn new(
        context: Arc<Context>,
        facts: RequestFacts,
        address: Option<IpAddr>,
        mark: Mark,
        activity: Activity,
        request_id: Option<RequestId>,
    ) -> Self {
        Self(Arc::new(Inner {
            context,
            facts,
            address,
            mark,
            activity,
            request_id,
            holds: AtomicBool::new(false),
            state: Mutex::default(),
        }))
    }

    /// Notes what the store said.
    #[inline]
    pub(crate) fn enter(&self, entered: Entered) {
        let mut state = self.state();
        state.standing = entered.standing;
        if let Some((via, secret)) = entered.presented {
            state.via = Some(via);
            state.secret = secret;
        }
        state.stale = entered.stale;
    }

    /// Whether there is a live session.
    pub fn is_live(&self) -> bool {
        self.with_live(|_| ()).is_some()
    }

    /// The public name of the live session.
    pub fn id(&self) -> Option<SessionId> {
        self.with_live(|live| live.id)
    }

    /// Who the live session belongs to; `None` without one and for an anonymous one.
    pub fn subject(&self) -> Option<Subject> {
        self.with_live(|live| live.record.subject().cloned())
            .flatten()
    }

    /// When the live session was created, in store time.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.with_live(|live| live.record.created_at())
    }

    /// When the user of the live session last proved who they are, in store time.
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.with_live(|live| live.record.authenticated_at())
    }

    /// How long the live session lives on if nothing happens: until the idle and until the
    /// absolute timeout.
    ///
    /// As of the moment the store answered this request.
    pub fn expires_in(&self) -> Option<Remaining> {
        self.with_live(Live::remaining)
    }

    /// The live session's idle timeout, if it has one.
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.with_live(|live| live.record.idle_timeout()).flatten()
    }

    /// The live session as it stands in a list.
    pub(crate) fn listed(&self) -> Option<Listed> {
        self.with_live(|live| Listed {
            id: live.id,
            subject: live.record.subject().cloned(),
            created_at: live.record.created_at(),
            last_seen: live.last_seen,
            absolute_deadline: live.record.absolute_deadline(),
            client: live.record.client().cloned(),
        })
    }

    /// What was known of the client when the live session started.
    pub fn client(&self) -> Option<Arc<Client>> {
        self.with_live(|live| live.record.client().cloned())
            .flatten()
    }

    /// What is known of the client of this request.
    pub fn request_client(&self) -> Client {
        let user_agent = self.0.facts.user_agent().map(http::HeaderValue::as_bytes);
        Client::new(self.0.address, user_agent)
    }

    /// Why the session whose token was presented ended, if the client proved that it was its own.
    pub fn end_reason(&self) -> Option<EndReason> {
        match &self.state().standing {
            Standing::Ended { reason, .. } => Some(reason.clone()),
            Standing::Ambiguous(_)
            | Standing::Anonymous
            | Standing::Doubted(_)
            | Standing::Live(_)
            | Standing::Outdated(_) => None,
        }
    }

    /// Why a [policy](crate::policy::Policy) wants a new log-in before this request may use its
    /// session, which lives on meanwhile: for the log-in page to say so. The `why` of the
    /// [`Verdict`](crate::policy::Verdict), `None` without one.
    pub fn wants_log_in(&self) -> Option<&'static str> {
        match self.doubt()? {
            Doubt::NotFresh { why, .. } => Some(why),
            Doubt::Unjudged => None,
        }
    }

    /// Why this request may not use its live session.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        match &self.state().standing {
            Standing::Doubted(doubted) => Some(doubted.doubt),
            Standing::Ambiguous(_)
            | Standing::Anonymous
            | Standing::Ended { .. }
            | Standing::Live(_)
            | Standing::Outdated(_) => None,
        }
    }

    /// Whether a temporary permission is held: see [`Session::grant`].
    ///
    /// As of the moment the store answered this request: who works for long on one request (a
    /// socket, a job) asks again with another.
    pub fn granted(&self, name: &str) -> bool {
        let state = self.state();
        let Standing::Live(live) = &state.standing else {
            return false;
        };
        let pending = state.pending.as_ref();
        pending
            .and_then(|pending| pending.grants.until(name))
            .map_or_else(
                || live.record.granted(name, live.now),
                |until| live.now < until,
            )
    }

    /// The facts of the request: where it comes from, what kind of answer it wants. To judge a
    /// request that changes something, as [`log_out`](Self::log_out) does by itself.
    pub fn facts(&self) -> &RequestFacts {
        &self.0.facts
    }

    /// Whether this request counted as the user being there when the store was asked.
    pub(crate) fn activity(&self) -> Activity {
        self.0.activity
    }

    /// The address of the client, as far as the trusted proxies tell.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.0.address
    }

    /// What this request is called, where the application says so
    /// ([`with_request_id`](crate::SessionsBuilder::with_request_id)).
    pub fn request_id(&self) -> Option<&RequestId> {
        self.0.request_id.as_ref()
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.0.context
    }

    #[cfg(feature = "axum")]
    pub(crate) fn live_record(&self) -> Option<Live> {
        self.with_live(Live::clone)
    }

    pub(crate) fn standing(&self) -> Standing {
        self.state().standing.clone()
    }

    /// By which carrier the request presented a token, if it did.
    pub fn via(&self) -> Option<Via> {
        self.state().via
    }

    pub(super) fn with_live<T>(&self, read: impl FnOnce(&Live) -> T) -> Option<T> {
        match &self.state().standing {
            Standing::Live(live) => Some(read(live)),
            Standing::Ambiguous(_)
            | Standing::Anonymous
            | Standing::Doubted(_)
            | Standing::Ended { .. }
            | Standing::Outdated(_) => None,
        }
    }

    /// The session that a log-in of this request takes the place of: the live one, also one that
    /// the request itself may not use.
    pub(super) fn replaceable(&self) -> Option<Live> {
        match &self.state().standing {
            Standing::Doubted(doubted) => Some(doubted.live.clone()),
            Standing::Live(live) => Some(live.clone()),
            Standing::Ambiguous(_)
            | Standing::Anonymous
            | Standing::Ended { .. }
            | Standing::Outdated(_) => None,
        }
    }

    /// Never held across an await: a leaf lock of this request's own.
    #[inline]
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("standing", &self.state().standing)
            .finish_non_exhaustive()
    }
}
