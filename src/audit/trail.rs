//! The way from an event to the sinks.

use super::{Event, EventLimits, Flush, Sink, flood::Flood, sink};
use crate::time::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// All sinks behind the limits.
pub(crate) struct Trail {
    sinks: Vec<Arc<dyn Sink>>,
    flood: Flood,
}

impl Trail {
    pub(crate) fn new(sinks: Vec<Arc<dyn Sink>>, limits: EventLimits) -> Self {
        let flood = Flood::new(limits);
        Self { sinks, flood }
    }

    /// Records an event in every sink, unless it is only counted.
    pub(crate) fn record(&self, event: &Event) {
        let admission = self.flood.admit(event);
        self.give(&admission.summaries);
        if admission.admitted {
            sink::record(&self.sinks, event);
        }
    }

    /// Records what was counted in a window that is over.
    pub(crate) fn tick(&self, now: Timestamp) {
        self.give(&self.flood.tick(now));
    }

    /// Whether every sink would keep what is recorded now.
    pub(crate) fn is_ready(&self) -> bool {
        sink::are_ready(&self.sinks)
    }

    /// Waits until the sinks have kept what was recorded so far; `None` when they have.
    pub(crate) fn kept(&self) -> Option<Flush> {
        let waiting: Vec<Flush> = self.sinks.iter().filter_map(sink::unkept).collect();
        if waiting.is_empty() {
            return None;
        }
        Some(Box::pin(async move {
            for flush in waiting {
                // In a task: a sink that panics stops nobody.
                let _panicked = tokio::spawn(flush).await;
            }
        }))
    }

    /// Records what was counted, and waits a moment until the sinks have kept everything.
    pub(crate) async fn flush(&self, now: Timestamp) {
        self.give(&self.flood.drain(now));
        if timeout(PATIENCE, self.flush_all()).await.is_err() {
            tracing::error!(target: "adjourn", "an audit sink did not keep everything in time");
        }
    }

    async fn flush_all(&self) {
        for sink in &self.sinks {
            let sink = Arc::clone(sink);
            // In a task: a sink that panics stops nobody.
            let task = tokio::spawn(async move { sink.flush().await });
            let _panicked = task.await;
        }
    }

    fn give(&self, events: &[Event]) {
        for event in events {
            sink::record(&self.sinks, event);
        }
    }
}

/// How long a graceful shutdown waits for the sinks, all together.
const PATIENCE: Duration = Duration::from_secs(5);
