//! The contract: everything is the store's answer, and what it changes is evicted.
//!
//! Before, so that nothing is served of what may be over when the store answers; and after, so that
//! nothing is kept that was asked meanwhile.
#![expect(
    clippy::disallowed_methods,
    reason = "a store around a store: the one road calls it"
)]

use super::NearCache;
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

impl SessionStore for NearCache {
    fn mint_id(&self, subject: Option<&Subject>) -> Answer<SessionId> {
        self.store.mint_id(subject)
    }

    fn begin_log_in(&self, subject: Option<&Subject>) -> Answer<Ticket> {
        self.store.begin_log_in(subject)
    }

    fn create(&self, session: NewSession) -> Answer<Created> {
        let replaced = session.replaces;
        let answer = self.evicting(replaced, |store| store.create(session));
        let memory = Arc::clone(&self.memory);
        answer.map(move |answer| {
            if let Ok(Created::Created { ended, .. }) = &answer {
                memory.evict_all(ended.iter().map(|ended| ended.id));
            }
            answer
        })
    }

    fn check_in(&self, id: SessionId, secret: &SecretHash, activity: Activity) -> Answer<CheckIn> {
        if !self.memory.is_told() {
            return self.store.check_in(id, secret, activity);
        }
        let now = self.memory.clock.now();
        let asked = match self.memory.shelf.look_up(id, secret, activity, now) {
            Ok(live) => return Reply::Now(Ok(CheckIn::Live(live))),
            Err(asked) => asked,
        };
        let memory = Arc::clone(&self.memory);
        self.store
            .check_in(id, secret, activity)
            .map(move |answer| {
                match &answer {
                    Ok(CheckIn::Live(live)) => {
                        memory.shelf.keep(&asked, live.clone(), memory.clock.now());
                    }
                    Ok(CheckIn::Due(_) | CheckIn::Ended(_) | CheckIn::Unknown) => {
                        memory.shelf.evict(id);
                    }
                    // What anybody can bring about evicts nothing.
                    Ok(CheckIn::Outdated | CheckIn::WrongSecret) | Err(_) => {}
                }
                answer
            })
    }

    fn check(&self, ids: &[SessionId], activity: Activity) -> Answer<Vec<Checked>> {
        let (memory, asked) = (Arc::clone(&self.memory), ids.to_vec());
        let seen = asked.clone();
        self.store.check(ids, activity).map(move |answer| {
            let checked = asked.into_iter().zip(answer.iter().flatten());
            let over = checked.filter(|(_, checked)| !matches!(checked, Checked::Live { .. }));
            memory.evict_all(over.map(|(id, _)| id));
            if activity == Activity::Active {
                // Seen anew: what is known of them says otherwise.
                memory.evict_all(seen);
            }
            answer
        })
    }

    fn update(&self, id: SessionId, update: Update, expected: Option<u64>) -> Answer<Updated> {
        self.evicting([id], |store| store.update(id, update, expected))
    }

    fn rotate(
        &self,
        id: SessionId,
        old: &SecretHash,
        new: &SecretHash,
        grace: Duration,
    ) -> Answer<Rotated> {
        self.evicting([id], |store| store.rotate(id, old, new, grace))
    }

    fn end(&self, id: SessionId, cause: Cause, claimant: Claimant) -> Answer<End> {
        self.evicting([id], |store| store.end(id, cause, claimant))
    }

    fn end_many(
        &self,
        ids: &[SessionId],
        cause: Cause,
        claimant: Claimant,
    ) -> Answer<Vec<Departed>> {
        self.evicting(ids.to_vec(), |store| store.end_many(ids, cause, claimant))
    }

    fn end_due(&self, limit: usize, claimant: Claimant) -> Answer<Vec<Departed>> {
        let memory = Arc::clone(&self.memory);
        memory.shelf.tidy(memory.clock.now());
        self.store.end_due(limit, claimant).map(move |answer| {
            memory.evict_all(answer.iter().flatten().map(|ended| ended.id));
            answer
        })
    }

    fn end_all(&self, scope: Scope, cause: Cause) -> Answer<Generation> {
        let memory = Arc::clone(&self.memory);
        memory.shelf.evict_scope(&scope);
        self.store.end_all(scope.clone(), cause).map(move |answer| {
            memory.shelf.evict_scope(&scope);
            answer
        })
    }

    fn tombstone(&self, id: SessionId) -> Answer<Option<Arc<Tombstone>>> {
        self.store.tombstone(id)
    }

    fn list(&self, subject: &Subject) -> Answer<Vec<Listed>> {
        self.store.list(subject)
    }

    fn page(&self, cursor: Option<Cursor>, limit: usize) -> Answer<Page> {
        self.store.page(cursor, limit)
    }

    fn pending(&self, limit: usize, lease: Duration) -> Answer<Vec<Departed>> {
        self.store.pending(limit, lease)
    }

    fn renew(&self, id: SessionId, claim: u64, lease: Duration) -> Answer<bool> {
        self.store.renew(id, claim, lease)
    }

    fn acknowledge(&self, id: SessionId, claim: u64) -> Answer<bool> {
        self.store.acknowledge(id, claim)
    }

    fn touch_interval(&self, idle_timeout: Option<Duration>) -> Duration {
        self.store.touch_interval(idle_timeout)
    }

    fn sweep_step(&self) -> usize {
        self.store.sweep_step()
    }

    fn has_own_clock(&self) -> bool {
        self.store.has_own_clock()
    }

    fn live_sessions(&self) -> Option<usize> {
        self.store.live_sessions()
    }

    /// From now on endings elsewhere evict, as they are received.
    fn notices(&self) -> Notices {
        let memory = Arc::clone(&self.memory);
        let notices = self.store.notices();
        memory.listening();
        notices.heard_by(move |notice| memory.hear(notice))
    }
}

impl NearCache {
    /// Does something to sessions, and evicts them before and after.
    fn evicting<T: 'static>(
        &self,
        ids: impl IntoIterator<Item = SessionId> + Clone + Send + 'static,
        change: impl FnOnce(&dyn SessionStore) -> Answer<T>,
    ) -> Answer<T> {
        let memory = Arc::clone(&self.memory);
        memory.evict_all(ids.clone());
        change(&*self.store).map(move |answer| {
            memory.evict_all(ids);
            answer
        })
    }
}
