//! The hot path: is this session live, and is its holder there?

use super::{MemoryStore, slot::Slot};
use crate::{
    id::{SecretHash, SessionId},
    reason::Cause,
    record::{Activity, Generation, Live, Record},
    store::{
        CheckIn, Checked,
        change::{Presented, present, without_grace},
    },
    time::Timestamp,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Why a session is to end.
pub(super) struct Due {
    pub(super) cause: Cause,
    /// Since when; `None` for what is not due and ends all the same.
    pub(super) at: Option<Timestamp>,
    /// The cut that says so, if one does.
    pub(super) cut: Option<Generation>,
}

impl MemoryStore {
    pub(super) fn validate(
        &self,
        id: SessionId,
        secret: &SecretHash,
        activity: Activity,
    ) -> CheckIn {
        let now = self.now();
        let Some(slot) = self.slots.get(&id) else {
            return CheckIn::Unknown;
        };
        let (answer, first) = self.validate_slot(id, &slot, secret, activity, now);
        drop(slot);
        if first && self.close_grace(id, secret, now) {
            // The record was replaced: answer with the new one.
            return match self.live(id, now) {
                Some(live) => CheckIn::Live(live),
                None => self.validate(id, secret, activity),
            };
        }
        answer
    }

    /// The answer, and whether the current secret is presented for the first time.
    fn validate_slot(
        &self,
        id: SessionId,
        slot: &Slot,
        secret: &SecretHash,
        activity: Activity,
        now: Timestamp,
    ) -> (CheckIn, bool) {
        let (last_seen, record) = match slot {
            Slot::Ended(ended) if ended.tombstone.knows(secret) => {
                return (CheckIn::Ended(Arc::clone(&ended.tombstone)), false);
            }
            Slot::Ended(_) => return (CheckIn::WrongSecret, false),
            Slot::Live { last_seen, record } => (last_seen, record),
        };
        let presented = present(record, secret, now);
        if matches!(presented, Presented::Unknown) {
            return (CheckIn::WrongSecret, false);
        }
        if let Some(due) = self.judge(record, seen(last_seen), now) {
            return (CheckIn::Due(due.cause), false);
        }
        if matches!(presented, Presented::Outdated) {
            return (CheckIn::Outdated, false);
        }
        let live = Live {
            id,
            record: Arc::clone(record),
            last_seen: touch(last_seen, record, activity, now),
            now,
        };
        (CheckIn::Live(live), matches!(presented, Presented::First))
    }

    /// Ends the grace of the previous secret, since the current one is in use. Judges again, as
    /// the session was unlocked meanwhile; `false` when there was nothing to do.
    fn close_grace(&self, id: SessionId, secret: &SecretHash, now: Timestamp) -> bool {
        let Some(mut slot) = self.slots.get_mut(&id) else {
            return true;
        };
        let Slot::Live { last_seen, record } = &mut *slot else {
            return true;
        };
        if self.judge(record, seen(last_seen), now).is_some() {
            return true;
        }
        if !matches!(present(record, secret, now), Presented::First) {
            return false;
        }
        *record = Arc::new(without_grace(record));
        true
    }

    pub(super) fn recheck(&self, ids: &[SessionId], activity: Activity) -> Vec<Checked> {
        let now = self.now();
        ids.iter()
            .map(|id| match self.slots.get(id) {
                Some(slot) => self.recheck_slot(&slot, activity, now),
                None => Checked::Unknown,
            })
            .collect()
    }

    fn recheck_slot(&self, slot: &Slot, activity: Activity, now: Timestamp) -> Checked {
        let (last_seen, record) = match slot {
            Slot::Ended(ended) => return Checked::Ended(ended.tombstone.reason().clone()),
            Slot::Live { last_seen, record } => (last_seen, record),
        };
        if let Some(due) = self.judge(record, seen(last_seen), now) {
            return Checked::Due(due.cause.reason().clone());
        }
        touch(last_seen, record, activity, now);
        Checked::Live {
            due_in: record.deadline(seen(last_seen)).saturating_since(now),
        }
    }

    /// The session, if it is live.
    pub(super) fn live(&self, id: SessionId, now: Timestamp) -> Option<Live> {
        let slot = self.slots.get(&id)?;
        let Slot::Live { last_seen, record } = &*slot else {
            return None;
        };
        let last_seen = seen(last_seen);
        self.judge(record, last_seen, now).is_none().then(|| Live {
            id,
            record: Arc::clone(record),
            last_seen,
            now,
        })
    }

    /// The predicate, with the cuts of this store.
    pub(super) fn judge(
        &self,
        record: &Record,
        last_seen: Timestamp,
        now: Timestamp,
    ) -> Option<Due> {
        let cut = self.cut_of(record);
        if cut.is_none() && now < record.deadline(last_seen) {
            return None;
        }
        let cause = record.due(last_seen, cut.as_ref(), now)?;
        let cut = record.cut_by(last_seen, cut.as_ref(), now);
        let at = cut.map_or_else(|| record.deadline(last_seen), |cut| cut.at);
        Some(Due {
            cause,
            at: Some(at),
            cut: cut.map(|cut| cut.generation),
        })
    }
}

pub(super) fn seen(last_seen: &AtomicU64) -> Timestamp {
    Timestamp::from_unix_millis(last_seen.load(Ordering::Relaxed))
}

/// Writes that the user was there, if that is due; answers when the user was last seen.
fn touch(last_seen: &AtomicU64, record: &Record, activity: Activity, now: Timestamp) -> Timestamp {
    let before = seen(last_seen);
    if activity == Activity::Passive || !record.touch_is_due(before, now) {
        return before;
    }
    let now_millis = now.as_unix_millis();
    let before = last_seen.fetch_max(now_millis, Ordering::Relaxed);
    Timestamp::from_unix_millis(before.max(now_millis))
}
