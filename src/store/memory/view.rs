//! Looking at sessions without changing anything.

use super::{
    MemoryStore,
    index::{Place, of_hash},
    slot::Slot,
};
use crate::{
    id::{SessionId, Subject},
    record::{Live, Tombstone},
    store::{Cursor, Error, Listed, Page},
};
use std::{ops::Bound, sync::Arc};

impl MemoryStore {
    pub(super) fn tombstone_of(&self, id: SessionId) -> Option<Arc<Tombstone>> {
        match &*self.slots.get(&id)? {
            Slot::Ended(ended) => Some(Arc::clone(&ended.tombstone)),
            Slot::Live { .. } => None,
        }
    }

    pub(super) fn sessions_of(&self, subject: &Subject) -> Vec<Listed> {
        let now = self.now();
        let hash = self.index.hash(subject);
        let ids: Vec<_> = of_hash(&self.index.lock(hash), hash).collect();
        let mut live: Vec<_> = ids
            .into_iter()
            .filter_map(|id| self.live(id, now))
            .filter(|live| live.record.subject() == Some(subject))
            .collect();
        live.sort_by_key(|live| live.record.generation());
        live.iter().map(listed).collect()
    }

    pub(super) fn page_after(&self, cursor: Option<&Cursor>, limit: usize) -> Result<Page, Error> {
        let now = self.now();
        let from =
            match cursor {
                None => Bound::Included(Place::FIRST),
                Some(cursor) => Bound::Excluded(place_of(cursor).ok_or_else(|| {
                    Error::corrupt("the cursor of a page is not one of this store")
                })?),
            };
        let limit = limit.clamp(1, LONGEST_PAGE);
        let places = self.index.range(from, Place::LAST, limit);
        let next = places
            .last()
            .filter(|_| places.len() == limit)
            .map(cursor_of);
        let sessions = places
            .iter()
            .filter_map(|place| self.live(place.id, now))
            .map(|live| listed(&live))
            .collect();
        Ok(Page { sessions, next })
    }
}

fn listed(live: &Live) -> Listed {
    Listed {
        id: live.id,
        subject: live.record.subject().cloned(),
        created_at: live.record.created_at(),
        last_seen: live.last_seen,
        absolute_deadline: live.record.absolute_deadline(),
        client: live.record.client().cloned(),
    }
}

fn cursor_of(place: &Place) -> Cursor {
    Cursor::from_bytes([&place.hash.to_be_bytes()[..], place.id.as_bytes()].concat())
}

fn place_of(cursor: &Cursor) -> Option<Place> {
    let (hash, id) = cursor.as_bytes().split_first_chunk::<8>()?;
    Some(Place {
        hash: u64::from_be_bytes(*hash),
        id: SessionId::from_bytes(id.try_into().ok()?),
    })
}

/// How many places one call looks at.
const LONGEST_PAGE: usize = 1_000;
