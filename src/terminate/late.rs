//! Endings whose clean-up waits until that of others is done.

use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Room for so many that wait, and turns for some at a time.
pub(super) struct Late {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Default for Late {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST_WAITING)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Late {
    /// A place to wait at, if there is one left.
    pub(super) fn place(&self) -> Option<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place {
            _place: place,
            turns: Arc::clone(&self.turns),
        })
    }
}

/// A place among those that wait, until this is dropped.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    turns: Arc<Semaphore>,
}

impl Place {
    /// A turn, in the order of arrival; `None` if it takes longer than that.
    pub(super) async fn turn(self, at_most: Duration) -> Option<OwnedSemaphorePermit> {
        let turn = timeout(at_most, Arc::clone(&self.turns).acquire_owned());
        turn.await.ok()?.ok()
    }
}

/// How many may wait: some megabytes.
const MOST_WAITING: usize = 16_384;

/// How many are cleaned up at the same time, beside those that found room at once.
const AT_ONCE: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_that_wait_and_again_when_one_is_gone() {
        let late = Late::default();
        let mut waiting: Vec<_> = (0..MOST_WAITING).filter_map(|_| late.place()).collect();
        assert_eq!(waiting.len(), MOST_WAITING);
        assert!(late.place().is_none());
        waiting.pop();
        assert!(late.place().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_comes_when_another_is_over_or_is_waited_for_in_vain() {
        let (late, second) = (Late::default(), Duration::from_secs(1));
        let mut turns = Vec::new();
        for _ in 0..AT_ONCE {
            turns.extend(late.place().unwrap().turn(second).await);
        }
        assert_eq!(turns.len(), AT_ONCE);
        assert!(late.place().unwrap().turn(second).await.is_none());
        turns.pop();
        assert!(late.place().unwrap().turn(second).await.is_some());
    }
}
