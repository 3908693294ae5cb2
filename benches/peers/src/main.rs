//! adjourn beside tower-sessions, in one program and one run. See `benches/README.md`.

#[path = "../../harness/mod.rs"]
mod harness;

mod heap;
mod http_load;
mod request;
mod subjects;
mod threads;

use stats_alloc::StatsAlloc;
use std::{alloc::System, env, io};

/// Counting costs time at each allocation, of which some have more than others: times are taken
/// without.
#[cfg(feature = "allocations")]
#[global_allocator]
static COUNTING: &StatsAlloc<System> = &stats_alloc::INSTRUMENTED_SYSTEM;

#[cfg(feature = "allocations")]
const ALLOCATOR: Option<&StatsAlloc<System>> = Some(COUNTING);
#[cfg(not(feature = "allocations"))]
const ALLOCATOR: Option<&StatsAlloc<System>> = None;

fn main() -> io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        [] => {
            request::run()?;
            threads::run()?;
            heap::run()?;
            http_load::run()
        }
        ["request"] => request::run(),
        ["threads"] => threads::run(),
        ["heap"] => heap::run(),
        ["http"] => http_load::run(),
        ["--callgrind", scenario] => request::run_for_callgrind(scenario),
        _ => Err(io::Error::other(
            "what to run: request, threads, heap, http, or nothing for all",
        )),
    }
}
