//! Something kept in memory for each session, until it ends.

use super::{
    Live, Mark, Since,
    observers::Observer,
    sync::{Mutex, MutexGuard, lock},
};
use crate::id::SessionId;
use std::{collections::BTreeMap, fmt, mem, sync::Arc};

/// One value for each of at most so many sessions; gone when its session ends.
///
/// Locking: one shard for a few instructions. No value is made or dropped under a lock, so a value
/// may do in its `Drop` what it likes.
///
/// Ordered maps, since they grow without a pause and give memory back.
pub(crate) struct Kept<T> {
    shards: Box<[Mutex<Shard<T>>]>,
    capacity_of_shard: usize,
}

struct Shard<T> {
    by_id: BTreeMap<SessionId, Entry<T>>,
    /// Oldest first; exactly the entries of `by_id`.
    by_age: BTreeMap<u64, SessionId>,
    next: u64,
}

struct Entry<T> {
    number: u64,
    value: Arc<T>,
}

impl<T> Kept<T> {
    /// Keeps at most `capacity` values; with none, nothing.
    pub(crate) fn new(capacity: usize) -> Self {
        let count = if capacity < LARGE { 1 } else { SHARDS };
        Self {
            shards: (0..count).map(|_| Mutex::new(Shard::new())).collect(),
            capacity_of_shard: capacity / count,
        }
    }

    /// The value of a session.
    pub(crate) fn get(&self, id: SessionId) -> Option<Arc<T>> {
        let shard = self.shard(id)?;
        shard.by_id.get(&id).map(|entry| Arc::clone(&entry.value))
    }

    /// Keeps a value for a session which, after `mark` was taken, the store said to be live.
    ///
    /// When the answer is [`Since::Ended`], nothing is kept; when it is [`Since::Lost`], the store
    /// must be asked, and whoever asks tells [`Live::ended`].
    pub(crate) fn put(&self, live: &Live, mark: Mark, id: SessionId, value: Arc<T>) -> Since {
        // First the value, then the endings. `Live::ended` goes the other way round, and both pass
        // through the lock of the shard: see `Live::hold`.
        let replaced = self.swap(id, value);
        let since = live.since(mark, id);
        let ended = matches!(since, Since::Ended(_));
        let refused = if ended { self.remove(id) } else { None };
        // The last step: a value may panic when it is dropped.
        drop((refused, replaced));
        since
    }

    /// Removes the value of a session.
    pub(crate) fn remove(&self, id: SessionId) -> Option<Arc<T>> {
        self.shard(id)?.remove(id)
    }

    /// Removes all values.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let taken = mem::replace(&mut *lock(shard), Shard::new());
            drop(taken);
        }
    }

    /// How many values are kept; one shard is locked after the other.
    pub(crate) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| lock(shard).by_id.len())
            .sum()
    }

    /// Puts the value in its place, and answers what has to be dropped for it.
    fn swap(&self, id: SessionId, value: Arc<T>) -> [Option<Arc<T>>; 2] {
        match self.shard(id) {
            Some(mut shard) if self.capacity_of_shard > 0 => {
                let before = shard.remove(id);
                let evicted = if shard.by_id.len() >= self.capacity_of_shard {
                    shard.remove_oldest()
                } else {
                    None
                };
                shard.insert(id, value);
                [before, evicted]
            }
            _ => [Some(value), None],
        }
    }

    /// By the last byte: the first may be the same for all sessions of a subject.
    fn shard(&self, id: SessionId) -> Option<MutexGuard<'_, Shard<T>>> {
        let [.., last] = *id.as_bytes();
        self.shards
            .get(usize::from(last) % self.shards.len())
            .map(lock)
    }
}

impl<T: Send + Sync> Observer for Kept<T> {
    fn ended(&self, id: SessionId) {
        drop(self.remove(id));
    }

    fn held(&self) -> Vec<SessionId> {
        let of =
            |shard: &Mutex<Shard<T>>| -> Vec<_> { lock(shard).by_id.keys().copied().collect() };
        self.shards.iter().flat_map(of).collect()
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T> Shard<T> {
    const fn new() -> Self {
        Self {
            by_id: BTreeMap::new(),
            by_age: BTreeMap::new(),
            next: 0,
        }
    }

    fn insert(&mut self, id: SessionId, value: Arc<T>) {
        let number = self.next;
        self.next += 1;
        self.by_age.insert(number, id);
        self.by_id.insert(id, Entry { number, value });
    }

    fn remove(&mut self, id: SessionId) -> Option<Arc<T>> {
        let entry = self.by_id.remove(&id)?;
        self.by_age.remove(&entry.number);
        Some(entry.value)
    }

    fn remove_oldest(&mut self) -> Option<Arc<T>> {
        let (_, id) = self.by_age.pop_first()?;
        self.by_id.remove(&id).map(|entry| entry.value)
    }
}

/// From which capacity on there are several shards: enough for each that their sizes differ little.
const LARGE: usize = 4096;

const SHARDS: usize = 64;
