//! Limits for what anybody can make happen as often as they like.

use super::{Event, EventKind};
use crate::{record::Client, time::Timestamp};
use std::{
    collections::HashMap,
    mem,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How many events are recorded that a client can cause at will: dead, unknown, outdated and wrong
/// tokens, duplicate cookies, refused log-outs and redirects, extensions, guesses, verdicts of
/// policies, and failures of the store.
///
/// The first of each kind from each source in a window are recorded one by one. What comes above
/// is counted, and when the window is over the counts are recorded as
/// [`EventsSuppressed`](EventKind::EventsSuppressed): one for each of the hundred busiest sources,
/// one for all others together. Starts, endings and what else an attacker cannot cause at will is
/// never limited.
///
/// A source is an address; of IPv6 the first 64 bits, as one client has all addresses of its
/// network. All clients without a known address are one source.
///
/// Cost: a short lock and a look-up for each such event, nothing for any other; at most about half
/// a megabyte.
///
/// ```
/// use adjourn::{Sessions, audit::EventLimits, store::MemoryStore};
/// use std::time::Duration;
///
/// let limits = EventLimits::default()
///     .with_window(Duration::from_secs(600))
///     .with_events_per_source(5);
/// let sessions = Sessions::builder(MemoryStore::new()).with_event_limits(limits).build()?;
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "limits do nothing until they are given to the builder"]
pub struct EventLimits {
    window: Duration,
    per_source: u32,
    in_all: u32,
}

impl EventLimits {
    /// How long a window is. *Default:* one minute.
    pub const fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How many events of one kind from one source are recorded in a window. *Default:* 20.
    pub const fn with_events_per_source(mut self, events: u32) -> Self {
        self.per_source = events;
        self
    }

    /// How many events of one kind from all sources together are recorded in a window.
    /// *Default:* 1,000.
    pub const fn with_events_in_all(mut self, events: u32) -> Self {
        self.in_all = events;
        self
    }
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            window: Duration::from_mins(1),
            per_source: 20,
            in_all: 1_000,
        }
    }
}

/// Keeps the limits.
#[derive(Debug)]
pub(super) struct Flood {
    limits: EventLimits,
    /// A leaf lock: nothing is called under it.
    window: Mutex<Window>,
}

/// What is counted since the window began.
#[derive(Debug, Default)]
struct Window {
    began: Timestamp,
    recorded: HashMap<&'static str, u32>,
    sources: HashMap<(Source, &'static str), Count>,
    /// Sources that found no room among the others, by kind.
    crowd: HashMap<&'static str, Count>,
}

type Source = Option<IpAddr>;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    recorded: u32,
    suppressed: u64,
}

/// What becomes of an event.
#[derive(Debug)]
pub(super) struct Admission {
    /// Whether it is recorded.
    pub(super) admitted: bool,
    /// What is recorded before it: the summaries of a window that is over.
    pub(super) summaries: Vec<Event>,
}

impl Flood {
    pub(super) fn new(limits: EventLimits) -> Self {
        Self {
            limits,
            window: Mutex::default(),
        }
    }

    /// Whether this event is recorded or counted.
    pub(super) fn admit(&self, event: &Event) -> Admission {
        if !is_limited(&event.kind) {
            return Admission {
                admitted: true,
                summaries: Vec::new(),
            };
        }
        let source = event.client.as_deref().and_then(Client::address);
        let mut window = self.lock();
        let summaries = self.roll(&mut window, event.at);
        let admitted = window.count(source.map(network), event.kind.code(), self.limits);
        Admission {
            admitted,
            summaries,
        }
    }

    /// The summaries of a window that is over by now.
    pub(super) fn tick(&self, now: Timestamp) -> Vec<Event> {
        self.roll(&mut self.lock(), now)
    }

    /// The summaries so far, whether or not the window is over.
    pub(super) fn drain(&self, now: Timestamp) -> Vec<Event> {
        let over = mem::take(&mut *self.lock());
        over.summaries(now)
    }

    /// A clock that was set back ends the window, too.
    fn roll(&self, window: &mut Window, now: Timestamp) -> Vec<Event> {
        let age = now.saturating_since(window.began);
        if now >= window.began && age < self.limits.window {
            return Vec::new();
        }
        let fresh = Window {
            began: now,
            ..Window::default()
        };
        mem::replace(window, fresh).summaries(now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn count(&mut self, source: Source, kind: &'static str, limits: EventLimits) -> bool {
        let key = (source, kind);
        let has_room = self.sources.len() < MOST_SOURCES || self.sources.contains_key(&key);
        let count = if has_room {
            self.sources.entry(key).or_default()
        } else {
            self.crowd.entry(kind).or_default()
        };
        let in_all = self.recorded.entry(kind).or_default();
        if count.recorded >= limits.per_source || *in_all >= limits.in_all {
            count.suppressed = count.suppressed.saturating_add(1);
            return false;
        }
        count.recorded += 1;
        *in_all += 1;
        true
    }

    fn summaries(self, now: Timestamp) -> Vec<Event> {
        let mut busy: Vec<_> = self
            .sources
            .into_iter()
            .filter(|(_, count)| count.suppressed > 0)
            .map(|((source, kind), count)| (count.suppressed, kind, source))
            .collect();
        busy.sort_unstable_by(|a, b| b.cmp(a));
        let others = busy.split_off(busy.len().min(MOST_SUMMARIES));

        let mut merged: HashMap<&'static str, (u64, u64)> = HashMap::new();
        for (suppressed, kind, _) in others {
            add(&mut merged, kind, suppressed);
        }
        for (kind, count) in self.crowd {
            if count.suppressed > 0 {
                add(&mut merged, kind, count.suppressed);
            }
        }
        let of_each = busy
            .into_iter()
            .map(|(count, kind, source)| summary(kind, count, 1, source, now));
        let of_others = merged
            .into_iter()
            .map(|(kind, (count, sources))| summary(kind, count, sources, None, now));
        of_each.chain(of_others).collect()
    }
}

fn add(merged: &mut HashMap<&'static str, (u64, u64)>, kind: &'static str, suppressed: u64) {
    let (count, sources) = merged.entry(kind).or_default();
    *count = count.saturating_add(suppressed);
    *sources += 1;
}

fn summary(kind: &'static str, count: u64, sources: u64, of: Source, now: Timestamp) -> Event {
    let kind = EventKind::EventsSuppressed {
        kind,
        count,
        sources,
    };
    let client = of.map(|address| Arc::new(Client::new(Some(address), None)));
    Event::new(kind, now).from(client)
}

/// What a client can cause at will.
const fn is_limited(kind: &EventKind) -> bool {
    match kind {
        EventKind::DuplicateCookie { .. }
        | EventKind::ExtendRefused { .. }
        | EventKind::Extended
        | EventKind::Guessing { .. }
        | EventKind::LogOutRefused { .. }
        | EventKind::OutdatedToken
        | EventKind::PolicyVerdict { .. }
        | EventKind::RedirectRefused { .. }
        | EventKind::SocketRefused { .. }
        | EventKind::StartRefused { .. }
        | EventKind::StoreFailed { .. }
        | EventKind::UnknownToken
        | EventKind::UseAfterEnd { .. }
        | EventKind::WrongSecret => true,
        EventKind::CutMade { .. }
        | EventKind::Ended { .. }
        | EventKind::EventsLost { .. }
        | EventKind::EventsSuppressed { .. }
        | EventKind::LimitReached { .. }
        | EventKind::Rotated
        | EventKind::Started => false,
    }
}

/// What counts as one source.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(network).into()
        }
    }
}

/// How many pairs of source and kind are told apart in a window.
const MOST_SOURCES: usize = 4_096;

/// How many sources get a summary of their own.
const MOST_SUMMARIES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown_from(address: impl Into<IpAddr>, at: u64) -> Event {
        let client = Client::new(Some(address.into()), None);
        let at = Timestamp::from_unix_millis(at);
        Event::new(EventKind::UnknownToken, at).from(Some(Arc::new(client)))
    }

    fn suppressed(events: &[Event]) -> Vec<(u64, u64, Option<IpAddr>)> {
        let counts = events.iter().map(|event| match event.kind {
            EventKind::EventsSuppressed { count, sources, .. } => {
                let source = event.client.as_deref().and_then(Client::address);
                (count, sources, source)
            }
            ref other => panic!("not a summary: {other:?}"),
        });
        counts.collect()
    }

    // R-13-11
    #[test]
    fn the_first_are_recorded_and_the_rest_is_counted_when_the_window_is_over() {
        let flood = Flood::new(EventLimits::default());
        let source = [192, 0, 2, 7];
        let admitted = (0..100_000)
            .filter(|_| flood.admit(&unknown_from(source, 1_000_000)).admitted)
            .count();
        assert_eq!(admitted, 20);
        assert!(
            flood
                .tick(Timestamp::from_unix_millis(1_059_999))
                .is_empty()
        );
        let next = flood.admit(&unknown_from(source, 1_060_000));
        assert!(next.admitted);
        assert_eq!(
            suppressed(&next.summaries),
            [(99_980, 1, Some(source.into()))]
        );
        let quiet = flood.tick(Timestamp::from_unix_millis(2_000_000));
        assert!(quiet.is_empty(), "nothing was suppressed since: {quiet:?}");
    }

    #[test]
    fn memory_and_events_are_bounded_however_many_sources_there_are() {
        let flood = Flood::new(EventLimits::default());
        let admitted = (0..200_000_u32)
            .filter(|n| {
                let event = unknown_from(std::net::Ipv4Addr::from(*n), 1_000_000);
                flood.admit(&event).admitted
            })
            .count();
        assert_eq!(admitted, 1_000);
        assert_eq!(flood.lock().sources.len(), MOST_SOURCES);
        let summaries = flood.drain(Timestamp::from_unix_millis(1_000_001));
        assert_eq!(summaries.len(), MOST_SUMMARIES + 1);
        let counted: u64 = suppressed(&summaries).iter().map(|(count, ..)| count).sum();
        assert_eq!(counted, 199_000);
    }

    #[test]
    fn one_kind_and_one_source_do_not_hide_another() {
        let flood = Flood::new(EventLimits::default().with_events_per_source(1));
        let event = unknown_from([192, 0, 2, 7], 1_000);
        assert!(flood.admit(&event).admitted);
        assert!(!flood.admit(&event).admitted);
        assert!(flood.admit(&unknown_from([192, 0, 2, 8], 1_000)).admitted);
        let mut other = event;
        other.kind = EventKind::WrongSecret;
        assert!(flood.admit(&other).admitted);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let parse = |text: &str| network(text.parse().unwrap());
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::ffff:1"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:192.0.2.7"), parse("192.0.2.7"));
    }

    #[test]
    fn a_clock_set_back_begins_a_new_window() {
        let flood = Flood::new(EventLimits::default().with_events_per_source(1));
        let day = 86_400_000;
        assert!(flood.admit(&unknown_from([1; 4], 2 * day)).admitted);
        assert!(!flood.admit(&unknown_from([1; 4], 2 * day)).admitted);
        let back = flood.admit(&unknown_from([1; 4], day));
        assert!(back.admitted);
        assert_eq!(back.summaries.len(), 1);
    }
}
