//! How long a session may be idle and how long it may live: checked when it is written down.

mod assurance;
mod error;
mod report;
mod span;
#[cfg(test)]
mod tests;
mod warnings;

pub use assurance::AssuranceLevel;
pub use error::TimeoutsError;
pub use report::PolicyReport;

use assurance::Figures;
use std::{sync::Arc, time::Duration};

/// The idle and the absolute timeout of a session.
///
/// There is always an absolute timeout. [`Timeouts::default`] is 15 minutes idle, 8 hours in all.
/// Whole milliseconds, because that is what stores keep.
///
/// ```
/// use adjourn::policy::Timeouts;
/// use std::time::Duration;
///
/// let timeouts = Timeouts::new(Duration::from_mins(30), Duration::from_hours(10))?;
/// assert_eq!(timeouts.idle(), Some(Duration::from_mins(30)));
///
/// // "Remember me" that still ends.
/// Timeouts::new(None, Duration::from_hours(30 * 24))?;
///
/// let error = Timeouts::new(Duration::from_hours(9), Duration::from_hours(8)).unwrap_err();
/// assert!(error.to_string().starts_with("the idle timeout of 9 h is longer than"));
/// # Ok::<(), adjourn::policy::TimeoutsError>(())
/// ```
///
/// A preset holds to the figures of its standard; beyond a SHOULD only with a reason on record,
/// beyond a SHALL not at all:
///
/// ```
/// use adjourn::policy::Timeouts;
/// use std::time::Duration;
///
/// let two_days = Duration::from_hours(48);
/// assert!(Timeouts::aal2().with_absolute(two_days).is_err());
/// Timeouts::aal2()
///     .with_deviation("field staff are offline over a weekend; risk accepted 2026-01")?
///     .with_absolute(two_days)?;
/// # Ok::<(), adjourn::policy::TimeoutsError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Timeouts {
    idle: Option<Duration>,
    absolute: Duration,
    touch_interval: Option<Duration>,
    level: Option<AssuranceLevel>,
    deviation: Option<Arc<str>>,
}

impl Timeouts {
    /// The longest absolute timeout: as long as a browser keeps a cookie.
    pub const MAX_ABSOLUTE: Duration = Duration::from_hours(400 * 24);

    /// Timeouts of the application's own choice; `None` for no idle timeout.
    ///
    /// # Errors
    /// A value is impossible: see [`TimeoutsError`].
    pub fn new(
        idle: impl Into<Option<Duration>>,
        absolute: Duration,
    ) -> Result<Self, TimeoutsError> {
        Self {
            idle: idle.into(),
            absolute,
            touch_interval: None,
            level: None,
            deviation: None,
        }
        .checked()
    }

    /// NIST SP 800-63B-4 AAL1: 30 days, no idle timeout.
    pub const fn aal1() -> Self {
        Self::preset(AssuranceLevel::Aal1)
    }

    /// NIST SP 800-63B-4 AAL2: 24 hours, 1 hour idle.
    pub const fn aal2() -> Self {
        Self::preset(AssuranceLevel::Aal2)
    }

    /// NIST SP 800-63B-4 AAL3: 12 hours, 15 minutes idle.
    pub const fn aal3() -> Self {
        Self::preset(AssuranceLevel::Aal3)
    }

    const fn preset(level: AssuranceLevel) -> Self {
        let figures = level.figures();
        Self {
            idle: figures.idle,
            absolute: figures.absolute,
            touch_interval: None,
            level: Some(level),
            deviation: None,
        }
    }

    /// Sets the idle timeout; `None` for none.
    ///
    /// # Errors
    /// The value is impossible, or more than the preset allows.
    pub fn with_idle(mut self, idle: impl Into<Option<Duration>>) -> Result<Self, TimeoutsError> {
        self.idle = idle.into();
        self.checked()
    }

    /// Sets the absolute timeout.
    ///
    /// # Errors
    /// The value is impossible, or more than the preset allows.
    pub fn with_absolute(mut self, absolute: Duration) -> Result<Self, TimeoutsError> {
        self.absolute = absolute;
        self.checked()
    }

    /// Sets how old the stored last-seen may grow before activity writes it; zero writes always.
    ///
    /// *Default:* the store's.
    ///
    /// # Errors
    /// It is not shorter than the idle timeout, or not in whole milliseconds.
    pub fn with_touch_interval(mut self, interval: Duration) -> Result<Self, TimeoutsError> {
        self.touch_interval = Some(interval);
        self.checked()
    }

    /// Puts on record why these timeouts are what they are (ASVS 7.1.1).
    ///
    /// From here on the SHOULD figures of a preset may be exceeded, so call it before the setter
    /// that does; a SHALL never. The reason appears in the [`PolicyReport`],
    /// and answers the [`warnings`](Timeouts::warnings).
    ///
    /// # Errors
    /// The reason is empty.
    pub fn with_deviation(mut self, reason: &str) -> Result<Self, TimeoutsError> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(TimeoutsError::NoReason);
        }
        self.deviation = Some(reason.into());
        Ok(self)
    }

    /// How long a session may be idle; `None` for any time.
    pub const fn idle(&self) -> Option<Duration> {
        self.idle
    }

    /// How long a session may live.
    pub const fn absolute(&self) -> Duration {
        self.absolute
    }

    /// How old the stored last-seen may grow before activity writes it; `None` for the store's
    /// default.
    pub const fn touch_interval(&self) -> Option<Duration> {
        self.touch_interval
    }

    /// The level of the preset that these timeouts began with.
    pub const fn assurance_level(&self) -> Option<AssuranceLevel> {
        self.level
    }

    /// Why these timeouts are what they are.
    pub fn deviation(&self) -> Option<&str> {
        self.deviation.as_deref()
    }

    /// The idle timeout to store with a session, given the touch interval in force.
    ///
    /// Idle fires between the stored value and one touch interval later. The application's own
    /// figure is stored as it is, so that nobody is put out early; a standard's is an upper bound,
    /// so it is stored shorter by the interval.
    pub fn stored_idle(&self, touch_interval: Duration) -> Option<Duration> {
        match self.level {
            Some(_) => self
                .idle
                .map(|idle| idle.saturating_sub(touch_interval).max(MILLISECOND)),
            None => self.idle,
        }
    }

    fn checked(self) -> Result<Self, TimeoutsError> {
        if self.absolute > Self::MAX_ABSOLUTE {
            return Err(TimeoutsError::AbsoluteTooLong {
                absolute: self.absolute,
            });
        }
        positive("absolute timeout", self.absolute)?;
        if let Some(idle) = self.idle {
            positive("idle timeout", idle)?;
            if idle > self.absolute {
                return Err(TimeoutsError::IdleTooLong {
                    idle,
                    absolute: self.absolute,
                });
            }
        }
        if let Some(touch_interval) = self.touch_interval {
            whole_millis("touch interval", touch_interval)?;
            let timeout = self.idle.unwrap_or(self.absolute);
            if touch_interval >= timeout {
                return Err(TimeoutsError::TouchIntervalTooLong {
                    touch_interval,
                    timeout,
                });
            }
        }
        if let Some(level) = self.level {
            self.hold_to(level)?;
        }
        Ok(self)
    }

    fn hold_to(&self, level: AssuranceLevel) -> Result<(), TimeoutsError> {
        let Figures {
            absolute,
            absolute_is_binding,
            idle,
        } = level.figures();
        if self.absolute > absolute && absolute_is_binding {
            return Err(TimeoutsError::Forbidden {
                level,
                absolute: self.absolute,
                at_most: absolute,
            });
        }
        if self.deviation.is_some() {
            return Ok(());
        }
        if self.absolute > absolute {
            return Err(TimeoutsError::NeedsReason {
                level,
                setting: "absolute timeout",
                given: Some(self.absolute),
                at_most: absolute,
            });
        }
        match idle {
            Some(at_most) if self.idle.is_none_or(|given| given > at_most) => {
                Err(TimeoutsError::NeedsReason {
                    level,
                    setting: "idle timeout",
                    given: self.idle,
                    at_most,
                })
            }
            _ => Ok(()),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: Some(Duration::from_mins(15)),
            absolute: Duration::from_hours(8),
            touch_interval: None,
            level: None,
            deviation: None,
        }
    }
}

fn positive(setting: &'static str, given: Duration) -> Result<(), TimeoutsError> {
    if given.is_zero() {
        return Err(TimeoutsError::Zero { setting });
    }
    whole_millis(setting, given)
}

fn whole_millis(setting: &'static str, given: Duration) -> Result<(), TimeoutsError> {
    if given.subsec_nanos().is_multiple_of(1_000_000) {
        Ok(())
    } else {
        Err(TimeoutsError::NotWholeMillis { setting, given })
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
