//! What a policy says.

use crate::reason::EndReason;
use std::time::Duration;

/// What a [`Policy`](super::Policy) says, mildest first.
///
/// `why` is a short stable word for the audit record (`"address-changed"`). Clients are not told it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever passes verdicts on must know them all"
)]
pub enum Verdict {
    /// Nothing is wrong.
    #[default]
    Keep,
    /// The request goes on; the audit trail is told. The same of the same session is told again
    /// only after ten minutes.
    Report {
        /// What was found.
        why: &'static str,
    },
    /// Only somebody who logged in less than `max_age` ago goes on with this session; zero asks for
    /// a new log-in in any case.
    ///
    /// Until then the request has no live session: a person is sent to the log-in page, a program
    /// gets 401 `reauthentication-required`. The session itself lives on as it was, for whoever
    /// passes; its token can log in (which replaces it) and log out.
    RequireFresh {
        /// What was found.
        why: &'static str,
        /// How long ago the log-in may be.
        max_age: Duration,
    },
    /// The session ends.
    End {
        /// What was found.
        why: &'static str,
        /// The reason of the ending.
        reason: EndReason,
    },
}

impl Verdict {
    /// [`Report`](Self::Report).
    pub const fn report(why: &'static str) -> Self {
        Self::Report { why }
    }

    /// [`RequireFresh`](Self::RequireFresh): a new log-in, however recent the last one was.
    pub const fn require_fresh(why: &'static str) -> Self {
        let max_age = Duration::ZERO;
        Self::RequireFresh { why, max_age }
    }

    /// [`End`](Self::End) with the reason [`Policy`](EndReason::Policy).
    pub const fn end(why: &'static str) -> Self {
        let reason = EndReason::Policy;
        Self::End { why, reason }
    }

    /// What was found, if anything was.
    pub const fn why(&self) -> Option<&'static str> {
        match self {
            Self::Keep => None,
            Self::Report { why } | Self::RequireFresh { why, .. } | Self::End { why, .. } => {
                Some(why)
            }
        }
    }

    /// The stable text.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Report { .. } => "report",
            Self::RequireFresh { .. } => "require-fresh",
            Self::End { .. } => "end",
        }
    }
}

/// What follows when a built-in policy finds something: a [`Verdict`] without its `why`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Consequence {
    /// [`Verdict::Report`].
    Report,
    /// [`Verdict::RequireFresh`].
    RequireFresh {
        /// How long ago the log-in may be.
        max_age: Duration,
    },
    /// [`Verdict::End`], with the reason [`Policy`](EndReason::Policy).
    End,
}

impl Consequence {
    /// The verdict for what was found.
    pub const fn verdict(self, why: &'static str) -> Verdict {
        match self {
            Self::Report => Verdict::report(why),
            Self::RequireFresh { max_age } => Verdict::RequireFresh { why, max_age },
            Self::End => Verdict::end(why),
        }
    }

    /// The stricter of two.
    pub(super) fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::End, _) | (_, Self::End) => Self::End,
            (Self::RequireFresh { max_age: one }, Self::RequireFresh { max_age: other }) => {
                let max_age = one.min(other);
                Self::RequireFresh { max_age }
            }
            (fresh @ Self::RequireFresh { .. }, Self::Report)
            | (Self::Report, fresh @ Self::RequireFresh { .. }) => fresh,
            (Self::Report, Self::Report) => Self::Report,
        }
    }
}
