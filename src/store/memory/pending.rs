//! The work that endings leave to do, and who does it.

use super::locks::{Stripes, lock};
use crate::{
    id::SessionId,
    record::Departed,
    store::{Attempt, Claimant},
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Pending work, by id and by the end of its lease.
///
/// Ordered maps, since they grow without a pause, whatever piles up.
pub(super) struct PendingWork {
    stripes: Stripes<Mutex<Stripe>>,
    claims: AtomicU64,
    count: AtomicUsize,
    turn: AtomicUsize,
}

#[derive(Default)]
struct Stripe {
    by_id: BTreeMap<SessionId, Box<Work>>,
    by_lease: BTreeSet<(Timestamp, SessionId)>,
}

struct Work {
    departed: Departed,
    /// Of the first winner, until somebody takes over.
    attempt: Option<Attempt>,
    lease_until: Timestamp,
}

impl PendingWork {
    pub(super) fn new() -> Self {
        Self {
            stripes: Stripes::new(64, Mutex::default),
            claims: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// A claim unlike any other.
    pub(super) fn next_claim(&self) -> u64 {
        self.claims.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Adds the work of an ending, leased to the claimant.
    pub(super) fn add(&self, departed: Departed, claimant: Claimant, now: Timestamp) {
        let (id, lease_until) = (departed.id, now.saturating_add(claimant.lease));
        let work = Work {
            departed,
            attempt: Some(claimant.attempt),
            lease_until,
        };
        let mut stripe = self.stripe(id);
        stripe.by_lease.insert((lease_until, id));
        if let Some(before) = stripe.by_id.insert(id, Box::new(work)) {
            // An id ends once; were it to happen, the later one stands.
            stripe.by_lease.remove(&(before.lease_until, id));
        } else {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The work that this attempt won, leased to it anew, while nobody took it over.
    pub(super) fn won_by(
        &self,
        id: SessionId,
        claimant: Claimant,
        now: Timestamp,
    ) -> Option<Departed> {
        let mut stripe = self.stripe(id);
        if stripe.by_id.get(&id)?.attempt != Some(claimant.attempt) {
            return None;
        }
        let work = stripe.lease(id, now.saturating_add(claimant.lease))?;
        Some(work.departed.clone())
    }

    /// Takes over at most `limit` whose lease is over.
    pub(super) fn take_over(&self, limit: usize, lease: Duration, now: Timestamp) -> Vec<Departed> {
        let mut taken = Vec::new();
        let until = now.saturating_add(lease);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for number in 0..self.stripes.count() {
            let mut stripe = lock(self.stripes.at(turn.wrapping_add(number)));
            // Collected first: with a lease of zero they are over again at once.
            let over: Vec<_> = stripe
                .by_lease
                .iter()
                .take_while(|(lease_until, _)| *lease_until <= now)
                .take(limit - taken.len())
                .map(|(_, id)| *id)
                .collect();
            for id in over {
                taken.extend(stripe.take_over(id, self.next_claim(), until));
            }
        }
        taken
    }

    /// Makes the lease last until `until`, if the claim is right.
    pub(super) fn renew(&self, id: SessionId, claim: u64, until: Timestamp) -> bool {
        let mut stripe = self.stripe(id);
        stripe.holds(id, claim) && stripe.lease(id, until).is_some()
    }

    /// Drops the work, if the claim is right.
    pub(super) fn acknowledge(&self, id: SessionId, claim: u64) -> bool {
        let mut stripe = self.stripe(id);
        if !stripe.holds(id, claim) {
            return false;
        }
        if let Some(work) = stripe.by_id.remove(&id) {
            stripe.by_lease.remove(&(work.lease_until, id));
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        true
    }

    fn stripe(&self, id: SessionId) -> MutexGuard<'_, Stripe> {
        let [first, ..] = *id.as_bytes();
        lock(self.stripes.at(usize::from(first)))
    }
}

impl Stripe {
    fn holds(&self, id: SessionId, claim: u64) -> bool {
        self.by_id
            .get(&id)
            .is_some_and(|work| work.departed.claim == claim)
    }

    fn take_over(&mut self, id: SessionId, claim: u64, until: Timestamp) -> Option<Departed> {
        let work = self.lease(id, until)?;
        work.attempt = None;
        work.departed.claim = claim;
        work.departed.redelivered = true;
        Some(work.departed.clone())
    }

    /// Moves the end of a lease.
    fn lease(&mut self, id: SessionId, until: Timestamp) -> Option<&mut Work> {
        let work = self.by_id.get_mut(&id)?;
        self.by_lease.remove(&(work.lease_until, id));
        self.by_lease.insert((until, id));
        work.lease_until = until;
        Some(work)
    }
}
