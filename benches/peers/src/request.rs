//! The validated request in process, all in turn.

use crate::{
    ALLOCATOR,
    harness::{self, Figures, Scenario, median},
    subjects::{self, Subjected, request},
};
use std::{
    io::{self, Write},
    sync::Arc,
};

pub(crate) fn run() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let mut out = io::stdout().lock();
    for count in [1, COUNTED_WITH, 1_000_000] {
        let mut figures = harness::measure(ALLOCATOR, &mut scenarios(count), 301);
        if count == COUNTED_WITH {
            for row in &mut figures {
                row.instructions = harness::instructions(&["--callgrind", row.name])?;
            }
        }
        writeln!(out, "{count} sessions, axum\n{}", harness::table(&figures))?;
        let find = |name| figures.iter().find(|row| row.name == name);
        for (ours, other) in COMPARED {
            let rows = find(ours).zip(find(other)).zip(figures.first());
            let ((ours, other), bare) = rows.ok_or_else(|| io::Error::other("no such row"))?;
            let ratio = ratio(ours, other, bare);
            writeln!(
                out,
                "  {}: {ratio:.2} of {}, above bare",
                ours.name, other.name
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}

pub(crate) fn run_for_callgrind(name: &str) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let mut scenarios = scenarios(COUNTED_WITH);
    let scenario = scenarios.iter_mut().find(|it| it.name == name);
    harness::run_for_callgrind(scenario.ok_or_else(|| io::Error::other("no such scenario"))?);
    Ok(())
}

fn scenarios(count: usize) -> Vec<Scenario> {
    let (ours, peer) = (subjects::adjourn(count), subjects::peer(count, false));
    let sliding = subjects::peer(count, true);
    let anonymous = |name, subject: &Subjected| {
        Scenario::new(name, subject.router.clone(), || request("/", None))
    };
    vec![
        Scenario::new("bare router", subjects::bare(), || request("/", None)),
        anonymous("adjourn, anonymous", &ours),
        anonymous("tower-sessions, anonymous", &peer),
        live_read("adjourn, live read", &ours, HOT),
        live_read("tower-sessions, live read", &peer, HOT),
        live_read("tower-sessions, sliding", &sliding, HOT),
        live_read("adjourn, cold caches", &ours, usize::MAX),
        live_read("tower-sessions, cold caches", &peer, usize::MAX),
        live_read("tower-sessions, sliding, cold", &sliding, usize::MAX),
    ]
}

/// Of one session after another: of a few, spread over all, as when users click through pages; or
/// of so many that no cache holds them.
fn live_read(name: &'static str, subject: &Subjected, most: usize) -> Scenario {
    let cookies = Arc::clone(&subject.cookies);
    let (most, mut number) = (most.min(cookies.len()), 0);
    Scenario::new(name, subject.router.clone(), move || {
        number = (number + 1) % most;
        request("/account", cookies.get(number * 7_919 % cookies.len()))
    })
}

/// How the time above bare compares: the median over the rounds.
fn ratio(ours: &Figures, other: &Figures, bare: &Figures) -> f64 {
    let rounds = ours.rounds.iter().zip(&other.rounds).zip(&bare.rounds);
    median(rounds.map(|((ours, other), bare)| (ours - bare) / (other - bare)))
}

const COUNTED_WITH: usize = 10_000;

/// How many sessions are asked for again and again.
const HOT: usize = 64;

/// adjourn keeps a session alive by each request, as the peer does when it is sliding.
const COMPARED: [(&str, &str); 5] = [
    ("adjourn, anonymous", "tower-sessions, anonymous"),
    ("adjourn, live read", "tower-sessions, live read"),
    ("adjourn, live read", "tower-sessions, sliding"),
    ("adjourn, cold caches", "tower-sessions, cold caches"),
    ("adjourn, cold caches", "tower-sessions, sliding, cold"),
];
