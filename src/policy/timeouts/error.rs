//! What is wrong with timeouts: the numbers, the setting, and what to do.

use super::{AssuranceLevel, Timeouts, span::Span};
use std::time::Duration;

/// Why timeouts are impossible.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeoutsError {
    /// The absolute timeout is beyond [`Timeouts::MAX_ABSOLUTE`].
    #[error(
        "the absolute timeout of {} is too long: choose at most {}",
        Span(*.absolute), Span(Timeouts::MAX_ABSOLUTE)
    )]
    AbsoluteTooLong {
        /// What was given.
        absolute: Duration,
    },
    /// The standard forbids it, whatever the reason.
    #[error(
        "the absolute timeout of {} is forbidden at {level}, which allows at most {} whatever the \
         reason: shorten it, or use a lower level",
        Span(*.absolute), Span(*.at_most)
    )]
    Forbidden {
        /// The level of the preset.
        level: AssuranceLevel,
        /// What was given.
        absolute: Duration,
        /// What is allowed.
        at_most: Duration,
    },
    /// The idle timeout could never fire.
    #[error(
        "the idle timeout of {} is longer than the absolute timeout of {} and could never fire: \
         shorten it, lengthen the absolute timeout, or use None",
        Span(*.idle), Span(*.absolute)
    )]
    IdleTooLong {
        /// The idle timeout.
        idle: Duration,
        /// The absolute timeout.
        absolute: Duration,
    },
    /// The standard advises against it.
    #[error(
        "{setting}: {} is beyond the {} that {level} recommends: shorten it, or call \
         with_deviation(reason) first",
        given_or_none(*.given), Span(*.at_most)
    )]
    NeedsReason {
        /// The level of the preset.
        level: AssuranceLevel,
        /// Which setting.
        setting: &'static str,
        /// What was given; `None` for no timeout.
        given: Option<Duration>,
        /// What is recommended.
        at_most: Duration,
    },
    /// The reason for a deviation is empty.
    #[error("with_deviation needs a reason, as it goes on record: the one given is empty")]
    NoReason,
    /// Stores keep whole milliseconds.
    #[error("the {setting} of {} is not in whole milliseconds: round it", Span(*.given))]
    NotWholeMillis {
        /// Which setting.
        setting: &'static str,
        /// What was given.
        given: Duration,
    },
    /// Activity would be written too late to keep a session alive.
    #[error(
        "the touch interval of {} is not shorter than the timeout of {}: choose at most a tenth \
         of it",
        Span(*.touch_interval), Span(*.timeout)
    )]
    TouchIntervalTooLong {
        /// The touch interval.
        touch_interval: Duration,
        /// The idle timeout, or the absolute one where there is no idle timeout.
        timeout: Duration,
    },
    /// Every session would end at once.
    #[error("the {setting} of 0 s would end every session at once: choose at least 1 ms")]
    Zero {
        /// Which setting.
        setting: &'static str,
    },
}

fn given_or_none(given: Option<Duration>) -> String {
    given.map_or_else(|| "none".to_owned(), |given| Span(given).to_string())
}
