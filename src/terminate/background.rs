//! What runs without a request: the sweeper, the store's notices, the re-check of what is held, now
//! and then and at its deadline, the removal of what a crash left.

use super::{
    Road, ShutDown, listen::listen, scratch::tend, store_clock::StoreClock, underway::Underway,
    verify::watch_deadlines,
};
use crate::store;
use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};
use tokio::time::{sleep, timeout};
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
    #[inline]
    pub(crate) fn ensure_started(&self, road: &Arc<Road>) {
        if !self.started.load(Ordering::Relaxed) {
            self.start(road);
        }
    }

    #[cold]
    fn start(&self, road: &Arc<Road>) {
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        if self.started.swap(true, Ordering::AcqRel) {
            return;
        }
        self.keep_running(road, "sweeper", sweep);
        self.run_until_stopped(road, "listener", listen);
        self.run_until_stopped(road, "deadlines", watch_deadlines);
        self.run_until_stopped(road, "scratch", tend);
        if let Some(watcher) = road.config.watcher.clone() {
            let every = road.config.recheck.min(LONGEST_RECHECK);
            let watch = move |road| Arc::clone(&watcher).run(road, every);
            self.run_until_stopped(road, "watcher", watch);
        }
    }

    /// Runs a task that the shutdown may drop wherever it is.
    fn run_until_stopped<T: Future<Output = ()> + Send + 'static>(
        &self,
        road: &Arc<Road>,
        name: &'static str,
        task: impl Fn(Arc<Road>) -> T + Send + 'static,
    ) {
        let until_stopped =
            move |road, stop: CancellationToken| stop.run_until_cancelled_owned(task(road));
        self.keep_running(road, name, until_stopped);
    }

    /// Runs a task that ends by itself once it is told to stop. What panics in it, as a store or a
    /// recorder of somebody's may, is told, and it goes on from the start: without a sweeper nobody's
    /// session would time out.
    fn keep_running<T: Future + Send + 'static>(
        &self,
        road: &Arc<Road>,
        name: &'static str,
        task: impl Fn(Arc<Road>, CancellationToken) -> T + Send + 'static,
    ) {
        let (here, stop) = (Arc::clone(road), self.stop.clone());
        road.tasks.spawn(async move {
            while until_panic(task(Arc::clone(&here), stop.clone()))
                .await
                .is_err()
                && goes_on(name, &stop).await
            {}
        });
    }

    /// Stops the tasks, waits a while for every ending that is under way, those included that a cut
    /// left to the sweeper, and says what is left: another's to take over.
    pub(crate) async fn shut_down(&self, road: &Road) -> ShutDown {
        self.started.store(true, Ordering::Release);
        self.stop.cancel();
        road.tasks.close();
        let _in_time = timeout(road.config.shutdown_limit, road.tasks.wait()).await;
        road.trail.flush(road.clock.now()).await;
        road.acknowledgements.close();
        let _in_time = timeout(PATIENCE, road.acknowledgements.wait()).await;
        road.left()
    }
}

impl Road {
    /// What is still under way at the end of a shutdown.
    fn left(&self) -> ShutDown {
        let (cleaning_up, hooks) = self.at_work.now();
        let left = ShutDown {
            is_complete: self.tasks.is_empty() && self.acknowledgements.is_empty(),
            endings: cleaning_up + self.acknowledgements.len(),
            hooks,
        };
        if !left.is_complete {
            tracing::error!(
                target: "adjourn",
                endings = left.endings,
                hooks = left.hooks.join(" "),
                "with_shutdown_limit: the shutdown waits no longer for what is under way"
            );
        }
        left
    }
}

/// Runs a task until it is done or panics.
async fn until_panic<T: Future>(task: T) -> thread::Result<T::Output> {
    let mut task = pin!(task);
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx)));
        polled.map_or_else(|panic| Poll::Ready(Err(panic)), |poll| poll.map(Ok))
    })
    .await
}

/// Tells of a panic, and whether the task is started again, after a pause: not during a shutdown.
async fn goes_on(name: &'static str, stop: &CancellationToken) -> bool {
    tracing::error!(target: "adjourn", task = name, "panicked, and is started again");
    stop.run_until_cancelled(sleep(AFTER_PANIC)).await.is_some()
}

/// Ends what is due, again and again, and once more when it is told to stop: it is never dropped halfway,
/// because what the store has handed to it nobody else would conclude before its lease is up.
async fn sweep(road: Arc<Road>, stop: CancellationToken) {
    let mut pause = SWEEP_INTERVAL;
    // Not waited for: what hangs on one ending must not hold up the next.
    let mut underway = Underway::default();
    let mut clock = StoreClock::default();
    loop {
        let waited = stop.run_until_cancelled(sleep(jittered(pause))).await;
        pause = match sweep_once(&road, &mut underway, &mut clock).await {
            Ok(()) => SWEEP_INTERVAL,
            Err(error) => {
                road.store_failed("sweep", &error);
                (pause * 2).min(LONGEST_PAUSE)
            }
        };
        if waited.is_none() {
            break;
        }
    }
}

async fn sweep_once(
    road: &Arc<Road>,
    underway: &mut Underway,
    clock: &mut StoreClock,
) -> Result<(), store::Error> {
    if road.store.has_own_clock() && !road.is_steady(clock).await? {
        return Ok(());
    }
    road.sweep(underway).await.map(drop)
}

/// Between half and all of `pause`, so that the nodes of a cluster do not sweep in step.
pub(super) fn jittered(pause: Duration) -> Duration {
    let mut random = [0];
    // Without random bytes the pause is only less random.
    let _unchanged = getrandom::fill(&mut random);
    pause / 2 + pause / 512 * u32::from(random[0])
}

/// The longest pause between two sweeps: idle sessions end within a second of their deadline.
const SWEEP_INTERVAL: Duration = Duration::from_millis(500);

/// The pause before what panicked is started again.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a shutdown waits for endings to be acknowledged whose records were late.
const PATIENCE: Duration = Duration::from_secs(5);

/// How rarely what is held can be checked at most: an instant too far away for a clock is none.
pub(super) const LONGEST_RECHECK: Duration = Duration::from_hours(24);

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
