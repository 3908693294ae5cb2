//! The embedded store in figures: `cargo bench --bench memory_store`.
//!
//! Its own little harness, because what counts is not one number of nanoseconds: bytes a session,
//! the worst log-in while the store grows, what two threads do together, and how long requests
//! wait while a million sessions end.

use adjourn::{
    id::{SecretHash, SessionId, Subject},
    record::{Activity, Values},
    store::{Answer, Attempt, CheckIn, Claimant, MemoryStore, NewSession, Reply, SessionStore},
    time::{ManualClock, SystemClock},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{
    alloc::System,
    hint::black_box,
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for count in [10_000, 1_000_000] {
        let clock = SystemClock;
        let (before, store) = (live_heap(), MemoryStore::with_clock(clock));
        let (ids, worst) = grow(&store, count);
        let bytes = (live_heap() - before - ids.capacity() * size_of::<SessionId>()) / count;
        writeln!(
            out,
            "{count} sessions: {bytes} bytes each, worst create {worst:?}"
        )?;

        let (one, two) = (check_ins(&store, &ids, 1), check_ins(&store, &ids, 2));
        let scaling = 200 * one.as_nanos() / two.as_nanos();
        writeln!(
            out,
            "  check_in and touch: {one:?}; two threads: {scaling} % of one"
        )?;
    }
    end_a_million(&mut out)
}

/// Bytes of the heap in use.
fn live_heap() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn grow(store: &MemoryStore, count: usize) -> (Vec<SessionId>, Duration) {
    let mut ids = Vec::with_capacity(count);
    let mut worst = Duration::ZERO;
    for number in 0..count {
        let id = now(store.mint_id(None));
        let session = new_session(id, number);
        let start = Instant::now();
        let created = store.create(session);
        worst = worst.max(start.elapsed());
        now(created);
        ids.push(id);
    }
    (ids, worst)
}

/// The time of a check-in, with each thread on sessions of its own, in an order that caches do not
/// like.
fn check_ins(store: &MemoryStore, ids: &[SessionId], threads: usize) -> Duration {
    const EACH: u32 = 3_000_000;
    let work = &|ids: &[SessionId]| {
        let mut order = ids.iter().step_by(7).cycle();
        for _ in 0..EACH {
            order.next().inspect(|id| check_in(store, **id));
        }
    };
    let start = Instant::now();
    thread::scope(|scope| {
        for ids in ids.chunks_exact(ids.len() / threads) {
            scope.spawn(move || work(ids));
        }
    });
    start.elapsed() / EACH
}

/// Ends a million due sessions while another thread validates others.
#[expect(clippy::disallowed_methods, reason = "the store itself is measured")]
fn end_a_million(out: &mut impl Write) -> io::Result<()> {
    let clock = ManualClock::default();
    let store = MemoryStore::with_clock(clock.clone());
    grow(&store, 1_000_000);
    clock.advance(Duration::from_mins(15));
    let (live, _) = grow(&store, 10_000);
    let done = AtomicBool::new(false);
    let validate = || {
        let (mut waits, mut order) = (Vec::with_capacity(100_000_000), live.iter().cycle());
        while !done.load(Ordering::Relaxed) {
            let start = Instant::now();
            order.next().inspect(|id| check_in(&store, **id));
            waits.push(start.elapsed());
        }
        waits
    };
    let (took, mut waits) = thread::scope(|scope| {
        let requests = scope.spawn(validate);
        let start = Instant::now();
        while now(store.end_due(1_000, claimant())).len() == 1_000 {}
        let took = start.elapsed();
        done.store(true, Ordering::Relaxed);
        (took, requests.join().unwrap_or_default())
    });
    waits.sort_unstable();
    let at = |per_mille: usize| waits.get(waits.len() * per_mille / 1_000);
    writeln!(
        out,
        "1000000 due sessions ended in {took:?}; {} check_ins meanwhile: {:?}, 99.9 % {:?}, worst {:?}",
        waits.len(),
        at(500),
        at(999),
        waits.last()
    )
}

fn check_in(store: &MemoryStore, id: SessionId) {
    match now(store.check_in(black_box(id), &secret(), Activity::Active)) {
        CheckIn::Live(live) => drop(black_box(live)),
        other => unreachable!("{other:?}"),
    }
}

fn new_session(id: SessionId, number: usize) -> NewSession {
    NewSession {
        id,
        secret_hash: secret(),
        subject: Subject::new(format!("user-{number:011}")).ok(),
        idle_timeout: Some(Duration::from_mins(15)),
        touch_interval: Duration::ZERO,
        absolute_timeout: Duration::from_hours(8),
        client: None,
        values: Values::from_iter([("value", [7; 32].as_slice())]),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: claimant(),
        request_id: None,
    }
}

fn claimant() -> Claimant {
    Claimant {
        attempt: Attempt::from_bytes([0; 16]),
        lease: Duration::from_secs(30),
    }
}

fn secret() -> SecretHash {
    SecretHash::from_bytes([1; 32])
}

fn now<T>(answer: Answer<T>) -> T {
    match answer {
        Reply::Now(Ok(answer)) => answer,
        Reply::Now(Err(_)) | Reply::Later(_) => unreachable!("answered at once, and never full"),
    }
}
