//! Changes of a live session: its values and its secret. Judged and written under one guard.

use super::{MemoryStore, slot::Slot, validate::seen};
use crate::{
    id::{SecretHash, SessionId},
    record::Live,
    store::{
        NotLive, Rotated, Update, Updated,
        change::{merged, with_secret},
    },
};
use std::{sync::Arc, time::Duration};

impl MemoryStore {
    pub(super) fn merge(&self, id: SessionId, update: &Update, expected: Option<u64>) -> Updated {
        let now = self.now();
        let Some(mut slot) = self.slots.get_mut(&id) else {
            return Updated::NotLive(NotLive::Unknown);
        };
        let (last_seen, record) = match &mut *slot {
            Slot::Ended(ended) => {
                return Updated::NotLive(NotLive::Ended(Arc::clone(&ended.tombstone)));
            }
            Slot::Live { last_seen, record } => (seen(last_seen), record),
        };
        if let Some(due) = self.judge(record, last_seen, now) {
            return Updated::NotLive(NotLive::Due(due.cause));
        }
        let conflict = expected.is_some_and(|expected| expected != record.revision());
        if !conflict && let Some(merged) = merged(record, update, now) {
            *record = Arc::new(merged);
        }
        let live = Live {
            id,
            record: Arc::clone(record),
            last_seen,
            now,
        };
        if conflict {
            Updated::Conflict(live)
        } else {
            Updated::Written(live)
        }
    }

    pub(super) fn swap_secret(
        &self,
        id: SessionId,
        old: &SecretHash,
        new: &SecretHash,
        grace: Duration,
    ) -> Rotated {
        let now = self.now();
        let Some(mut slot) = self.slots.get_mut(&id) else {
            return Rotated::NotLive(NotLive::Unknown);
        };
        let (last_seen, record) = match &mut *slot {
            Slot::Ended(ended) if ended.tombstone.knows(old) => {
                return Rotated::NotLive(NotLive::Ended(Arc::clone(&ended.tombstone)));
            }
            Slot::Ended(_) => return Rotated::WrongSecret,
            Slot::Live { last_seen, record } => (seen(last_seen), record),
        };
        let is_current = record.secret_hash() == old;
        let is_previous = record
            .previous()
            .is_some_and(|previous| previous.hash == *old);
        if !is_current && !is_previous {
            return Rotated::WrongSecret;
        }
        if let Some(due) = self.judge(record, last_seen, now) {
            return Rotated::NotLive(NotLive::Due(due.cause));
        }
        if !is_current {
            return if record.secret_hash() == new {
                Rotated::Written
            } else {
                Rotated::Outdated
            };
        }
        *record = Arc::new(with_secret(record, *new, grace, now));
        Rotated::Written
    }
}
