use super::*;
use crate::{
    audit::{EndScope, EventKind},
    reason::EndReason,
    time::Timestamp,
};
use std::sync::mpsc;

/// Every call is announced, and goes on as it is told.
struct Told {
    begun: mpsc::Sender<String>,
    outcomes: mpsc::Receiver<io::Result<()>>,
}

impl BlockingSink for Told {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let code = match &event.kind {
            EventKind::EventsLost { count } => format!("lost {count}"),
            kind => kind.code().to_owned(),
        };
        let _test_is_over = self.begun.send(code);
        match self.outcomes.recv() {
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => panic!("as told"),
            outcome => outcome.unwrap_or(Ok(())),
        }
    }
}

struct Hand {
    begun: mpsc::Receiver<String>,
    outcomes: mpsc::Sender<io::Result<()>>,
}

impl Hand {
    fn new() -> (Told, Self) {
        let (announce, begun) = mpsc::channel();
        let (outcomes, told) = mpsc::channel();
        let told = Told {
            begun: announce,
            outcomes: told,
        };
        (told, Self { begun, outcomes })
    }

    /// What is written next, which then succeeds.
    fn pass(&self) -> String {
        let code = self.begun.recv().unwrap();
        self.outcomes.send(Ok(())).unwrap();
        code
    }

    fn fail(&self, kind: io::ErrorKind) -> String {
        let code = self.begun.recv().unwrap();
        self.outcomes.send(Err(kind.into())).unwrap();
        code
    }
}

fn started() -> Event {
    Event::new(EventKind::Started, Timestamp::default())
}

fn ended() -> Event {
    let kind = EventKind::Ended {
        cause: EndReason::Logout.into(),
        scope: EndScope::One,
        generation: None,
        lived: Duration::ZERO,
        idle: Duration::ZERO,
        connections_cut: None,
        hooks: 0,
        failed_hooks: Vec::new(),
        redelivered: false,
    };
    Event::new(kind, Timestamp::default())
}

const LONG: Duration = Duration::from_mins(1);

// R-13-10
#[tokio::test]
async fn a_sink_that_never_answers_holds_nobody_up_and_what_found_no_room_is_counted() {
    let (sink, hand) = Hand::new();
    let queue = Queue::builder(sink).with_capacity(8).start().unwrap();
    queue.record(&started());
    // From here on the thread is stuck.
    assert_eq!(hand.begun.recv().unwrap(), "session-started");
    for _ in 0..19 {
        queue.record(&started());
    }
    let stats = queue.stats();
    assert_eq!((stats.waiting, stats.dropped), (6, 14));
    // The last quarter is kept for endings.
    queue.record(&ended());
    queue.record(&ended());
    queue.record(&ended());
    let stats = queue.stats();
    assert_eq!((stats.waiting, stats.dropped), (8, 15));
    assert!(queue.is_ready(), "it fails open");
    let unwritten = queue.flush_within(Duration::ZERO).await.unwrap_err();
    assert_eq!(unwritten.waiting, 8);

    hand.outcomes.send(Ok(())).unwrap();
    let written: Vec<_> = std::iter::repeat_with(|| hand.pass()).take(8).collect();
    queue.flush_within(LONG).await.unwrap();
    assert_eq!(queue.stats().written, 8);
    let endings = written.iter().filter(|code| *code == "session-ended");
    assert_eq!(endings.count(), 2);
    assert_eq!(written[0], "lost 15", "the trail says what is missing");
}

#[tokio::test]
async fn what_cannot_be_written_is_counted_and_told_by_the_trail() {
    let (sink, hand) = Hand::new();
    let queue = Queue::builder(sink).start().unwrap();
    queue.record(&started());
    hand.fail(io::ErrorKind::StorageFull);
    queue.flush_within(LONG).await.unwrap();
    let stats = queue.stats();
    assert_eq!((stats.failed, stats.written, stats.failing), (1, 0, true));
    assert!(queue.is_ready(), "it fails open");

    queue.record(&ended());
    assert_eq!(hand.pass(), "lost 1");
    assert_eq!(hand.pass(), "session-ended");
    queue.flush_within(LONG).await.unwrap();
    let stats = queue.stats();
    assert_eq!((stats.failed, stats.written, stats.failing), (1, 1, false));
}

#[tokio::test]
async fn failing_closed_tries_again_and_is_not_ready_meanwhile() {
    let (sink, hand) = Hand::new();
    let queue = Queue::builder(sink).with_fail_closed().start().unwrap();
    queue.record(&ended());
    hand.fail(io::ErrorKind::StorageFull);
    // The next try has begun, so the failure was noted.
    assert_eq!(hand.begun.recv().unwrap(), "session-ended");
    assert!(!queue.is_ready());
    hand.outcomes.send(Ok(())).unwrap();
    queue.flush_within(LONG).await.unwrap();
    assert!(queue.is_ready());
    let stats = queue.stats();
    assert_eq!((stats.failed, stats.dropped, stats.written), (0, 0, 1));
}

#[tokio::test]
async fn failing_closed_loses_no_ending_and_is_not_ready_when_half_full() {
    let (sink, hand) = Hand::new();
    let queue = Queue::builder(sink)
        .with_capacity(8)
        .with_fail_closed()
        .start()
        .unwrap();
    for _ in 0..4 {
        queue.record(&started());
    }
    assert!(queue.is_ready());
    queue.record(&started());
    assert!(!queue.is_ready());
    for _ in 0..100 {
        queue.record(&ended());
    }
    assert_eq!(queue.stats().dropped, 0);
    for _ in 0..105 {
        hand.pass();
    }
    queue.flush_within(LONG).await.unwrap();
    assert_eq!(queue.stats().written, 105);
    assert!(queue.is_ready());
}

#[tokio::test]
async fn a_sink_that_panics_loses_one_event_in_either_mode() {
    let (sink, hand) = Hand::new();
    let queue = Queue::builder(sink).with_fail_closed().start().unwrap();
    queue.record(&started());
    hand.fail(io::ErrorKind::InvalidData);
    queue.flush_within(LONG).await.unwrap();
    assert_eq!(queue.stats().failed, 1);
    queue.record(&ended());
    assert_eq!(hand.pass(), "lost 1");
    assert_eq!(hand.pass(), "session-ended");
    queue.flush_within(LONG).await.unwrap();
    assert!(queue.is_ready());
}

#[tokio::test]
async fn a_closed_queue_has_written_what_waited_and_counts_what_comes_later() {
    let (sink, hand) = Hand::new();
    let queue = Queue::builder(sink).start().unwrap();
    queue.record(&ended());
    hand.begun.recv().unwrap();
    assert!(queue.close(Duration::ZERO).await.is_err());
    hand.outcomes.send(Ok(())).unwrap();
    queue.close(LONG).await.unwrap();
    assert!(hand.begun.recv().is_err(), "the sink is gone");
    queue.record(&ended());
    queue.flush_within(LONG).await.unwrap();
    let stats = queue.stats();
    assert_eq!((stats.written, stats.dropped), (1, 1));
}

#[test]
fn what_waits_is_written_when_the_last_handle_is_gone() {
    let (sink, hand) = Hand::new();
    let queue = Queue::builder(sink).start().unwrap();
    let other = queue.clone();
    drop(queue);
    other.record(&ended());
    drop(other);
    assert_eq!(hand.pass(), "session-ended");
    assert!(hand.begun.recv().is_err(), "the thread is over");
}

struct FlushFails(mpsc::Receiver<()>);

impl BlockingSink for FlushFails {
    fn write(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.try_recv() {
            Ok(()) => Err(io::ErrorKind::StorageFull.into()),
            Err(_) => Ok(()),
        }
    }
}

// Else nobody could log in any more: no event would come that tries again.
#[tokio::test]
async fn a_flush_that_failed_is_tried_again_without_an_event() {
    let (fail, told) = mpsc::channel();
    let queue = Queue::builder(FlushFails(told))
        .with_fail_closed()
        .start()
        .unwrap();
    fail.send(()).unwrap();
    queue.record(&started());
    queue.flush_within(LONG).await.unwrap();
    while !queue.is_ready() {
        let mut progress = std::pin::pin!(queue.0.0.progress.notified());
        progress.as_mut().enable();
        if !queue.is_ready() {
            progress.await;
        }
    }
}

/// Its flush is announced, and goes on as it is told.
struct FlushTold {
    begun: mpsc::Sender<()>,
    outcomes: mpsc::Receiver<io::Result<()>>,
}

impl BlockingSink for FlushTold {
    fn write(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _test_is_over = self.begun.send(());
        self.outcomes.recv().unwrap_or(Ok(()))
    }
}

#[tokio::test]
async fn failing_closed_nothing_is_settled_before_a_flush_went_well() {
    let (announce, begun) = mpsc::channel();
    let (outcomes, told) = mpsc::channel();
    let sink = FlushTold {
        begun: announce,
        outcomes: told,
    };
    let queue = Queue::builder(sink).with_fail_closed().start().unwrap();
    queue.record(&ended());
    for _ in 0..2 {
        begun.recv().unwrap();
        outcomes
            .send(Err(io::ErrorKind::StorageFull.into()))
            .unwrap();
    }
    // The third try has begun.
    begun.recv().unwrap();
    let unwritten = queue.flush_within(Duration::ZERO).await.unwrap_err();
    assert_eq!(unwritten.waiting, 1);
    assert!(!queue.is_ready());
    outcomes.send(Ok(())).unwrap();
    queue.flush_within(LONG).await.unwrap();
    assert!(queue.is_ready());
}
