//! The contract, answered at once.

use super::MemoryStore;
use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::Cause,
    record::{Activity, Departed, Generation, Scope, Tombstone},
    store::{
        Answer, CheckIn, Checked, Claimant, Created, Cursor, End, Listed, NewSession, Notices,
        Page, Reply, Rotated, SessionStore, Ticket, Update, Updated,
    },
};
use std::{sync::Arc, time::Duration};

impl SessionStore for MemoryStore {
    fn mint_id(&self, _subject: Option<&Subject>) -> Answer<SessionId> {
        Reply::Now(SessionId::random().map_err(Into::into))
    }

    fn begin_log_in(&self, _subject: Option<&Subject>) -> Answer<Ticket> {
        Reply::Now(Ok(self.issue_ticket()))
    }

    fn create(&self, session: NewSession) -> Answer<Created> {
        Reply::Now(self.insert(session))
    }

    fn check_in(&self, id: SessionId, secret: &SecretHash, activity: Activity) -> Answer<CheckIn> {
        Reply::Now(Ok(self.validate(id, secret, activity)))
    }

    fn check(&self, ids: &[SessionId], activity: Activity) -> Answer<Vec<Checked>> {
        Reply::Now(Ok(self.recheck(ids, activity)))
    }

    fn update(&self, id: SessionId, update: Update, expected: Option<u64>) -> Answer<Updated> {
        Reply::Now(Ok(self.merge(id, &update, expected)))
    }

    fn rotate(
        &self,
        id: SessionId,
        old: &SecretHash,
        new: &SecretHash,
        grace: Duration,
    ) -> Answer<Rotated> {
        Reply::Now(Ok(self.swap_secret(id, old, new, grace)))
    }

    fn end(&self, id: SessionId, cause: Cause, claimant: Claimant) -> Answer<End> {
        Reply::Now(Ok(self.end_one(id, &cause, claimant)))
    }

    fn end_many(
        &self,
        ids: &[SessionId],
        cause: Cause,
        claimant: Claimant,
    ) -> Answer<Vec<Departed>> {
        Reply::Now(Ok(self.end_each(ids, &cause, claimant)))
    }

    fn end_due(&self, limit: usize, claimant: Claimant) -> Answer<Vec<Departed>> {
        Reply::Now(Ok(self.sweep(limit, claimant)))
    }

    fn end_all(&self, scope: Scope, cause: Cause) -> Answer<Generation> {
        Reply::Now(Ok(self.cut(scope, cause)))
    }

    fn tombstone(&self, id: SessionId) -> Answer<Option<Arc<Tombstone>>> {
        Reply::Now(Ok(self.tombstone_of(id)))
    }

    fn list(&self, subject: &Subject) -> Answer<Vec<Listed>> {
        Reply::Now(Ok(self.sessions_of(subject)))
    }

    fn page(&self, cursor: Option<Cursor>, limit: usize) -> Answer<Page> {
        Reply::Now(self.page_after(cursor.as_ref(), limit))
    }

    fn pending(&self, limit: usize, lease: Duration) -> Answer<Vec<Departed>> {
        let now = self.now();
        Reply::Now(Ok(self.pending.take_over(limit, lease, now)))
    }

    fn renew(&self, id: SessionId, claim: u64, lease: Duration) -> Answer<bool> {
        let until = self.now().saturating_add(lease);
        Reply::Now(Ok(self.pending.renew(id, claim, until)))
    }

    fn acknowledge(&self, id: SessionId, claim: u64) -> Answer<bool> {
        Reply::Now(Ok(self.pending.acknowledge(id, claim)))
    }

    fn live_sessions(&self) -> Option<usize> {
        Some(self.live_count())
    }

    /// Some 0.1 ms of work, with the conclusion of each.
    fn sweep_step(&self) -> usize {
        16
    }

    /// Zero: a touch is one atomic store.
    fn touch_interval(&self, _: Option<Duration>) -> Duration {
        Duration::ZERO
    }

    fn notices(&self) -> Notices {
        self.notices.subscribe()
    }
}
