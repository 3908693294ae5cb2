//! Metrics of the life and end of sessions.

use super::{Event, EventKind, FailedHook, NonBlocking, Sink};
use crate::reason::Cause;
use metrics::{counter, histogram};
use std::time::Duration;

/// Counts events with the `metrics` crate: for whatever recorder the application installs.
///
/// Names and labels, all stable:
///
/// | metric | labels | meaning |
/// |---|---|---|
/// | `adjourn_sessions_started_total` | | sessions that started |
/// | `adjourn_sessions_extended_total` | | extensions that users asked for |
/// | `adjourn_sessions_ended_total` | `reason`, `initiator` | sessions whose end this node recorded; one that it took over (`redelivered`) may have been counted before |
/// | `adjourn_session_duration_seconds` (histogram) | `reason` | how long they lived |
/// | `adjourn_session_idle_seconds` (histogram) | `reason` | how long nobody had been active when they ended |
/// | `adjourn_cuts_total` | `scope` | bulk endings |
/// | `adjourn_use_after_end_total` | | dead tokens that were presented |
/// | `adjourn_tokens_refused_total` | `kind` | other tokens that were refused: `unknown-token`, `wrong-secret`, `outdated-token`, `duplicate-cookie` |
/// | `adjourn_log_outs_refused_total` | `why` | forged or malformed log-outs |
/// | `adjourn_extensions_refused_total` | `why` | forged or malformed requests to extend |
/// | `adjourn_redirects_refused_total` | | redirects after an ending that led where nobody is to be sent |
/// | `adjourn_sockets_refused_total` | `why` | handshakes of WebSockets from pages that may not open one |
/// | `adjourn_starts_refused_total` | `why` | log-ins refused: `limit-reached`, `audit-unavailable` |
/// | `adjourn_policy_verdicts_total` | `policy`, `verdict` | what policies found and was recorded: `report`, `require-fresh`, `end`, `failed` |
/// | `adjourn_guessing_total` | | sources that presented many tokens that were never issued |
/// | `adjourn_hook_failures_total` | `hook`, `outcome` | hooks that did not do their work |
/// | `adjourn_store_failures_total` | `operation` | failures of the store |
///
/// What [`EventLimits`](super::EventLimits) count instead of recording is in these numbers, as soon
/// as the window is over; a log-out or another refusal among it with `why="suppressed"`, a failure of the store with
/// `operation="suppressed"`, a verdict with `policy="suppressed"`.
///
/// With the feature `metrics` there are also, without this sink:
///
/// | metric | meaning |
/// |---|---|
/// | `adjourn_audit_events_lost_total` | events that a [`Queue`](super::Queue) had no room for or could not write |
/// | `adjourn_open_connections` (gauge) | what [`Sessions::open_connections`](crate::Sessions::open_connections) says, at each sweep |
/// | `adjourn_sessions_live` (gauge) | how many sessions live, those that are due and not yet concluded included, at each sweep; only where the store knows without looking ([`live_sessions`](crate::store::SessionStore::live_sessions)), as `MemoryStore` does |
/// | `adjourn_sweep_lag_seconds` (histogram) | for each session that a sweep ended: how long it had been due, by the store's clock |
///
/// ```
/// use adjourn::{Sessions, audit::MetricsSink, store::MemoryStore};
///
/// let sessions = Sessions::builder(MemoryStore::new()).add_audit_sink(MetricsSink).build()?;
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit value, written by name")]
pub struct MetricsSink;

impl NonBlocking for MetricsSink {}

impl Sink for MetricsSink {
    fn record(&self, event: &Event) {
        match &event.kind {
            EventKind::CutMade { scope, .. } => {
                counter!("adjourn_cuts_total", "scope" => scope.code()).increment(1);
            }
            EventKind::Ended {
                cause,
                lived,
                idle,
                failed_hooks,
                ..
            } => ended(cause, *lived, *idle, failed_hooks),
            EventKind::EventsSuppressed { kind, count, .. } => suppressed(kind, *count),
            EventKind::Guessing { .. } => guessing(1),
            EventKind::LimitReached { .. } => start_refused("limit-reached", 1),
            EventKind::ExtendRefused { why } => extend_refused(why, 1),
            EventKind::LogOutRefused { why } => log_out_refused(why, 1),
            EventKind::DuplicateCookie { .. }
            | EventKind::OutdatedToken
            | EventKind::UnknownToken
            | EventKind::WrongSecret => token_refused(event.kind.code(), 1),
            EventKind::PolicyVerdict { findings, .. } => {
                for found in findings {
                    policy_verdict(found.policy, found.verdict, 1);
                }
            }
            EventKind::RedirectRefused { .. } => redirect_refused(1),
            EventKind::SocketRefused { why } => socket_refused(why, 1),
            EventKind::StartRefused { why } => start_refused(why, 1),
            EventKind::Started => counter!("adjourn_sessions_started_total").increment(1),
            EventKind::StoreFailed { operation, .. } => store_failed(operation, 1),
            EventKind::UseAfterEnd { .. } => used_after_end(1),
            EventKind::Extended => extended(1),
            // Lost events are counted where they are lost; a rotation is nothing to watch.
            EventKind::EventsLost { .. } | EventKind::Rotated => {}
        }
    }
}

fn ended(cause: &Cause, lived: Duration, idle: Duration, failed: &[FailedHook]) {
    let reason = cause.reason().code().to_owned();
    let initiator = cause.initiator().code();
    histogram!("adjourn_session_duration_seconds", "reason" => reason.clone()).record(lived);
    histogram!("adjourn_session_idle_seconds", "reason" => reason.clone()).record(idle);
    counter!("adjourn_sessions_ended_total", "reason" => reason, "initiator" => initiator)
        .increment(1);
    for hook in failed {
        let labels = [("hook", hook.name), ("outcome", hook.outcome)];
        counter!("adjourn_hook_failures_total", &labels).increment(1);
    }
}

/// What was counted instead of recorded.
fn suppressed(kind: &'static str, count: u64) {
    match kind {
        "session-extended" => extended(count),
        "guessing" => guessing(count),
        "policy-verdict" => policy_verdict("suppressed", "suppressed", count),
        "use-after-end" => used_after_end(count),
        "extend-refused" => extend_refused("suppressed", count),
        "log-out-refused" => log_out_refused("suppressed", count),
        "redirect-refused" => redirect_refused(count),
        "socket-refused" => socket_refused("suppressed", count),
        "start-refused" => start_refused("suppressed", count),
        "store-failed" => store_failed("suppressed", count),
        kind => token_refused(kind, count),
    }
}

fn extended(count: u64) {
    counter!("adjourn_sessions_extended_total").increment(count);
}

fn guessing(count: u64) {
    counter!("adjourn_guessing_total").increment(count);
}

fn policy_verdict(policy: &'static str, verdict: &'static str, count: u64) {
    let labels = [("policy", policy), ("verdict", verdict)];
    counter!("adjourn_policy_verdicts_total", &labels).increment(count);
}

fn used_after_end(count: u64) {
    counter!("adjourn_use_after_end_total").increment(count);
}

fn token_refused(kind: &'static str, count: u64) {
    counter!("adjourn_tokens_refused_total", "kind" => kind).increment(count);
}

fn extend_refused(why: &'static str, count: u64) {
    counter!("adjourn_extensions_refused_total", "why" => why).increment(count);
}

fn log_out_refused(why: &'static str, count: u64) {
    counter!("adjourn_log_outs_refused_total", "why" => why).increment(count);
}

fn redirect_refused(count: u64) {
    counter!("adjourn_redirects_refused_total").increment(count);
}

fn socket_refused(why: &'static str, count: u64) {
    counter!("adjourn_sockets_refused_total", "why" => why).increment(count);
}

fn start_refused(why: &'static str, count: u64) {
    counter!("adjourn_starts_refused_total", "why" => why).increment(count);
}

fn store_failed(operation: &'static str, count: u64) {
    counter!("adjourn_store_failures_total", "operation" => operation).increment(count);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{EndScope, PolicyFinding},
        reason::EndReason,
        record::Generation,
        time::Timestamp,
    };
    use metrics_util::{MetricKind, debugging::DebuggingRecorder};
    use std::collections::{BTreeMap, BTreeSet};

    /// The kind and the labels of each metric, by its name.
    type Table = BTreeMap<String, (MetricKind, BTreeSet<String>)>;

    /// What the table above says.
    fn documented() -> Table {
        let lines = include_str!("metrics_sink.rs").lines();
        let of_sink = lines.take_while(|line| !line.contains("without this sink"));
        let rows = of_sink.filter(|line| line.starts_with("/// | `adjourn_"));
        rows.map(|row| {
            let cells: Vec<_> = row.split('|').collect();
            let [_, name, labels, _, _] = cells[..] else {
                panic!("not four cells: {row}")
            };
            let kind = if name.contains("(histogram)") {
                MetricKind::Histogram
            } else {
                MetricKind::Counter
            };
            let labels = in_ticks(labels).collect();
            (in_ticks(name).next().unwrap(), (kind, labels))
        })
        .collect()
    }

    fn in_ticks(cell: &str) -> impl Iterator<Item = String> {
        let odd = cell.split('`').skip(1).step_by(2);
        odd.map(str::to_owned)
    }

    /// One event for each metric.
    fn kinds() -> Vec<EventKind> {
        let why = "why";
        vec![
            EventKind::CutMade {
                scope: EndScope::Everyone,
                generation: Generation::new(1),
                kept: None,
                cause: EndReason::Forced.into(),
                concluded: 1,
                more_follow: false,
            },
            EventKind::Ended {
                cause: EndReason::Logout.into(),
                scope: EndScope::One,
                generation: None,
                lived: Duration::from_secs(2),
                idle: Duration::from_secs(1),
                connections_cut: None,
                hooks: 1,
                failed_hooks: vec![FailedHook::new("files", "failed")],
                redelivered: false,
            },
            EventKind::ExtendRefused { why },
            EventKind::Extended,
            EventKind::Guessing { count: 100 },
            EventKind::LogOutRefused { why },
            EventKind::PolicyVerdict {
                verdict: "report",
                findings: vec![PolicyFinding::new("hours", "report", why)],
            },
            EventKind::RedirectRefused {
                target: "//evil.example".to_owned(),
            },
            EventKind::SocketRefused { why },
            EventKind::StartRefused { why },
            EventKind::Started,
            EventKind::StoreFailed {
                operation: "end",
                error: "down".to_owned(),
            },
            EventKind::UnknownToken,
            EventKind::UseAfterEnd {
                cause: EndReason::Logout.into(),
            },
        ]
    }

    /// What is counted for these events.
    fn counted(kinds: Vec<EventKind>) -> Table {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, || {
            for kind in kinds {
                MetricsSink.record(&Event::new(kind, Timestamp::default()));
            }
        });
        let metrics = snapshotter.snapshot().into_vec().into_iter();
        let described = metrics.map(|(key, ..)| {
            let (kind, key) = (key.kind(), key.key());
            let labels = key.labels().map(|label| label.key().to_owned());
            (key.name().to_owned(), (kind, labels.collect()))
        });
        described.collect()
    }

    #[test]
    fn the_names_and_labels_are_those_of_the_table() {
        let documented = documented();
        assert_eq!(documented.len(), 17);
        assert_eq!(counted(kinds()), documented);
    }

    #[test]
    fn what_was_suppressed_is_in_the_same_numbers() {
        let documented = documented();
        let codes = [
            "extend-refused",
            "guessing",
            "log-out-refused",
            "policy-verdict",
            "redirect-refused",
            "session-extended",
            "socket-refused",
            "start-refused",
            "store-failed",
            "unknown-token",
            "use-after-end",
        ];
        for kind in codes {
            let suppressed = EventKind::EventsSuppressed {
                kind,
                count: 5,
                sources: 1,
            };
            let counted = counted(vec![suppressed]);
            assert_eq!(counted.len(), 1, "{kind}");
            for (name, row) in counted {
                assert_eq!(documented.get(&name), Some(&row), "{kind}");
            }
        }
    }
}
