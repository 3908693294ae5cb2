//! The policy in force, for machines: documentation of record (ASVS 7.1.1 and 7.1.2).

use super::{AssuranceLevel, Timeouts};
use crate::store::{AtLimit, Limit};
use serde::Serialize;
use std::time::Duration;

/// The session policy in force, as data.
///
/// ```
/// use adjourn::{policy::{PolicyReport, Timeouts}, store::{AtLimit, Limit}};
/// use std::num::NonZeroU32;
///
/// let limit = Limit { max: NonZeroU32::MIN, at_limit: AtLimit::EndOldest };
/// let report = PolicyReport::new(&Timeouts::aal2(), Some(limit));
/// assert_eq!(
///     serde_json::to_string(&report)?,
///     r#"{"idle_seconds":3600,"absolute_seconds":86400,"touch_interval_millis":null,"assurance_level":"aal2","deviation":null,"max_sessions":1,"at_limit":"end-oldest"}"#,
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PolicyReport {
    /// The idle timeout in seconds, a fraction counted as one; `None` for no idle timeout.
    pub idle_seconds: Option<u64>,
    /// The absolute timeout in seconds, a fraction counted as one.
    pub absolute_seconds: u64,
    /// The touch interval: idle may fire so much later. `None` for the store's default.
    pub touch_interval_millis: Option<u64>,
    /// The preset that the timeouts began with.
    pub assurance_level: Option<AssuranceLevel>,
    /// Why the timeouts are what they are.
    pub deviation: Option<String>,
    /// At most so many live sessions a subject; `None` for any number.
    pub max_sessions: Option<u32>,
    /// What a log-in beyond them does: `end-oldest` or `refuse-new`.
    pub at_limit: Option<&'static str>,
}

impl PolicyReport {
    /// The report of these timeouts and this limit.
    pub fn new(timeouts: &Timeouts, limit: Option<Limit>) -> Self {
        Self {
            idle_seconds: timeouts.idle().map(seconds),
            absolute_seconds: seconds(timeouts.absolute()),
            touch_interval_millis: timeouts
                .touch_interval()
                .map(|interval| u64::try_from(interval.as_millis()).unwrap_or(u64::MAX)),
            assurance_level: timeouts.assurance_level(),
            deviation: timeouts.deviation().map(ToOwned::to_owned),
            max_sessions: limit.map(|limit| limit.max.get()),
            at_limit: limit.map(|limit| match limit.at_limit {
                AtLimit::EndOldest => "end-oldest",
                AtLimit::RefuseNew => "refuse-new",
            }),
        }
    }
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-1-1
    #[test]
    fn the_report_shows_timeouts_preset_and_reason() {
        let timeouts = Timeouts::aal1()
            .with_deviation("kiosk")
            .and_then(|t| t.with_idle(Duration::from_millis(1_500)))
            .and_then(|t| t.with_touch_interval(Duration::from_millis(20)))
            .unwrap();
        let report = PolicyReport::new(&timeouts, None);
        assert_eq!(report.idle_seconds, Some(2));
        assert_eq!(report.absolute_seconds, 30 * 86_400);
        assert_eq!(report.touch_interval_millis, Some(20));
        assert_eq!(report.assurance_level, Some(AssuranceLevel::Aal1));
        assert_eq!(report.deviation.as_deref(), Some("kiosk"));
        // R-1-2
        assert_eq!((report.max_sessions, report.at_limit), (None, None));
    }
}
