//! Hearing of endings elsewhere, and checking what is held when something may have been missed.
//!
//! 1. A notice of an ending cuts at once. After a gap, and in any case now and then, the store is
//!    asked how everything stands that this node holds.
//! 2. While the store cannot say, it is asked again with growing pauses, however many gaps are told:
//!    a store that comes back is not met by a crowd.
//! 3. When it could not say for longer than the grace, every connection is cut.

use super::{
    Road,
    background::{LONGEST_RECHECK, jittered},
};
use crate::store::{Notice, Notices};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Listens until it is dropped.
pub(super) async fn listen(road: Arc<Road>) {
    let mut notices = road.store.notices();
    let every = road.config.recheck.min(LONGEST_RECHECK);
    let mut doubt = Doubt::default();
    let mut check_at = Instant::now() + every;
    loop {
        let missed = match timeout_at(check_at, notices.recv()).await {
            Ok(Some(notice)) => hear(&road, notice),
            Ok(None) => {
                sleep_until(check_at).await;
                true
            }
            Err(_) => true,
        };
        // In any case now and then: also where notices never pause.
        if missed && !doubt.is_any() || Instant::now() >= check_at {
            hear_the_rest(&road, &mut notices);
            let pause = match road.verify_held().await {
                Ok(()) => doubt.clear(every),
                Err(()) => doubt.grow(&road, every),
            };
            check_at = Instant::now() + pause;
        }
    }
}

/// Whether what is held must be checked.
fn hear(road: &Road, notice: Notice) -> bool {
    match notice {
        Notice::Ended { id, reason } => {
            road.live.ended(id, reason);
            false
        }
        Notice::Gap => {
            road.live.record_gap();
            true
        }
        // It covers sessions it does not name.
        Notice::Cut(_) => true,
        // What is held is checked now and then, and again after the gap that follows.
        Notice::Silence => false,
    }
}

/// One check is for all that was told before it, however often.
fn hear_the_rest(road: &Road, notices: &mut Notices) {
    for _ in 0..MOST_AT_ONCE {
        let Some(notice) = notices.try_recv() else {
            return;
        };
        hear(road, notice);
    }
}

/// How long the store has not said how the sessions stand that are held.
#[derive(Default)]
struct Doubt {
    since: Option<Instant>,
    pause: Duration,
}

impl Doubt {
    const fn is_any(&self) -> bool {
        self.since.is_some()
    }

    /// When to check again.
    fn clear(&mut self, every: Duration) -> Duration {
        *self = Self::default();
        every
    }

    /// Cuts when the grace is over, and says when to check again.
    fn grow(&mut self, road: &Road, every: Duration) -> Duration {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        self.pause = (self.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let pause = jittered(self.pause).min(every);
        let left = road.config.outage_grace.saturating_sub(now - since);
        if left.is_zero() {
            let connections = road.live.cut_unavailable();
            if connections > 0 {
                tracing::error!(
                    target: "adjourn",
                    connections,
                    "with_outage_grace: connections were cut: the store cannot say whether their \
                     sessions are live"
                );
            }
            return pause;
        }
        pause.min(left)
    }
}

/// How many notices are heard at once before a check that they ask for.
const MOST_AT_ONCE: usize = 4_096;

const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between two checks that fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
