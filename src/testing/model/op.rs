//! The operations of a sequence.

/// One operation. Times are in minutes; numbers name what there is, modulo how many there are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Op {
    /// Acknowledges with the claim of this number, old or new.
    Acknowledge {
        /// Which session.
        session: u8,
        /// Which of its claims.
        claim: u8,
    },
    /// Moves time.
    Advance(u16),
    /// Reads the generation before a log-in.
    BeginLogIn(u8),
    /// Asks for several by id.
    Check {
        /// Which sessions.
        sessions: Vec<u8>,
        /// Whether they are touched.
        active: bool,
    },
    /// Presents a secret.
    CheckIn {
        /// Which session.
        session: u8,
        /// Which secret.
        secret: u8,
        /// Whether it is touched.
        active: bool,
    },
    /// Ends one.
    End {
        /// Which session.
        session: u8,
        /// By whom: the same number is the same attempt.
        attempt: u8,
    },
    /// Cuts everybody.
    EndAllOfEveryone(Everyone),
    /// Cuts a subject.
    EndAllOfSubject {
        /// Whose sessions.
        subject: u8,
        /// The session that is kept.
        except: Option<u8>,
    },
    /// Sweeps.
    EndDue {
        /// At most so many.
        limit: u8,
    },
    /// Ends several.
    EndMany {
        /// Which sessions.
        sessions: Vec<u8>,
    },
    /// Lists the sessions of a subject.
    List(u8),
    /// Creates a session.
    LogIn(Plan),
    /// Turns all pages.
    Page {
        /// How many on each.
        limit: u8,
    },
    /// Takes over pending work.
    Pending {
        /// At most so many.
        limit: u8,
        /// For how long.
        lease: u8,
    },
    /// Renews a lease.
    Renew {
        /// Which session.
        session: u8,
        /// Which of its claims.
        claim: u8,
        /// For how long.
        lease: u8,
    },
    /// Creates under an id that is taken.
    Repeat {
        /// Which session's.
        session: u8,
        /// With this secret.
        secret: u8,
    },
    /// Replaces a secret. The second is the first plus one when both are the same.
    Rotate {
        /// Which session.
        session: u8,
        /// From this secret.
        old: u8,
        /// To this one.
        new: u8,
        /// Accepted for so long.
        grace: u8,
    },
    /// Asks why one ended.
    Tombstone(u8),
    /// Writes.
    Update {
        /// Which session.
        session: u8,
        /// What.
        written: Written,
        /// Which revision is expected.
        expected: Revision,
    },
}

/// A session to be created.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by generators")]
pub struct Plan {
    /// Whose; the first is nobody.
    pub subject: u8,
    /// Its secret.
    pub secret: u8,
    /// Idle timeout, if any.
    pub idle: Option<u8>,
    /// Touch interval.
    pub interval: u8,
    /// Absolute timeout.
    pub absolute: u16,
    /// How many the subject may have, and whether the oldest make room.
    pub limit: Option<(u8, bool)>,
    /// The session that it replaces.
    pub replaces: Option<u8>,
    /// The ticket that it comes with, of those for its subject.
    pub ticket: Option<u8>,
}

/// How far a cut of everybody reaches.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "made by generators")]
pub enum Everyone {
    /// All.
    All,
    /// Only those created so many minutes ago or earlier.
    CreatedBefore(u8),
}

/// What an update writes.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "made by generators")]
pub enum Written {
    /// A grant of this name, for so many minutes.
    Grant(u8, u8),
    /// Something for the hooks, under this name.
    LeaveBehind(u8),
    /// Nothing.
    Nothing,
    /// A value goes.
    Remove(u8),
    /// A value comes.
    Set(u8),
}

/// The revision that an update expects.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "made by generators")]
pub enum Revision {
    /// Any.
    Any,
    /// The one that was seen last.
    Seen,
    /// One that it never had.
    Wrong,
}
