//! The last things that happened to sessions, for whoever watches: a sink of the audit trail.

use adjourn::audit::{Event, NonBlocking, Severity, Sink};
use futures_util::{Stream, stream};
use serde::Serialize;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Keeps the last events in memory, and hands them out as they come. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feed {
    last: Arc<Mutex<Last>>,
    /// Says that there is something new.
    news: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Last {
    events: VecDeque<Noted>,
    /// How many there were.
    count: u64,
}

/// An event with its place in the order.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Noted {
    pub(crate) number: u64,
    severity: &'static str,
    /// One flat object: nothing in it is secret, and texts of clients are cleaned.
    #[serde(flatten)]
    event: Event,
}

impl NonBlocking for Feed {}

impl Sink for Feed {
    /// Called by requests and endings, so it does not wait for anybody.
    fn record(&self, event: &Event) {
        self.last().push(event.clone());
        self.news.send_replace(());
    }
}

impl Feed {
    /// Those that are kept, oldest first.
    pub(crate) fn all(&self) -> Vec<Noted> {
        self.last().events.iter().cloned().collect()
    }

    /// Those after this one, as far as they are kept, and then every new one when it comes.
    pub(crate) fn after(&self, seen: u64) -> impl Stream<Item = Noted> + use<> {
        // A higher number is from before the server was started again.
        let seen = if seen > self.last().count { 0 } else { seen };
        let start = (self.clone(), self.news.subscribe(), seen);
        stream::unfold(start, |(feed, mut news, seen)| async move {
            let noted = feed.next(&mut news, seen).await?;
            let seen = noted.number;
            Some((noted, (feed, news, seen)))
        })
    }

    /// The first one after this one; waits until there is one.
    async fn next(&self, news: &mut watch::Receiver<()>, seen: u64) -> Option<Noted> {
        loop {
            let next = self.last().next(seen);
            if next.is_some() {
                return next;
            }
            news.changed().await.ok()?;
        }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    fn push(&mut self, event: Event) {
        self.count += 1;
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.events.push_back(Noted {
            number: self.count,
            severity: match event.kind.severity() {
                Severity::Info => "info",
                Severity::Warning => "warning",
                _ => "critical",
            },
            event,
        });
    }

    /// The first one after this one.
    fn next(&self, seen: u64) -> Option<Noted> {
        let later = self.events.iter().find(|noted| noted.number > seen);
        later.cloned()
    }
}

const KEPT: usize = 200;
