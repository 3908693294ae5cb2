//! Ending, cutting and the work that is pending, under the one lock.

use super::{
    row::{Gone, Work},
    state::State,
};
use crate::{
    id::SessionId,
    reason::{Cause, Ending},
    record::{Cut, Departed, Generation, Scope, Tombstone, Values},
    store::{Claimant, End, Notice},
    time::Timestamp,
};
use std::{collections::HashSet, sync::Arc, time::Duration};

impl State {
    pub(super) fn end(&mut self, id: SessionId, cause: Cause, claimant: Claimant) -> End {
        if let Some(departed) = self.conclude(id, cause, claimant) {
            return End::First(departed);
        }
        match self.tombstone(id) {
            None => End::Unknown,
            Some(tombstone) => self
                .repeated(id, claimant)
                .map_or(End::Already(tombstone), End::First),
        }
    }

    /// Those that this attempt ended.
    pub(super) fn end_many(
        &mut self,
        ids: &[SessionId],
        cause: &Cause,
        claimant: Claimant,
    ) -> Vec<Departed> {
        let mut met = HashSet::new();
        ids.iter()
            .filter(|id| met.insert(**id))
            .filter_map(|id| match self.end(*id, cause.clone(), claimant) {
                End::First(departed) => Some(departed),
                End::Already(_) | End::Unknown => None,
            })
            .collect()
    }

    /// Ends a session that has not ended, with the earliest cause.
    fn conclude(&mut self, id: SessionId, cause: Cause, claimant: Claimant) -> Option<Departed> {
        let row = self.rows.get(&id).filter(|row| row.gone.is_none())?;
        let due = self.due_now(row);
        let (due_at, cause, cut) = due.map_or((None, cause, None), |(at, cause, cut)| {
            (Some(at), cause, cut)
        });
        let now = self.now();
        self.last_claim += 1;
        let work = Work {
            claim: self.last_claim,
            lease_until: now.saturating_add(claimant.lease),
            taken_over: false,
        };
        let reason = cause.reason().clone();
        self.notices.send(|| Notice::Ended { id, reason });

        let row = self.rows.get_mut(&id)?;
        row.parts.values = Values::default();
        row.gone = Some(Gone {
            ending: Ending::new(cause, now),
            cut,
            due_at,
            attempt: claimant.attempt,
            work: Some(work),
        });
        row.departed()
    }

    /// The same attempt again, while its work is pending and nobody took it over.
    fn repeated(&mut self, id: SessionId, claimant: Claimant) -> Option<Departed> {
        let lease_until = self.now().saturating_add(claimant.lease);
        let row = self.rows.get_mut(&id)?;
        let gone = row.gone.as_mut()?;
        let work = gone
            .work
            .as_mut()
            .filter(|work| gone.attempt == claimant.attempt && !work.taken_over)?;
        work.lease_until = lease_until;
        row.departed()
    }

    pub(super) fn due(&self) -> Vec<SessionId> {
        let mut due: Vec<(Timestamp, SessionId)> = self
            .rows
            .values()
            .filter(|row| row.gone.is_none())
            .filter_map(|row| Some((self.due_now(row)?.0, row.id)))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn end_due(&mut self, limit: usize, claimant: Claimant) -> Vec<Departed> {
        let now = self.now();
        self.rows.retain(|_, row| {
            let pending = row.gone.as_ref().is_some_and(|gone| gone.work.is_some());
            pending || row.keep_until().is_none_or(|until| now < until)
        });
        let mut due = self.due();
        due.truncate(limit);
        // They are due, so that their own cause counts and not this one.
        self.end_many(&due, &crate::reason::EndReason::Lost.into(), claimant)
    }

    pub(super) fn end_all(&mut self, scope: Scope, cause: Cause) -> Generation {
        let kept = match &scope {
            Scope::Subject {
                subject,
                except: Some(kept),
            } => self
                .rows
                .get(kept)
                .filter(|row| row.parts.subject.as_ref() == Some(subject) && self.is_live(row))
                .map(|row| row.id),
            Scope::Subject { except: None, .. } | Scope::Everyone { .. } => None,
        };
        let created_before = match &scope {
            Scope::Everyone { created_before } => *created_before,
            Scope::Subject { .. } => None,
        };
        let generation = self.next_generation();
        if let Some(row) = kept.and_then(|id| self.rows.get_mut(&id)) {
            row.parts.generation = generation;
        }
        self.notices.send(|| Notice::Cut(scope.clone()));
        let cut = Cut::new(generation, cause, self.now(), created_before);
        self.cuts.push((scope, cut));
        generation
    }

    pub(super) fn tombstone(&self, id: SessionId) -> Option<Arc<Tombstone>> {
        self.rows.get(&id)?.tombstone()
    }

    pub(super) fn keeps_until(&self, id: SessionId) -> Option<Timestamp> {
        self.rows.get(&id)?.keep_until()
    }

    pub(super) fn to_take_over(&self) -> Vec<SessionId> {
        let now = self.now();
        let lease_is_over = |work: &Work| work.lease_until <= now;
        self.rows
            .values()
            .filter(|row| {
                let work = row.gone.as_ref().and_then(|gone| gone.work.as_ref());
                work.is_some_and(lease_is_over)
            })
            .map(|row| row.id)
            .collect()
    }

    pub(super) fn take_over(&mut self, ids: &[SessionId], lease: Duration) -> Vec<Departed> {
        let lease_until = self.now().saturating_add(lease);
        let mut taken = Vec::new();
        for id in ids {
            self.last_claim += 1;
            let Some(row) = self.rows.get_mut(id) else {
                continue;
            };
            if let Some(gone) = &mut row.gone
                && let Some(work) = &mut gone.work
            {
                *work = Work {
                    claim: self.last_claim,
                    lease_until,
                    taken_over: true,
                };
            }
            taken.extend(row.departed());
        }
        taken
    }

    pub(super) fn renew(&mut self, id: SessionId, claim: u64, lease: Duration) -> bool {
        let lease_until = self.now().saturating_add(lease);
        let work = self.rows.get_mut(&id).and_then(|row| row.work_of(claim));
        work.map(|work| work.lease_until = lease_until).is_some()
    }

    pub(super) fn acknowledge(&mut self, id: SessionId, claim: u64) -> bool {
        let Some(row) = self.rows.get_mut(&id) else {
            return false;
        };
        let is_the_callers = row.work_of(claim).is_some();
        if let Some(gone) = row.gone.as_mut().filter(|_| is_the_callers) {
            gone.work = None;
            row.parts.leave_behind = Values::default();
        }
        is_the_callers
    }
}
