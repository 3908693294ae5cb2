//! Starting, judging, writing and listing, on both stores.

use super::{
    Plan, Revision, Written,
    run::{Known, Run, Step, claimant, ok, same, secret, subject},
};
use crate::{
    id::RequestId,
    record::{Activity, Grants, Values},
    store::{AtLimit, CheckIn, Created, Limit, NewSession, SessionStore, Ticket, Update, Updated},
    testing::StoreHarness,
    time::{Clock, Timestamp},
};
use std::{num::NonZeroU32, time::Duration};

impl<H: StoreHarness> Run<'_, H> {
    pub(super) async fn begin_log_in(&mut self, of: u8) -> Step {
        let index = usize::from(of % 3) + 1;
        let of = subject(index);
        let theirs = ok(self.store.begin_log_in(of.as_ref())).await;
        let ours = ok(self.reference.begin_log_in(of.as_ref())).await;
        self.tickets.push((index, theirs, ours));
        Ok(())
    }

    pub(super) async fn log_in(&mut self, plan: &Plan) -> Step {
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
            replaces: plan
                .replaces
                .and_then(|number| self.some(number))
                .map(|(_, id)| id),
            ticket: None,
            claimant: claimant(),
            request_id: RequestId::new(format!("log-in-{}", self.sessions.len())),
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

    pub(super) async fn create(
        &mut self,
        theirs: NewSession,
        ours: NewSession,
    ) -> Result<bool, String> {
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

    pub(super) async fn repeat(&mut self, session: u8, with: u8) -> Step {
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
            request_id: None,
        };
        self.create(plan.clone(), plan).await.map(|_| ())
    }

    pub(super) async fn check_in(&mut self, session: u8, with: u8, active: bool) -> Step {
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

    pub(super) async fn check(&mut self, sessions: &[u8], active: bool) -> Step {
        let (ids, activity) = (self.several(sessions), activity(active));
        let theirs = ok(self.store.check(&ids, activity)).await;
        let ours = ok(self.reference.check(&ids, activity)).await;
        same(
            &self.eye.checked(&theirs),
            &self.reference_eye.checked(&ours),
        )
    }

    pub(super) async fn update(
        &mut self,
        session: u8,
        written: Written,
        expected: Revision,
    ) -> Step {
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

    pub(super) async fn rotate(&mut self, session: u8, old: u8, new: u8, grace: u8) -> Step {
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

    pub(super) async fn list(&mut self, of: u8) -> Step {
        let Some(subject) = subject(usize::from(of % 3) + 1) else {
            return Ok(());
        };
        let theirs = ok(self.store.list(&subject)).await;
        let ours = ok(self.reference.list(&subject)).await;
        same(&self.eye.listed(&theirs), &self.reference_eye.listed(&ours))
    }

    pub(super) async fn page(&mut self, limit: u8) -> Step {
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
}

fn activity(active: bool) -> Activity {
    if active {
        Activity::Active
    } else {
        Activity::Passive
    }
}
