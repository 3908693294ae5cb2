//! Finding what is due, ending it, and forgetting what is over.

use super::{MemoryStore, deadlines::second, ending::Swapped, locks::lock, slot::Slot};
use crate::{id::SessionId, record::Departed, store::Claimant, time::Timestamp};

impl MemoryStore {
    /// Holds no lock from one session to the next.
    pub(super) fn sweep(&self, limit: usize, claimant: Claimant) -> Vec<Departed> {
        let now = self.now();
        let mut departed = Vec::new();
        self.end_cut(limit, claimant, now, &mut departed);
        self.end_overdue(limit, claimant, now, &mut departed);
        self.forget_graves(limit.max(FORGOTTEN_AT_LEAST), now);
        self.cuts.forget(now);
        self.give_back(now);
        departed
    }

    /// Walks the sessions of the cuts, in parts that several sweepers share.
    fn end_cut(
        &self,
        limit: usize,
        claimant: Claimant,
        now: Timestamp,
        departed: &mut Vec<Departed>,
    ) {
        while departed.len() < limit {
            let turn = lock(&self.walker);
            let Some(part) = self.cuts.next_part() else {
                return;
            };
            let size = (limit - departed.len()).min(AT_ONCE);
            let places = self.index.range(part.from, part.to, size);
            let last = places.last().copied().filter(|_| places.len() == size);
            self.cuts.walked(&part, last);
            drop(turn);
            departed.extend(places.into_iter().filter_map(|place| {
                match self.end_at(place.id, None, claimant, now) {
                    Swapped::First(ended, _) => Some(ended),
                    Swapped::Already(..) | Swapped::Lives(_) | Swapped::Unknown => None,
                }
            }));
        }
    }

    /// Takes out the entries whose second has come, and arms those again that are not due.
    fn end_overdue(
        &self,
        limit: usize,
        claimant: Claimant,
        now: Timestamp,
        departed: &mut Vec<Departed>,
    ) {
        // Due later within this second: armed at last, or this loop would meet them again.
        let mut soon = Vec::new();
        while departed.len() < limit {
            let ids = self
                .deadlines
                .take(now, (limit - departed.len()).min(AT_ONCE));
            if ids.is_empty() {
                break;
            }
            let ended = ids
                .into_iter()
                .filter_map(|id| self.settle(id, claimant, now, &mut soon));
            departed.extend(ended);
        }
        for (id, deadline) in soon {
            self.deadlines.arm(id, deadline);
        }
    }

    /// Does with an entry that was taken out what its session asks for.
    fn settle(
        &self,
        id: SessionId,
        claimant: Claimant,
        now: Timestamp,
        soon: &mut Vec<(SessionId, Timestamp)>,
    ) -> Option<Departed> {
        match self.end_at(id, None, claimant, now) {
            Swapped::Already(_, keep_until) => self.graves.arm(id, keep_until),
            Swapped::First(ended, keep_until) => {
                self.graves.arm(id, keep_until);
                return Some(ended);
            }
            Swapped::Lives(deadline) if second(deadline) > second(now) => {
                self.deadlines.arm(id, deadline);
            }
            Swapped::Lives(deadline) => soon.push((id, deadline)),
            Swapped::Unknown => {}
        }
        None
    }

    /// Forgets some of the tombstones whose time is over: more than one call can end, so that they
    /// never pile up.
    fn forget_graves(&self, limit: usize, now: Timestamp) {
        let mut soon = Vec::new();
        for id in self.graves.take(now, limit) {
            let over = self.slots.remove_if(
                &id,
                |_, slot| matches!(slot, Slot::Ended(ended) if ended.keep_until <= now),
            );
            if let Some((_, Slot::Ended(ended))) = over {
                lock(&self.burials).remove(&ended.number);
            } else {
                soon.extend(self.keep_until(id).map(|keep_until| (id, keep_until)));
            }
        }
        for (id, keep_until) in soon {
            self.graves.arm(id, keep_until);
        }
    }

    /// Gives memory back that a burst left behind.
    fn give_back(&self, now: Timestamp) {
        let kept = self.live_count() + lock(&self.burials).len();
        let armed = self.deadlines.armed() + self.graves.armed();
        if armed > kept + kept / 4 + SLACK {
            // Of tombstones that were forgotten before their time.
            let wanted = |id: &SessionId| self.slots.contains_key(id);
            self.deadlines.prune(now, PRUNED_AT_ONCE, wanted);
            self.graves.prune(now, PRUNED_AT_ONCE, wanted);
        }
        if self.slots.capacity() > 4 * (kept + SLACK) {
            // One shard after the other, each with few sessions left to move.
            self.slots.shrink_to_fit();
        }
    }

    fn keep_until(&self, id: SessionId) -> Option<Timestamp> {
        match &*self.slots.get(&id)? {
            Slot::Ended(ended) => Some(ended.keep_until),
            Slot::Live { .. } => None,
        }
    }
}

/// How many are looked at in one go.
const AT_ONCE: usize = 256;

/// How many tombstones one call forgets that ends few: a fraction of a millisecond.
const FORGOTTEN_AT_LEAST: usize = 512;

/// How many entries one call looks at to find those that nobody wants any more.
const PRUNED_AT_ONCE: usize = 8_192;

/// How many more than are needed are not worth the effort.
const SLACK: usize = 4_096;
