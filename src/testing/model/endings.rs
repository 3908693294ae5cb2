//! Ending, cutting and the pending work, on both stores.

use super::{
    Everyone,
    run::{Run, Step, claimant, ok, same, subject},
};
use crate::{
    id::SessionId,
    reason::{Cause, EndReason},
    record::{Departed, Scope},
    store::{Attempt, Claimant, End, SessionStore},
    testing::StoreHarness,
    time::{Clock, Timestamp},
};
use std::{collections::HashSet, time::Duration};

impl<H: StoreHarness> Run<'_, H> {
    pub(super) async fn end(&mut self, session: u8, attempt: u8) -> Step {
        let Some((index, id)) = self.some(session) else {
            return Ok(());
        };
        let taken_over = self
            .sessions
            .get(index)
            .is_some_and(|known| known.taken_over);
        let claimant = if taken_over {
            claimant()
        } else {
            let attempt = Attempt::from_bytes([attempt % 4; 16]);
            Claimant {
                attempt,
                lease: Self::lease(2),
            }
        };
        let cause = Cause::from(EndReason::Logout).with_note("by hand");
        let theirs = ok(self.store.end(id, cause.clone(), claimant)).await;
        let ours = ok(self.reference.end(id, cause, claimant)).await;
        if let (End::First(theirs), End::First(ours)) = (&theirs, &ours) {
            self.claimed(std::slice::from_ref(theirs), std::slice::from_ref(ours));
        }
        same(&self.eye.end(&theirs), &self.reference_eye.end(&ours))
    }

    pub(super) async fn end_many(&mut self, sessions: &[u8]) -> Step {
        let (ids, claimant) = (self.several(sessions), claimant());
        let cause = Cause::from(EndReason::Forced);
        let theirs = ok(self.store.end_many(&ids, cause.clone(), claimant)).await;
        let ours = ok(self.reference.end_many(&ids, cause, claimant)).await;
        self.same_departed(&theirs, &ours)
    }

    pub(super) async fn end_due(&mut self, limit: u8) -> Step {
        let (limit, claimant) = (usize::from(limit) + 1, claimant());
        let due = self.reference.due();
        let theirs = ok(self.store.end_due(limit, claimant)).await;
        let ids = chosen(&theirs, &due, limit, "due")?;
        let ours = ok(self
            .reference
            .end_many(&ids, EndReason::Lost.into(), claimant))
        .await;
        ok(self.reference.end_due(0, claimant)).await;
        self.same_departed(&theirs, &ours)
    }

    pub(super) async fn end_all(&mut self, theirs: Scope, ours: Scope, cause: Cause) -> Step {
        ok(self.store.end_all(theirs, cause.clone())).await;
        ok(self.reference.end_all(ours, cause)).await;
        Ok(())
    }

    pub(super) async fn end_all_of_subject(&mut self, of: u8, except: Option<u8>) -> Step {
        let Some(subject) = subject(usize::from(of % 3) + 1) else {
            return Ok(());
        };
        let except = except
            .and_then(|number| self.some(number))
            .map(|(_, id)| id);
        let cause = Cause::from(EndReason::CredentialChange).with_note(&self.steps.to_string());
        let scope = Scope::Subject { subject, except };
        self.end_all(scope.clone(), scope, cause).await
    }

    pub(super) async fn end_all_of_everyone(&mut self, everyone: Everyone) -> Step {
        let elapsed = self.clock.now().saturating_since(self.reference_eye.base);
        let created_before = |base: Timestamp| match everyone {
            Everyone::All => None,
            Everyone::CreatedBefore(minutes) => {
                let half = self.minutes(0);
                let ago = Duration::from_secs(u64::from(minutes) * 60) + half;
                Some(base.saturating_add(elapsed).saturating_sub(ago))
            }
        };
        let theirs = Scope::Everyone {
            created_before: created_before(self.eye.base),
        };
        let ours = Scope::Everyone {
            created_before: created_before(self.reference_eye.base),
        };
        let cause = Cause::from(EndReason::Policy).with_note(&self.steps.to_string());
        self.end_all(theirs, ours, cause).await
    }

    pub(super) async fn tombstone(&mut self, session: u8) -> Step {
        let Some((_, id)) = self.some(session) else {
            return Ok(());
        };
        let theirs = ok(self.store.tombstone(id)).await;
        let ours = ok(self.reference.tombstone(id)).await;
        let theirs = theirs.map(|tombstone| self.eye.tombstone(&tombstone));
        let ours = ours.map(|tombstone| self.reference_eye.tombstone(&tombstone));
        same(&format!("{theirs:?}"), &format!("{ours:?}"))
    }

    pub(super) async fn pending(&mut self, limit: u8, lease: u8) -> Step {
        let (limit, lease) = (usize::from(limit) + 1, Self::lease(lease % 16));
        let over = self.reference.to_take_over();
        let theirs = ok(self.store.pending(limit, lease)).await;
        let ids = chosen(&theirs, &over, limit, "free to take over")?;
        let ours = self.reference.take_over(&ids, lease);
        for known in &mut self.sessions {
            known.taken_over |= ids.contains(&known.id);
        }
        self.same_departed(&theirs, &ours)
    }

    fn claim(&self, session: u8, claim: u8) -> Option<(usize, SessionId, u64, u64)> {
        let index = self.any(session)?;
        let known = self.sessions.get(index)?;
        let claim = usize::from(claim).checked_rem(known.claims.len())?;
        let (theirs, ours) = known.claims.get(claim)?;
        // Whether an acknowledgement is answered the same twice is left open.
        (known.acknowledged != Some(*ours)).then_some((index, known.id, *theirs, *ours))
    }

    pub(super) async fn renew(&mut self, session: u8, claim: u8, lease: u8) -> Step {
        let Some((_, id, theirs, ours)) = self.claim(session, claim) else {
            return Ok(());
        };
        let lease = Self::lease(lease % 16);
        let theirs = ok(self.store.renew(id, theirs, lease)).await;
        let ours = ok(self.reference.renew(id, ours, lease)).await;
        same(&theirs.to_string(), &ours.to_string())
    }

    pub(super) async fn acknowledge(&mut self, session: u8, claim: u8) -> Step {
        let Some((index, id, theirs, claim)) = self.claim(session, claim) else {
            return Ok(());
        };
        let theirs = ok(self.store.acknowledge(id, theirs)).await;
        let ours = ok(self.reference.acknowledge(id, claim)).await;
        if let Some(known) = self.sessions.get_mut(index).filter(|_| ours) {
            known.acknowledged = Some(claim);
        }
        same(&theirs.to_string(), &ours.to_string())
    }
}

/// The ids that a store chose, if its choice is allowed.
fn chosen(
    chosen: &[Departed],
    from: &[SessionId],
    limit: usize,
    what: &str,
) -> Result<Vec<SessionId>, String> {
    let ids: Vec<SessionId> = chosen.iter().map(|departed| departed.id).collect();
    let expected = from.len().min(limit);
    let distinct: HashSet<_> = ids.iter().collect();
    if ids.len() != expected || distinct.len() != expected {
        return Err(format!(
            "expected {expected} of {from:?}, which are {what}, got {ids:?}"
        ));
    }
    match ids.iter().find(|id| !from.contains(id)) {
        Some(id) => Err(format!("{id} is not {what}: only {from:?}")),
        None => Ok(ids),
    }
}
