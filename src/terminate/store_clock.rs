//! The store's clock against this node's own: a sweep must not believe a clock that jumped.
//!
//! A server whose clock is an hour ahead, after a failover or a correction, would make every session
//! time out at once. So the sweeper pauses, loudly, until the clock is back or has kept its new time
//! for so long that somebody must have seen it. Requests follow the store meanwhile: whoever asks in
//! a session that is past its deadline by that clock is refused, which is the safe side.

use super::Road;
use crate::{store, time::Timestamp};
use std::time::Duration;
use tokio::time::Instant;

/// When the store's clock was last believed, and whether it has jumped since.
#[derive(Debug, Default)]
pub(super) struct StoreClock {
    believed: Option<(Timestamp, Instant)>,
    jumped: Option<Instant>,
}

/// What a reading of the store's clock says.
#[derive(Debug, Eq, PartialEq)]
enum Reading {
    Steady,
    /// It went on by itself, as this node's clock does, after a jump.
    Back,
    /// It is so far from where it should be, and was not before.
    Jumped(Duration),
    /// It is still not back.
    Away,
}

impl StoreClock {
    fn read(&mut self, told: Timestamp, now: Instant) -> Reading {
        let (before, then) = *self.believed.get_or_insert((told, now));
        let expected = before.saturating_add(now - then);
        let off = told
            .saturating_since(expected)
            .max(expected.saturating_since(told));
        let is_steady = off <= FURTHEST;
        let is_kept = self.jumped.is_some_and(|at| now - at >= LONGEST_PAUSE);
        if is_steady || is_kept {
            self.believed = Some((told, now));
            return match self.jumped.take() {
                Some(_) => Reading::Back,
                None => Reading::Steady,
            };
        }
        if self.jumped.is_some() {
            return Reading::Away;
        }
        self.jumped = Some(now);
        Reading::Jumped(off)
    }
}

impl Road {
    /// Whether the store's clock may be believed; says loudly when it may not.
    pub(super) async fn is_steady(&self, clock: &mut StoreClock) -> Result<bool, store::Error> {
        let told = self.store.begin_log_in(None).await?.issued_at;
        match clock.read(told, Instant::now()) {
            Reading::Steady => Ok(true),
            Reading::Back => {
                tracing::warn!(target: "adjourn", "the clock of the store is steady: the sweeper goes on");
                Ok(true)
            }
            Reading::Away => Ok(false),
            Reading::Jumped(off) => {
                tracing::error!(
                    target: "adjourn",
                    ?off,
                    "the clock of the store jumped: the sweeper pauses, and sessions that nobody uses \
                     do not end; correct the clock"
                );
                self.store_failed(
                    "sweep",
                    &store::Error::unavailable(format!("the clock of the store jumped by {off:?}")),
                );
                Ok(false)
            }
        }
    }
}

/// How far the store's clock may go from this node's between two sweeps.
const FURTHEST: Duration = Duration::from_mins(1);

/// After so long the store's clock is believed wherever it is.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const SECOND: Duration = Duration::from_secs(1);

    /// A clock that was believed an instant ago.
    fn believed() -> (StoreClock, Timestamp, Instant) {
        let (mut clock, told, now) = (
            StoreClock::default(),
            Timestamp::from_unix_millis(1 << 40),
            Instant::now(),
        );
        assert_eq!(clock.read(told, now), Reading::Steady);
        (clock, told, now)
    }

    #[test]
    fn a_clock_that_goes_on_or_is_slewed_is_steady() {
        let (mut clock, mut told, mut now) = believed();
        for step in [SECOND, HOUR, SECOND, HOUR * 24] {
            now += step;
            told = told.saturating_add(step + SECOND * 59);
            assert_eq!(clock.read(told, now), Reading::Steady, "{step:?}");
        }
        let back = told.saturating_sub(SECOND * 58);
        assert_eq!(clock.read(back, now + SECOND), Reading::Steady);
    }

    #[test]
    fn a_jump_is_told_once_and_over_when_the_clock_is_back() {
        let (mut clock, told, now) = believed();
        for off in [told.saturating_add(HOUR), told.saturating_sub(HOUR)] {
            assert!(matches!(clock.read(off, now), Reading::Jumped(by) if by == HOUR));
            assert_eq!(clock.read(off, now + SECOND), Reading::Away);
            assert_eq!(clock.read(told, now + SECOND), Reading::Back);
            assert_eq!(clock.read(told, now + SECOND), Reading::Steady);
        }
    }

    #[test]
    fn a_clock_that_keeps_its_new_time_is_believed_at_last() {
        let (mut clock, told, now) = believed();
        let off = told.saturating_add(HOUR);
        assert!(matches!(clock.read(off, now), Reading::Jumped(_)));
        let later = now + LONGEST_PAUSE - SECOND;
        assert_eq!(clock.read(off, later), Reading::Away);
        assert_eq!(clock.read(off, later + SECOND), Reading::Back);
        assert_eq!(clock.read(off, later + SECOND * 2), Reading::Steady);
    }
}
