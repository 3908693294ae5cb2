//! Metrics, by name.

use crate::support::{Site, raw};
use adjourn::{
    audit::{MetricsSink, Queue},
    reason::EndReason,
};
use metrics_util::{
    CompositeKey,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};
use std::{collections::BTreeMap, io, time::Duration};

/// `name{label=value,..}` and what it shows.
fn shown(snapshotter: &Snapshotter) -> BTreeMap<String, DebugValue> {
    let name = |key: CompositeKey| {
        let key = key.key();
        let labels: Vec<_> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        format!("{}{{{}}}", key.name(), labels.join(","))
    };
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    metrics
        .map(|(key, _, _, value)| (name(key), value))
        .collect()
}

struct Broken;

impl adjourn::audit::BlockingSink for Broken {
    fn write(&mut self, _: &adjourn::audit::Event) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

/// Three sessions, two endings, hostile requests, a broken sink and a failing hook.
async fn some_life() {
    let queue = Queue::builder(Broken).with_capacity(4).start().unwrap();
    queue.close(Duration::from_mins(1)).await.unwrap();
    let site = Site::builder()
        .configure(|builder| {
            builder
                .add_audit_sink(MetricsSink)
                .add_audit_sink(queue)
                .on_end("files", |_| async { Err("full".to_owned()) })
        })
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let stolen = alice.stolen_copy();
    site.logged_in("bob").await;
    site.clock.advance(Duration::from_secs(10));
    alice.post("/logout").await;
    stolen.get_api("/api/me").await;
    for _ in 0..25 {
        let request =
            "GET / HTTP/1.1\r\nHost: x\r\nCookie: __Host-sid=x\r\nConnection: close\r\n\r\n";
        raw(site.address, request).await;
    }
    site.sessions.terminator().sweep().await.unwrap();
    site.clock.advance(Duration::from_mins(16));
    site.sessions.terminator().sweep().await.unwrap();
    let _cut = site
        .sessions
        .terminator()
        .end_everyone(None, EndReason::Forced)
        .await;
    site.logged_in("carol").await;
    site.sessions.terminator().sweep().await.unwrap();
}

#[tokio::test]
async fn the_documented_names_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // Of this thread: the site runs on it; the thread of a queue does not, only its drops count.
    let _guard = metrics::set_default_local_recorder(&recorder);

    some_life().await;

    let metrics = shown(&snapshotter);
    let counter = |name: &str| match metrics.get(name) {
        Some(DebugValue::Counter(count)) => *count,
        other => panic!("{name}: {other:?} in {metrics:?}"),
    };
    assert_eq!(counter("adjourn_sessions_started_total{}"), 3);
    let ended = |labels| counter(&format!("adjourn_sessions_ended_total{{{labels}}}"));
    assert_eq!(ended("reason=logout,initiator=user"), 1);
    assert_eq!(ended("reason=idle-timeout,initiator=system"), 1);
    assert_eq!(counter("adjourn_use_after_end_total{}"), 1);
    // 20 recorded and 5 counted.
    let refused = counter("adjourn_tokens_refused_total{kind=unknown-token}");
    assert_eq!(refused, 25);
    let hooks = "adjourn_hook_failures_total{hook=files,outcome=failed}";
    assert_eq!(counter(hooks), 2);
    assert_eq!(counter("adjourn_cuts_total{scope=everyone}"), 1);
    assert!(counter("adjourn_audit_events_lost_total{}") > 4);

    let histogram = |name: &str| match metrics.get(name) {
        Some(DebugValue::Histogram(values)) => {
            values.iter().map(|v| v.into_inner()).collect::<Vec<_>>()
        }
        other => panic!("{name}: {other:?} in {metrics:?}"),
    };
    assert_eq!(
        histogram("adjourn_session_duration_seconds{reason=logout}"),
        [10.0]
    );
    assert_eq!(
        histogram("adjourn_session_idle_seconds{reason=idle-timeout}"),
        [970.0]
    );
    let lag = histogram("adjourn_sweep_lag_seconds{}");
    assert_eq!(
        lag,
        [70.0],
        "of 15 minutes idle, found after 16 and 10 seconds"
    );
    let gauge = |name: &str| match metrics.get(name) {
        Some(DebugValue::Gauge(value)) => value.into_inner(),
        other => panic!("{name}: {other:?} in {metrics:?}"),
    };
    assert!(gauge("adjourn_open_connections{}").abs() < 0.1);
    assert!((gauge("adjourn_sessions_live{}") - 1.0).abs() < 0.1);
}
