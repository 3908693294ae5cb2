//! One thing that happened to a session.

use super::EndScope;
use crate::{
    id::{RequestId, SessionId, Subject},
    reason::Cause,
    record::{Client, Generation},
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

/// One thing that happened to a session.
///
/// Cloning copies a few reference counts, and for an ending with an actor, a note or a failed hook
/// one small allocation.
///
/// Serialised, it is one flat object with the fields of [`TracingSink`](super::TracingSink).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When, by this node's clock; for an ending, when the store decided it.
    pub at: Timestamp,
    /// The session, when one is named; also the id of the event for an ending.
    pub session_id: Option<SessionId>,
    /// Whose session it is, when that is known.
    pub subject: Option<Subject>,
    /// The client: of the request, or for an ending the one that started the session.
    pub client: Option<Arc<Client>>,
    /// The request by which it came, where the application says what requests are called
    /// ([`with_request_id`](crate::SessionsBuilder::with_request_id)).
    pub request_id: Option<RequestId>,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// Many sessions were ended in one step. Each of them has its own [`Ended`](Self::Ended) with
    /// the same generation.
    CutMade {
        /// Which sessions: of one subject or of everybody.
        scope: EndScope,
        /// The number of the cut.
        generation: Generation,
        /// The session that lives on, if one was named.
        kept: Option<SessionId>,
        /// Why, and who wanted it.
        cause: Cause,
        /// How many sessions were concluded when this was recorded.
        concluded: usize,
        /// Whether the sweeper concludes more.
        more_follow: bool,
    },
    /// A session cookie came several times in one request: a sign of cookie tossing. `live` says
    /// how many of the values were live sessions; with more than one the request was refused.
    DuplicateCookie {
        /// How many.
        live: usize,
    },
    /// A session ended.
    Ended {
        /// Why, and who wanted it.
        cause: Cause,
        /// Whether it ended alone.
        scope: EndScope,
        /// The number of the cut that ended it, if one did.
        generation: Option<Generation>,
        /// How long it lived.
        lived: Duration,
        /// How long nobody had been active in it.
        idle: Duration,
        /// How many sockets, streams and other [holds](crate::session::Hold) were open and cut on the
        /// node that records this; those of other nodes are not among them. `None` in a copy that is
        /// `redelivered`, and where so many sessions ended at once that it is not known.
        connections_cut: Option<usize>,
        /// How many hooks ran.
        hooks: usize,
        /// The hooks that failed.
        failed_hooks: Vec<FailedHook>,
        /// Whether an earlier attempt may have recorded it already.
        redelivered: bool,
    },
    /// Events are missing before this one: a queue was full, or they could not be written.
    EventsLost {
        /// How many.
        count: u64,
    },
    /// A user said that they are still there, which moved the idle deadline: see
    /// [`Session::extend`](crate::Session::extend). Other activity is not recorded.
    Extended,
    /// Events of one kind from one source were counted instead of recorded: see
    /// [`EventLimits`](super::EventLimits). The client is the source.
    EventsSuppressed {
        /// The [`code`](EventKind::code) of the events.
        kind: &'static str,
        /// How many.
        count: u64,
        /// From how many sources: more than one where the sources themselves were too many.
        sources: u64,
    },
    /// A request to extend a session was refused as forged or malformed; its deadline stays.
    ExtendRefused {
        /// Why: a stable code.
        why: &'static str,
    },
    /// One source presented many tokens that were never issued: see
    /// [`Guessing`](crate::policy::Guessing). The client is the source.
    Guessing {
        /// How many within the window.
        count: u32,
    },
    /// A log-in was refused at the limit of concurrent sessions.
    LimitReached {
        /// The limit.
        max: u32,
    },
    /// A request to log out, or to end sessions of the user's own, was refused as forged or malformed; the session lives on.
    LogOutRefused {
        /// Why: a stable code.
        why: &'static str,
    },
    /// The secret before the last rotation was presented after its grace.
    OutdatedToken,
    /// Policies found something about a session in use. The client is that of the request. When the
    /// session ends for it, its [`Ended`](Self::Ended) names all of them in the note.
    PolicyVerdict {
        /// What follows: `report` (nothing), `require-fresh`, `refuse` (503, as a policy could not
        /// judge) or `end`.
        verdict: &'static str,
        /// What each policy found that found something, in their order.
        findings: Vec<PolicyFinding>,
    },
    /// A browser was not sent where a redirect, or the page to return to, would have led: off the
    /// site, or to a place of no return.
    RedirectRefused {
        /// Where: at most the first 128 bytes, with everything but printable ASCII escaped.
        target: String,
    },
    /// A session's secret was replaced.
    Rotated,
    /// The handshake of a WebSocket was refused: the page that sent it may not open one here. See
    /// [`judge_websocket`](crate::policy::judge_websocket).
    SocketRefused {
        /// Why: a stable code.
        why: &'static str,
    },
    /// A session was not started for a reason that has nothing to do with the user.
    StartRefused {
        /// Why: a stable code.
        why: &'static str,
    },
    /// A session started.
    Started,
    /// The store failed; the request was refused.
    StoreFailed {
        /// What was tried.
        operation: &'static str,
        /// What the store said: never a secret, see [`store::Error`](crate::store::Error).
        error: String,
    },
    /// A token was presented that names no session: expired long ago, invented, or malformed.
    UnknownToken,
    /// The token of an ended session was presented: the strongest sign of theft.
    UseAfterEnd {
        /// How the session had ended.
        cause: Cause,
    },
    /// A token was presented that names a session with a wrong secret.
    WrongSecret,
}

/// A hook that did not do its work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FailedHook {
    /// The name given when it was added.
    pub name: &'static str,
    /// How it came out: `failed`, `panicked` or `timed-out`. Its error is in the receipt of the
    /// ending; it is the application's text and may hold anything, so it is not recorded.
    pub outcome: &'static str,
}

impl FailedHook {
    pub(crate) const fn new(name: &'static str, outcome: &'static str) -> Self {
        Self { name, outcome }
    }
}

/// What one policy found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PolicyFinding {
    /// The name given when it was added; `subject-check` and `risk` for what was asked.
    pub policy: &'static str,
    /// Its own verdict: `report`, `require-fresh` or `end`; `failed` when it had none.
    pub verdict: &'static str,
    /// What was found, or why there was no verdict.
    pub why: &'static str,
}

impl PolicyFinding {
    pub(crate) const fn new(
        policy: &'static str,
        verdict: &'static str,
        why: &'static str,
    ) -> Self {
        Self {
            policy,
            verdict,
            why,
        }
    }
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Severity {
    /// The usual life of a session.
    Info,
    /// Odd or unwelcome; common enough by accident.
    Warning,
    /// Somebody should look at it.
    Critical,
}

impl EventKind {
    /// The stable text.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CutMade { .. } => "cut-made",
            Self::DuplicateCookie { .. } => "duplicate-cookie",
            Self::Ended { .. } => "session-ended",
            Self::EventsLost { .. } => "events-lost",
            Self::EventsSuppressed { .. } => "events-suppressed",
            Self::ExtendRefused { .. } => "extend-refused",
            Self::Extended => "session-extended",
            Self::Guessing { .. } => "guessing",
            Self::LimitReached { .. } => "limit-reached",
            Self::LogOutRefused { .. } => "log-out-refused",
            Self::OutdatedToken => "outdated-token",
            Self::PolicyVerdict { .. } => "policy-verdict",
            Self::RedirectRefused { .. } => "redirect-refused",
            Self::Rotated => "session-rotated",
            Self::SocketRefused { .. } => "socket-refused",
            Self::StartRefused { .. } => "start-refused",
            Self::Started => "session-started",
            Self::StoreFailed { .. } => "store-failed",
            Self::UnknownToken => "unknown-token",
            Self::UseAfterEnd { .. } => "use-after-end",
            Self::WrongSecret => "wrong-secret",
        }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::CutMade { .. }
            | Self::Ended { .. }
            | Self::Extended
            | Self::Rotated
            | Self::Started => Severity::Info,
            Self::DuplicateCookie { .. }
            | Self::EventsSuppressed { .. }
            | Self::ExtendRefused { .. }
            | Self::LimitReached { .. }
            | Self::LogOutRefused { .. }
            | Self::OutdatedToken
            | Self::PolicyVerdict { .. }
            | Self::RedirectRefused { .. }
            | Self::SocketRefused { .. }
            | Self::UnknownToken
            | Self::WrongSecret => Severity::Warning,
            Self::EventsLost { .. }
            | Self::Guessing { .. }
            | Self::StartRefused { .. }
            | Self::StoreFailed { .. }
            | Self::UseAfterEnd { .. } => Severity::Critical,
        }
    }

    /// Whether it says that sessions ended: what a full queue keeps room for.
    pub const fn is_ending(&self) -> bool {
        matches!(self, Self::CutMade { .. } | Self::Ended { .. })
    }
}

impl Event {
    /// An event that names no session yet.
    pub(crate) const fn new(kind: EventKind, at: Timestamp) -> Self {
        Self {
            kind,
            at,
            session_id: None,
            subject: None,
            client: None,
            request_id: None,
        }
    }

    #[must_use]
    pub(crate) const fn of(mut self, id: SessionId) -> Self {
        self.session_id = Some(id);
        self
    }

    #[must_use]
    pub(crate) fn by(mut self, subject: Option<Subject>) -> Self {
        self.subject = subject;
        self
    }

    #[must_use]
    pub(crate) fn from(mut self, client: Option<Arc<Client>>) -> Self {
        self.client = client;
        self
    }

    #[must_use]
    pub(crate) fn asked_by(mut self, request_id: Option<&RequestId>) -> Self {
        self.request_id = request_id.cloned();
        self
    }
}
