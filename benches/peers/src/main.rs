//! adjourn beside tower-sessions, in one program and one run. See `benches/README.md`.

#[path = "../../harness/mod.rs"]
mod harness;

mod heap;
mod http_load;
mod request;
mod stores;
mod subjects;
mod threads;

use http_load::Size;
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
            http_load::run()?;
            stores::redis(Size::FULL)?;
            stores::postgres(Size::FULL)
        }
        ["request"] => request::run(),
        ["threads"] => threads::run(),
        ["heap"] => heap::run(),
        ["http"] => http_load::run(),
        ["redis"] => stores::redis(Size::FULL),
        ["postgres"] => stores::postgres(Size::FULL),
        // Whether it works, not how fast it is.
        ["redis", "--smoke"] => stores::redis(Size::SMOKE),
        ["postgres", "--smoke"] => stores::postgres(Size::SMOKE),
        ["--callgrind", scenario] => request::run_for_callgrind(scenario),
        _ => Err(io::Error::other(
            "what to run: request, threads, heap, http, redis, postgres (the last two also with \
             --smoke), or nothing for all",
        )),
    }
}
