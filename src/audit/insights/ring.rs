//! The last hours, minute by minute.

use crate::{reason::EndReason, time::Timestamp};
use serde::Serialize;
use std::collections::VecDeque;

/// What happened in one minute.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MinuteCounts {
    /// When it began, in milliseconds since 1970.
    pub from_unix_millis: u64,
    /// Sessions that started.
    pub started: u64,
    /// Sessions that their user ended: logged out, or logged in again.
    pub by_user: u64,
    /// Sessions that ran into a timeout.
    pub by_time: u64,
    /// Sessions that somebody or something else ended.
    pub by_others: u64,
    /// Dead tokens that were presented.
    pub use_after_end: u64,
    /// Other tokens that were refused.
    pub refused: u64,
}

impl MinuteCounts {
    /// All sessions that ended.
    pub const fn ended(&self) -> u64 {
        self.by_user + self.by_time + self.by_others
    }

    pub(super) const fn note_end(&mut self, reason: &EndReason) {
        match reason {
            EndReason::Logout | EndReason::LogoutElsewhere | EndReason::Reauthenticated => {
                self.by_user += 1;
            }
            EndReason::AbsoluteTimeout | EndReason::IdleTimeout => self.by_time += 1,
            EndReason::CredentialChange
            | EndReason::Custom(_)
            | EndReason::Forced
            | EndReason::IdentityProvider
            | EndReason::Lost
            | EndReason::Policy
            | EndReason::SubjectDisabled
            | EndReason::Superseded
            | EndReason::Undelivered => self.by_others += 1,
        }
    }
}

/// The minutes, the current one last. Each is the one after the one before it.
#[derive(Debug, Default)]
pub(super) struct Ring {
    minutes: VecDeque<MinuteCounts>,
    /// Counts of before the first minute are never asked for.
    none: MinuteCounts,
}

impl Ring {
    /// Begins the minute of `now`. A clock that was set back stays in the minute it had reached.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let minute = now.as_unix_millis() / MINUTE * MINUTE;
        let reached = self.minutes.back().map(|last| last.from_unix_millis);
        let next = match reached {
            Some(reached) if minute <= reached => return,
            // After a leap beyond the ring nothing of it is left.
            Some(reached) if (minute - reached) / MINUTE < MINUTES as u64 => reached + MINUTE,
            Some(_) | None => {
                self.minutes.clear();
                minute
            }
        };
        let mut from = next;
        while from <= minute {
            if self.minutes.len() == MINUTES {
                self.minutes.pop_front();
            }
            self.minutes.push_back(MinuteCounts {
                from_unix_millis: from,
                ..MinuteCounts::default()
            });
            let Some(following) = from.checked_add(MINUTE) else {
                break;
            };
            from = following;
        }
    }

    /// The minute that [`advance`](Self::advance) began.
    pub(super) fn current(&mut self) -> &mut MinuteCounts {
        self.minutes.back_mut().unwrap_or(&mut self.none)
    }

    /// The current minute, and the average number of endings in those before.
    pub(super) fn endings(&self) -> (u64, u64) {
        let current = self.minutes.back().map_or(0, MinuteCounts::ended);
        let before = self.minutes.len().saturating_sub(1) as u64;
        let sum: u64 = self.minutes.iter().map(MinuteCounts::ended).sum();
        (current, (sum - current).checked_div(before).unwrap_or(0))
    }

    pub(super) fn minutes(&self) -> Vec<MinuteCounts> {
        self.minutes.iter().cloned().collect()
    }
}

const MINUTE: u64 = 60_000;

/// How many minutes are kept.
pub(super) const MINUTES: usize = 180;
