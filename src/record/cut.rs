//! "End everything up to now": cuts, and the numbers that order them with log-ins.

use crate::{
    id::{SessionId, Subject},
    reason::Cause,
    time::Timestamp,
};

/// A number that the store hands out, greater each time: it orders log-ins and cuts.
///
/// Clocks do not order them: two events may fall into one millisecond, and nodes disagree.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Generation(u64);

impl Generation {
    /// The generation with this number, for stores.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, for stores.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Which sessions a cut ends.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Scope {
    /// Everybody's; with `created_before`, only sessions created before that instant.
    ///
    /// The instant is store time and can only narrow the scope: a session that starts after the
    /// cut is never covered, whatever the instant says.
    Everyone {
        /// Only sessions created before it.
        created_before: Option<Timestamp>,
    },
    /// All sessions of one subject, except one that is kept.
    Subject {
        /// Whose.
        subject: Subject,
        /// The session that lives on, if it is live and of this subject.
        except: Option<SessionId>,
    },
}

/// The end of every session of a [`Scope`] that started before it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Cut {
    /// Sessions with a smaller generation are cut.
    pub generation: Generation,
    /// Why.
    pub cause: Cause,
    /// When it was made, in store time.
    pub at: Timestamp,
    /// Only sessions created before it, if given.
    pub created_before: Option<Timestamp>,
}

impl Cut {
    /// For stores.
    pub const fn new(
        generation: Generation,
        cause: Cause,
        at: Timestamp,
        created_before: Option<Timestamp>,
    ) -> Self {
        Self {
            generation,
            cause,
            at,
            created_before,
        }
    }

    /// Whether a session of its scope with this generation and creation time is cut.
    pub fn covers(&self, generation: Generation, created_at: Timestamp) -> bool {
        generation < self.generation
            && self
                .created_before
                .is_none_or(|instant| created_at < instant)
    }
}
