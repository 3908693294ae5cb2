//! Starting, judging and writing, under the one lock.

use super::row::{Judged, Row};
use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::{Cause, EndReason},
    record::{Activity, Cut, Generation, Grants, Previous, RecordParts, Scope},
    store::{
        AtLimit, CheckIn, Checked, Created, Cursor, Listed, NewSession, NotLive, NoticeSender,
        Notices, Page, Rotated, Ticket, Update, Updated,
    },
    time::{Clock, Timestamp},
};
use std::{collections::BTreeMap, time::Duration};

pub(super) struct State {
    clock: Box<dyn Clock>,
    pub(super) notices: NoticeSender,
    /// By id, so that a page is a range.
    pub(super) rows: BTreeMap<SessionId, Row>,
    /// In the order in which they were made.
    pub(super) cuts: Vec<(Scope, Cut)>,
    last_generation: u64,
    pub(super) last_claim: u64,
}

impl State {
    pub(super) fn new(clock: Box<dyn Clock>, notices: usize) -> Self {
        Self {
            clock,
            notices: NoticeSender::new(notices),
            rows: BTreeMap::new(),
            cuts: Vec::new(),
            last_generation: 0,
            last_claim: 0,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn notices(&self) -> Notices {
        self.notices.subscribe()
    }

    pub(super) fn next_generation(&mut self) -> Generation {
        self.last_generation += 1;
        Generation::new(self.last_generation)
    }

    pub(super) fn ticket(&self) -> Ticket {
        Ticket {
            generation: Generation::new(self.last_generation),
            issued_at: self.now(),
        }
    }

    /// Why a session is to end, with the cut that is the cause, if one is.
    pub(super) fn due_now(&self, row: &Row) -> Option<(Timestamp, Cause, Option<Generation>)> {
        let subject = row.parts.subject.as_ref();
        let (generation, created_at) = (row.parts.generation, row.parts.created_at);
        let mut cuts = self.cuts_of(subject);
        row.due(
            cuts.find(|cut| cut.covers(generation, created_at)),
            self.now(),
        )
    }

    /// The one predicate.
    pub(super) fn is_live(&self, row: &Row) -> bool {
        row.gone.is_none() && self.due_now(row).is_none()
    }

    fn cuts_of<'a>(&'a self, subject: Option<&'a Subject>) -> impl Iterator<Item = &'a Cut> {
        self.cuts
            .iter()
            .filter(move |(scope, _)| match scope {
                Scope::Everyone { .. } => true,
                Scope::Subject { subject: of, .. } => subject == Some(of),
            })
            .map(|(_, cut)| cut)
    }

    /// Why a write is refused.
    fn not_live(&self, id: SessionId) -> Option<NotLive> {
        let Some(row) = self.rows.get(&id) else {
            return Some(NotLive::Unknown);
        };
        if let Some(tombstone) = row.tombstone() {
            return Some(NotLive::Ended(tombstone));
        }
        self.due_now(row).map(|(_, cause, _)| NotLive::Due(cause))
    }

    pub(super) fn create(&mut self, session: NewSession) -> Created {
        if let Some(row) = self.rows.get(&session.id) {
            return if self.is_live(row) && row.parts.secret_hash == session.secret_hash {
                let (live, ended) = (row.live(self.now()), Vec::new());
                Created::Created { live, ended }
            } else {
                Created::Conflict
            };
        }
        let subject = session.subject.as_ref();
        if session
            .ticket
            .is_some_and(|ticket| self.is_outdated(ticket, subject))
        {
            return Created::Outdated;
        }
        let (replaced, mut others): (Vec<_>, Vec<_>) = subject
            .map(|subject| self.list(subject))
            .unwrap_or_default()
            .into_iter()
            .map(|listed| listed.id)
            .partition(|id| session.replaces == Some(*id));
        match session.limit.filter(|_| subject.is_some()) {
            None => others.clear(),
            Some(limit) => {
                let max = usize::try_from(limit.max.get()).unwrap_or(usize::MAX);
                others.truncate((others.len() + 1).saturating_sub(max));
                if limit.at_limit == AtLimit::RefuseNew && !others.is_empty() {
                    return Created::LimitReached(limit);
                }
            }
        }
        let claimant = session.claimant;
        let superseded = session.ending_for(EndReason::Superseded);
        let reauthenticated = session.ending_for(EndReason::Reauthenticated);
        let mut ended = self.end_many(&others, &superseded, claimant);
        ended.extend(self.end_many(&replaced, &reauthenticated, claimant));
        let now = self.now();
        let live = self.insert(session).live(now);
        Created::Created { live, ended }
    }

    fn is_outdated(&self, ticket: Ticket, subject: Option<&Subject>) -> bool {
        self.now().saturating_since(ticket.issued_at) > Ticket::LIFETIME
            || self
                .cuts_of(subject)
                .any(|cut| cut.covers(ticket.generation, ticket.issued_at))
    }

    fn insert(&mut self, session: NewSession) -> &Row {
        let (now, generation) = (self.now(), self.next_generation());
        let row = Row {
            id: session.id,
            parts: RecordParts {
                secret_hash: session.secret_hash,
                previous: None,
                generation,
                subject: session.subject,
                created_at: now,
                authenticated_at: now,
                idle_timeout: session.idle_timeout,
                touch_interval: session.touch_interval,
                absolute_deadline: now.saturating_add(session.absolute_timeout),
                revision: 0,
                client: session.client,
                values: session.values,
                grants: Grants::default(),
                leave_behind: crate::record::Values::default(),
            },
            last_seen: now,
            gone: None,
        };
        self.rows.entry(session.id).or_insert(row)
    }

    pub(super) fn check_in(
        &mut self,
        id: SessionId,
        secret: &SecretHash,
        activity: Activity,
    ) -> CheckIn {
        let now = self.now();
        let judged = self.rows.get(&id).map(|row| row.judge(secret, now));
        match (judged, self.not_live(id)) {
            (None, _) | (_, Some(NotLive::Unknown)) => CheckIn::Unknown,
            (Some(Judged::Wrong), _) => CheckIn::WrongSecret,
            (_, Some(NotLive::Ended(tombstone))) => CheckIn::Ended(tombstone),
            (_, Some(NotLive::Due(cause))) => CheckIn::Due(cause),
            (Some(Judged::Previous { in_grace: false }), None) => CheckIn::Outdated,
            (Some(judged), None) => self.present(id, judged, activity),
        }
    }

    /// The right secret of a live session.
    fn present(&mut self, id: SessionId, judged: Judged, activity: Activity) -> CheckIn {
        let now = self.now();
        let Some(row) = self.rows.get_mut(&id) else {
            return CheckIn::Unknown;
        };
        if let (Judged::Current, Some(previous)) = (judged, &mut row.parts.previous) {
            previous.until = previous.until.min(now);
        }
        if activity == Activity::Active {
            row.touch(now);
        }
        CheckIn::Live(row.live(now))
    }

    pub(super) fn check(&mut self, id: SessionId, activity: Activity) -> Checked {
        let now = self.now();
        match self.not_live(id) {
            Some(NotLive::Unknown) => Checked::Unknown,
            Some(NotLive::Ended(tombstone)) => Checked::Ended(tombstone.reason().clone()),
            Some(NotLive::Due(cause)) => Checked::Due(cause.reason().clone()),
            None => {
                let Some(row) = self.rows.get_mut(&id) else {
                    return Checked::Unknown;
                };
                if activity == Activity::Active {
                    row.touch(now);
                }
                Checked::Live {
                    due_in: row.deadline().saturating_since(now),
                }
            }
        }
    }

    pub(super) fn update(
        &mut self,
        id: SessionId,
        update: &Update,
        expected: Option<u64>,
    ) -> Updated {
        let now = self.now();
        if let Some(not_live) = self.not_live(id) {
            return Updated::NotLive(not_live);
        }
        let Some(row) = self.rows.get_mut(&id) else {
            return Updated::NotLive(NotLive::Unknown);
        };
        if expected.is_some_and(|expected| expected != row.parts.revision) {
            return Updated::Conflict(row.live(now));
        }
        if !update.is_empty() {
            let parts = &mut row.parts;
            parts.values = parts.values.changed(&update.values);
            parts.leave_behind = parts.leave_behind.changed(&update.leave_behind);
            let grants = std::mem::take(&mut parts.grants);
            parts.grants = update
                .grants
                .iter()
                .fold(grants, |grants, (name, until)| grants.with(name, until))
                .iter()
                .filter(|(_, until)| now < *until)
                .map(|(name, until)| (name.into(), until))
                .collect();
            parts.revision += 1;
        }
        Updated::Written(row.live(now))
    }

    pub(super) fn rotate(
        &mut self,
        id: SessionId,
        old: &SecretHash,
        new: &SecretHash,
        grace: Duration,
    ) -> Rotated {
        let now = self.now();
        let judged = self.rows.get(&id).map(|row| row.judge(old, now));
        if judged == Some(Judged::Wrong) {
            return Rotated::WrongSecret;
        }
        if let Some(not_live) = self.not_live(id) {
            return Rotated::NotLive(not_live);
        }
        match (judged, self.rows.get_mut(&id)) {
            (Some(Judged::Current), Some(row)) => {
                let (hash, until) = (*old, now.saturating_add(grace));
                row.parts.previous = Some(Previous { hash, until });
                row.parts.secret_hash = *new;
                Rotated::Written
            }
            (Some(_), Some(row)) if row.parts.secret_hash == *new => Rotated::Written,
            (Some(_), _) => Rotated::Outdated,
            (None, _) => Rotated::NotLive(NotLive::Unknown),
        }
    }

    pub(super) fn list(&self, subject: &Subject) -> Vec<Listed> {
        let mut rows: Vec<&Row> = self
            .rows
            .values()
            .filter(|row| row.parts.subject.as_ref() == Some(subject) && self.is_live(row))
            .collect();
        rows.sort_by_key(|row| row.parts.generation);
        rows.into_iter().map(Row::listed).collect()
    }

    /// In the order of the ids; the cursor is the last id seen.
    pub(super) fn page(&self, cursor: Option<&Cursor>, limit: usize) -> Page {
        let after = cursor.map_or(&[][..], Cursor::as_bytes);
        let mut sessions: Vec<Listed> = self
            .rows
            .values()
            .filter(|row| row.id.as_bytes().as_slice() > after && self.is_live(row))
            .map(Row::listed)
            .take(limit.saturating_add(1))
            .collect();
        let more = sessions.len() > limit;
        sessions.truncate(limit);
        let last = sessions.last().filter(|_| more);
        let next = last.map(|last| Cursor::from_bytes(*last.id.as_bytes()));
        Page { sessions, next }
    }
}
