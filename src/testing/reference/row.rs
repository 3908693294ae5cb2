//! A session of the reference store, live or ended.

use crate::{
    id::{SecretHash, SessionId},
    reason::{Cause, EndReason, Ending},
    record::{Cut, Departed, Generation, Live, Record, RecordParts, Tombstone},
    store::{Attempt, Listed},
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

pub(super) struct Row {
    pub(super) id: SessionId,
    pub(super) parts: RecordParts,
    pub(super) last_seen: Timestamp,
    pub(super) gone: Option<Gone>,
}

/// What an ending adds.
pub(super) struct Gone {
    pub(super) ending: Ending,
    pub(super) cut: Option<Generation>,
    pub(super) due_at: Option<Timestamp>,
    pub(super) attempt: Attempt,
    pub(super) work: Option<Work>,
}

/// The work of an ending, until it is acknowledged.
pub(super) struct Work {
    pub(super) claim: u64,
    pub(super) lease_until: Timestamp,
    pub(super) taken_over: bool,
}

/// What a presented secret is to a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Judged {
    Current,
    Previous { in_grace: bool },
    Wrong,
}

impl Row {
    pub(super) fn judge(&self, secret: &SecretHash, now: Timestamp) -> Judged {
        match &self.parts.previous {
            _ if self.parts.secret_hash == *secret => Judged::Current,
            Some(previous) if previous.hash == *secret => Judged::Previous {
                in_grace: now < previous.until,
            },
            _ => Judged::Wrong,
        }
    }

    /// Why it is to end, with the cut that is the cause, if one is.
    pub(super) fn due(
        &self,
        first_cut: Option<&Cut>,
        now: Timestamp,
    ) -> Option<(Timestamp, Cause, Option<Generation>)> {
        let idle = self.idle_deadline();
        let idle = idle.map(|deadline| (deadline, EndReason::IdleTimeout.into(), None));
        let absolute = self.parts.absolute_deadline;
        let absolute = (absolute, EndReason::AbsoluteTimeout.into(), None);
        let cut = first_cut.map(|cut| (cut.at, cut.cause.clone(), Some(cut.generation)));
        // The earliest; of two at the same instant the absolute deadline, then the idle one: who
        // was due already was not cut.
        [cut, idle, Some(absolute)]
            .into_iter()
            .flatten()
            .filter(|(at, _, cut)| *at <= now || cut.is_some())
            .rev()
            .min_by_key(|(at, ..)| *at)
    }

    pub(super) fn live(&self, now: Timestamp) -> Live {
        Live {
            id: self.id,
            record: Arc::new(Record::from(self.parts.clone())),
            last_seen: self.last_seen,
            now,
        }
    }

    pub(super) fn listed(&self) -> Listed {
        Listed {
            id: self.id,
            subject: self.parts.subject.clone(),
            created_at: self.parts.created_at,
            last_seen: self.last_seen,
            absolute_deadline: self.parts.absolute_deadline,
            client: self.parts.client.clone(),
        }
    }

    pub(super) fn tombstone(&self) -> Option<Arc<Tombstone>> {
        let gone = self.gone.as_ref()?;
        Some(Arc::new(Tombstone {
            id: self.id,
            secret_hash: self.parts.secret_hash,
            previous_hash: self.parts.previous.map(|previous| previous.hash),
            subject: self.parts.subject.clone(),
            ending: gone.ending.clone(),
        }))
    }

    /// The pending work; `None` when it is done.
    pub(super) fn departed(&self) -> Option<Departed> {
        let gone = self.gone.as_ref()?;
        let work = gone.work.as_ref()?;
        Some(Departed {
            id: self.id,
            subject: self.parts.subject.clone(),
            ending: gone.ending.clone(),
            cut: gone.cut,
            due_at: gone.due_at,
            created_at: self.parts.created_at,
            last_seen: self.last_seen,
            client: self.parts.client.clone(),
            leave_behind: self.parts.leave_behind.clone(),
            claim: work.claim,
            redelivered: work.taken_over,
        })
    }

    pub(super) fn keep_until(&self) -> Option<Timestamp> {
        let ended_at = self.gone.as_ref()?.ending.at();
        Some(Tombstone::keep_until(
            ended_at,
            self.parts.absolute_deadline,
        ))
    }

    fn idle_deadline(&self) -> Option<Timestamp> {
        let idle = self.parts.idle_timeout?;
        let allowed = idle.saturating_add(self.parts.touch_interval);
        Some(self.last_seen.saturating_add(allowed))
    }

    /// The first of its deadlines.
    pub(super) fn deadline(&self) -> Timestamp {
        let absolute = self.parts.absolute_deadline;
        self.idle_deadline()
            .map_or(absolute, |idle| idle.min(absolute))
    }

    pub(super) fn touch(&mut self, now: Timestamp) {
        let since = now.saturating_since(self.last_seen);
        if since > Duration::ZERO && since >= self.parts.touch_interval {
            self.last_seen = now;
        }
    }

    pub(super) fn work_of(&mut self, claim: u64) -> Option<&mut Work> {
        let work = self.gone.as_mut()?.work.as_mut()?;
        (work.claim == claim).then_some(work)
    }
}
