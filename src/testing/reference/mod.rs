//! The contract as the shortest program: what every store must do, without being fast.

mod ending;
mod row;
mod state;

use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::Cause,
    record::{Activity, Departed, Generation, Scope, Tombstone},
    store::{
        Answer, CheckIn, Checked, Claimant, Created, Cursor, End, Error, Listed, NewSession,
        Notices, Page, Reply, Rotated, SessionStore, Ticket, Update, Updated,
    },
    time::{Clock, Timestamp},
};
use state::State;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A store that is easy to believe: one lock around everything, no index, every operation a walk
/// over all sessions.
///
/// For comparison with a store under test, and to read. It keeps each session until somebody
/// calls [`end_due`](SessionStore::end_due), and grows slow with a few thousand.
pub struct ReferenceStore(Mutex<State>);

impl ReferenceStore {
    /// An empty store on this clock.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self(Mutex::new(State::new(Box::new(clock), NOTICES)))
    }

    /// What [`end_due`](SessionStore::end_due) would end, most overdue first; ends nothing.
    pub(super) fn due(&self) -> Vec<SessionId> {
        self.state().due()
    }

    /// What [`pending`](SessionStore::pending) would hand out; leases nothing.
    pub(super) fn to_take_over(&self) -> Vec<SessionId> {
        self.state().to_take_over()
    }

    /// Takes over the pending work of these sessions only.
    pub(super) fn take_over(&self, ids: &[SessionId], lease: Duration) -> Vec<Departed> {
        self.state().take_over(ids, lease)
    }

    /// Until when a tombstone must be kept.
    pub(super) fn keeps_until(&self, id: SessionId) -> Option<Timestamp> {
        self.state().keeps_until(id)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for ReferenceStore {
    fn mint_id(&self, _subject: Option<&Subject>) -> Answer<SessionId> {
        Reply::Now(SessionId::random().map_err(Error::from))
    }

    fn begin_log_in(&self, _subject: Option<&Subject>) -> Answer<Ticket> {
        Reply::Now(Ok(self.state().ticket()))
    }

    fn create(&self, session: NewSession) -> Answer<Created> {
        Reply::Now(Ok(self.state().create(session)))
    }

    fn check_in(&self, id: SessionId, secret: &SecretHash, activity: Activity) -> Answer<CheckIn> {
        Reply::Now(Ok(self.state().check_in(id, secret, activity)))
    }

    fn check(&self, ids: &[SessionId], activity: Activity) -> Answer<Vec<Checked>> {
        let mut state = self.state();
        Reply::Now(Ok(ids
            .iter()
            .map(|id| state.check(*id, activity))
            .collect()))
    }

    fn update(&self, id: SessionId, update: Update, expected: Option<u64>) -> Answer<Updated> {
        Reply::Now(Ok(self.state().update(id, &update, expected)))
    }

    fn rotate(
        &self,
        id: SessionId,
        old: &SecretHash,
        new: &SecretHash,
        grace: Duration,
    ) -> Answer<Rotated> {
        Reply::Now(Ok(self.state().rotate(id, old, new, grace)))
    }

    fn end(&self, id: SessionId, cause: Cause, claimant: Claimant) -> Answer<End> {
        Reply::Now(Ok(self.state().end(id, cause, claimant)))
    }

    fn end_many(
        &self,
        ids: &[SessionId],
        cause: Cause,
        claimant: Claimant,
    ) -> Answer<Vec<Departed>> {
        Reply::Now(Ok(self.state().end_many(ids, &cause, claimant)))
    }

    fn end_due(&self, limit: usize, claimant: Claimant) -> Answer<Vec<Departed>> {
        Reply::Now(Ok(self.state().end_due(limit, claimant)))
    }

    fn end_all(&self, scope: Scope, cause: Cause) -> Answer<Generation> {
        Reply::Now(Ok(self.state().end_all(scope, cause)))
    }

    fn tombstone(&self, id: SessionId) -> Answer<Option<Arc<Tombstone>>> {
        Reply::Now(Ok(self.state().tombstone(id)))
    }

    fn list(&self, subject: &Subject) -> Answer<Vec<Listed>> {
        Reply::Now(Ok(self.state().list(subject)))
    }

    fn page(&self, cursor: Option<Cursor>, limit: usize) -> Answer<Page> {
        Reply::Now(Ok(self.state().page(cursor.as_ref(), limit)))
    }

    fn pending(&self, limit: usize, lease: Duration) -> Answer<Vec<Departed>> {
        let mut state = self.state();
        let mut ids = state.to_take_over();
        ids.truncate(limit);
        Reply::Now(Ok(state.take_over(&ids, lease)))
    }

    fn renew(&self, id: SessionId, claim: u64, lease: Duration) -> Answer<bool> {
        Reply::Now(Ok(self.state().renew(id, claim, lease)))
    }

    fn acknowledge(&self, id: SessionId, claim: u64) -> Answer<bool> {
        Reply::Now(Ok(self.state().acknowledge(id, claim)))
    }

    fn notices(&self) -> Notices {
        self.state().notices()
    }
}

impl fmt::Debug for ReferenceStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceStore").finish_non_exhaustive()
    }
}

/// By how many notices a node may fall behind.
const NOTICES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing::StoreHarness, time::ManualClock};

    #[derive(Default)]
    struct Harness(ManualClock);

    impl StoreHarness for Harness {
        async fn open(&self) -> Arc<dyn SessionStore> {
            Arc::new(ReferenceStore::with_clock(self.0.clone()))
        }

        async fn advance(&self, by: Duration) {
            self.0.advance(by);
        }

        async fn set_back(&self, by: Duration) -> bool {
            self.0.set(self.0.now().saturating_sub(by));
            true
        }

        fn many(&self) -> usize {
            1_000
        }
    }

    crate::testing::store_suite!(Harness::default());
}
