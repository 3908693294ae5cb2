//! The clean-up of endings that goes on while the next sessions are ended.

use super::work::Work;
use std::{collections::VecDeque, time::Duration};
use tokio::time::timeout;

/// Clean-up under way. Dropped, it goes on by itself.
///
/// Hooks that hang must not keep the sweeper from the next session, however many do; thousands of
/// them must not pile up either. So there is room for some, and who finds none leaves the work to its
/// lease.
#[derive(Default)]
pub(super) struct Underway {
    works: VecDeque<Work>,
    /// Whether it was waited for room in vain, and there was none since.
    is_stuck: bool,
}

impl Underway {
    /// Adds what is left to do of one ending.
    pub(super) fn add(&mut self, work: Work) {
        if !work.is_done() {
            self.works.push_back(work);
        }
    }

    /// Whether there is room for more, now or in a moment.
    pub(super) async fn has_room(&mut self) -> bool {
        if self.works.len() < MOST {
            return true;
        }
        if !self.forget_done() && !self.is_stuck {
            self.wait_for_one(STUCK_AFTER).await;
            self.forget_done();
        }
        self.is_stuck = self.works.len() >= MOST;
        !self.is_stuck
    }

    /// Waits until everything is done.
    pub(super) async fn finish(mut self) {
        while let Some(work) = self.works.pop_front() {
            work.done().await;
        }
    }

    /// Whether there is room then.
    fn forget_done(&mut self) -> bool {
        self.works.retain(|work| !work.is_done());
        self.works.len() < MOST
    }

    /// Dropped while it waits, it has forgotten nothing that it must know.
    async fn wait_for_one(&mut self, at_most: Duration) {
        if let Some(mut work) = self.works.pop_front()
            && timeout(at_most, work.finished()).await.is_err()
        {
            self.works.push_back(work);
        }
    }
}

/// How many clean-ups may be under way.
const MOST: usize = 512;

/// How long it is waited for room, once until there was some again.
const STUCK_AFTER: Duration = Duration::from_millis(250);
