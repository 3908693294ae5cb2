//! The live heap of a session.

use crate::{ALLOCATOR, subjects};
use std::io::{self, Write};

pub(crate) fn run() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "heap of a session (16-byte subject, one 32-byte value) at {COUNT}"
    )?;
    let ours = bytes_of(|| subjects::adjourn_store(COUNT).0);
    let peer = bytes_of(|| subjects::peer_store(COUNT).0);
    writeln!(out, "  adjourn {ours} bytes, tower-sessions {peer} bytes\n")
}

fn bytes_of<S>(make: impl FnOnce() -> S) -> usize {
    let before = live_heap();
    let store = make();
    let bytes = (live_heap() - before) / COUNT;
    drop(store);
    bytes
}

fn live_heap() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

const COUNT: usize = 1_000_000;
