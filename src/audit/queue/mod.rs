//! A bounded queue before a sink that blocks.

mod worker;

use super::{Event, Flush, NonBlocking, Sink};
use std::{
    collections::VecDeque,
    fmt, io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// A sink that may block: a file, a socket. Works behind a [`Queue`], on a thread of its own.
pub trait BlockingSink: Send + 'static {
    /// Writes one event.
    ///
    /// # Errors
    /// It was not written. A panic counts as an error.
    fn write(&mut self, event: &Event) -> io::Result<()>;

    /// Called when the queue is empty for the moment, and at least after every 256 events.
    ///
    /// # Errors
    /// What was written may not last.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A [`Sink`] that hands its events to a thread, through a bounded queue.
///
/// Recording takes a short lock and never waits for the sink behind it, however slow that is.
/// Nothing is lost silently: what found no room and what could not be written is counted
/// ([`Queue::stats`]), and once writing works again the trail itself says how many events are
/// missing ([`EventsLost`](super::EventKind::EventsLost)).
///
/// The last quarter of the queue is kept for endings, so that other events cannot push them out.
///
/// *Fail open*, the default: what cannot be written is lost and counted. *Fail closed*
/// ([`QueueBuilder::with_fail_closed`]): what cannot be written is tried again until it can, and
/// meanwhile nobody can log in. In neither mode is an ending delayed or refused.
///
/// Clones are the same queue. [`Sessions::shutdown`](crate::Sessions::shutdown) waits until
/// everything is written; a process that just ends loses what is still waiting. Endings are then
/// recorded by another process, on a store that outlives this one: it is told that they are done
/// when they are written.
///
/// ```
/// use adjourn::{Sessions, audit::{Format, JsonLines, Queue}, store::MemoryStore};
///
/// # let folder = std::env::temp_dir().join(format!("adjourn-doc-queue-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("audit.jsonl");
/// let file = JsonLines::at(path).with_format(Format::Ocsf).open()?;
/// let queue = Queue::builder(file).with_fail_closed().start()?;
/// let sessions = Sessions::builder(MemoryStore::new()).add_audit_sink(queue.clone()).build()?;
/// assert_eq!(queue.stats().dropped, 0);
/// # let _ = sessions;
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Queue(Arc<Handle>);

/// A queue before it starts.
#[must_use = "a queue takes no events before it is started"]
pub struct QueueBuilder {
    sink: Box<dyn BlockingSink>,
    capacity: usize,
    fail_closed: bool,
}

/// What became of the events of a [`Queue`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Written.
    pub written: u64,
    /// Lost because there was no room.
    pub dropped: u64,
    /// Lost because the sink failed.
    pub failed: u64,
    /// Still to be written.
    pub waiting: usize,
    /// Whether the last thing that was tried failed.
    pub failing: bool,
}

/// Not everything was written in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{waiting} audit events were not written in time")]
#[non_exhaustive]
pub struct Unwritten {
    /// How many are left.
    pub waiting: usize,
}

impl Queue {
    /// Starts with a sink.
    pub fn builder(sink: impl BlockingSink) -> QueueBuilder {
        QueueBuilder {
            sink: Box::new(sink),
            capacity: 65_536,
            fail_closed: false,
        }
    }

    /// What became of the events so far.
    pub fn stats(&self) -> QueueStats {
        self.0.0.stats()
    }

    /// Waits until everything recorded so far is written, or lost and counted.
    ///
    /// # Errors
    /// It took longer than `patience`; the rest is still being written.
    ///
    /// # Cancel safety
    /// Cancel safe: it only waits.
    pub async fn flush_within(&self, patience: Duration) -> Result<(), Unwritten> {
        let shared = &self.0.0;
        let settled = timeout(patience, Arc::clone(shared).settled()).await;
        settled.map_err(|_| shared.unwritten())
    }

    /// Writes what is waiting and lets go of the sink, for example before its file is opened anew.
    /// What is recorded later is lost and counted.
    ///
    /// Not needed at the end of a process: [`Sessions::shutdown`](crate::Sessions::shutdown) waits
    /// until everything is written.
    ///
    /// # Errors
    /// It took longer than `patience`; the rest is still being written.
    ///
    /// # Cancel safety
    /// Once polled, the queue closes; after that it only waits.
    pub async fn close(&self, patience: Duration) -> Result<(), Unwritten> {
        let shared = &self.0.0;
        shared.begin_to_close();
        let closed = shared.until(|state| state.closed);
        let closed = timeout(patience, closed).await;
        closed.map_err(|_| shared.unwritten())
    }
}

impl QueueBuilder {
    /// How many events may wait. *Default:* 65,536, about 20 megabytes when full. At least 4.
    pub const fn with_capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    /// Refuses log-ins while the trail cannot be written: from a failed write until one succeeds,
    /// and while the queue is more than half full.
    ///
    /// Endings then wait without a bound: their number is that of the sessions that were live when
    /// the trouble began, as no others start.
    pub const fn with_fail_closed(mut self) -> Self {
        self.fail_closed = true;
        self
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// The operating system gave no thread.
    pub fn start(self) -> io::Result<Queue> {
        let shared = Arc::new(Shared {
            capacity: self.capacity.max(4),
            fail_closed: self.fail_closed,
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Notify::new(),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let worker = worker::Worker::new(Arc::clone(&shared), self.sink);
        thread::Builder::new()
            .name("adjourn-audit".to_owned())
            .spawn(move || worker.run())?;
        Ok(Queue(Arc::new(Handle(shared))))
    }
}

impl NonBlocking for Queue {}

impl Sink for Queue {
    fn record(&self, event: &Event) {
        self.0.0.push(event);
    }

    fn is_ready(&self) -> bool {
        self.0.0.is_ready()
    }

    fn flush(&self) -> Flush {
        Box::pin(Arc::clone(&self.0.0).settled())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.stats()).finish()
    }
}

impl fmt::Debug for QueueBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueBuilder")
            .field("capacity", &self.capacity)
            .field("fail_closed", &self.fail_closed)
            .finish_non_exhaustive()
    }
}

/// Tells the thread when nobody can record any more; it writes what is left and ends.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.begin_to_close();
    }
}

/// What the recorders and the thread share.
struct Shared {
    capacity: usize,
    fail_closed: bool,
    /// A leaf lock, never held while the sink works.
    state: Mutex<State>,
    /// Something to do for the thread.
    work: Condvar,
    /// Something was settled.
    progress: Notify,
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Event>,
    /// Taken by the thread and not settled yet.
    in_hand: usize,
    /// Lost since the trail last said so.
    lost: u64,
    pushed: u64,
    settled: u64,
    failing: bool,
    closing: bool,
    /// The thread has let go of the sink.
    closed: bool,
}

impl Shared {
    fn push(&self, event: &Event) {
        let limit = match (event.kind.is_ending(), self.fail_closed) {
            (true, true) => usize::MAX,
            (true, false) => self.capacity,
            (false, _) => self.capacity - self.capacity / 4,
        };
        let event = event.clone();
        let mut state = self.lock();
        if state.closing || state.occupied() >= limit {
            state.lost = state.lost.saturating_add(1);
            drop(state);
            self.count_dropped();
            return;
        }
        state.waiting.push_back(event);
        state.pushed += 1;
        drop(state);
        self.work.notify_one();
    }

    fn count_dropped(&self) {
        count_lost();
        if self.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(
                target: "adjourn",
                "an audit queue is full or closed and lost its first event"
            );
        }
    }

    fn is_ready(&self) -> bool {
        if !self.fail_closed {
            return true;
        }
        let state = self.lock();
        !state.failing && state.occupied() <= self.capacity / 2
    }

    fn stats(&self) -> QueueStats {
        let (waiting, failing) = {
            let state = self.lock();
            (state.occupied(), state.failing)
        };
        QueueStats {
            written: self.written.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            waiting,
            failing,
        }
    }

    /// Ready when everything that was pushed before is settled.
    async fn settled(self: Arc<Self>) {
        let target = self.lock().pushed;
        self.until(|state| state.settled >= target || state.closed)
            .await;
    }

    async fn until(&self, is_so: impl Fn(&State) -> bool + Send) {
        loop {
            let mut progress = std::pin::pin!(self.progress.notified());
            // Listens from here on, so that no progress after the look is missed.
            progress.as_mut().enable();
            if is_so(&self.lock()) {
                return;
            }
            progress.await;
        }
    }

    fn begin_to_close(&self) {
        self.lock().closing = true;
        self.work.notify_all();
    }

    fn unwritten(&self) -> Unwritten {
        Unwritten {
            waiting: self.stats().waiting,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event that the sink will never see.
fn count_lost() {
    #[cfg(feature = "metrics")]
    metrics::counter!("adjourn_audit_events_lost_total").increment(1);
}

impl State {
    fn occupied(&self) -> usize {
        self.waiting.len() + self.in_hand
    }
}

#[cfg(test)]
mod tests;
