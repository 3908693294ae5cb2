//! The figures of NIST SP 800-63B-4 for each authenticator assurance level.

use serde::Serialize;
use std::{fmt, time::Duration};

/// An authenticator assurance level of NIST SP 800-63B-4.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AssuranceLevel {
    /// Section 2.1.3: absolute SHOULD be at most 30 days, no idle timeout is asked for.
    Aal1,
    /// Section 2.2.3: absolute SHOULD be at most 24 hours, idle SHOULD be at most 1 hour.
    Aal2,
    /// Section 2.3.3: absolute SHALL be at most 12 hours, idle SHOULD be at most 15 minutes.
    Aal3,
}

impl AssuranceLevel {
    pub(super) const fn figures(self) -> Figures {
        match self {
            Self::Aal1 => Figures {
                absolute: Duration::from_hours(30 * 24),
                absolute_is_binding: false,
                idle: None,
            },
            Self::Aal2 => Figures {
                absolute: Duration::from_hours(24),
                absolute_is_binding: false,
                idle: Some(Duration::from_hours(1)),
            },
            Self::Aal3 => Figures {
                absolute: Duration::from_hours(12),
                absolute_is_binding: true,
                idle: Some(Duration::from_mins(15)),
            },
        }
    }
}

impl fmt::Display for AssuranceLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Aal1 => "AAL1",
            Self::Aal2 => "AAL2",
            Self::Aal3 => "AAL3",
        })
    }
}

/// What a level says about the timeouts.
pub(super) struct Figures {
    pub(super) absolute: Duration,
    /// SHALL, which no reason overrides, rather than SHOULD.
    pub(super) absolute_is_binding: bool,
    /// Always a SHOULD.
    pub(super) idle: Option<Duration>,
}
