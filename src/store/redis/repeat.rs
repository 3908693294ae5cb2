//! What ended here or was heard of in the last minutes: after a gap it is repeated.
//!
//! A server that fails over may have lost what it had acknowledged, and a session would be back. An ending that is still
//! there is not changed by its repetition, nor is a cut.

use super::{call::Inner, cut::Made, rows::Answered};
use crate::{
    id::SessionId,
    reason::Cause,
    store::{Attempt, Claimant, Error, codec},
};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The endings and cuts of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<(Instant, Known)>>);

#[derive(Clone, Debug)]
enum Known {
    Cut(Made),
    Ended(SessionId, Cause),
}

impl Recent {
    pub(super) fn ended(&self, id: SessionId, cause: Cause) {
        self.keep(Known::Ended(id, cause));
    }

    pub(super) fn cut(&self, cut: Made) {
        self.keep(Known::Cut(cut));
    }

    fn keep(&self, known: Known) {
        let now = Instant::now();
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |(at, _): &(Instant, Known)| now.duration_since(*at) > REMEMBERED;
        while recent.len() >= MOST || recent.front().is_some_and(is_old) {
            recent.pop_front();
        }
        recent.push_back((now, known));
    }

    fn all(&self) -> Vec<Known> {
        let now = Instant::now();
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = recent
            .iter()
            .filter(|(at, _)| now.duration_since(*at) <= REMEMBERED);
        recent.map(|(_, known)| known.clone()).collect()
    }
}

impl Inner {
    /// Ends once more whatever ended in the last minutes. Where one had come back, its work is anybody's to take over.
    pub(super) async fn repeat(&self) -> Result<(), Error> {
        const REPEAT: &str = "repeating endings";
        for known in self.recent.all().chunks(AT_ONCE) {
            // Of its own: the work of an ending that is still there must not be leased again.
            let claimant = Claimant {
                attempt: Attempt::random()?,
                lease: Duration::ZERO,
            };
            let call = |known: &Known| match known {
                Known::Cut(cut) => self.cutting_again(cut),
                Known::Ended(id, cause) => self.ending(*id, &codec::cause_to_text(cause), claimant),
            };
            let calls = known.iter().map(call).collect();
            for answered in self.calls(REPEAT, calls).await? {
                warn_of_loss(&answered?);
            }
        }
        Ok(())
    }
}

fn warn_of_loss(answered: &Answered) {
    if answered.verdict == "first" {
        tracing::warn!(
            target: "adjourn::store",
            "the server had lost an ending that it had acknowledged; the session has ended again"
        );
    }
}

/// For how long.
const REMEMBERED: Duration = Duration::from_mins(5);

/// How many are remembered at most, the latest.
const MOST: usize = 10_000;

/// How many are repeated in one round trip.
const AT_ONCE: usize = 64;
