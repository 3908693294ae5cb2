//! The main map: what is known of each session, live or ended.

use crate::{
    id::SessionId,
    record::{Record, Tombstone},
    time::Timestamp,
};
use dashmap::DashMap;
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, atomic::AtomicU64},
};

/// All sessions, live and ended, by id.
pub(super) type Slots = DashMap<SessionId, Slot, IdState>;

/// A map without sessions.
///
/// 1,024 shards: one that grows keeps its writers waiting for well under a millisecond, even in a
/// map of millions.
pub(super) fn new_slots() -> Slots {
    DashMap::with_capacity_and_hasher_and_shard_amount(0, IdState::new(), 1_024)
}

/// What is known of one session: 16 bytes.
///
/// An ending swaps `Live` for `Ended` under the shard's write lock. A touch happens under its read
/// lock, so that it comes before the ending or not at all.
pub(super) enum Slot {
    /// Not ended, though perhaps due.
    Live {
        /// In milliseconds since the epoch; never moves back.
        last_seen: AtomicU64,
        record: Arc<Record>,
    },
    Ended(Box<Ended>),
}

/// A tombstone, and when it may be forgotten.
pub(super) struct Ended {
    pub(super) tombstone: Arc<Tombstone>,
    pub(super) keep_until: Timestamp,
    /// Counts the endings: its place in the order of tombstones.
    pub(super) number: u64,
}

/// Hashes session ids.
///
/// They are random already, but an application may create sessions under ids of its own making,
/// so two secret keys are mixed in by one multiplication. Nothing is inserted under an id that
/// comes from a request.
#[derive(Clone)]
pub(super) struct IdState {
    keys: (u64, u64),
}

impl IdState {
    fn new() -> Self {
        let random = RandomState::new();
        Self {
            keys: (random.hash_one(0), random.hash_one(1)),
        }
    }
}

impl BuildHasher for IdState {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher {
            keys: self.keys,
            hash: 0,
        }
    }
}

pub(super) struct IdHasher {
    keys: (u64, u64),
    hash: u64,
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((half, after)) = rest.split_first_chunk::<8>() {
            let (other, after) = after.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
            let (low, high) = (u64::from_le_bytes(*half) ^ self.keys.0)
                .carrying_mul(u64::from_le_bytes(*other) ^ self.keys.1, 0);
            self.hash ^= low ^ high;
            rest = after;
        }
    }

    /// The length that comes before the bytes of an id is always the same.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_small() {
        assert_eq!(size_of::<Slot>(), 16);
        assert_eq!(size_of::<(SessionId, Slot)>(), 32);
    }

    #[test]
    fn counted_ids_spread_over_shards_and_buckets() {
        let state = IdState::new();
        let mut shards = vec![0_u32; 1_024];
        let mut buckets = vec![0_u32; 1_024];
        for number in 0..65_536_u128 {
            let hash = state.hash_one(SessionId::from_bytes(number.to_be_bytes()));
            shards[usize::try_from((hash << 7) >> 54).unwrap()] += 1;
            buckets[usize::try_from(hash % 1_024).unwrap()] += 1;
        }
        for counts in [shards, buckets] {
            // Ten times the mean. With one pair of keys in ten some have none, which harms nobody.
            assert!(counts.iter().all(|count| *count <= 640), "{counts:?}");
        }
    }
}
