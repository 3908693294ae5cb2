//! What an ending answers to whoever asked for it.

use super::{HookOutcome, HookReport};
use crate::{id::SessionId, reason::Ending, record::Generation, store};

/// The receipt of an ending: the store has decided it, and the token authenticates nobody.
///
/// Only the one road makes it.
#[derive(Clone, Debug)]
#[must_use = "the receipt says whether there was anything to end and which clean-up failed"]
pub struct Ended {
    pub(super) id: Option<SessionId>,
    pub(super) outcome: Outcome,
    pub(super) ending: Option<Ending>,
    pub(super) connections_cut: Option<usize>,
    pub(super) clean_up: CleanUp,
}

/// Who ended the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It had ended before, for the reason in the receipt.
    AlreadyEnded,
    /// This call ended it.
    Ended,
    /// Nothing is known of such a session: there was nothing to end.
    Unknown,
}

#[derive(Clone, Debug)]
pub(super) enum CleanUp {
    /// Somebody else's.
    NotOurs,
    /// Done, with what became of each hook.
    Finished(Vec<HookReport>),
    /// Longer than the caller was to wait; it goes on.
    StillRunning,
}

impl Ended {
    /// There was nothing to end.
    pub(crate) const fn nothing() -> Self {
        Self {
            id: None,
            outcome: Outcome::Unknown,
            ending: None,
            connections_cut: None,
            clean_up: CleanUp::NotOurs,
        }
    }

    /// Which session; `None` when the request had none.
    pub const fn id(&self) -> Option<SessionId> {
        self.id
    }

    /// Who ended it.
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The one ending of the session, first cause and time; `None` when nothing is known of it.
    pub const fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// How many sockets, streams and other [holds](crate::session::Hold) of the session this node had
    /// open and cut; other nodes cut theirs and do not say how many. `None` where this call did not
    /// end the session, and where so many sessions ended at once that it is not known.
    pub const fn connections_cut(&self) -> Option<usize> {
        self.connections_cut
    }

    /// How the hooks came out, as far as this call ran them and saw them finish. The first may be
    /// `scratch`: the removal of the session's scratch directory.
    pub fn hooks(&self) -> &[HookReport] {
        match &self.clean_up {
            CleanUp::Finished(reports) => reports,
            CleanUp::NotOurs | CleanUp::StillRunning => &[],
        }
    }

    /// Whether clean-up goes on after this answer: it took longer than the caller was to wait.
    pub const fn is_still_cleaning_up(&self) -> bool {
        matches!(self.clean_up, CleanUp::StillRunning)
    }

    /// The hooks that failed.
    pub fn failed_hooks(&self) -> impl Iterator<Item = &HookReport> {
        self.hooks()
            .iter()
            .filter(|report| report.outcome != HookOutcome::Done)
    }
}

/// The receipt of a cut: every session it covers is dead.
#[derive(Clone, Copy, Debug)]
#[must_use = "the receipt says how many sessions were ended"]
pub struct EndedAll {
    pub(super) generation: Generation,
    pub(super) concluded: usize,
    pub(super) more: bool,
    pub(super) cleaning_up: bool,
}

impl EndedAll {
    /// The number of the cut: sessions with a smaller generation are dead.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// How many sessions this call concluded: hooks run and endings recorded, or about to be
    /// ([`is_still_cleaning_up`](Self::is_still_cleaning_up)).
    pub const fn concluded(&self) -> usize {
        self.concluded
    }

    /// Whether more are being concluded after this answer, by the sweeper. They are dead already.
    pub const fn more_follow(&self) -> bool {
        self.more
    }

    /// Whether clean-up goes on after this answer: it took longer than the caller was to wait.
    pub const fn is_still_cleaning_up(&self) -> bool {
        self.cleaning_up
    }
}

impl From<EndError> for store::Error {
    fn from(error: EndError) -> Self {
        error.0
    }
}

/// The ending was not decided: the store failed. The session may still be live.
#[derive(Debug, thiserror::Error)]
#[error("the session was not ended: the store failed")]
pub struct EndError(#[from] store::Error);

impl EndError {
    /// The store's error.
    pub const fn store_error(&self) -> &store::Error {
        &self.0
    }
}
