//! The hash that ties each line to the one before.

use std::fmt;

/// The chain: `,"seq":N,"prev":"..","hash":".."` at the end of each line.
///
/// `hash` is the BLAKE3 of the line up to itself, `prev` included, and `prev` is the `hash` of the
/// line before.
#[derive(Clone)]
pub(in crate::audit) struct Chain {
    key: Option<[u8; 32]>,
    seq: u64,
    prev: String,
}

/// What a line says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::audit) struct Link<'a> {
    /// The part that is hashed.
    pub(in crate::audit) body: &'a [u8],
    pub(in crate::audit) seq: u64,
    pub(in crate::audit) prev: &'a str,
    pub(in crate::audit) hash: &'a str,
}

impl Chain {
    /// A chain that begins.
    pub(in crate::audit) fn new(key: Option<[u8; 32]>) -> Self {
        let prev = "0".repeat(HASH_LEN);
        Self { key, seq: 0, prev }
    }

    /// Goes on after these last lines of a file.
    pub(super) fn resume(&mut self, tail: &[u8]) {
        let mut seen = false;
        for line in tail.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            match Link::read(line) {
                Some(link) => {
                    self.seq = link.seq;
                    link.hash.clone_into(&mut self.prev);
                    seen = true;
                }
                // The first may be cut off by where the tail begins; the last by a crash.
                None if seen => self.prev = self.hash(line),
                None => {}
            }
        }
    }

    pub(in crate::audit) fn hash(&self, bytes: &[u8]) -> String {
        let hash = match &self.key {
            Some(key) => blake3::keyed_hash(key, bytes),
            None => blake3::hash(bytes),
        };
        hash.to_hex().as_str().to_owned()
    }

    /// Closes a line that lacks its closing braces, and answers the chain as it is once the line
    /// is written.
    pub(super) fn close(&self, line: &mut Vec<u8>, braces: &str) -> Self {
        let seq = self.seq + 1;
        let tie = format!(r#","seq":{seq},"prev":"{}""#, self.prev);
        line.extend_from_slice(tie.as_bytes());
        let hash = self.hash(line);
        line.extend_from_slice(format!("{HASH}{hash}\"{braces}").as_bytes());
        Self {
            key: self.key,
            seq,
            prev: hash,
        }
    }
}

impl<'a> Link<'a> {
    /// Reads the end of a line, without its line break.
    pub(in crate::audit) fn read(line: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let (body, rest) = text.rsplit_once(HASH)?;
        let (hash, braces) = rest.split_once('"')?;
        let (before, prev) = body.strip_suffix('"')?.rsplit_once(r#","prev":""#)?;
        let (_, seq) = before.rsplit_once(r#","seq":"#)?;
        let well_formed = is_hash(hash) && is_hash(prev) && matches!(braces, "}" | "}}");
        Some(Self {
            body: well_formed.then_some(body.as_bytes())?,
            seq: seq.parse().ok()?,
            prev,
            hash,
        })
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("keyed", &self.key.is_some())
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == HASH_LEN && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

const HASH: &str = r#","hash":""#;
const HASH_LEN: usize = 64;
