//! Log-in: the ticket, the limit, and the only insert.

use super::{
    MemoryStore,
    ending::Swapped,
    index::{Neighbours, of_hash},
    locks::read,
    slot::Slot,
};
use crate::{
    id::{SessionId, Subject},
    reason::EndReason,
    record::{Generation, Live, Record},
    store::{AtLimit, Created, Error, Limit, NewSession, Ticket, change::record_of},
    time::Timestamp,
};
use dashmap::Entry;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The sessions that must end for a new one.
struct Room {
    oldest: Vec<SessionId>,
    replaced: Option<SessionId>,
}

impl MemoryStore {
    pub(super) fn issue_ticket(&self) -> Ticket {
        Ticket {
            issued_at: self.now(),
            generation: Generation::new(self.counters.generation.load(Ordering::Acquire)),
        }
    }

    pub(super) fn insert(&self, session: NewSession) -> Result<Created, Error> {
        let now = self.now();
        let subject = session.subject.clone();
        let place = self.index.place(subject.as_ref(), session.id);
        let gate = read(&self.gate);
        let mut neighbours = self.index.lock(place.hash);

        if let Some(answer) = self.taken(&session, now) {
            return Ok(answer);
        }
        if self.is_outdated(&session, now) {
            return Ok(Created::Outdated);
        }
        let room = match self.room_for(&session, &neighbours, place.hash, now) {
            Ok(room) => room,
            Err(limit) => return Ok(Created::LimitReached(limit)),
        };
        let (id, claimant) = (session.id, session.claimant);
        let ends_for = [EndReason::Superseded, EndReason::Reauthenticated];
        let [superseded, reauthenticated] = ends_for.map(|reason| session.ending_for(reason));
        let Some(live) = self.try_insert(session, now)? else {
            return Ok(Created::Conflict);
        };
        neighbours.insert(place);
        self.deadlines.arm(id, live.record.deadline(now));

        let mut ended = Vec::new();
        let oldest = room.oldest.into_iter().map(|id| (id, &superseded));
        let replaced = room.replaced.map(|id| (id, &reauthenticated));
        for (id, cause) in oldest.chain(replaced) {
            if let Swapped::First(departed, _) = self.swap(id, Some(cause), claimant, now) {
                neighbours.remove(&self.index.place(subject.as_ref(), id));
                ended.push(departed);
            }
        }
        drop(neighbours);
        drop(gate);
        for departed in &ended {
            self.bury(departed);
        }
        Ok(Created::Created { live, ended })
    }

    /// The answer when the id is taken already.
    fn taken(&self, session: &NewSession, now: Timestamp) -> Option<Created> {
        let slot = self.slots.get(&session.id)?;
        let Slot::Live { last_seen, record } = &*slot else {
            return Some(Created::Conflict);
        };
        let last_seen = Timestamp::from_unix_millis(last_seen.load(Ordering::Relaxed));
        if *record.secret_hash() != session.secret_hash
            || self.judge(record, last_seen, now).is_some()
        {
            return Some(Created::Conflict);
        }
        let live = Live {
            id: session.id,
            record: Arc::clone(record),
            last_seen,
            now,
        };
        let ended = Vec::new();
        Some(Created::Created { live, ended })
    }

    fn is_outdated(&self, session: &NewSession, now: Timestamp) -> bool {
        let hash = |subject: &Subject| self.index.hash(subject);
        session.ticket.is_some_and(|ticket| {
            now.saturating_since(ticket.issued_at) > Ticket::LIFETIME
                || self.cuts.outdate(ticket, session.subject.as_ref(), hash)
        })
    }

    /// Which sessions must end, or the limit that refuses the new one. Changes nothing.
    fn room_for(
        &self,
        session: &NewSession,
        neighbours: &Neighbours<'_>,
        hash: u64,
        now: Timestamp,
    ) -> Result<Room, Limit> {
        let mut room = Room {
            oldest: Vec::new(),
            replaced: None,
        };
        let Some(subject) = &session.subject else {
            return Ok(room);
        };
        if session.limit.is_none() && session.replaces.is_none() {
            return Ok(room);
        }
        let mut others: Vec<_> = of_hash(neighbours, hash)
            .filter_map(|id| Some((self.live_of(subject, id, now)?.generation(), id)))
            .collect();
        if let Some(replaced) = session.replaces {
            let before = others.len();
            others.retain(|(_, id)| *id != replaced);
            room.replaced = (others.len() < before).then_some(replaced);
        }
        let Some(limit) = session.limit else {
            return Ok(room);
        };
        let max = usize::try_from(limit.max.get()).unwrap_or(usize::MAX);
        let surplus = (others.len() + 1).saturating_sub(max);
        match limit.at_limit {
            AtLimit::RefuseNew if surplus > 0 => Err(limit),
            AtLimit::RefuseNew => Ok(room),
            AtLimit::EndOldest => {
                others.sort_unstable();
                room.oldest
                    .extend(others.into_iter().take(surplus).map(|(_, id)| id));
                Ok(room)
            }
        }
    }

    /// The record of a session, if it is live and of this subject.
    pub(super) fn live_of(
        &self,
        subject: &Subject,
        id: SessionId,
        now: Timestamp,
    ) -> Option<Arc<Record>> {
        let live = self.live(id, now)?;
        (live.record.subject() == Some(subject)).then_some(live.record)
    }

    /// Inserts the session; `None` when another one came first under its id.
    fn try_insert(&self, session: NewSession, now: Timestamp) -> Result<Option<Live>, Error> {
        let id = session.id;
        self.reserve()?;
        let live = Live {
            id,
            record: Arc::new(record_of(session, self.next_generation(), now)),
            last_seen: now,
            now,
        };
        match self.slots.entry(id) {
            Entry::Occupied(_) => {
                self.counters.live.fetch_sub(1, Ordering::Relaxed);
                Ok(None)
            }
            Entry::Vacant(vacant) => {
                vacant.insert(Slot::Live {
                    last_seen: AtomicU64::new(now.as_unix_millis()),
                    record: Arc::clone(&live.record),
                });
                Ok(Some(live))
            }
        }
    }

    /// Counts one more live session.
    fn reserve(&self) -> Result<(), Error> {
        let live = self.counters.live.fetch_add(1, Ordering::Relaxed);
        if live.saturating_add(self.pending.count()) < self.max_sessions {
            return Ok(());
        }
        self.counters.live.fetch_sub(1, Ordering::Relaxed);
        Err(Error::unavailable(format!(
            "a new session would be more than the max_sessions of {} (live, or ended and not yet \
             worked off)",
            self.max_sessions
        )))
    }
}
