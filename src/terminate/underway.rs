//! The clean-up of endings that goes on while the next sessions are ended.

use super::conclude::Work;
use std::collections::VecDeque;

/// Clean-up under way. Dropped, it goes on by itself.
///
/// One slow hook must not keep the sweeper from the next session; thousands of them must not pile up
/// either.
#[derive(Default)]
pub(super) struct Underway(VecDeque<Work>);

impl Underway {
    /// Adds what is left to do of one ending.
    pub(super) fn add(&mut self, work: Work) {
        if !work.is_done() {
            self.0.push_back(work);
        }
    }

    /// Waits until there is room for more.
    pub(super) async fn make_room(&mut self) {
        self.0.retain(|work| !work.is_done());
        while self.0.len() >= MOST {
            self.wait_for_one().await;
        }
    }

    /// Waits until everything is done.
    pub(super) async fn finish(mut self) {
        while !self.0.is_empty() {
            self.wait_for_one().await;
        }
    }

    /// Dropped while it waits, it has forgotten nothing that it must know.
    async fn wait_for_one(&mut self) {
        if let Some(work) = self.0.pop_front() {
            work.done().await;
        }
    }
}

/// How many clean-ups are waited for before more sessions are ended.
const MOST: usize = 512;
