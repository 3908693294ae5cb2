//! Changes of a live session: its values and its secret. Judged and written under one guard.

use super::{
    MemoryStore,
    slot::Slot,
    validate::{NEVER, seen},
};
use crate::{
    id::{SecretHash, SessionId},
    record::{Grants, Live, Previous, Record, RecordParts},
    store::{NotLive, Rotated, Update, Updated},
    time::Timestamp,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

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
        let mut parts = RecordParts::from(Record::clone(record));
        parts.secret_hash = *new;
        parts.previous = Some(Previous {
            hash: *old,
            until: if grace.is_zero() {
                NEVER
            } else {
                now.saturating_add(grace)
            },
        });
        *record = Arc::new(parts.into());
        Rotated::Written
    }
}

/// The record with the update made, or `None` when it would stay the same.
fn merged(record: &Record, update: &Update, now: Timestamp) -> Option<Record> {
    let mut parts = RecordParts::from(record.clone());
    let values = parts.values.changed(&update.values);
    let leave_behind = parts.leave_behind.changed(&update.leave_behind);
    let held = running(parts.grants.iter(), now);
    let grants = running(parts.grants.iter().chain(update.grants.iter()), now);
    if values == parts.values && leave_behind == parts.leave_behind && grants == held {
        return None;
    }
    let grants: Grants = grants
        .into_iter()
        .map(|(name, until)| (name.into(), until))
        .collect();
    (parts.values, parts.leave_behind, parts.grants) = (values, leave_behind, grants);
    parts.revision = parts.revision.saturating_add(1);
    Some(parts.into())
}

/// Grants by name, the last of each name, without those that are over.
fn running<'a>(
    grants: impl Iterator<Item = (&'a str, Timestamp)>,
    now: Timestamp,
) -> BTreeMap<&'a str, Timestamp> {
    let mut running: BTreeMap<_, _> = grants.collect();
    running.retain(|_, until| now < *until);
    running
}
