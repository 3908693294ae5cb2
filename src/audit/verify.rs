//! Whether a chained file is as it was written.

use super::json_lines::{Chain, Link};
use std::io::{self, BufRead, Read};

/// Checks the lines that [`JsonLines`](super::JsonLines) wrote
/// [with a chain](super::JsonLinesBuilder::with_chain).
///
/// Give it the rotated files and the current one as one reader, oldest first
/// ([`Read::chain`](std::io::Read::chain)), to have their seams checked, too.
///
/// What it cannot see: lines cut off at the end of the newest file, and those before the first one
/// given. Compare [`Verified::last_hash`] and [`Verified::lines`] with a note kept elsewhere. And
/// without a key, whoever can write the file can write all of it anew: see
/// [`verify_keyed`].
///
/// ```
/// use adjourn::audit::verify;
///
/// let verified = verify(&b"{\"event\":\"session-started\"}\n"[..])?;
/// assert!(!verified.is_intact()); // no chain at all
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// The reader failed. What is wrong with the lines is no error but in the answer.
pub fn verify(reader: impl BufRead) -> io::Result<Verified> {
    check(reader, &Chain::new(None))
}

/// [`verify`] for lines written
/// [with a keyed chain](super::JsonLinesBuilder::with_keyed_chain).
///
/// # Errors
/// The reader failed.
pub fn verify_keyed(reader: impl BufRead, key: &[u8; 32]) -> io::Result<Verified> {
    check(reader, &Chain::new(Some(*key)))
}

/// What [`verify`] found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// How many lines there are.
    pub lines: u64,
    /// The number that the first whole line carries: 1 unless older lines are elsewhere.
    pub first: Option<u64>,
    /// The number that the last whole line carries.
    pub last: Option<u64>,
    /// The hash that the last whole line carries.
    pub last_hash: Option<String>,
    /// What is wrong, by line; at most the first 100.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// The line, counted from 1 over everything that was read.
    pub line: u64,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FaultKind {
    /// It is not as it was written, or was written with another key.
    Changed,
    /// It is not a whole line with a chain: cut off, or written by something else.
    Malformed,
    /// It stands after a line that was written later, or is there twice.
    OutOfOrder,
    /// Lines are missing before it.
    Removed {
        /// How many.
        lines: u64,
    },
    /// The line before it is not the one that was there when it was written.
    Unlinked,
}

impl Verified {
    /// Whether there is at least one line and nothing is wrong.
    pub const fn is_intact(&self) -> bool {
        self.faults.is_empty() && self.last.is_some()
    }

    fn fault(&mut self, kind: FaultKind) {
        if self.faults.len() < MOST_FAULTS {
            let line = self.lines;
            self.faults.push(Fault { line, kind });
        }
    }

    fn note(&mut self, link: &Link<'_>) {
        self.first.get_or_insert(link.seq);
        self.last = self.last.max(Some(link.seq));
        self.last_hash = Some(link.hash.to_owned());
    }

    /// What is wrong between the line before and this one.
    fn judge(&mut self, link: &Link<'_>, before: Option<&str>) {
        let expected = self.last.map_or(link.seq, |last| last.saturating_add(1));
        if link.seq < expected {
            self.fault(FaultKind::OutOfOrder);
        } else if link.seq > expected {
            let lines = link.seq - expected;
            self.fault(FaultKind::Removed { lines });
        } else if before.is_some_and(|before| before != link.prev) {
            self.fault(FaultKind::Unlinked);
        }
    }
}

fn check(mut reader: impl BufRead, chain: &Chain) -> io::Result<Verified> {
    let mut verified = Verified::default();
    let mut before: Option<String> = None;
    let mut read = Vec::new();
    loop {
        read.clear();
        let mut limited = reader.by_ref().take(LONGEST_LINE);
        if limited.read_until(b'\n', &mut read)? == 0 {
            return Ok(verified);
        }
        verified.lines += 1;
        let whole = read.pop_if(|last| *last == b'\n').is_some();
        let Some(link) = Link::read(&read).filter(|_| whole) else {
            verified.fault(FaultKind::Malformed);
            before = before.map(|_| chain.hash(&read));
            continue;
        };
        verified.judge(&link, before.as_deref());
        if chain.hash(link.body) != link.hash {
            verified.fault(FaultKind::Changed);
        }
        verified.note(&link);
        before = Some(link.hash.to_owned());
    }
}

/// A longer line is taken for several: nothing here writes one.
const LONGEST_LINE: u64 = 1 << 20;

/// How many faults are told.
const MOST_FAULTS: usize = 100;
