//! What goes into a store's operations, and every way they can come out.

use crate::{
    id::{RequestId, SecretHash, SessionId, Subject},
    reason::{Cause, EndReason},
    record::{Changes, Client, Departed, Generation, Grants, Live, Tombstone, Values},
    time::Timestamp,
};
use std::{num::NonZeroU32, sync::Arc, time::Duration};

/// Recognises a repeated attempt at the same ending after a lost reply.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Attempt([u8; 16]);

impl Attempt {
    /// A new attempt, unlike any other.
    ///
    /// # Errors
    /// The operating system has no random bytes to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The attempt that these bytes are, for stores.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for stores.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The generation read before credentials are checked: a log-in that raced with "end everything"
/// is recognised by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a store must make it")]
pub struct Ticket {
    /// The generation at that moment.
    pub generation: Generation,
    /// When it was issued, in store time: refused after [`Ticket::LIFETIME`].
    pub issued_at: Timestamp,
}

impl Ticket {
    /// How long a ticket is good for. Cuts are remembered at least as long.
    pub const LIFETIME: Duration = Duration::from_mins(10);
}

/// How many live sessions one subject may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a number and what happens at it")]
pub struct Limit {
    /// At most so many live sessions.
    pub max: NonZeroU32,
    /// What a log-in beyond it does.
    pub at_limit: AtLimit,
}

/// What a log-in beyond the [`Limit`] does (ASVS 7.1.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AtLimit {
    /// Ends the oldest sessions, so that the new one fits.
    EndOldest,
    /// Is refused.
    RefuseNew,
}

/// A session to be created.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a store must keep all of it")]
pub struct NewSession {
    /// Its name, from [`mint_id`](super::SessionStore::mint_id) for the same subject.
    pub id: SessionId,
    /// The hash of its secret.
    pub secret_hash: SecretHash,
    /// Whose it is.
    pub subject: Option<Subject>,
    /// How long it may be idle; `None` for no idle timeout.
    pub idle_timeout: Option<Duration>,
    /// How old the stored last-seen may grow before activity writes it.
    pub touch_interval: Duration,
    /// How long it lives at most.
    pub absolute_timeout: Duration,
    /// The client that starts it.
    pub client: Option<Arc<Client>>,
    /// Its first values.
    pub values: Values,
    /// The limit that applies to its subject; not to anonymous sessions.
    pub limit: Option<Limit>,
    /// The session that it takes the place of: ended [`EndReason::Reauthenticated`] in the same
    /// step and not counted against the limit, if it is live and of the same subject. Otherwise
    /// it is left alone, and the caller's to end; so is an anonymous one, whoever starts anew.
    pub replaces: Option<SessionId>,
    /// From [`begin_log_in`](super::SessionStore::begin_log_in), if it was called.
    pub ticket: Option<Ticket>,
    /// Who works on the sessions that end in this step.
    pub claimant: Claimant,
    /// The request that asks for it, if it has a name.
    pub request_id: Option<RequestId>,
}

impl NewSession {
    /// The cause of a session that ends in this step: by the request that asks for the new one.
    pub fn ending_for(&self, reason: EndReason) -> Cause {
        let cause = Cause::from(reason);
        match &self.request_id {
            Some(id) => cause.with_request_id(id.clone()),
            None => cause,
        }
    }
}

/// Who works on an ending first, and for how long it is theirs.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "two parts of one argument")]
pub struct Claimant {
    /// Recognises a repeat.
    pub attempt: Attempt,
    /// How long the winner may work before somebody else takes over, in store time.
    pub lease: Duration,
}

/// How `create` came out.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle every outcome")]
pub enum Created {
    /// The session lives. Also the answer to an exact repeat.
    Created {
        /// The session.
        live: Live,
        /// The sessions that ended for it, leased to the caller: those superseded at the limit
        /// and the replaced one. Empty on a repeat: who takes over pending work gets them.
        ended: Vec<Departed>,
    },
    /// The id is taken by another session, live or ended.
    Conflict,
    /// The subject has so many live sessions already.
    LimitReached(Limit),
    /// The ticket is older than [`Ticket::LIFETIME`], or than a cut that would cover a session
    /// created when it was issued.
    Outdated,
}

/// How `check_in` came out.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle every outcome")]
pub enum CheckIn {
    /// The session is live, and was touched if that was due.
    Live(Live),
    /// A deadline or a cut has passed and nobody concluded it: the caller does. Never touched.
    Due(Cause),
    /// It ended.
    Ended(Arc<Tombstone>),
    /// The right session, but the secret before the last rotation, after its grace.
    Outdated,
    /// The session exists or existed; the secret is not its.
    WrongSecret,
    /// Nothing is known of it.
    Unknown,
}

/// Why a write was refused: the session is not live.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle every outcome")]
pub enum NotLive {
    /// A deadline or a cut has passed and nobody concluded it.
    Due(Cause),
    /// It ended.
    Ended(Arc<Tombstone>),
    /// Nothing is known of it.
    Unknown,
}

/// What one commit writes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Update {
    /// Changes of values, merged per name.
    pub values: Changes,
    /// Grants to add or replace, by name; those that are over are dropped by the way.
    pub grants: Grants,
    /// Changes of what is left behind for hooks, merged per name.
    pub leave_behind: Changes,
}

impl Update {
    /// Whether it writes nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.grants.is_empty() && self.leave_behind.is_empty()
    }
}

/// How `update` came out.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle every outcome")]
#[must_use = "an update of a session that ended must be handled"]
pub enum Updated {
    /// Written; the session as it is now.
    Written(Live),
    /// The revision is not the expected one; nothing was written. The session as it is.
    Conflict(Live),
    /// The session is not live; nothing was written.
    NotLive(NotLive),
}

/// How `rotate` came out.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle every outcome")]
#[must_use = "a rotation of a session that ended must be handled"]
pub enum Rotated {
    /// The new secret is the secret. Also the answer to an exact repeat.
    Written,
    /// Another rotation came first: the old secret is the previous one.
    Outdated,
    /// The old secret was never the session's.
    WrongSecret,
    /// The session is not live; nothing was written.
    NotLive(NotLive),
}

/// How `end` came out.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle every outcome")]
#[must_use = "whoever is First has work to do"]
pub enum End {
    /// This call ended it, and its work is leased to the caller. Also the answer to the same
    /// attempt again, while the work is pending.
    First(Departed),
    /// It had ended before.
    Already(Arc<Tombstone>),
    /// Nothing is known of it.
    Unknown,
}

/// How a session that a node holds stands.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle every outcome")]
pub enum Checked {
    /// Live.
    Live {
        /// Until it is due if nothing happens to it: the first of its deadlines, its touch interval
        /// included, counted from the store's answer and in the store's time.
        due_in: Duration,
    },
    /// A deadline or a cut has passed and nobody concluded it.
    Due(EndReason),
    /// It ended.
    Ended(EndReason),
    /// Nothing is known of it.
    Unknown,
}

impl Checked {
    /// Why the only session that was asked after is not live; nothing if it is.
    pub(crate) fn not_live(answers: Vec<Self>) -> Option<NotLive> {
        match answers.into_iter().next() {
            Some(Self::Live { .. }) => None,
            // Whoever concluded it is asked for the rest by the ending that follows.
            Some(Self::Due(reason) | Self::Ended(reason)) => Some(NotLive::Due(reason.into())),
            Some(Self::Unknown) | None => Some(NotLive::Unknown),
        }
    }
}

/// A live session in a list.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a store must say all of it")]
pub struct Listed {
    /// Its name.
    pub id: SessionId,
    /// Whose it is.
    pub subject: Option<Subject>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last seen active.
    pub last_seen: Timestamp,
    /// When it ends in any case.
    pub absolute_deadline: Timestamp,
    /// The client that started it.
    pub client: Option<Arc<Client>>,
}

/// Where the next [`Page`] begins: opaque outside the store that made it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor(Box<[u8]>);

impl Cursor {
    /// For stores.
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// For stores.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A part of the list of all live sessions.
///
/// The order is the store's, and stable: a session that is live all the while stands on exactly
/// one page, whatever starts and ends meanwhile.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a store must say all of it")]
pub struct Page {
    /// The sessions; may be fewer than asked for, none too, though more follow.
    pub sessions: Vec<Listed>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}
