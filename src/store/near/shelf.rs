//! What is remembered, in parts with a lock each.
//!
//! An answer may be on its way while its session is evicted. Each part therefore counts its
//! evictions: who asks the store notes the count, and what came back is kept only if it is the
//! same. Both under the lock of the part, so that no eviction is missed.

use crate::{
    id::{SecretHash, SessionId},
    record::{Activity, Live, Scope},
    time::Timestamp,
};
use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

pub(super) struct Shelf {
    parts: Box<[Mutex<Part>]>,
    max_staleness: Duration,
    /// Which part is tidied next.
    next: AtomicUsize,
}

#[derive(Default)]
struct Part {
    known: HashMap<SessionId, Known>,
    evictions: u64,
    /// When the part was found full of what is not stale.
    full_at: Option<Timestamp>,
}

struct Known {
    secret: SecretHash,
    live: Live,
    /// When the store was asked, by the clock of this node.
    asked_at: Timestamp,
}

/// A question to the store that was not answered yet.
pub(super) struct Asked {
    id: SessionId,
    secret: SecretHash,
    at: Timestamp,
    evictions: u64,
}

impl Shelf {
    pub(super) fn new(max_staleness: Duration) -> Self {
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            max_staleness,
            next: AtomicUsize::new(0),
        }
    }

    /// What is known of the session, or the question to ask the store.
    pub(super) fn look_up(
        &self,
        id: SessionId,
        secret: &SecretHash,
        activity: Activity,
        now: Timestamp,
    ) -> Result<Live, Asked> {
        let part = self.part(id);
        let known = part.known.get(&id).filter(|known| known.secret == *secret);
        let live = known.and_then(|known| known.at(now, activity, self.max_staleness));
        live.ok_or_else(|| Asked {
            id,
            secret: *secret,
            at: now,
            evictions: part.evictions,
        })
    }

    /// Keeps the store's answer, unless something happened to the session meanwhile.
    pub(super) fn keep(&self, asked: &Asked, live: Live, now: Timestamp) {
        let mut part = self.part(asked.id);
        if part.evictions != asked.evictions || !part.has_room(asked.id, now, self.max_staleness) {
            return;
        }
        let known = Known {
            secret: asked.secret,
            live,
            asked_at: asked.at,
        };
        part.known.insert(asked.id, known);
    }

    pub(super) fn evict(&self, id: SessionId) {
        let mut part = self.part(id);
        part.evictions += 1;
        part.known.remove(&id);
    }

    /// Evicts what a cut covers; of everybody's cut everything, as the store alone knows whom an
    /// instant spares.
    pub(super) fn evict_scope(&self, scope: &Scope) {
        let Scope::Subject { subject, .. } = scope else {
            return self.clear();
        };
        self.for_each(|part| {
            part.evictions += 1;
            let of_others = |known: &Known| known.live.record.subject() != Some(subject);
            part.known.retain(|_, known| of_others(known));
        });
    }

    pub(super) fn clear(&self) {
        self.for_each(|part| {
            part.evictions += 1;
            part.known.clear();
        });
    }

    /// Forgets what is stale in one part, the next with each call.
    pub(super) fn tidy(&self, now: Timestamp) {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(part) = self.parts.get(next % PARTS) {
            lock(part).forget_stale(now, self.max_staleness);
        }
    }

    fn part(&self, id: SessionId) -> MutexGuard<'_, Part> {
        // The last byte is random in every store; the first may name a shard.
        let byte = id.as_bytes().last().copied().unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "a remainder of the length")]
        lock(&self.parts[usize::from(byte) % PARTS])
    }

    fn for_each(&self, mut change: impl FnMut(&mut Part)) {
        for part in &self.parts {
            change(&mut lock(part));
        }
    }
}

impl Part {
    fn has_room(&mut self, id: SessionId, now: Timestamp, max_staleness: Duration) -> bool {
        if self.known.len() < MOST_IN_A_PART || self.known.contains_key(&id) {
            return true;
        }
        // Looked through once, and not again before something of it can be stale.
        if self
            .full_at
            .is_some_and(|full_at| now.saturating_since(full_at) < max_staleness)
        {
            return false;
        }
        self.forget_stale(now, max_staleness);
        let has_room = self.known.len() < MOST_IN_A_PART;
        self.full_at = (!has_room).then_some(now);
        has_room
    }

    fn forget_stale(&mut self, now: Timestamp, max_staleness: Duration) {
        self.known
            .retain(|_, known| known.age(now).is_some_and(|age| age < max_staleness));
    }
}

impl Known {
    /// `None` when the clock went back: nothing is known of its age.
    fn age(&self, now: Timestamp) -> Option<Duration> {
        (now >= self.asked_at).then(|| now.saturating_since(self.asked_at))
    }

    /// The session as the store would answer it, as far as that is known without the store.
    fn at(&self, now: Timestamp, activity: Activity, max_staleness: Duration) -> Option<Live> {
        let age = self.age(now).filter(|age| *age < max_staleness)?;
        let Live {
            record,
            last_seen,
            now: answered_at,
            ..
        } = &self.live;
        // Not before the store's time: it answered after it was asked.
        let store_now = answered_at.saturating_add(age);
        let is_due = store_now >= record.deadline(*last_seen);
        let is_written = activity == Activity::Active && record.touch_is_due(*last_seen, store_now);
        (!is_due && !is_written).then(|| Live {
            now: store_now,
            ..self.live.clone()
        })
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

const PARTS: usize = 64;

/// With 64 parts, some 65,000 sessions.
const MOST_IN_A_PART: usize = 1_024;
