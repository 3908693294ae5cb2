//! Where events go.

use super::Event;
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
};

/// The promise of a [`Sink`] that no call of it waits: not for a disk, not for a network, not for a
/// lock that somebody holds while they do.
///
/// A sink is called in line, on the path of requests and endings. One that waits holds them up, and
/// nothing can end a call that blocks its thread, no time limit either. What cannot promise this
/// implements [`BlockingSink`](super::BlockingSink) and goes behind a [`Queue`](super::Queue): there
/// one that hangs delays nobody, and what it loses is counted.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not promise that it never waits",
    note = "a sink that may wait implements `BlockingSink` and goes behind a `Queue`; one that never \
            does implements `NonBlocking`"
)]
pub trait NonBlocking {}

impl<S: NonBlocking + ?Sized> NonBlocking for Arc<S> {}

/// Takes the events of all sessions.
///
/// ```
/// use adjourn::audit::{Event, NonBlocking, Sink};
/// use std::sync::Mutex;
///
/// #[derive(Default)]
/// struct Codes(Mutex<Vec<&'static str>>);
///
/// impl NonBlocking for Codes {}
///
/// impl Sink for Codes {
///     fn record(&self, event: &Event) {
///         self.0.lock().unwrap().push(event.kind.code());
///     }
/// }
/// ```
pub trait Sink: NonBlocking + Send + Sync + 'static {
    /// Records one event.
    ///
    /// Called on the path of requests and endings: it must not block, as [`NonBlocking`] promises. A
    /// panic is caught and reported through `tracing`.
    fn record(&self, event: &Event);

    /// Whether what is recorded from now on would be kept. *Default:* yes.
    ///
    /// While a sink says no, nobody can log in
    /// ([`StartError::AuditUnavailable`](crate::session::StartError::AuditUnavailable)); what is
    /// live goes on and can end. Asked at each log-in; a panic is a no. It must not block.
    fn is_ready(&self) -> bool {
        true
    }

    /// Waits until everything recorded so far is kept, or cannot be. *Default:* nothing to wait
    /// for.
    ///
    /// Awaited before an ending is acknowledged to the store, so that one whose record a crash would
    /// lose is recorded again by somebody else; and at a graceful shutdown, for at most five seconds
    /// in all.
    fn flush(&self) -> Flush {
        Box::pin(std::future::ready(()))
    }
}

/// What [`Sink::flush`] answers.
pub type Flush = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn record(&self, event: &Event) {
        (**self).record(event);
    }

    fn is_ready(&self) -> bool {
        (**self).is_ready()
    }

    fn flush(&self) -> Flush {
        (**self).flush()
    }
}

/// Gives an event to every sink; one that panics stops nobody.
pub(super) fn record(sinks: &[Arc<dyn Sink>], event: &Event) {
    for sink in sinks {
        if catch_unwind(AssertUnwindSafe(|| sink.record(event))).is_err() {
            tracing::error!(
                target: "adjourn",
                event = event.kind.code(),
                "an audit sink panicked and lost an event"
            );
        }
    }
}

/// What there is to wait for until a sink has kept everything; most have at once.
pub(super) fn unkept(sink: &Arc<dyn Sink>) -> Option<Flush> {
    let flush = || {
        let mut flush = sink.flush();
        let polled = flush.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        polled.is_pending().then_some(flush)
    };
    // A sink that panics has nothing more to keep.
    catch_unwind(AssertUnwindSafe(flush)).unwrap_or(None)
}

/// Whether every sink would keep what is recorded now.
pub(super) fn are_ready(sinks: &[Arc<dyn Sink>]) -> bool {
    sinks
        .iter()
        .all(|sink| catch_unwind(AssertUnwindSafe(|| sink.is_ready())).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audit::EventKind, time::Timestamp};
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Panics;

    impl NonBlocking for Panics {}

    impl Sink for Panics {
        fn record(&self, _: &Event) {
            panic!("sink");
        }

        fn is_ready(&self) -> bool {
            panic!("sink");
        }
    }

    #[derive(Default)]
    struct Counts(AtomicUsize);

    impl NonBlocking for Counts {}

    impl Sink for Counts {
        fn record(&self, _: &Event) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_sink_that_panics_does_not_stop_the_next() {
        let counts = Arc::new(Counts::default());
        let sinks: [Arc<dyn Sink>; 2] = [Arc::new(Panics), Arc::<Counts>::clone(&counts)];
        record(
            &sinks,
            &Event::new(EventKind::Started, Timestamp::default()),
        );
        assert_eq!(counts.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_sink_that_panics_is_not_ready() {
        let ready: Arc<dyn Sink> = Arc::new(Counts::default());
        assert!(are_ready(&[Arc::clone(&ready)]));
        assert!(!are_ready(&[ready, Arc::new(Panics)]));
    }
}
