//! How a session ends here: one swap of its slot.

use super::{
    MemoryStore,
    locks::{lock, read, write},
    slot::{Ended, Slot},
    validate::{Due, seen},
};
use crate::{
    id::{SessionId, Subject},
    reason::{Cause, Ending},
    record::{Cut, Departed, Generation, Record, RecordParts, Scope, Tombstone},
    store::{Claimant, End, Notice},
    time::Timestamp,
};
use std::{
    collections::HashSet,
    mem,
    sync::{Arc, atomic::Ordering},
};

/// How a swap came out.
pub(super) enum Swapped {
    /// It had ended before; forgotten after the second.
    Already(Arc<Tombstone>, Timestamp),
    /// This call ended it; forgotten after the second.
    First(Departed, Timestamp),
    /// Not wanted by anybody, and not due before this instant.
    Lives(Timestamp),
    /// Nothing is known of it.
    Unknown,
}

impl MemoryStore {
    pub(super) fn end_one(&self, id: SessionId, cause: &Cause, claimant: Claimant) -> End {
        let now = self.now();
        let otherwise = match self.end_at(id, Some(cause), claimant, now) {
            Swapped::First(departed, _) => return End::First(departed),
            Swapped::Already(tombstone, _) => End::Already(tombstone),
            // Its tombstone may be forgotten before its work is done.
            Swapped::Lives(_) | Swapped::Unknown => End::Unknown,
        };
        self.pending
            .won_by(id, claimant, now)
            .map_or(otherwise, End::First)
    }

    pub(super) fn end_each(
        &self,
        ids: &[SessionId],
        cause: &Cause,
        claimant: Claimant,
    ) -> Vec<Departed> {
        let mut met = HashSet::with_capacity(ids.len());
        ids.iter()
            .filter(|id| met.insert(**id))
            .filter_map(|id| match self.end_one(*id, cause, claimant) {
                End::First(departed) => Some(departed),
                End::Already(_) | End::Unknown => None,
            })
            .collect()
    }

    /// Ends a session with the cause that is due, else with the one that is wanted, if any.
    pub(super) fn end_at(
        &self,
        id: SessionId,
        wanted: Option<&Cause>,
        claimant: Claimant,
        now: Timestamp,
    ) -> Swapped {
        let swapped = self.swap(id, wanted, claimant, now);
        if let Swapped::First(departed, _) = &swapped {
            let place = self.index.place(departed.subject.as_ref(), id);
            self.index.remove(place);
            self.bury(departed);
        }
        swapped
    }

    /// The ending itself. The caller removes the session from the index, then buries it.
    pub(super) fn swap(
        &self,
        id: SessionId,
        wanted: Option<&Cause>,
        claimant: Claimant,
        now: Timestamp,
    ) -> Swapped {
        let Some(mut slot) = self.slots.get_mut(&id) else {
            return Swapped::Unknown;
        };
        let (last_seen, record) = match &*slot {
            Slot::Ended(ended) => {
                return Swapped::Already(Arc::clone(&ended.tombstone), ended.keep_until);
            }
            Slot::Live { last_seen, record } => (seen(last_seen), record),
        };
        let due = self.judge(record, last_seen, now).or_else(|| {
            let cause = wanted?.clone();
            Some(Due {
                cause,
                at: None,
                cut: None,
            })
        });
        let Some(due) = due else {
            return Swapped::Lives(record.deadline(last_seen));
        };
        let ended = Ended {
            tombstone: Arc::new(tombstone(id, record, due.cause, now)),
            keep_until: Tombstone::keep_until(now, record.absolute_deadline()),
            number: self.counters.endings.fetch_add(1, Ordering::Relaxed),
        };
        let departed = Departed {
            id,
            subject: record.subject().cloned(),
            ending: ended.tombstone.ending.clone(),
            cut: due.cut,
            due_at: due.at,
            created_at: record.created_at(),
            last_seen,
            client: record.client().cloned(),
            leave_behind: record.leave_behind().cloned().unwrap_or_default(),
            claim: self.pending.next_claim(),
            redelivered: false,
        };
        self.pending.add(departed.clone(), claimant, now);
        let (number, keep_until) = (ended.number, ended.keep_until);
        let live = mem::replace(&mut *slot, Slot::Ended(Box::new(ended)));
        lock(&self.burials).insert(number, id);
        drop(slot);
        drop(live);
        self.counters.live.fetch_sub(1, Ordering::Relaxed);
        Swapped::First(departed, keep_until)
    }

    /// What follows an ending and may come a moment later: the notice, and room for its tombstone.
    pub(super) fn bury(&self, departed: &Departed) {
        self.notices.send(|| Notice::Ended {
            id: departed.id,
            reason: departed.ending.reason().clone(),
        });
        loop {
            let mut burials = lock(&self.burials);
            if burials.len() <= self.max_tombstones {
                return;
            }
            let Some((number, id)) = burials.pop_first() else {
                return;
            };
            drop(burials);
            self.slots.remove_if(
                &id,
                |_, slot| matches!(slot, Slot::Ended(ended) if ended.number == number),
            );
        }
    }

    pub(super) fn cut(&self, scope: Scope, cause: Cause) -> Generation {
        let now = self.now();
        let generation = match &scope {
            Scope::Everyone { created_before } => self.cut_everyone(cause, *created_before, now),
            Scope::Subject { subject, except } => self.cut_subject(subject, *except, cause, now),
        };
        self.notices.send(|| Notice::Cut(scope));
        generation
    }

    fn cut_everyone(
        &self,
        cause: Cause,
        created_before: Option<Timestamp>,
        now: Timestamp,
    ) -> Generation {
        let _gate = write(&self.gate);
        let generation = self.next_generation();
        self.cuts
            .add_for_everyone(Cut::new(generation, cause, now, created_before));
        generation
    }

    fn cut_subject(
        &self,
        subject: &Subject,
        except: Option<SessionId>,
        cause: Cause,
        now: Timestamp,
    ) -> Generation {
        let hash = self.index.hash(subject);
        let _gate = read(&self.gate);
        let _neighbours = self.index.lock(hash);
        let generation = self.next_generation();
        if let Some(kept) = except {
            self.renumber(subject, kept, generation, now);
        }
        self.cuts
            .add_for_subject(subject, hash, Cut::new(generation, cause, now, None));
        generation
    }

    /// Gives a session a new generation, if it is live and of the subject.
    fn renumber(&self, subject: &Subject, id: SessionId, generation: Generation, now: Timestamp) {
        let Some(mut slot) = self.slots.get_mut(&id) else {
            return;
        };
        let Slot::Live { last_seen, record } = &mut *slot else {
            return;
        };
        if record.subject() != Some(subject) || self.judge(record, seen(last_seen), now).is_some() {
            return;
        }
        let mut parts = RecordParts::from(Record::clone(record));
        parts.generation = generation;
        *record = Arc::new(parts.into());
    }
}

fn tombstone(id: SessionId, record: &Record, cause: Cause, now: Timestamp) -> Tombstone {
    Tombstone {
        id,
        secret_hash: *record.secret_hash(),
        previous_hash: record.previous().map(|previous| previous.hash),
        subject: record.subject().cloned(),
        ending: Ending::new(cause, now),
    }
}
