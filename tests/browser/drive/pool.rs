//! Browsers that one test hands on to the next: to start one costs more than most tests do.
//!
//! 1. A test has its browser to itself.
//! 2. It is handed on by a test that passed, without tabs and cookies. All else that a page leaves (storage,
//!    caches, workers) belongs to its origin, and no two sites have the same one: the port of a
//!    `Front` stays taken until this process ends.
//! 3. None outlives this process: `Process` sees to that.

use super::{Browser, Kind};
use std::sync::Mutex;

static IDLE: Mutex<Vec<(Kind, Browser)>> = Mutex::new(Vec::new());

/// One that is as good as new. `None` where there is none of this kind.
pub(super) fn take(kind: Kind) -> Option<Browser> {
    let mut idle = IDLE.lock().unwrap();
    if let Some(at) = idle.iter().position(|(it, _)| *it == kind) {
        return Some(idle.swap_remove(at).1);
    }
    drop(idle);
    Browser::start(kind)
}

/// Hands it on. (A panic drops it instead: nobody knows what it is in the middle of.)
pub(super) fn hand_on(kind: Kind, browser: Browser) {
    if browser.forget() {
        IDLE.lock().unwrap().push((kind, browser));
    }
}
