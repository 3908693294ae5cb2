//! How many sessions an ending was meant for.

use crate::record::Scope;

/// How many sessions an ending was meant for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum EndScope {
    /// Everybody's.
    Everyone,
    /// This one alone.
    One,
    /// All of one subject but the one that was kept.
    Others,
    /// More than one, by a cut of which this node does not know more: made by another node, or
    /// long ago. The cut's own [`CutMade`](super::EventKind::CutMade) has the same generation.
    Several,
    /// All of one subject.
    Subject,
}

impl EndScope {
    /// The stable text.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::One => "one",
            Self::Others => "others",
            Self::Several => "several",
            Self::Subject => "subject",
        }
    }
}

impl From<&Scope> for EndScope {
    fn from(scope: &Scope) -> Self {
        match scope {
            Scope::Everyone { .. } => Self::Everyone,
            Scope::Subject { except: None, .. } => Self::Subject,
            Scope::Subject {
                except: Some(_), ..
            } => Self::Others,
        }
    }
}
