//! What is to be looked at, and when.

use super::locks::{Stripes, lock};
use crate::{id::SessionId, time::Timestamp};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Ids by the second in which they are to be looked at.
///
/// A session has one entry for its whole life: when its second comes it is taken out, the session
/// is judged, and if it lives on it is armed again. So a touch costs nothing here.
pub(super) struct Deadlines {
    stripes: Stripes<Mutex<Entries>>,
    armed: AtomicUsize,
    turn: AtomicUsize,
    /// The stripe and second that were pruned last.
    pruned: Mutex<(usize, u64)>,
}

type Entries = BTreeMap<u64, Vec<SessionId>>;

impl Deadlines {
    pub(super) fn new() -> Self {
        Self {
            stripes: Stripes::new(64, Mutex::default),
            armed: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            pruned: Mutex::default(),
        }
    }

    /// How many entries there are.
    pub(super) fn armed(&self) -> usize {
        self.armed.load(Ordering::Relaxed)
    }

    /// Adds an entry. Found from the beginning of its second on.
    pub(super) fn arm(&self, id: SessionId, at: Timestamp) {
        let [first, ..] = *id.as_bytes();
        lock(self.stripes.at(usize::from(first)))
            .entry(second(at))
            .or_default()
            .push(id);
        self.armed.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes out at most `limit` entries of the current second and those before; none when there
    /// are none.
    pub(super) fn take(&self, now: Timestamp, limit: usize) -> Vec<SessionId> {
        let mut taken = Vec::new();
        // Several sweepers begin at different stripes.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for stripe in 0..self.stripes.count() {
            let mut entries = lock(self.stripes.at(turn.wrapping_add(stripe)));
            take_from(&mut entries, second(now), limit, &mut taken);
        }
        self.armed.fetch_sub(taken.len(), Ordering::Relaxed);
        taken
    }

    /// Drops entries of later seconds that are not `wanted` any more; looks at about `limit`, and
    /// goes on from there the next time.
    pub(super) fn prune(&self, now: Timestamp, limit: usize, wanted: impl Fn(&SessionId) -> bool) {
        let mut pruned = lock(&self.pruned);
        let (mut looked_at, mut stripes_left) = (0, self.stripes.count());
        while looked_at < limit && stripes_left > 0 {
            let (number, after) = (pruned.0, pruned.1.max(second(now)));
            let stripe = self.stripes.at(number);
            let Some((at, mut ids)) = take_second_after(&mut lock(stripe), after) else {
                *pruned = (number.wrapping_add(1), 0);
                stripes_left -= 1;
                continue;
            };
            let before = ids.len();
            ids.retain(&wanted);
            self.armed.fetch_sub(before - ids.len(), Ordering::Relaxed);
            if !ids.is_empty() {
                ids.shrink_to_fit();
                lock(stripe).entry(at).or_default().append(&mut ids);
            }
            *pruned = (number, at);
            looked_at += before;
        }
    }
}

fn take_from(entries: &mut Entries, until: u64, limit: usize, taken: &mut Vec<SessionId>) {
    while taken.len() < limit
        && let Some(mut first) = entries.first_entry()
        && *first.key() <= until
    {
        let ids = first.get_mut();
        let kept = ids.len().saturating_sub(limit - taken.len());
        taken.extend(ids.drain(kept..));
        if kept == 0 {
            first.remove();
        }
    }
}

fn take_second_after(entries: &mut Entries, after: u64) -> Option<(u64, Vec<SessionId>)> {
    let (at, _) = entries.range(after.checked_add(1)?..).next()?;
    let at = *at;
    Some((at, entries.remove(&at)?))
}

/// The second that an instant falls into.
pub(super) const fn second(at: Timestamp) -> u64 {
    at.as_unix_millis() / 1_000
}
