//! What only the road can measure.

use crate::{live::Live, time::Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};

/// When this node swept.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    /// The start of the sweep before the current one: since then, what was due may have waited.
    since: AtomicU64,
    current: AtomicU64,
}

impl Sweeps {
    /// A sweep begins.
    pub(super) fn begin(&self, now: Timestamp) {
        let now = now.as_unix_millis();
        let before = self.current.swap(now, Ordering::Relaxed);
        let since = if before == 0 { now } else { before };
        self.since.store(since, Ordering::Relaxed);
    }

    /// It is over, and concluded so many sessions.
    pub(super) fn done(&self, concluded: usize, now: Timestamp, live: &Live) {
        let since = Timestamp::from_unix_millis(self.since.load(Ordering::Relaxed));
        let lag = (concluded > 0).then(|| now.saturating_since(since));
        show(lag, live);
    }
}

#[cfg(feature = "metrics")]
fn show(lag: Option<std::time::Duration>, live: &Live) {
    if let Some(lag) = lag {
        metrics::histogram!("adjourn_sweep_lag_seconds").record(lag);
    }
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    metrics::gauge!("adjourn_open_connections").set(live.len() as f64);
}

#[cfg(not(feature = "metrics"))]
const fn show(_: Option<std::time::Duration>, _: &Live) {}
