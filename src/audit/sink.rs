//! Where events go.

use super::{Event, EventKind};
use crate::record::Client;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Takes the events of all sessions.
///
/// ```
/// use adjourn::audit::{Event, Sink};
/// use std::sync::Mutex;
///
/// #[derive(Default)]
/// struct Codes(Mutex<Vec<&'static str>>);
///
/// impl Sink for Codes {
///     fn record(&self, event: &Event) {
///         self.0.lock().unwrap().push(event.kind.code());
///     }
/// }
/// ```
pub trait Sink: Send + Sync + 'static {
    /// Records one event.
    ///
    /// Called on the path of requests and endings: it must not block, so a sink that does I/O
    /// hands the event to a queue of its own. A panic is caught and reported through `tracing`.
    fn record(&self, event: &Event);
}

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn record(&self, event: &Event) {
        (**self).record(event);
    }
}

/// The `tracing` target of [`TracingSink`].
pub const TARGET: &str = "adjourn::audit";

/// Writes each event to `tracing` with the target [`TARGET`].
///
/// The message is the event's [`code`](EventKind::code). Fields, all stable: `event` (the code),
/// `at`, `session_id`, `subject`, `client_address`, `user_agent`, and by kind `reason`,
/// `initiator`, `actor`, `note`, `lived_ms`, `idle_ms`, `failed_hooks`, `redelivered`, `live`,
/// `max`, `why`, `operation`, `error`. What is not known is absent or empty.
///
/// Levels: an ending, a start and a rotation are `INFO`; a refused log-out, an unknown, outdated
/// or wrong token, a duplicate cookie and a reached limit are `WARN`; use after end and a failed
/// store are `ERROR`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit value, written by name")]
pub struct TracingSink;

/// One `tracing` event with the fields that every kind has.
macro_rules! write_event {
    ($level:ident, $event:expr $(, $($field:tt)*)?) => {{
        let event = $event;
        let client = event.client.as_deref();
        tracing::event!(
            target: TARGET,
            tracing::Level::$level,
            event = event.kind.code(),
            at = %event.at,
            session_id = event.session_id.map(tracing::field::display),
            subject = event.subject.as_ref().map(tracing::field::display),
            client_address = client.and_then(Client::address).map(tracing::field::display),
            user_agent = client.and_then(Client::user_agent),
            $($($field)*,)?
            "{}", event.kind.code()
        );
    }};
}

impl Sink for TracingSink {
    fn record(&self, event: &Event) {
        match &event.kind {
            EventKind::DuplicateCookie { live } => write_event!(WARN, event, live = *live),
            EventKind::Ended {
                cause,
                lived,
                idle,
                failed_hooks,
                redelivered,
            } => write_event!(
                INFO,
                event,
                reason = cause.reason().code(),
                initiator = cause.initiator().code(),
                actor = cause.actor().map(tracing::field::display),
                note = cause.note().map(tracing::field::debug),
                lived_ms = clamped(lived.as_millis()),
                idle_ms = clamped(idle.as_millis()),
                failed_hooks = failed_hooks.join(" "),
                redelivered = *redelivered
            ),
            EventKind::LimitReached { max } => write_event!(WARN, event, max = *max),
            EventKind::LogOutRefused { why } => write_event!(WARN, event, why = *why),
            EventKind::OutdatedToken | EventKind::UnknownToken | EventKind::WrongSecret => {
                write_event!(WARN, event);
            }
            EventKind::Rotated | EventKind::Started => write_event!(INFO, event),
            EventKind::StoreFailed { operation, error } => {
                write_event!(ERROR, event, operation = *operation, error = error.as_str());
            }
            EventKind::UseAfterEnd { cause } => {
                write_event!(ERROR, event, reason = cause.reason().code());
            }
        }
    }
}

/// Gives an event to every sink; one that panics stops nobody.
pub(crate) fn record(sinks: &[Arc<dyn Sink>], event: &Event) {
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

fn clamped(millis: u128) -> u64 {
    u64::try_from(millis).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Panics;

    impl Sink for Panics {
        fn record(&self, _: &Event) {
            panic!("sink");
        }
    }

    #[derive(Default)]
    struct Counts(AtomicUsize);

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
}
