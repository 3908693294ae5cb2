//! What only the road can measure.

use super::Road;
use crate::record::Departed;

impl Road {
    /// How much later than it was due a session was found.
    #[cfg(feature = "metrics")]
    pub(super) fn measure_lag(departed: &[Departed]) {
        let lag = |one: &Departed| Some(one.ending.at().saturating_since(one.due_at?));
        for lag in departed.iter().filter_map(lag) {
            metrics::histogram!("adjourn_sweep_lag_seconds").record(lag);
        }
    }

    /// How much there is now.
    #[cfg(feature = "metrics")]
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub(super) fn measure_stock(road: &Self) {
        metrics::gauge!("adjourn_open_connections").set(road.live.connections() as f64);
        if let Some(live) = road.store.live_sessions() {
            metrics::gauge!("adjourn_sessions_live").set(live as f64);
        }
    }

    #[cfg(not(feature = "metrics"))]
    pub(super) const fn measure_lag(_: &[Departed]) {}

    #[cfg(not(feature = "metrics"))]
    pub(super) const fn measure_stock(_: &Self) {}
}
