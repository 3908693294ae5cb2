//! What the cases share: an open store, sessions to begin with, and expectations that say why.

use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::{Cause, EndReason},
    record::{Activity, Departed, Generation, Live, Scope, Tombstone, Values},
    store::{
        Answer, AtLimit, Attempt, CheckIn, Checked, Claimant, Created, End, Limit, NewSession,
        NotLive, SessionStore, Update, Updated,
    },
    testing::StoreHarness,
    time::Timestamp,
};
use std::{num::NonZeroU32, sync::Arc, time::Duration};

/// Expects a value to match a pattern, and says why it must.
macro_rules! must {
    ($value:expr, $pattern:pat $(if $guard:expr)? => $out:expr, $($why:tt)+) => {
        match $value {
            $pattern $(if $guard)? => $out,
            other => panic!(
                "expected {}, got {other:?}: {}",
                stringify!($pattern $(if $guard)?),
                format_args!($($why)+)
            ),
        }
    };
    ($value:expr, $pattern:pat $(if $guard:expr)?, $($why:tt)+) => {
        must!($value, $pattern $(if $guard)? => (), $($why)+)
    };
}
pub(super) use must;

/// How long the usual session may be idle.
pub(super) const IDLE: Duration = Duration::from_mins(15);
/// How long the usual session lives at most.
pub(super) const ABSOLUTE: Duration = Duration::from_hours(8);
/// How long work is leased.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// The secret that the usual session starts with.
pub(super) const SECRET: SecretHash = secret(1);
/// A secret that no session has.
pub(super) const WRONG: SecretHash = secret(0xEE);

pub(super) const fn secret(number: u8) -> SecretHash {
    SecretHash::from_bytes([number; 32])
}

pub(super) fn subject(text: &str) -> Subject {
    Subject::new(text).expect("a valid subject")
}

pub(super) fn limit(max: u32, at_limit: AtLimit) -> Limit {
    let max = NonZeroU32::new(max).expect("a limit above zero");
    Limit { max, at_limit }
}

pub(super) fn claimant() -> Claimant {
    Claimant {
        attempt: Attempt::random().expect("random bytes"),
        lease: LEASE,
    }
}

/// The answer of an operation that must not fail.
pub(super) async fn ok<T>(answer: Answer<T>) -> T {
    match answer.await {
        Ok(answer) => answer,
        Err(error) => panic!("the store failed: {error} ({error:?})"),
    }
}

pub(super) fn ids(departed: &[Departed]) -> Vec<SessionId> {
    departed.iter().map(|departed| departed.id).collect()
}

pub(super) fn of_subject(text: &str, except: Option<SessionId>) -> Scope {
    let subject = subject(text);
    Scope::Subject { subject, except }
}

pub(super) const EVERYONE: Scope = Scope::Everyone {
    created_before: None,
};

/// An open store with a hand on its time.
pub(super) struct Fixture<H> {
    pub(super) harness: H,
    pub(super) store: Arc<dyn SessionStore>,
}

impl<H: StoreHarness> Fixture<H> {
    pub(super) async fn open(harness: H) -> Self {
        let store = harness.open().await;
        Self { harness, store }
    }

    pub(super) async fn advance(&self, by: Duration) {
        self.harness.advance(by).await;
    }

    /// How far a case stays away from a deadline.
    pub(super) fn margin(&self) -> Duration {
        if self.harness.time_stands_still() {
            Duration::from_millis(1)
        } else {
            Duration::from_secs(10)
        }
    }

    /// To one moment before `by` has passed; `advance(margin)` then completes it.
    pub(super) async fn advance_until_just_before(&self, by: Duration) {
        self.advance(by.saturating_sub(self.margin())).await;
    }

    /// Whether two instants of the store are the same, as far as its time stands still.
    pub(super) fn same(&self, left: Timestamp, right: Timestamp) -> bool {
        let apart = left
            .saturating_since(right)
            .max(right.saturating_since(left));
        apart == Duration::ZERO
            || !self.harness.time_stands_still() && apart < Duration::from_secs(10)
    }

    /// How sessions stand, as far as the store's time stands still: to the minute where it does not.
    pub(super) async fn check(&self, ids: &[SessionId], activity: Activity) -> Vec<Checked> {
        let mut answers = ok(self.store.check(ids, activity)).await;
        if self.harness.time_stands_still() {
            return answers;
        }
        for answer in &mut answers {
            if let Checked::Live { due_in } = answer {
                *due_in = Duration::from_mins((due_in.as_secs() + 30) / 60);
            }
        }
        answers
    }

    /// The usual session, not yet created: idle after [`IDLE`], every touch written.
    pub(super) async fn plan(&self, of: Option<&str>) -> NewSession {
        plan(&self.store, of).await
    }

    pub(super) async fn create(&self, session: NewSession) -> Created {
        ok(self.store.create(session)).await
    }

    pub(super) async fn start(&self, session: NewSession) -> SessionId {
        start(&self.store, session).await
    }

    /// Starts the usual session.
    pub(super) async fn log_in(&self, of: &str) -> SessionId {
        self.start(self.plan(Some(of)).await).await
    }

    pub(super) async fn check_in(&self, id: SessionId) -> CheckIn {
        self.present(id, &SECRET, Activity::Active).await
    }

    pub(super) async fn present(
        &self,
        id: SessionId,
        secret: &SecretHash,
        activity: Activity,
    ) -> CheckIn {
        ok(self.store.check_in(id, secret, activity)).await
    }

    /// Asks without leaving a trace.
    pub(super) async fn peek(&self, id: SessionId) -> CheckIn {
        self.present(id, &SECRET, Activity::Passive).await
    }

    pub(super) async fn expect_live(&self, id: SessionId, why: &str) -> Live {
        must!(self.peek(id).await, CheckIn::Live(live) => live, "{why}")
    }

    pub(super) async fn expect_due(&self, id: SessionId, reason: EndReason, why: &str) {
        let answer = self.peek(id).await;
        must!(&answer, CheckIn::Due(cause) if *cause.reason() == reason,
            "it is due with {reason}: {why}");
    }

    pub(super) async fn expect_ended(
        &self,
        id: SessionId,
        reason: EndReason,
        why: &str,
    ) -> Arc<Tombstone> {
        let answer = self.peek(id).await;
        must!(answer, CheckIn::Ended(tombstone) if *tombstone.reason() == reason => tombstone,
            "it ended with {reason}: {why}")
    }

    pub(super) async fn end(&self, id: SessionId, reason: EndReason) -> End {
        ok(self.store.end(id, Cause::new(reason), claimant())).await
    }

    /// Ends a session that nobody ended before.
    pub(super) async fn end_first(&self, id: SessionId, reason: EndReason) -> Departed {
        must!(self.end(id, reason).await, End::First(departed) => departed,
            "nobody had ended it")
    }

    pub(super) async fn end_due(&self, limit: usize) -> Vec<Departed> {
        ok(self.store.end_due(limit, claimant())).await
    }

    pub(super) async fn end_all(&self, scope: Scope, reason: EndReason) -> Generation {
        ok(self.store.end_all(scope, Cause::new(reason))).await
    }

    pub(super) async fn listed(&self, of: &str) -> Vec<SessionId> {
        let listed = ok(self.store.list(&subject(of))).await;
        listed.into_iter().map(|session| session.id).collect()
    }

    pub(super) async fn write(&self, id: SessionId, name: &str, value: &str) -> Updated {
        ok(self.store.update(id, set(name, value), None)).await
    }

    pub(super) async fn expect_not_live(&self, id: SessionId, why: &str) -> NotLive {
        must!(self.write(id, "late", "1").await, Updated::NotLive(not_live) => not_live,
            "a write must not land: {why}")
    }
}

pub(super) async fn plan(store: &Arc<dyn SessionStore>, of: Option<&str>) -> NewSession {
    let subject = of.map(subject);
    NewSession {
        id: ok(store.mint_id(subject.as_ref())).await,
        secret_hash: SECRET,
        subject,
        idle_timeout: Some(IDLE),
        touch_interval: Duration::ZERO,
        absolute_timeout: ABSOLUTE,
        client: None,
        values: Values::default(),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: claimant(),
        request_id: None,
    }
}

pub(super) async fn start(store: &Arc<dyn SessionStore>, session: NewSession) -> SessionId {
    let created = ok(store.create(session)).await;
    must!(created, Created::Created { live, .. } => live.id, "nothing stands in its way")
}

pub(super) fn set(name: &str, value: &str) -> Update {
    let mut update = Update::default();
    update.values = update.values.set(name, value.as_bytes());
    update
}

pub(super) fn value(live: &Live, name: &str) -> Option<String> {
    let value = live.record.values().get(name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}
