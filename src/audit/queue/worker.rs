//! The thread that empties a queue.

use super::{BlockingSink, Shared};
use crate::audit::{Event, EventKind};
use std::{
    fmt, io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

/// The thread's side of a queue.
pub(super) struct Worker {
    shared: Arc<Shared>,
    /// `None` only while this is dropped.
    sink: Option<Box<dyn BlockingSink>>,
    /// How long to wait before the next try after failures.
    pause: Duration,
    write_fails: bool,
    flush_fails: bool,
}

/// Why the sink did not do it.
enum Failure {
    Error(io::Error),
    Panicked,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, sink: Box<dyn BlockingSink>) -> Self {
        Self {
            shared,
            sink: Some(sink),
            pause: SHORTEST_PAUSE,
            write_fails: false,
            flush_fails: false,
        }
    }

    /// Until nobody can record any more and nothing is left.
    pub(super) fn run(mut self) {
        while let Some((batch, lost)) = self.next_batch() {
            let still_lost = batch
                .iter()
                .fold(lost, |lost, event| self.write_after(lost, event));
            self.flush();
            self.settle(batch.len(), still_lost);
        }
    }

    /// When failing closed, tries until it went well: nobody is told before that a batch is written.
    fn flush(&mut self) {
        loop {
            let flushed = self.guarded(BlockingSink::flush);
            self.flush_fails = flushed.is_err();
            self.note(flushed.err().as_ref());
            let again = self.flush_fails && self.shared.fail_closed;
            if !again || !self.pause_unless_closing() {
                return;
            }
        }
    }

    /// Writes an event, and before it how many were lost; answers how many are lost after it.
    fn write_after(&mut self, mut lost: u64, event: &Event) -> u64 {
        if lost > 0 {
            let gap = Event::new(EventKind::EventsLost { count: lost }, event.at);
            lost = if self.write(&gap) { 0 } else { lost };
        }
        if self.write(event) {
            self.shared.written.fetch_add(1, Ordering::Relaxed);
            return lost;
        }
        self.shared.failed.fetch_add(1, Ordering::Relaxed);
        super::count_lost();
        lost.saturating_add(1)
    }

    /// What is to be written next: nothing when only the flush is to be tried again.
    fn next_batch(&self) -> Option<(Vec<Event>, u64)> {
        let limit = if self.flush_fails {
            self.pause
        } else {
            LONGEST_REST
        };
        let state = self.shared.lock();
        let waited = self.shared.work.wait_timeout_while(state, limit, |state| {
            state.waiting.is_empty() && !state.closing
        });
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.waiting.is_empty() {
            return (!state.closing).then(|| (Vec::new(), 0));
        }
        let size = state.waiting.len().min(BATCH);
        let batch: Vec<_> = state.waiting.drain(..size).collect();
        if state.waiting.is_empty() && state.waiting.capacity() > MOST_SPARE {
            state.waiting.shrink_to(MOST_SPARE);
        }
        state.in_hand = batch.len();
        Some((batch, mem::take(&mut state.lost)))
    }

    fn settle(&self, events: usize, lost: u64) {
        let mut state = self.shared.lock();
        state.in_hand = 0;
        state.settled += events as u64;
        state.lost = state.lost.saturating_add(lost);
        drop(state);
        self.shared.progress.notify_waiters();
    }

    /// Whether the event was written; when failing closed, tries until it is.
    fn write(&mut self, event: &Event) -> bool {
        loop {
            let outcome = self.guarded(|sink| sink.write(event));
            self.write_fails = outcome.is_err();
            self.note(outcome.as_ref().err());
            // A panic is not tried again: that event would stop all others.
            let again = matches!(outcome, Err(Failure::Error(_))) && self.shared.fail_closed;
            if !again || !self.pause_unless_closing() {
                return outcome.is_ok();
            }
        }
    }

    /// Calls the sink; its panic is an error.
    fn guarded(
        &mut self,
        call: impl FnOnce(&mut dyn BlockingSink) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let Some(sink) = self.sink.as_deref_mut() else {
            return Ok(());
        };
        match catch_unwind(AssertUnwindSafe(|| call(sink))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Error(error)),
            Err(_) => Err(Failure::Panicked),
        }
    }

    /// Tells once when the sink begins to fail and once when it works again.
    fn note(&mut self, failure: Option<&Failure>) {
        let fails = self.write_fails || self.flush_fails;
        let failed = mem::replace(&mut self.shared.lock().failing, fails);
        self.pause = if fails && failed {
            (self.pause * 2).min(LONGEST_PAUSE)
        } else {
            SHORTEST_PAUSE
        };
        match failure {
            Some(failure) if !failed => {
                tracing::error!(target: "adjourn", %failure, "the audit trail cannot be written");
            }
            None if failed && !fails => {
                tracing::warn!(target: "adjourn", "the audit trail is written again");
            }
            Some(_) | None => {}
        }
    }

    /// Waits a little; `false` when the queue is closing, since then nobody waits for long.
    fn pause_unless_closing(&self) -> bool {
        let state = self.shared.lock();
        let waited = self
            .shared
            .work
            .wait_timeout_while(state, self.pause, |state| !state.closing);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.closing
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let sink = self.sink.take();
        if catch_unwind(AssertUnwindSafe(|| drop(sink))).is_err() {
            tracing::error!(target: "adjourn", "an audit sink panicked when it was dropped");
        }
        let mut state = self.shared.lock();
        (state.closing, state.closed) = (true, true);
        drop(state);
        self.shared.progress.notify_waiters();
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panicked => f.write_str("the sink panicked"),
        }
    }
}

/// How many events are written between two flushes at most.
const BATCH: usize = 256;

/// How much room an empty queue keeps.
const MOST_SPARE: usize = 4_096;

/// How long the thread waits for work before it looks around.
const LONGEST_REST: Duration = Duration::from_hours(1);

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
