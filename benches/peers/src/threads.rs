//! What two threads do together, each with sessions of its own.

use crate::{
    harness::median,
    http_load::processor_nanos,
    subjects::{self, Subjected, request},
};
use axum::body::to_bytes;
use std::{
    io::{self, Write},
    sync::{Arc, Barrier},
    thread,
    time::Instant,
};
use tower::Service;

pub(crate) fn run() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let bare = Subjected {
        router: subjects::bare(),
        cookies: subjects::adjourn(1).cookies,
    };
    let all = [
        ("bare router", bare),
        ("adjourn", subjects::adjourn(SESSIONS)),
        ("tower-sessions", subjects::peer(SESSIONS, false)),
        ("tower-sessions, sliding", subjects::peer(SESSIONS, true)),
    ];
    let mut rounds = vec![Vec::new(); all.len()];
    for _ in 0..ROUNDS {
        for ((_, subject), rounds) in all.iter().zip(&mut rounds) {
            rounds.push((run_with(subject, 1)?, run_with(subject, 2)?));
        }
    }
    writeln!(
        out,
        "two threads, live read, {SESSIONS} sessions: what they do of what one does, by time \
         (median and best of {ROUNDS})\nand by processor time, which other programs disturb less"
    )?;
    for ((name, _), rounds) in all.iter().zip(rounds) {
        let scaling = |time: fn(&Took) -> f64| -> Vec<f64> {
            let rounds = rounds.iter();
            rounds
                .map(|(one, two)| 2.0 * time(one) / time(two))
                .collect()
        };
        let (wall, processor) = (scaling(|took| took.wall), scaling(|took| took.processor));
        let best = wall.iter().copied().fold(f64::NAN, f64::max);
        writeln!(
            out,
            "  {name:<24} {:.2}, {best:.2}; {:.2}",
            median(wall.into_iter()),
            median(processor.into_iter())
        )?;
    }
    writeln!(out)
}

/// Seconds.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    /// The mean of the threads.
    processor: f64,
}

/// Runs threads, each for [`EACH`] requests.
fn run_with(subject: &Subjected, threads: usize) -> io::Result<Took> {
    let start = Arc::new(Barrier::new(threads + 1));
    let working: Vec<_> = (0..threads)
        .map(|thread| {
            let (subject, start) = (subject.clone(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                let used = processor_nanos(OWN)?;
                work(subject, thread);
                io::Result::Ok(processor_nanos(OWN)? - used)
            })
        })
        .collect();
    start.wait();
    let (began, mut processor) = (Instant::now(), 0.0);
    for thread in working {
        processor += thread.join().expect("no thread panics")?;
    }
    Ok(Took {
        wall: began.elapsed().as_secs_f64(),
        processor: processor / 1e9 / threads as f64,
    })
}

fn work(mut subject: Subjected, thread: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    // Each thread has a half of the sessions.
    let half = (subject.cookies.len() / 2).max(1);
    let first = thread * half % subject.cookies.len();
    let cookies = subject.cookies.iter().skip(first).take(half);
    let requests = cookies
        .cycle()
        .map(|cookie| request("/account", Some(cookie)));
    // Not polled once as elsewhere: the peer's store makes threads wait for each other.
    runtime.expect("a runtime").block_on(async {
        for request in requests.take(EACH) {
            let response = subject.router.call(request).await.expect("infallible");
            let body = to_bytes(response.into_body(), 1_000).await;
            assert_eq!(body.expect("a subject").len(), 16);
        }
    });
}

const SESSIONS: usize = 10_000;
const ROUNDS: usize = 25;
const EACH: usize = 20_000;
const OWN: &str = "/proc/thread-self/schedstat";
