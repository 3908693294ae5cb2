//! What the tests of the examples share.

mod browser;
mod curl;
mod events;
mod example;
mod folder;
mod http;

pub(crate) use browser::Browser;
pub(crate) use curl::run_curl_block;
pub(crate) use events::{Events, THE_END};
pub(crate) use example::{Example, exit_of, run_to_end};
pub(crate) use folder::Folder;
pub(crate) use http::{Call, Response, connect};

use std::{
    thread,
    time::{Duration, Instant},
};

/// No wait is longer: whoever gets here has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Looks until there is something to see.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A counter of `GET /debug/live`.
pub(crate) fn counter(demo: &Example, name: &str) -> u64 {
    let counters = Call::get("/debug/live").send(demo.address).json();
    counters[name].as_u64().unwrap()
}
