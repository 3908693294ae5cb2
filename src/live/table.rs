//! A map by session id, each entry of which changes under a lock.
//!
//! Concurrent by shards; in the loom models, which cannot look into `dashmap`, a map under one
//! lock of loom. Nothing else about the registry differs there.
//!
//! No function calls its closure twice. A closure runs under the lock of the entry's shard: it
//! must not come back to the table, wake or drop what is not its own.

use crate::id::SessionId;

#[cfg(not(all(test, adjourn_loom)))]
pub(super) use sharded::Table;
#[cfg(all(test, adjourn_loom))]
pub(super) use whole::Table;

#[cfg(not(all(test, adjourn_loom)))]
mod sharded {
    use super::SessionId;
    use dashmap::DashMap;

    pub(crate) struct Table<V>(DashMap<SessionId, V>);

    impl<V: Default> Table<V> {
        pub(crate) fn new() -> Self {
            Self(DashMap::with_shard_amount(SHARDS))
        }

        /// Changes the entry, which is made if there is none.
        pub(crate) fn change<R>(&self, id: SessionId, change: impl FnOnce(&mut V) -> R) -> R {
            change(self.0.entry(id).or_default().value_mut())
        }

        /// Changes the entry if there is one.
        pub(crate) fn change_if_any<R>(
            &self,
            id: SessionId,
            change: impl FnOnce(&mut V) -> R,
        ) -> Option<R> {
            let mut entry = self.0.get_mut(&id)?;
            Some(change(entry.value_mut()))
        }

        /// Reads the entry.
        pub(crate) fn read<R>(&self, id: SessionId, read: impl FnOnce(&V) -> R) -> Option<R> {
            self.0.get(&id).map(|entry| read(entry.value()))
        }

        /// Changes the entry and removes it if the change says so.
        pub(crate) fn remove_if(
            &self,
            id: SessionId,
            change: impl FnOnce(&mut V) -> bool,
        ) -> Option<V> {
            let removed = self.0.remove_if_mut(&id, |_, value| change(value));
            removed.map(|(_, value)| value)
        }

        /// The ids of the entries that `keep` wants; one shard is locked after the other.
        pub(crate) fn ids(&self, keep: impl Fn(&V) -> bool) -> Vec<SessionId> {
            let wanted = self.0.iter().filter(|entry| keep(entry.value()));
            wanted.map(|entry| *entry.key()).collect()
        }

        /// How many entries there are; one shard is locked after the other.
        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }
    }

    /// A power of two, as `dashmap` demands. Many, so that a shard that grows is small.
    const SHARDS: usize = 128;
}

#[cfg(all(test, adjourn_loom))]
mod whole {
    use super::{
        super::sync::{Mutex, lock},
        SessionId,
    };
    use std::collections::HashMap;

    pub(crate) struct Table<V>(Mutex<HashMap<SessionId, V>>);

    impl<V: Default> Table<V> {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(HashMap::new()))
        }

        pub(crate) fn change<R>(&self, id: SessionId, change: impl FnOnce(&mut V) -> R) -> R {
            change(lock(&self.0).entry(id).or_default())
        }

        pub(crate) fn change_if_any<R>(
            &self,
            id: SessionId,
            change: impl FnOnce(&mut V) -> R,
        ) -> Option<R> {
            lock(&self.0).get_mut(&id).map(change)
        }

        pub(crate) fn read<R>(&self, id: SessionId, read: impl FnOnce(&V) -> R) -> Option<R> {
            lock(&self.0).get(&id).map(read)
        }

        pub(crate) fn remove_if(
            &self,
            id: SessionId,
            change: impl FnOnce(&mut V) -> bool,
        ) -> Option<V> {
            let mut map = lock(&self.0);
            if map.get_mut(&id).is_some_and(change) {
                map.remove(&id)
            } else {
                None
            }
        }

        pub(crate) fn ids(&self, keep: impl Fn(&V) -> bool) -> Vec<SessionId> {
            let map = lock(&self.0);
            let wanted = map.iter().filter(|(_, value)| keep(value));
            wanted.map(|(id, _)| *id).collect()
        }

        pub(crate) fn len(&self) -> usize {
            lock(&self.0).len()
        }
    }
}
