//! One thing that happened to a session.

use crate::{
    id::{SessionId, Subject},
    reason::Cause,
    record::Client,
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

/// One thing that happened to a session.
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
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
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
        /// How long it lived.
        lived: Duration,
        /// How long nobody had been active in it.
        idle: Duration,
        /// The hooks that failed, by name.
        failed_hooks: Vec<String>,
        /// Whether an earlier attempt may have recorded it already.
        redelivered: bool,
    },
    /// A log-in was refused at the limit of concurrent sessions.
    LimitReached {
        /// The limit.
        max: u32,
    },
    /// A request to log out was refused as forged or malformed; the session lives on.
    LogOutRefused {
        /// Why: a stable code.
        why: &'static str,
    },
    /// The secret before the last rotation was presented after its grace.
    OutdatedToken,
    /// A session's secret was replaced.
    Rotated,
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

impl EventKind {
    /// The stable text.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DuplicateCookie { .. } => "duplicate-cookie",
            Self::Ended { .. } => "session-ended",
            Self::LimitReached { .. } => "limit-reached",
            Self::LogOutRefused { .. } => "log-out-refused",
            Self::OutdatedToken => "outdated-token",
            Self::Rotated => "session-rotated",
            Self::Started => "session-started",
            Self::StoreFailed { .. } => "store-failed",
            Self::UnknownToken => "unknown-token",
            Self::UseAfterEnd { .. } => "use-after-end",
            Self::WrongSecret => "wrong-secret",
        }
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
}
