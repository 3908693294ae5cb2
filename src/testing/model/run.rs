//! One sequence on both stores.

use super::{Op, shown::Eye};
use crate::{
    id::{SecretHash, SessionId, Subject},
    record::Departed,
    store::{Answer, Attempt, Claimant, SessionStore, Ticket},
    testing::{ReferenceStore, StoreHarness},
    time::{Clock, ManualClock},
};
use std::{sync::Arc, time::Duration};

/// What differs, or nothing.
pub(super) type Step = Result<(), String>;

pub(super) struct Run<'a, H> {
    harness: &'a H,
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) reference: ReferenceStore,
    pub(super) clock: ManualClock,
    pub(super) eye: Eye,
    pub(super) reference_eye: Eye,
    pub(super) sessions: Vec<Known>,
    pub(super) tickets: Vec<(usize, Ticket, Ticket)>,
    pub(super) steps: u64,
}

/// A session that was created.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: SessionId,
    pub(super) subject: usize,
    pub(super) revision: u64,
    /// The store's and the reference's.
    pub(super) claims: Vec<(u64, u64)>,
    pub(super) acknowledged: Option<u64>,
    /// Its tombstone may be gone: nothing is said of it any more.
    pub(super) forgotten: bool,
    pub(super) taken_over: bool,
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
    pub(super) fn minutes(&self, minutes: u16) -> Duration {
        let half = if self.eye.coarse { 30 } else { 0 };
        Duration::from_secs(u64::from(minutes) * 60 + half)
    }

    /// A lease never ends on a whole minute, where the contract leaves open whether it is over.
    pub(super) fn lease(minutes: u8) -> Duration {
        Duration::from_secs(u64::from(minutes) * 60 + 30)
    }

    pub(super) fn forget(&mut self) {
        let slack = Duration::from_secs(if self.eye.coarse { 60 } else { 0 });
        let now = self.clock.now().saturating_add(slack);
        for known in &mut self.sessions {
            let until = self.reference.keeps_until(known.id);
            known.forgotten |= until.is_some_and(|until| until <= now);
        }
    }

    pub(super) fn any(&self, number: u8) -> Option<usize> {
        usize::from(number).checked_rem(self.sessions.len())
    }

    /// A session of which something can be said.
    pub(super) fn some(&self, number: u8) -> Option<(usize, SessionId)> {
        let index = self.any(number)?;
        let known = self.sessions.get(index).filter(|known| !known.forgotten)?;
        Some((index, known.id))
    }

    pub(super) fn several(&self, numbers: &[u8]) -> Vec<SessionId> {
        let ids = numbers.iter().filter_map(|number| self.some(*number));
        ids.map(|(_, id)| id).collect()
    }

    pub(super) fn claimed(&mut self, theirs: &[Departed], ours: &[Departed]) {
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

    pub(super) fn same_departed(&mut self, theirs: &[Departed], ours: &[Departed]) -> Step {
        self.claimed(theirs, ours);
        let (eye, reference) = (self.eye, self.reference_eye);
        same(&eye.all_departed(theirs), &reference.all_departed(ours))
    }

    pub(super) async fn advance(&mut self, minutes: u16) -> Step {
        let by = Duration::from_secs(u64::from(minutes) * 60);
        self.clock.advance(by);
        self.harness.advance(by).await;
        Ok(())
    }
}

pub(super) fn same(theirs: &str, ours: &str) -> Step {
    if theirs == ours {
        return Ok(());
    }
    Err(format!("expected {ours}\n     got {theirs}"))
}

pub(super) async fn ok<T>(answer: Answer<T>) -> T {
    answer.await.expect("the store answers")
}

pub(super) fn claimant() -> Claimant {
    Claimant {
        attempt: Attempt::random().expect("random bytes"),
        lease: Duration::from_secs(90),
    }
}

pub(super) fn secret(number: u8) -> SecretHash {
    SecretHash::from_bytes([number % 4 + 1; 32])
}

/// Nobody, or one of three.
pub(super) fn subject(index: usize) -> Option<Subject> {
    let text = ["alice", "b\u{f6}b", "\u{7528}\u{6237}"].get(index.checked_sub(1)?)?;
    Subject::new(*text).ok()
}
