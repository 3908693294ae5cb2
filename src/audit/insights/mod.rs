//! What the events of the last hours look like together.

mod limits;
mod ring;
mod sources;
#[cfg(test)]
mod tests;

pub use limits::{Finding, InsightLimits};
pub use ring::MinuteCounts;
pub use sources::SourceCount;

use super::{EndScope, Event, EventKind, NonBlocking, Sink, flood::network};
use crate::{
    reason::EndReason,
    record::Client,
    time::{Clock, SystemClock, Timestamp},
};
use limits::Watch;
use ring::Ring;
use serde::Serialize;
use sources::Sources;
use std::{
    collections::VecDeque,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A sink that keeps a bounded summary in memory, and tells of what is unusual.
///
/// For a page that shows how sessions end, and for alarms where no other system watches. It sees
/// what this node records, and forgets it at a restart; an ending that was taken over (`redelivered`) may
/// be counted twice. Clones are the same summary.
///
/// Cost: a short lock and a few additions for each event; about 200 kilobytes.
///
/// ```
/// use adjourn::{Sessions, audit::{Finding, Insights}, store::MemoryStore};
///
/// let insights = Insights::new().on_finding(|finding: &Finding| {
///     tracing::warn!("unusual: {}", finding.code());
/// });
/// let sessions = Sessions::builder(MemoryStore::new()).add_audit_sink(insights.clone()).build()?;
///
/// let summary = insights.snapshot();
/// assert_eq!(summary.started, 0);
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Insights {
    clock: Arc<dyn Clock>,
    limits: InsightLimits,
    listener: Option<Arc<Listener>>,
    /// A leaf lock: nothing is called under it.
    state: Arc<Mutex<State>>,
}

type Listener = dyn Fn(&Finding) + Send + Sync;

/// The summary at one instant. Serialises to plain data.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InsightsSnapshot {
    /// When it was taken, in milliseconds since 1970.
    pub at_unix_millis: u64,
    /// Sessions that started since the process did.
    pub started: u64,
    /// Sessions that ended, by reason, most first; at most 32 reasons and `(other)`.
    pub ended: Vec<(String, u64)>,
    /// How long they lived: how many up to each number of seconds (`None`: longer), each counted
    /// once.
    pub lengths: Vec<(Option<u64>, u64)>,
    /// Bulk endings.
    pub cuts: u64,
    /// Dead tokens that were presented.
    pub use_after_end: u64,
    /// Other tokens that were refused.
    pub refused: u64,
    /// Minute by minute, oldest first; the last three hours.
    pub minutes: Vec<MinuteCounts>,
    /// The sources that presented most dead, unknown or wrong tokens, most first; at most ten.
    pub sources: Vec<SourceCount>,
    /// What was unusual, newest first; at most the last 32.
    pub findings: Vec<Finding>,
}

#[derive(Debug, Default)]
struct State {
    started: u64,
    ended: Vec<(EndReason, u64)>,
    /// For reasons that found no room.
    ended_otherwise: u64,
    lengths: [u64; LENGTHS.len() + 1],
    cuts: u64,
    use_after_end: u64,
    refused: u64,
    ring: Ring,
    sources: Sources,
    watch: Watch,
    findings: VecDeque<Finding>,
}

impl Insights {
    /// An empty summary with the usual limits.
    pub fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            limits: InsightLimits::default(),
            listener: None,
            state: Arc::default(),
        }
    }

    /// When something is unusual.
    #[must_use]
    pub const fn with_limits(mut self, limits: InsightLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The clock by which minutes are told. *Default:* the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What is called when something is unusual: on the path of requests and endings, so it must
    /// not block. A panic is caught.
    #[must_use]
    pub fn on_finding(mut self, listener: impl Fn(&Finding) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The summary now.
    pub fn snapshot(&self) -> InsightsSnapshot {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ring.advance(now);
        let mut ended: Vec<_> = state
            .ended
            .iter()
            .map(|(reason, count)| (reason.code().to_owned(), *count))
            .collect();
        if state.ended_otherwise > 0 {
            ended.push(("(other)".to_owned(), state.ended_otherwise));
        }
        ended.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let bounds = LENGTHS.iter().map(|bound| Some(bound.as_secs()));
        InsightsSnapshot {
            at_unix_millis: now.as_unix_millis(),
            started: state.started,
            ended,
            lengths: bounds.chain([None]).zip(state.lengths).collect(),
            cuts: state.cuts,
            use_after_end: state.use_after_end,
            refused: state.refused,
            minutes: state.ring.minutes(),
            sources: state.sources.top(),
            findings: state.findings.iter().rev().cloned().collect(),
        }
    }
}

impl Default for Insights {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Insights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insights")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl NonBlocking for Insights {}

impl Sink for Insights {
    fn record(&self, event: &Event) {
        let now = self.clock.now();
        let finding = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.ring.advance(now);
            state.count(event, &self.limits, now)
        };
        if let Some((listener, finding)) = self.listener.as_ref().zip(finding) {
            listener(&finding);
        }
    }
}

impl State {
    /// Counts an event, and answers what is unusual since.
    fn count(&mut self, event: &Event, limits: &InsightLimits, now: Timestamp) -> Option<Finding> {
        let source = event.client.as_deref().and_then(Client::address);
        let found = match &event.kind {
            EventKind::CutMade { scope, .. } => {
                self.cuts += 1;
                let everyone = matches!(scope, EndScope::Everyone);
                everyone.then(|| Finding::everyone_ended(now))
            }
            EventKind::Ended { cause, lived, .. } => {
                self.note_end(cause.reason(), *lived);
                self.watch
                    .after_end(limits, &self.ring, cause.reason(), now)
            }
            EventKind::Started => {
                self.started += 1;
                self.ring.current().started += 1;
                None
            }
            EventKind::UseAfterEnd { .. } => self.refuse("use-after-end", source, 1, limits, now),
            EventKind::OutdatedToken | EventKind::UnknownToken | EventKind::WrongSecret => {
                self.refuse(event.kind.code(), source, 1, limits, now)
            }
            EventKind::EventsSuppressed { kind, count, .. } if is_token(kind) => {
                self.refuse(kind, source, *count, limits, now)
            }
            EventKind::DuplicateCookie { .. }
            | EventKind::EventsLost { .. }
            | EventKind::EventsSuppressed { .. }
            | EventKind::Guessing { .. }
            | EventKind::ExtendRefused { .. }
            | EventKind::Extended
            | EventKind::LimitReached { .. }
            | EventKind::LogOutRefused { .. }
            | EventKind::PolicyVerdict { .. }
            | EventKind::RedirectRefused { .. }
            | EventKind::Rotated
            | EventKind::SocketRefused { .. }
            | EventKind::StartRefused { .. }
            | EventKind::StoreFailed { .. } => None,
        };
        if let Some(finding) = &found {
            if self.findings.len() == MOST_FINDINGS {
                self.findings.pop_front();
            }
            self.findings.push_back(finding.clone());
        }
        found
    }

    fn note_end(&mut self, reason: &EndReason, lived: Duration) {
        let has_room = self.ended.len() < MOST_REASONS;
        match self.ended.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None if has_room => self.ended.push((reason.clone(), 1)),
            None => self.ended_otherwise += 1,
        }
        let bucket = LENGTHS.iter().take_while(|bound| lived > **bound).count();
        if let Some(count) = self.lengths.get_mut(bucket) {
            *count += 1;
        }
        self.ring.current().note_end(reason);
    }

    fn refuse(
        &mut self,
        kind: &str,
        source: Option<IpAddr>,
        count: u64,
        limits: &InsightLimits,
        now: Timestamp,
    ) -> Option<Finding> {
        let after_end = kind == "use-after-end";
        if after_end {
            self.use_after_end += count;
            self.ring.current().use_after_end += count;
        } else {
            self.refused += count;
            self.ring.current().refused += count;
        }
        let source = network(source?);
        let recent = self.sources.add(source, (count, after_end), now);
        self.watch.after_token(limits, source, recent, now)
    }
}

fn is_token(kind: &str) -> bool {
    matches!(
        kind,
        "outdated-token" | "unknown-token" | "use-after-end" | "wrong-secret"
    )
}

/// The upper bounds of the lengths that are told apart.
const LENGTHS: [Duration; 9] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
    Duration::from_hours(24),
];

const MOST_FINDINGS: usize = 32;
const MOST_REASONS: usize = 32;
