//! What runs without a request: the sweeper, the store's notices, the re-check of what is held, the
//! removal of what a crash left.

use super::{Road, scratch::tend, underway::Underway};
use crate::{
    id::SessionId,
    reason::EndReason,
    record::Activity,
    store::{self, Checked, Notice},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// The tasks that run without a request: started once, stopped by a graceful shutdown.
#[derive(Debug, Default)]
pub(crate) struct Background {
    started: AtomicBool,
    stop: CancellationToken,
}

impl Background {
    /// Starts the tasks, unless they were started: one atomic load then.
    ///
    /// Does nothing outside a Tokio runtime.
    pub(crate) fn ensure_started(&self, road: &Arc<Road>) {
        if self.started.load(Ordering::Relaxed) || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        if !self.started.swap(true, Ordering::AcqRel) {
            road.tasks.spawn(
                self.stop
                    .clone()
                    .run_until_cancelled_owned(sweep(Arc::clone(road))),
            );
            road.tasks.spawn(
                self.stop
                    .clone()
                    .run_until_cancelled_owned(listen(Arc::clone(road))),
            );
            road.tasks.spawn(
                self.stop
                    .clone()
                    .run_until_cancelled_owned(tend(Arc::clone(road))),
            );
            if let Some(watcher) = &road.config.watcher {
                let every = road.config.recheck.min(LONGEST_RECHECK);
                let watch = Arc::clone(watcher).run(Arc::clone(road), every);
                road.tasks
                    .spawn(self.stop.clone().run_until_cancelled_owned(watch));
            }
        }
    }

    /// Stops the tasks and waits for every ending that is under way.
    pub(crate) async fn shut_down(&self, road: &Road) {
        self.started.store(true, Ordering::Release);
        self.stop.cancel();
        road.tasks.close();
        road.tasks.wait().await;
        road.trail.flush(road.clock.now()).await;
        road.acknowledgements.close();
        // What no sink kept in time is another's to record.
        let _left = timeout(PATIENCE, road.acknowledgements.wait()).await;
    }
}

/// Ends what is due, again and again.
async fn sweep(road: Arc<Road>) {
    let mut pause = SWEEP_INTERVAL;
    // Not waited for: what hangs on one ending must not hold up the next.
    let mut underway = Underway::default();
    loop {
        sleep(jittered(pause)).await;
        pause = match road.sweep(&mut underway).await {
            Ok(_) => SWEEP_INTERVAL,
            Err(error) => {
                road.store_failed("sweep", &error);
                (pause * 2).min(LONGEST_PAUSE)
            }
        };
    }
}

/// Hears of endings elsewhere, and checks what is held when something may have been missed.
async fn listen(road: Arc<Road>) {
    let mut notices = road.store.notices();
    // An instant too far away for a clock is none.
    let every = road.config.recheck.min(LONGEST_RECHECK);
    let mut check_at = Instant::now() + every;
    loop {
        let missed = match timeout_at(check_at, notices.recv()).await {
            Ok(Some(Notice::Ended { id, reason })) => {
                road.live.ended(id, reason);
                false
            }
            Ok(Some(Notice::Gap)) => {
                road.live.record_gap();
                true
            }
            Ok(None) => {
                sleep_until(check_at).await;
                true
            }
            // A cut covers sessions it does not name.
            Ok(Some(Notice::Cut(_))) | Err(_) => true,
        };
        // In any case now and then: also where notices never pause.
        if missed || Instant::now() >= check_at {
            road.verify_held().await;
            check_at = Instant::now() + every;
        }
    }
}

impl Road {
    /// Asks the store how every session that this node holds open stands, and cuts what ended.
    async fn verify_held(self: &Arc<Self>) {
        for ids in self.live.held().chunks(MOST_IDS) {
            self.verify(ids).await;
        }
    }

    /// Asks the store about one session that this node began to hold when it may have missed its
    /// ending.
    pub(crate) fn verify_soon(self: &Arc<Self>, id: SessionId) {
        let road = Arc::clone(self);
        self.tasks.spawn(async move { road.verify(&[id]).await });
    }

    /// Says that the user of a held session is there; answers whether it is live.
    pub(crate) async fn touch(self: &Arc<Self>, id: SessionId) -> Result<bool, store::Error> {
        let asked = self.store.check(&[id], Activity::Active).await;
        let standings = asked.inspect_err(|error| self.store_failed("check", error))?;
        let standing = standings.into_iter().next().unwrap_or(Checked::Unknown);
        let live = standing == Checked::Live;
        self.react(id, standing).await;
        Ok(live)
    }

    async fn verify(self: &Arc<Self>, ids: &[SessionId]) {
        match self.store.check(ids, Activity::Passive).await {
            Ok(standings) => {
                for (id, standing) in ids.iter().zip(standings) {
                    self.react(*id, standing).await;
                }
            }
            Err(error) => self.store_failed("check", &error),
        }
    }

    async fn react(self: &Arc<Self>, id: SessionId, standing: Checked) {
        match standing {
            Checked::Live => {}
            Checked::Due(reason) => {
                // Recorded by `end` itself if the store fails: the next check tries again.
                let _receipt = self.end(id, reason.into()).await;
            }
            Checked::Ended(reason) => {
                self.live.ended(id, reason);
            }
            Checked::Unknown => {
                self.live.ended(id, EndReason::Lost);
            }
        }
    }
}

/// Between half and all of `pause`, so that the nodes of a cluster do not sweep in step.
fn jittered(pause: Duration) -> Duration {
    let mut random = [0];
    // Without random bytes the pause is only less random.
    let _unchanged = getrandom::fill(&mut random);
    pause / 2 + pause / 512 * u32::from(random[0])
}

/// The longest pause between two sweeps: idle sessions end within a second of their deadline.
const SWEEP_INTERVAL: Duration = Duration::from_millis(500);

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a shutdown waits for endings to be acknowledged whose records were late.
const PATIENCE: Duration = Duration::from_secs(5);

/// How rarely what is held can be checked at most.
const LONGEST_RECHECK: Duration = Duration::from_hours(24);

/// How many ids one `check` may name.
const MOST_IDS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_half_and_all() {
        for _ in 0..1_000 {
            let pause = jittered(SWEEP_INTERVAL);
            assert!(
                (SWEEP_INTERVAL / 2..=SWEEP_INTERVAL).contains(&pause),
                "{pause:?}"
            );
        }
    }
}
