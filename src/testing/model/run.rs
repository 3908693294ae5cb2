//! One sequence on both stores.

use super::{Everyone, Op, Plan, Revision, Written, shown::Eye};
use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::{Cause, EndReason},
    record::{Activity, Departed, Grants, Scope, Values},
    store::{
        Answer, AtLimit, Attempt, CheckIn, Claimant, Created, End, Limit, NewSession, SessionStore,
        Ticket, Update, Updated,
    },
    testing::{ReferenceStore, StoreHarness},
    time::{Clock, ManualClock, Timestamp},
};
use std::{collections::HashSet, num::NonZeroU32, sync::Arc, time::Duration};

/// What differs, or nothing.
type Step = Result<(), String>;

pub(super) struct Run<'a, H> {
    harness: &'a H,
    store: Arc<dyn SessionStore>,
    reference: ReferenceStore,
    clock: ManualClock,
    eye: Eye,
    reference_eye: Eye,
    sessions: Vec<Known>,
    tickets: Vec<(usize, Ticket, Ticket)>,
    steps: u64,
}

/// A session that was created.
#[derive(Debug)]
struct Known {
    id: SessionId,
    subject: usize,
    revision: u64,
    /// The store's and the reference's.
    claims: Vec<(u64, u64)>,
    acknowledged: Option<u64>,
    /// Its tombstone may be gone: nothing is said of it any more.
    forgotten: bool,
    taken_over: bool,
}

impl<'a, H: StoreHarness> Run<'a, H> {
    pub(super) async fn open(harness: &'a H) -> Self {
        let clock = ManualClock::default();
        let (store, reference) = (
            harness.open().await,
            ReferenceStore::with_clock(clock.clone()),
        );
        let base = ok(store.begin_log_in(subject(1).as_ref())).await.issued_at;
        let coarse = !harness.time_stands_still();
        Self {
            harness,
            store,
            reference,
            eye: Eye { base, coarse },
            reference_eye: Eye {
                base: clock.now(),
                coarse,
            },
            clock,
            sessions: Vec::new(),
            tickets: Vec::new(),
            steps: 0,
        }
    }

    pub(super) async fn step(&mut self, op: &Op) -> Step {
        self.steps += 1;
        self.forget();
        match op {
            Op::Acknowledge { session, claim } => self.acknowledge(*session, *claim).await,
            Op::Advance(minutes) => self.advance(*minutes).await,
            Op::BeginLogIn(of) => self.begin_log_in(*of).await,
            Op::Check { sessions, active } => self.check(sessions, *active).await,
            Op::CheckIn {
                session,
                secret,
                active,
            } => self.check_in(*session, *secret, *active).await,
            Op::End { session, attempt } => self.end(*session, *attempt).await,
            Op::EndAllOfEveryone(everyone) => self.end_all_of_everyone(*everyone).await,
            Op::EndAllOfSubject { subject, except } => {
                self.end_all_of_subject(*subject, *except).await
            }
            Op::EndDue { limit } => self.end_due(*limit).await,
            Op::EndMany { sessions } => self.end_many(sessions).await,
            Op::List(of) => self.list(*of).await,
            Op::LogIn(plan) => self.log_in(plan).await,
            Op::Page { limit } => self.page(*limit).await,
            Op::Pending { limit, lease } => self.pending(*limit, *lease).await,
            Op::Renew {
                session,
                claim,
                lease,
            } => self.renew(*session, *claim, *lease).await,
            Op::Repeat { session, secret } => self.repeat(*session, *secret).await,
            Op::Rotate {
                session,
                old,
                new,
                grace,
            } => self.rotate(*session, *old, *new, *grace).await,
            Op::Tombstone(session) => self.tombstone(*session).await,
            Op::Update {
                session,
                written,
                expected,
            } => self.update(*session, *written, *expected).await,
        }
    }

    /// A deadline in so many minutes: half a minute off for a store whose time runs on, so that no
    /// whole minute falls on it.
    fn minutes(&self, minutes: u16) -> Duration {
        let half = if self.eye.coarse { 30 } else { 0 };
        Duration::from_secs(u64::from(minutes) * 60 + half)
    }

    /// A lease never ends on a whole minute, where the contract leaves open whether it is over.
    fn lease(minutes: u8) -> Duration {
        Duration::from_secs(u64::from(minutes) * 60 + 30)
    }

    fn forget(&mut self) {
        let slack = Duration::from_secs(if self.eye.coarse { 60 } else { 0 });
        let now = self.clock.now().saturating_add(slack);
        for known in &mut self.sessions {
            let until = self.reference.keeps_until(known.id);
            known.forgotten |= until.is_some_and(|until| until <= now);
        }
    }

    fn any(&self, number: u8) -> Option<usize> {
        usize::from(number).checked_rem(self.sessions.len())
    }

    /// A session of which something can be said.
    fn some(&self, number: u8) -> Option<(usize, SessionId)> {
        let index = self.any(number)?;
        let known = self.sessions.get(index).filter(|known| !known.forgotten)?;
        Some((index, known.id))
    }

    fn several(&self, numbers: &[u8]) -> Vec<SessionId> {
        let ids = numbers.iter().filter_map(|number| self.some(*number));
        ids.map(|(_, id)| id).collect()
    }

    fn claimed(&mut self, theirs: &[Departed], ours: &[Departed]) {
        for known in &mut self.sessions {
            let claim = |of: &[Departed]| {
                let found = of.iter().find(|departed| departed.id == known.id);
                found.map(|departed| departed.claim)
            };
            if let (Some(theirs), Some(ours)) = (claim(theirs), claim(ours)) {
                known.claims.push((theirs, ours));
            }
        }
    }

    fn same_departed(&mut self, theirs: &[Departed], ours: &[Departed]) -> Step {
        self.claimed(theirs, ours);
        let (eye, reference) = (self.eye, self.reference_eye);
        same(&eye.all_departed(theirs), &reference.all_departed(ours))
    }

    async fn advance(&mut self, minutes: u16) -> Step {
        let by = Duration::from_secs(u64::from(minutes) * 60);
        self.clock.advance(by);
        self.harness.advance(by).await;
        Ok(())
    }

    async fn begin_log_in(&mut self, of: u8) -> Step {
        let index = usize::from(of % 3) + 1;
        let of = subject(index);
        let theirs = ok(self.store.begin_log_in(of.as_ref())).await;
        let ours = ok(self.reference.begin_log_in(of.as_ref())).await;
        self.tickets.push((index, theirs, ours));
        Ok(())
    }

    async fn log_in(&mut self, plan: &Plan) -> Step {
        let index = usize::from(plan.subject % 4);
        let of = subject(index);
        let limit = plan.limit.and_then(|(max, end_oldest)| {
            let at_limit = if end_oldest {
                AtLimit::EndOldest
            } else {
                AtLimit::RefuseNew
            };
            let max = NonZeroU32::new(u32::from(max % 3) + 1)?;
            Some(Limit { max, at_limit })
        });
        // Whether nobody's session replaces nobody's is left open.
        let replaces = plan.replaces.filter(|_| index > 0);
        let theirs = NewSession {
            id: ok(self.store.mint_id(of.as_ref())).await,
            secret_hash: secret(plan.secret),
            subject: of,
            idle_timeout: plan.idle.map(|idle| self.minutes(u16::from(idle) + 1)),
            touch_interval: Duration::from_secs(u64::from(plan.interval) * 60),
            absolute_timeout: self.minutes(plan.absolute + 1),
            client: None,
            values: Values::from_iter([("start", b"1".as_slice())]),
            limit,
            replaces: replaces
                .and_then(|number| self.some(number))
                .map(|(_, id)| id),
            ticket: None,
            claimant: claimant(),
        };
        let (mut theirs, mut ours) = (theirs.clone(), theirs);
        if let Some((their_ticket, our_ticket)) = self.ticket(plan.ticket, index) {
            (theirs.ticket, ours.ticket) = (Some(their_ticket), Some(our_ticket));
        }
        let id = theirs.id;
        let created = self.create(theirs, ours).await?;
        if created {
            self.sessions.push(Known {
                id,
                subject: index,
                revision: 0,
                claims: Vec::new(),
                acknowledged: None,
                forgotten: false,
                taken_over: false,
            });
        }
        Ok(())
    }

    /// One for this subject, not exactly at the end of its lifetime.
    fn ticket(&self, number: Option<u8>, subject: usize) -> Option<(Ticket, Ticket)> {
        let of: Vec<_> = self
            .tickets
            .iter()
            .filter(|(of, ..)| *of == subject)
            .collect();
        let (_, theirs, ours) = of.get(usize::from(number?).checked_rem(of.len())?)?;
        let age = self.clock.now().saturating_since(ours.issued_at);
        (age != Ticket::LIFETIME).then_some((*theirs, *ours))
    }

    async fn create(&mut self, theirs: NewSession, ours: NewSession) -> Result<bool, String> {
        let theirs = ok(self.store.create(theirs)).await;
        let ours = ok(self.reference.create(ours)).await;
        same(
            &self.eye.created(&theirs),
            &self.reference_eye.created(&ours),
        )?;
        if let (
            Created::Created { ended, .. },
            Created::Created {
                ended: expected, ..
            },
        ) = (&theirs, &ours)
        {
            self.same_departed(ended, expected)?;
        }
        Ok(matches!(ours, Created::Created { .. }))
    }

    async fn repeat(&mut self, session: u8, with: u8) -> Step {
        let Some((index, id)) = self.some(session) else {
            return Ok(());
        };
        let of = self.sessions.get(index).map_or(0, |known| known.subject);
        let plan = NewSession {
            id,
            secret_hash: secret(with),
            subject: subject(of),
            idle_timeout: None,
            touch_interval: Duration::ZERO,
            absolute_timeout: self.minutes(600),
            client: None,
            values: Values::default(),
            limit: None,
            replaces: None,
            ticket: None,
            claimant: claimant(),
        };
        self.create(plan.clone(), plan).await.map(|_| ())
    }

    async fn check_in(&mut self, session: u8, with: u8, active: bool) -> Step {
        let Some((index, id)) = self.some(session) else {
            return Ok(());
        };
        let (secret, activity) = (secret(with), activity(active));
        let theirs = ok(self.store.check_in(id, &secret, activity)).await;
        let ours = ok(self.reference.check_in(id, &secret, activity)).await;
        if let (CheckIn::Live(live), Some(known)) = (&ours, self.sessions.get_mut(index)) {
            known.revision = live.record.revision();
        }
        same(
            &self.eye.check_in(&theirs),
            &self.reference_eye.check_in(&ours),
        )
    }

    async fn check(&mut self, sessions: &[u8], active: bool) -> Step {
        let (ids, activity) = (self.several(sessions), activity(active));
        let theirs = ok(self.store.check(&ids, activity)).await;
        let ours = ok(self.reference.check(&ids, activity)).await;
        same(&format!("{theirs:?}"), &format!("{ours:?}"))
    }

    async fn update(&mut self, session: u8, written: Written, expected: Revision) -> Step {
        let Some((index, id)) = self.some(session) else {
            return Ok(());
        };
        let seen = self.sessions.get(index).map_or(0, |known| known.revision);
        let expected = match expected {
            Revision::Any => None,
            Revision::Seen => Some(seen),
            Revision::Wrong => Some(seen + 1_000),
        };
        let theirs = self.written(written, self.eye.base);
        let ours = self.written(written, self.reference_eye.base);
        let theirs = ok(self.store.update(id, theirs, expected)).await;
        let ours = ok(self.reference.update(id, ours, expected)).await;
        if let (Updated::Written(live), Some(known)) = (&ours, self.sessions.get_mut(index)) {
            known.revision = live.record.revision();
        }
        same(
            &self.eye.updated(&theirs),
            &self.reference_eye.updated(&ours),
        )
    }

    /// What is written always changes something, so that the revision is certain.
    fn written(&self, written: Written, base: Timestamp) -> Update {
        let mut update = Update::default();
        let unique = self.steps.to_string().into_bytes();
        let name = |number: u8| format!("name-{}", number % 3);
        match written {
            Written::Nothing => return update,
            Written::Grant(number, minutes) => {
                let elapsed = self.clock.now().saturating_since(self.reference_eye.base);
                let until = base.saturating_add(elapsed + self.minutes(u16::from(minutes)));
                update.grants = Grants::default().with(&name(number), until);
            }
            Written::LeaveBehind(number) => {
                update.leave_behind = update.leave_behind.set(&name(number), unique.clone());
            }
            Written::Remove(number) => update.values = update.values.remove(&name(number)),
            Written::Set(number) => {
                update.values = update.values.set(&name(number), unique.clone());
            }
        }
        update.values = update.values.set("step", unique);
        update
    }

    async fn rotate(&mut self, session: u8, old: u8, new: u8, grace: u8) -> Step {
        let Some((_, id)) = self.some(session) else {
            return Ok(());
        };
        let (old, new) = (old % 4, if old % 4 == new % 4 { old + 1 } else { new });
        let grace = match grace {
            0 => Duration::ZERO,
            minutes => self.minutes(u16::from(minutes)),
        };
        let (old, new) = (secret(old), secret(new));
        let theirs = ok(self.store.rotate(id, &old, &new, grace)).await;
        let ours = ok(self.reference.rotate(id, &old, &new, grace)).await;
        same(
            &self.eye.rotated(&theirs),
            &self.reference_eye.rotated(&ours),
        )
    }

    async fn end(&mut self, session: u8, attempt: u8) -> Step {
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

    async fn end_many(&mut self, sessions: &[u8]) -> Step {
        let (ids, claimant) = (self.several(sessions), claimant());
        let cause = Cause::from(EndReason::Forced);
        let theirs = ok(self.store.end_many(&ids, cause.clone(), claimant)).await;
        let ours = ok(self.reference.end_many(&ids, cause, claimant)).await;
        self.same_departed(&theirs, &ours)
    }

    async fn end_due(&mut self, limit: u8) -> Step {
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

    async fn end_all(&mut self, theirs: Scope, ours: Scope, cause: Cause) -> Step {
        ok(self.store.end_all(theirs, cause.clone())).await;
        ok(self.reference.end_all(ours, cause)).await;
        Ok(())
    }

    async fn end_all_of_subject(&mut self, of: u8, except: Option<u8>) -> Step {
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

    async fn end_all_of_everyone(&mut self, everyone: Everyone) -> Step {
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

    async fn tombstone(&mut self, session: u8) -> Step {
        let Some((_, id)) = self.some(session) else {
            return Ok(());
        };
        let theirs = ok(self.store.tombstone(id)).await;
        let ours = ok(self.reference.tombstone(id)).await;
        let theirs = theirs.map(|tombstone| self.eye.tombstone(&tombstone));
        let ours = ours.map(|tombstone| self.reference_eye.tombstone(&tombstone));
        same(&format!("{theirs:?}"), &format!("{ours:?}"))
    }

    async fn list(&mut self, of: u8) -> Step {
        let Some(subject) = subject(usize::from(of % 3) + 1) else {
            return Ok(());
        };
        let theirs = ok(self.store.list(&subject)).await;
        let ours = ok(self.reference.list(&subject)).await;
        same(&self.eye.listed(&theirs), &self.reference_eye.listed(&ours))
    }

    async fn page(&mut self, limit: u8) -> Step {
        let (mut theirs, mut cursor) = (Vec::new(), None);
        loop {
            let page = ok(self.store.page(cursor, usize::from(limit) + 1)).await;
            theirs.extend(page.sessions);
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        theirs.sort_by_key(|listed| listed.id);
        let ours = ok(self.reference.page(None, usize::MAX)).await.sessions;
        same(&self.eye.listed(&theirs), &self.reference_eye.listed(&ours))
    }

    async fn pending(&mut self, limit: u8, lease: u8) -> Step {
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

    async fn renew(&mut self, session: u8, claim: u8, lease: u8) -> Step {
        let Some((_, id, theirs, ours)) = self.claim(session, claim) else {
            return Ok(());
        };
        let lease = Self::lease(lease % 16);
        let theirs = ok(self.store.renew(id, theirs, lease)).await;
        let ours = ok(self.reference.renew(id, ours, lease)).await;
        same(&theirs.to_string(), &ours.to_string())
    }

    async fn acknowledge(&mut self, session: u8, claim: u8) -> Step {
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

fn same(theirs: &str, ours: &str) -> Step {
    if theirs == ours {
        return Ok(());
    }
    Err(format!("expected {ours}\n     got {theirs}"))
}

async fn ok<T>(answer: Answer<T>) -> T {
    answer.await.expect("the store answers")
}

fn activity(active: bool) -> Activity {
    if active {
        Activity::Active
    } else {
        Activity::Passive
    }
}

fn claimant() -> Claimant {
    Claimant {
        attempt: Attempt::random().expect("random bytes"),
        lease: Duration::from_secs(90),
    }
}

fn secret(number: u8) -> SecretHash {
    SecretHash::from_bytes([number % 4 + 1; 32])
}

/// Nobody, or one of three.
fn subject(index: usize) -> Option<Subject> {
    let text = ["alice", "b\u{f6}b", "\u{7528}\u{6237}"].get(index.checked_sub(1)?)?;
    Subject::new(*text).ok()
}
