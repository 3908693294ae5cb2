//! Policies at work: who judges a live session, who is asked about it, and what follows.
//!
//! 1. A request pays one branch where nothing is configured, and waits only where its subject has
//!    to be asked for.
//! 2. Every ending takes the one road.
//! 3. What is held open is judged again with each re-check, as time alone can change a verdict.
//! 4. What is remembered is bounded, and may be forgotten early: then something is asked or told once
//!    more.

mod guesses;
mod held;
mod isolated;
mod judge;
mod recent;
mod risk;
mod subjects;
mod tell;

use self::{
    guesses::GuessWatch, held::Held, recent::Recent, risk::RiskWatch, subjects::SubjectWatch,
};
use crate::{
    id::{SecretHash, SessionId, Subject},
    live,
    policy::{DeadTokens, Guesses, Guessing, Panel, RiskCheck, SubjectCheck},
    reason::{Cause, EndReason, Initiator},
    record::Tombstone,
    store::BoxFuture,
    terminate::{Road, Terminator, Watcher},
};
use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

/// What the application configured.
#[derive(Default)]
pub(crate) struct PolicyConfig {
    pub(crate) panel: Panel,
    pub(crate) subject: Option<SubjectCheck>,
    pub(crate) risk: Option<RiskCheck>,
    pub(crate) dead_tokens: Option<DeadTokens>,
    pub(crate) guessing: Option<(Guessing, Box<GuessHook>)>,
}

/// What the application does about guesses.
pub(crate) type GuessHook = dyn Fn(&Guesses) + Send + Sync;

/// The policies of an application, and what they remember.
pub(crate) struct Policies {
    panel: Panel,
    subjects: Option<SubjectWatch>,
    risk: Option<RiskWatch>,
    dead_tokens: Option<(DeadTokens, Mutex<Recent<SessionId, ()>>)>,
    guesses: Option<GuessWatch>,
    /// What was told of which session: a leaf lock.
    told: Mutex<Recent<SessionId, u64>>,
    held: Arc<Held>,
}

impl Policies {
    /// `None` when nothing is configured.
    pub(crate) fn new(config: PolicyConfig) -> Option<Arc<Self>> {
        let PolicyConfig {
            panel,
            subject,
            risk,
            dead_tokens,
            guessing,
        } = config;
        let nothing = panel.is_empty()
            && subject.is_none()
            && risk.is_none()
            && dead_tokens.is_none()
            && guessing.is_none();
        if nothing {
            return None;
        }
        let remembering = |answer| (answer, Mutex::new(Recent::new(100_000, LONG)));
        Some(Arc::new(Self {
            panel,
            subjects: subject.map(SubjectWatch::new),
            risk: risk.map(RiskWatch::new),
            dead_tokens: dead_tokens.map(remembering),
            guesses: guessing.map(|(guessing, hook)| GuessWatch::new(guessing, hook)),
            told: Mutex::new(Recent::new(100_000, TOLD_FOR)),
            held: Arc::default(),
        }))
    }

    /// From now on what is kept of a session goes when it ends on this node, or is told to have.
    pub(crate) fn observe(&self, live: &live::Live) {
        let held: Weak<Held> = Arc::downgrade(&self.held);
        live.observe(held);
    }

    /// Whether anybody tells of endings.
    #[cfg(test)]
    pub(crate) fn is_told_of_endings(&self) -> bool {
        Arc::weak_count(&self.held) > 0
    }

    /// The token of an ended session was presented, with the right secret.
    pub(crate) async fn dead_token(&self, road: &Arc<Road>, tombstone: &Tombstone) {
        let Some((answer, known)) = &self.dead_tokens else {
            return;
        };
        let (now, id) = (road.clock.now(), tombstone.id);
        let Some(subject) = &tombstone.subject else {
            return;
        };
        if !answer.count(tombstone, now) || !lock(known).is_new(id, (), now) {
            return;
        }
        let cause = Cause::new(EndReason::Policy).with_note("dead-token");
        let terminator = Terminator(Arc::clone(road));
        // Recorded by the cut itself if the store fails: the next time may work.
        if terminator.end_subject(subject, None, cause).await.is_err() {
            lock(known).remove(&id);
        }
    }

    /// A token was presented that names no session, or with a wrong secret.
    pub(crate) fn guessed(
        &self,
        road: &Road,
        source: Option<IpAddr>,
        id: SessionId,
        secret: &SecretHash,
    ) {
        if let Some(guesses) = &self.guesses {
            guesses.count(road, source, id, secret);
        }
    }
}

impl Watcher for Policies {
    fn run(self: Arc<Self>, road: Arc<Road>, every: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.watch_held(road, every))
    }

    fn subject_changed(&self, subject: &Subject) {
        if let Some(subjects) = &self.subjects {
            subjects.forget(subject);
        }
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies")
            .field("panel", &self.panel)
            .finish_non_exhaustive()
    }
}

/// The cause of an ending that a policy or a risk engine demands; the note says who found what.
fn cause(reason: EndReason, initiator: Initiator, note: &str) -> Cause {
    Cause::new(reason).with_initiator(initiator).with_note(note)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the same of one session is not told again, at least.
const TOLD_FOR: Duration = Duration::from_mins(10);

/// Longer than the token of an ended session is known.
const LONG: Duration = Duration::from_hours(24 * 365);
