//! Which sessions a subject has; also the order of pages and of the walk that concludes a cut.

use super::locks::{Stripes, lock};
use crate::id::{SessionId, Subject};
use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    ops::Bound,
    sync::{Mutex, MutexGuard},
};

/// The ids of all live sessions, ordered by the keyed hash of their subject.
///
/// About 40 bytes a session, where a map of vectors would take 90 to 120. Two subjects may share a
/// hash: who reads a range compares the subject of each record.
pub(super) struct SubjectIndex {
    state: RandomState,
    /// By the top bits of the hash, so that the stripes follow each other in order.
    stripes: Stripes<Mutex<BTreeSet<Place>>>,
}

/// Where a session stands in the index, for its whole life.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    /// Of the subject, or of the id of an anonymous session.
    pub(super) hash: u64,
    pub(super) id: SessionId,
}

impl Place {
    pub(super) const FIRST: Self = Self::first_of(0);
    pub(super) const LAST: Self = Self::last_of(u64::MAX);

    pub(super) const fn first_of(hash: u64) -> Self {
        let id = SessionId::from_bytes([0; SessionId::LEN]);
        Self { hash, id }
    }

    pub(super) const fn last_of(hash: u64) -> Self {
        let id = SessionId::from_bytes([u8::MAX; SessionId::LEN]);
        Self { hash, id }
    }
}

/// One locked stripe: all sessions of a subject stand in the same one.
pub(super) type Neighbours<'a> = MutexGuard<'a, BTreeSet<Place>>;

impl SubjectIndex {
    pub(super) fn new() -> Self {
        Self {
            state: RandomState::new(),
            stripes: Stripes::new(1 << STRIPE_BITS, Mutex::default),
        }
    }

    pub(super) fn hash(&self, subject: &Subject) -> u64 {
        self.state.hash_one(subject)
    }

    pub(super) fn place(&self, subject: Option<&Subject>, id: SessionId) -> Place {
        let hash = subject.map_or_else(|| self.state.hash_one(id), |subject| self.hash(subject));
        Place { hash, id }
    }

    /// Locks the stripe of a hash.
    pub(super) fn lock(&self, hash: u64) -> Neighbours<'_> {
        lock(self.stripes.at(stripe_of(hash)))
    }

    pub(super) fn remove(&self, place: Place) {
        self.lock(place.hash).remove(&place);
    }

    /// At most `limit` places from `from` to `to`, without those at the bounds that are excluded.
    /// Locks one stripe after the other, each once.
    pub(super) fn range(&self, from: Bound<Place>, to: Place, limit: usize) -> Vec<Place> {
        let mut found = Vec::new();
        let first = match from {
            Bound::Included(place) | Bound::Excluded(place) => stripe_of(place.hash),
            Bound::Unbounded => 0,
        };
        for stripe in first..=stripe_of(to.hash) {
            let left = limit - found.len();
            if left == 0 {
                break;
            }
            let places = lock(self.stripes.at(stripe));
            let inside = places
                .range((from, Bound::Unbounded))
                .take_while(|place| **place <= to);
            found.extend(inside.take(left));
        }
        found
    }
}

/// All sessions with this hash in a locked stripe.
pub(super) fn of_hash(places: &BTreeSet<Place>, hash: u64) -> impl Iterator<Item = SessionId> {
    places
        .range(Place::first_of(hash)..=Place::last_of(hash))
        .map(|place| place.id)
}

fn stripe_of(hash: u64) -> usize {
    usize::try_from(hash >> (u64::BITS - STRIPE_BITS)).unwrap_or(0)
}

const STRIPE_BITS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_range_are_in_order_and_complete() {
        let index = SubjectIndex::new();
        let mut all = BTreeSet::new();
        for _ in 0..5_000 {
            let place = index.place(None, SessionId::random().unwrap());
            index.lock(place.hash).insert(place);
            all.insert(place);
        }
        let (mut seen, mut from) = (Vec::new(), Bound::Included(Place::FIRST));
        loop {
            let part = index.range(from, Place::LAST, 7);
            let Some(last) = part.last() else { break };
            from = Bound::Excluded(*last);
            seen.extend(part);
        }
        assert!(seen.into_iter().eq(all));
        assert!(
            index
                .range(Bound::Excluded(Place::LAST), Place::LAST, 7)
                .is_empty()
        );
    }
}
