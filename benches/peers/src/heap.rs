//! The live heap of a session.

use crate::{ALLOCATOR, subjects};
use stats_alloc::StatsAlloc;
use std::{
    alloc::System,
    io::{self, Write},
};

pub(crate) fn run() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let Some(allocator) = ALLOCATOR else {
        return writeln!(
            out,
            "heap of a session: counted with `--features allocations`\n"
        );
    };
    writeln!(
        out,
        "heap of a session (16-byte subject, one 32-byte value) at {COUNT}"
    )?;
    let ours = bytes_of(allocator, || subjects::adjourn_store(COUNT).0);
    let peer = bytes_of(allocator, || subjects::peer_store(COUNT).0);
    writeln!(out, "  adjourn {ours} bytes, tower-sessions {peer} bytes\n")
}

fn bytes_of<S>(allocator: &StatsAlloc<System>, make: impl FnOnce() -> S) -> usize {
    let before = live_heap(allocator);
    let store = make();
    let bytes = (live_heap(allocator) - before) / COUNT;
    drop(store);
    bytes
}

fn live_heap(allocator: &StatsAlloc<System>) -> usize {
    let stats = allocator.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

const COUNT: usize = 1_000_000;
