//! What is remembered, and for how long.
#![expect(
    clippy::disallowed_methods,
    reason = "sessions end elsewhere, past the road of this node"
)]

use super::{NearCache, shelf::Shelf};
use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::EndReason,
    record::{Activity, Live, Scope, Values},
    store::{
        Attempt, CheckIn, Claimant, Created, MemoryStore, NewSession, Notice, Reply, SessionStore,
    },
    time::{Clock, ManualClock, Timestamp},
};
use std::{sync::Arc, time::Duration};

const MAX: Duration = Duration::from_secs(10);
const CLAIMANT: Claimant = Claimant {
    attempt: Attempt::from_bytes([0; 16]),
    lease: Duration::from_hours(1),
};
const HASH: SecretHash = SecretHash::from_bytes([7; 32]);

/// A session that idles out after an hour, as of now.
fn live(clock: &ManualClock) -> Live {
    live_in(&MemoryStore::with_clock(clock.clone()))
}

fn live_in(store: &MemoryStore) -> Live {
    let hour = Duration::from_hours(1);
    let session = NewSession {
        id: SessionId::from_bytes([1; 16]),
        secret_hash: HASH,
        subject: Subject::new("alice").ok(),
        idle_timeout: Some(hour),
        touch_interval: hour / 60,
        absolute_timeout: hour * 8,
        client: None,
        values: Values::default(),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: CLAIMANT,
        request_id: None,
    };
    match store.create(session) {
        Reply::Now(Ok(Created::Created { live, .. })) => live,
        other => unreachable!("the store is not full: {other:?}"),
    }
}

fn id(number: u32) -> SessionId {
    let [a, b, c, d] = number.to_le_bytes();
    SessionId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, d, c, b, a])
}

fn known(shelf: &Shelf, number: u32, now: Timestamp) -> Option<Live> {
    shelf
        .look_up(id(number), &HASH, Activity::Passive, now)
        .ok()
}

/// As when the store was asked and answered at once.
fn learn(shelf: &Shelf, number: u32, live: &Live, now: Timestamp) {
    if let Err(asked) = shelf.look_up(id(number), &HASH, Activity::Passive, now) {
        shelf.keep(&asked, live.clone(), now);
    }
}

#[test]
fn memory_is_bounded_and_has_room_again_when_what_fills_it_is_stale() {
    let clock = ManualClock::default();
    let (shelf, live) = (Shelf::new(MAX), live(&clock));
    for number in 0..100_000 {
        learn(&shelf, number, &live, clock.now());
    }
    let count = |numbers: std::ops::Range<u32>| {
        numbers
            .filter(|number| known(&shelf, *number, clock.now()).is_some())
            .count()
    };
    assert_eq!(count(0..100_000), 65_536);
    clock.advance(MAX);
    for number in 100_000..200_000 {
        learn(&shelf, number, &live, clock.now());
    }
    assert_eq!((count(0..100_000), count(100_000..200_000)), (0, 65_536));
}

#[test]
fn what_is_stale_is_forgotten_without_a_request() {
    let clock = ManualClock::default();
    let (shelf, live) = (Shelf::new(MAX), live(&clock));
    let held = Arc::clone(&live.record);
    for number in 0..1_000 {
        learn(&shelf, number, &live, clock.now());
    }
    assert_eq!(Arc::strong_count(&held), 1_002);
    clock.advance(MAX);
    for _ in 0..64 {
        shelf.tidy(clock.now());
    }
    assert_eq!(Arc::strong_count(&held), 2);
}

#[test]
fn time_goes_on_for_what_is_known() {
    let clock = ManualClock::default();
    let (shelf, live) = (Shelf::new(MAX), live(&clock));
    learn(&shelf, 1, &live, clock.now());
    clock.advance(MAX / 2);
    let later = known(&shelf, 1, clock.now()).unwrap();
    assert_eq!(later.now.saturating_since(live.now), MAX / 2);
    assert_eq!(later.last_seen, live.last_seen);
}

#[test]
fn a_clock_that_went_back_says_nothing_of_an_age() {
    let clock = ManualClock::default();
    let (shelf, live) = (Shelf::new(MAX), live(&clock));
    learn(&shelf, 1, &live, clock.now());
    let before = clock.now().saturating_sub(Duration::from_millis(1));
    assert!(known(&shelf, 1, before).is_none());
    assert!(known(&shelf, 1, clock.now()).is_some());
}

#[test]
fn activity_is_served_until_it_is_to_be_written() {
    let clock = ManualClock::default();
    let shelf = Shelf::new(Duration::from_hours(1));
    learn(&shelf, 1, &live(&clock), clock.now());
    for (after, served) in [(59_999, true), (60_000, false)] {
        let now = clock.now().saturating_add(Duration::from_millis(after));
        let found = shelf.look_up(id(1), &HASH, Activity::Active, now);
        assert_eq!(found.is_ok(), served, "{after} ms");
        assert!(known(&shelf, 1, now).is_some(), "a poll");
    }
}

#[test]
fn an_answer_is_not_kept_after_an_eviction_in_its_part() {
    let clock = ManualClock::default();
    let (shelf, live, now) = (Shelf::new(MAX), live(&clock), clock.now());
    let asked = shelf.look_up(id(1), &HASH, Activity::Active, now);
    shelf.evict(id(1));
    shelf.keep(&asked.err().unwrap(), live, now);
    assert!(known(&shelf, 1, now).is_none());
}

/// A cache that knows a session of alice's, and the store behind it.
fn cache() -> (NearCache, Arc<MemoryStore>, Live) {
    let clock = ManualClock::default();
    let store = Arc::new(MemoryStore::with_clock(clock.clone()));
    let live = live_in(&store);
    let behind: Arc<dyn SessionStore> = Arc::clone(&store) as _;
    (NearCache::new(behind, MAX, Arc::new(clock)), store, live)
}

/// Whether the session is live, as far as the cache says.
fn says_live(cache: &NearCache, live: &Live) -> bool {
    match cache.check_in(live.id, &HASH, Activity::Passive) {
        Reply::Now(Ok(answer)) => matches!(answer, CheckIn::Live(_)),
        other => unreachable!("it answers at once: {other:?}"),
    }
}

fn end_elsewhere(store: &MemoryStore, live: &Live) {
    let Reply::Now(ended) = store.end(live.id, EndReason::Forced.into(), CLAIMANT) else {
        unreachable!("it answers at once");
    };
    drop(ended.unwrap());
}

#[test]
fn nothing_is_kept_before_somebody_listens() {
    let (cache, store, live) = cache();
    assert!(says_live(&cache, &live));
    end_elsewhere(&store, &live);
    assert!(!says_live(&cache, &live));
}

#[tokio::test]
async fn a_cut_evicts_before_its_sessions_are_concluded() {
    let alice = Subject::new("alice").unwrap();
    for scope in [
        Scope::Subject {
            subject: alice,
            except: None,
        },
        Scope::Everyone {
            created_before: None,
        },
    ] {
        let (cache, store, live) = cache();
        let mut notices = cache.notices();
        assert!(says_live(&cache, &live));
        let Reply::Now(cut) = store.end_all(scope, EndReason::Policy.into()) else {
            unreachable!("it answers at once");
        };
        cut.unwrap();
        assert!(says_live(&cache, &live), "not heard of yet");
        assert!(matches!(notices.recv().await, Some(Notice::Cut(_))));
        assert!(!says_live(&cache, &live));
    }
}

#[test]
fn after_a_gap_and_after_silence_everything_is_asked_for() {
    for missed in [&[Notice::Gap] as &[_], &[Notice::Silence, Notice::Gap]] {
        let (cache, store, live) = cache();
        let _not_heard = cache.notices();
        assert!(says_live(&cache, &live));
        end_elsewhere(&store, &live);
        assert!(says_live(&cache, &live), "not heard of");
        for notice in missed {
            cache.memory.hear(notice);
        }
        assert!(!says_live(&cache, &live), "{missed:?}");
    }
}
