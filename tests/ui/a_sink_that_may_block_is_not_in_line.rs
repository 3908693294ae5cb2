//! A sink is called on the path of an ending: it says that it never waits, or goes behind a queue.

use adjourn::{
    Sessions,
    audit::{BlockingSink, Event, Sink},
    store::MemoryStore,
};
use std::{fs::File, io, io::Write};

struct Lines(File);

impl BlockingSink for Lines {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        writeln!(self.0, "{}", event.kind.code())
    }
}

struct Unsaid;

impl Sink for Unsaid { //~ E0277
    fn record(&self, _: &Event) {}
}

fn main() {
    let lines = Lines(File::create("audit.log").unwrap());
    let _blocking = Sessions::builder(MemoryStore::new()).add_audit_sink(lines); //~ E0277
}
