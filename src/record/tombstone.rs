//! What is left of a session after its ending.

use super::{Client, Generation, Values};
use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::{EndReason, Ending},
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

/// What a store keeps of a session after its ending: enough to say why to whoever holds the right
/// secret, to recognise a dead token when it comes back, and nothing of the values.
///
/// Kept until the session's absolute deadline or [`Tombstone::MIN_RETENTION`] after the ending,
/// whichever is later. Losing one costs the reason, never finality: nothing can insert a session
/// under an old id.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a store must keep all of it")]
pub struct Tombstone {
    /// Which session.
    pub id: SessionId,
    /// The hash of the last secret: only who presents that secret is told of the ending.
    pub secret_hash: SecretHash,
    /// The hash before that, if there was a rotation.
    pub previous_hash: Option<SecretHash>,
    /// Whose it was.
    pub subject: Option<Subject>,
    /// Why and when it ended.
    pub ending: Ending,
}

impl Tombstone {
    /// How long after its ending a tombstone is kept at least.
    pub const MIN_RETENTION: Duration = Duration::from_hours(1);

    /// Short for `ending.reason()`.
    pub const fn reason(&self) -> &EndReason {
        self.ending.reason()
    }

    /// Whether `hash` is of the last secret or the one before.
    pub fn knows(&self, hash: &SecretHash) -> bool {
        self.secret_hash == *hash || self.previous_hash.as_ref() == Some(hash)
    }

    /// Until when a tombstone is kept.
    pub fn keep_until(ended_at: Timestamp, absolute_deadline: Timestamp) -> Timestamp {
        absolute_deadline.max(ended_at.saturating_add(Self::MIN_RETENTION))
    }
}

/// An ending with its pending work, as the winner and whoever takes over from it see it: the same
/// facts for both, and never the values.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a store must say all of it")]
pub struct Departed {
    /// Which session; also the id of the event, the key of everything done at least once.
    pub id: SessionId,
    /// Whose it was.
    pub subject: Option<Subject>,
    /// Why and when it ended.
    pub ending: Ending,
    /// The cut that ended it, if one did.
    pub cut: Option<Generation>,
    /// When it was due: the instant of the deadline or cut that ended it, which may have been found
    /// later. `None` for one that somebody ended while it was live.
    pub due_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last seen active.
    pub last_seen: Timestamp,
    /// The client that started it.
    pub client: Option<Arc<Client>>,
    /// What the application left behind for its hooks.
    pub leave_behind: Values,
    /// Proof of the lease: what `renew` and `acknowledge` ask for.
    pub claim: u64,
    /// Whether an earlier attempt may have done some of the work.
    pub redelivered: bool,
}
