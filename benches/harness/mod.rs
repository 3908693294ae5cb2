//! What the benches of requests share: scenarios, and three ways to measure them.
//!
//! Requests are made before the clock starts, in batches. Services are called on this thread and
//! polled once: nothing here waits, so what is measured is the work of a request and nothing of a
//! runtime, a socket or a parser.

use axum::body::Body;
use http::{HeaderValue, Request, Response, header};
use http_body::Body as _;
use stats_alloc::{Region, StatsAlloc};
use std::{
    alloc::System,
    env,
    fmt::{self, Write as _},
    future::Future,
    hint::black_box,
    io,
    pin::pin,
    process::Command,
    task::{Context, Poll, Waker},
    time::Instant,
};
use tower::Service;

/// One kind of request to one service.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Makes a request, and whatever it needs to exist. Not measured.
    pub(crate) prepare: Box<dyn FnMut() -> Request<Body>>,
    /// Sends it; answers the cookie that the response sets.
    pub(crate) send: Box<dyn FnMut(Request<Body>) -> Option<HeaderValue>>,
    /// Takes the cookies that a batch got. Not measured.
    pub(crate) collect: Box<dyn FnMut(HeaderValue)>,
}

impl Scenario {
    pub(crate) fn new<S, B>(
        name: &'static str,
        mut service: S,
        prepare: impl FnMut() -> Request<Body> + 'static,
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + 'static,
        S::Error: fmt::Debug,
        B: http_body::Body,
        B::Error: fmt::Debug,
    {
        Self {
            name,
            prepare: Box::new(prepare),
            send: Box::new(move |request| exchange(&mut service, request)),
            collect: Box::new(drop),
        }
    }

    /// Does `count` requests and answers what `measure` says of them.
    fn batch<T>(&mut self, count: usize, measure: impl FnOnce(&mut dyn FnMut()) -> T) -> T {
        let mut requests: Vec<_> = (0..count).map(|_| (self.prepare)()).collect();
        requests.reverse();
        let mut cookies = Vec::with_capacity(count);
        let send = &mut self.send;
        let measured = measure(&mut || {
            while let Some(request) = requests.pop() {
                cookies.extend(send(black_box(request)));
            }
        });
        cookies.into_iter().for_each(&mut self.collect);
        measured
    }
}

/// One request, its whole response included.
#[inline(never)] // In every scenario, so that what it costs is the same in all.
pub(crate) fn exchange<S, B>(service: &mut S, request: Request<Body>) -> Option<HeaderValue>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: fmt::Debug,
    B: http_body::Body,
    B::Error: fmt::Debug,
{
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready(), "always ready");
    let mut response = at_once(service.call(request)).expect("services here do not fail");
    assert!(response.status().as_u16() < 400, "{}", response.status());
    let cookie = response.headers_mut().remove(header::SET_COOKIE);
    let mut body = pin!(response.into_body());
    while !body.is_end_stream() {
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(frame)) => drop(black_box(frame.expect("whole bodies"))),
            Poll::Ready(None) => break,
            Poll::Pending => unreachable!("bodies here are whole"),
        }
    }
    cookie
}

/// The output of a future that does not wait.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

/// The measurements of one scenario.
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    /// Nanoseconds of a request, for each round. A round runs all scenarios one after another, so
    /// that what disturbs one disturbs its neighbours: compare within a round.
    pub(crate) rounds: Vec<f64>,
    /// Of a request, where they are counted: which costs time at each of them.
    pub(crate) allocations: Option<f64>,
    /// Of a request, where they were counted.
    pub(crate) instructions: Option<f64>,
}

/// Measures time of all, one batch of each in turn, `rounds` times, and the allocations.
pub(crate) fn measure(
    allocator: Option<&StatsAlloc<System>>,
    scenarios: &mut [Scenario],
    rounds: usize,
) -> Vec<Figures> {
    let mut figures: Vec<_> = scenarios
        .iter_mut()
        .map(|scenario| Figures {
            name: scenario.name,
            rounds: Vec::with_capacity(rounds),
            // Also fills the caches.
            allocations: scenario.batch(BATCH, |run| allocations(allocator, run)),
            instructions: None,
        })
        .collect();
    for _ in 0..rounds {
        for (scenario, figures) in scenarios.iter_mut().zip(&mut figures) {
            let nanos = scenario.batch(BATCH, |run| {
                let start = Instant::now();
                run();
                start.elapsed().as_secs_f64() * 1e9 / BATCH as f64
            });
            figures.rounds.push(nanos);
        }
    }
    figures
}

fn allocations(allocator: Option<&StatsAlloc<System>>, run: &mut dyn FnMut()) -> Option<f64> {
    let region = allocator.map(Region::new);
    run();
    let change = region?.change();
    Some((change.allocations + change.reallocations) as f64 / BATCH as f64)
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What callgrind counts: 1,000 requests, after 300 that are not counted.
pub(crate) fn run_for_callgrind(scenario: &mut Scenario) {
    scenario.batch(300, |run| run());
    scenario.batch(COUNTED, |run| counted_by_callgrind(run));
}

#[inline(never)]
fn counted_by_callgrind(run: &mut dyn FnMut()) {
    run();
    black_box(());
}

/// Runs this program again under callgrind, with `arguments` that lead to [`run_for_callgrind`].
/// The instructions of a request, or `None` where there is no valgrind.
pub(crate) fn instructions(arguments: &[&str]) -> io::Result<Option<f64>> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*counted_by_callgrind*",
        ])
        .arg(env::current_exe()?)
        .args(arguments)
        .output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        output => output?,
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse::<f64>().ok());
    if collected.is_none() {
        return Err(io::Error::other(said.into_owned()));
    }
    Ok(collected.map(|count| count / COUNTED as f64))
}

/// A table of figures, with how much each is above the first.
pub(crate) fn table(figures: &[Figures]) -> String {
    let mut text = format!(
        "  {:<32} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}\n",
        "a request", "ns", "above", "allocs", "above", "instrs", "above"
    );
    let Some(first) = figures.first() else {
        return text;
    };
    for row in figures {
        let nanos = median(row.rounds.iter().copied());
        let above = median(row.rounds.iter().zip(&first.rounds).map(|(a, b)| a - b));
        let (allocations, instructions) = (row.allocations, row.instructions);
        let counted = |count: Option<f64>| count.map_or("-".to_owned(), |c| format!("{c:.0}"));
        let above_first = |(count, first): (f64, f64)| count - first;
        let _ = writeln!(
            text,
            "  {:<32} {nanos:>7.0} {above:>7.0} {:>7} {:>7} {:>7} {:>7}",
            row.name,
            counted(allocations),
            counted(allocations.zip(first.allocations).map(above_first)),
            counted(instructions),
            counted(instructions.zip(first.instructions).map(above_first)),
        );
    }
    text
}

const BATCH: usize = 100;
const COUNTED: usize = 1_000;
