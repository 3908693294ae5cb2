//! Whose account is locked: asked for now and then, once for all who wait.

use super::{
    Policies, isolated,
    judge::{SUBJECT_CHECK, subject_cause},
    lock,
    recent::Recent,
};
use crate::{
    id::Subject,
    policy::{SubjectCheck, SubjectStatus, Unanswered},
    record::Live,
    terminate::{Road, Terminator},
    time::Timestamp,
};
use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch::{self, Receiver};

/// What the application said of subjects, in stripes: leaf locks.
pub(super) struct SubjectWatch {
    check: SubjectCheck,
    known: Box<[Mutex<Recent<Subject, Known>>]>,
    hasher: RandomState,
}

/// What was asked; the answer comes on it.
type Question = Receiver<Option<Answered>>;

enum Known {
    Said(Answered, Timestamp),
    /// Somebody asks; whoever comes meanwhile waits for the same answer.
    Asking(Question),
}

/// What the application said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answered {
    Active,
    /// Nothing that counts: why.
    Failed(&'static str),
    /// May have no session: why. All have been ended.
    Gone(&'static str),
}

/// What is known of the subject of a request.
pub(super) enum Asked {
    Known(Answered),
    /// Nobody is to be asked.
    Nobody,
    Waiting(Question),
}

impl Asked {
    pub(super) async fn answer(self) -> Answered {
        match self {
            Self::Known(answered) => answered,
            Self::Nobody => Answered::Active,
            Self::Waiting(mut answer) => {
                let answered = answer.wait_for(Option::is_some).await;
                // Who asked is gone with its runtime.
                let answered = answered.ok().and_then(|answered| *answered);
                answered.unwrap_or(Answered::Failed("stopped"))
            }
        }
    }
}

impl SubjectWatch {
    pub(super) fn new(check: SubjectCheck) -> Self {
        let stripe = || Mutex::new(Recent::new(MOST_SUBJECTS / STRIPES, check.interval));
        Self {
            known: (0..STRIPES).map(|_| stripe()).collect(),
            check,
            hasher: RandomState::new(),
        }
    }

    pub(super) fn forget(&self, subject: &Subject) {
        if let Some(stripe) = self.stripe(subject) {
            lock(stripe).remove(subject);
        }
    }

    fn stripe(&self, subject: &Subject) -> Option<&Mutex<Recent<Subject, Known>>> {
        let hash = self.hasher.hash_one(subject);
        let stripes = u64::try_from(self.known.len()).unwrap_or(1);
        self.known.get(usize::try_from(hash % stripes).unwrap_or(0))
    }

    /// What is known and not too old.
    fn look_up(
        &self,
        known: &mut Recent<Subject, Known>,
        of: &Subject,
        now: Timestamp,
    ) -> Option<Asked> {
        match known.get_mut(of, now)? {
            Known::Asking(answer) if answer.has_changed().is_ok() => {
                Some(Asked::Waiting(answer.clone()))
            }
            Known::Said(answered, at) => {
                let good_for = match answered {
                    Answered::Active | Answered::Gone(_) => self.check.interval,
                    Answered::Failed(_) => self.check.interval.min(AGAIN_AFTER),
                };
                let good = now >= *at && now.saturating_since(*at) < good_for;
                good.then_some(Asked::Known(*answered))
            }
            Known::Asking(_) => None,
        }
    }

    /// Notes the answer to a question. Not if that was forgotten meanwhile, or asked anew: the answer
    /// may have been read before what was changed since.
    fn note(&self, subject: Subject, question: &Question, answered: Answered, now: Timestamp) {
        let Some(stripe) = self.stripe(&subject) else {
            return;
        };
        let mut known = lock(stripe);
        if let Some(Known::Asking(asked)) = known.get_mut(&subject, now)
            && asked.same_channel(question)
        {
            known.insert(subject, Known::Said(answered, now), now);
        }
    }
}

impl Policies {
    pub(super) fn unanswered(&self) -> Unanswered {
        let check = self.subjects.as_ref().map(|subjects| &subjects.check);
        check.map_or(Unanswered::Refuse, |check| check.unanswered)
    }

    /// What is known of the subject of a session; asks if that is too old.
    pub(super) fn subject_of(self: &Arc<Self>, road: &Arc<Road>, live: &Live) -> Asked {
        let Some((subjects, subject)) = self.subjects.as_ref().zip(live.record.subject()) else {
            return Asked::Nobody;
        };
        let Some(stripe) = subjects.stripe(subject) else {
            return Asked::Known(Answered::Failed("stopped"));
        };
        let now = road.clock.now();
        let mut known = lock(stripe);
        if let Some(asked) = subjects.look_up(&mut known, subject, now) {
            return asked;
        }
        if tokio::runtime::Handle::try_current().is_err() {
            return Asked::Known(Answered::Failed("no-runtime"));
        }
        let (tell, answer) = watch::channel(None);
        known.insert(subject.clone(), Known::Asking(answer.clone()), now);
        drop(known);
        let question = answer.clone();
        // In a task: who waits may hang up, and others wait for the same answer.
        let (policies, asked_by, subject) = (Arc::clone(self), Arc::clone(road), subject.clone());
        road.tasks.spawn(async move {
            let answered = policies.ask(&asked_by, &subject).await;
            if let Some(subjects) = &policies.subjects {
                subjects.note(subject, &question, answered, asked_by.clock.now());
            }
            tell.send_replace(Some(answered));
        });
        Asked::Waiting(answer)
    }

    /// Asks the application, and ends all sessions of a subject that may have none.
    async fn ask(&self, road: &Arc<Road>, subject: &Subject) -> Answered {
        let Some(subjects) = &self.subjects else {
            return Answered::Active;
        };
        let check = subjects.check.clone();
        let limit = check.time_limit;
        let question = check.ask(subject.clone());
        let why = match isolated::ask(question, SUBJECT_CHECK, limit, &road.tasks).await {
            Ok(SubjectStatus::Active) => return Answered::Active,
            Ok(SubjectStatus::Deleted) => "deleted",
            Ok(SubjectStatus::Disabled) => "disabled",
            Err(why) => return Answered::Failed(why),
        };
        let terminator = Terminator(Arc::clone(road));
        match terminator
            .end_subject(subject, None, subject_cause(why))
            .await
        {
            Ok(_) => Answered::Gone(why),
            // Recorded by the cut. Asked again soon; until then as if nobody had answered.
            Err(_) => Answered::Failed("store-failed"),
        }
    }
}

const STRIPES: usize = 16;
const MOST_SUBJECTS: usize = 100_000;

/// How long a failure stands.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn an_answer_to_a_question_that_was_forgotten_or_asked_anew_is_not_believed() {
        let active = |_| async { Ok::<_, io::Error>(SubjectStatus::Active) };
        let watch = SubjectWatch::new(SubjectCheck::new(Duration::from_mins(1), active));
        let (alice, now) = (Subject::new("alice").unwrap(), Timestamp::default());
        let ask = |question: &Question| {
            let mut known = lock(watch.stripe(&alice).unwrap());
            known.insert(alice.clone(), Known::Asking(question.clone()), now);
        };
        let said = || {
            let mut known = lock(watch.stripe(&alice).unwrap());
            matches!(known.get_mut(&alice, now), Some(Known::Said(..)))
        };
        let (_first, question) = watch::channel(None);
        ask(&question);
        watch.forget(&alice);
        watch.note(alice.clone(), &question, Answered::Active, now);
        assert!(!said(), "the account was changed after it was read");

        let (_second, anew) = watch::channel(None);
        ask(&anew);
        watch.note(alice.clone(), &question, Answered::Active, now);
        assert!(!said(), "the later question stands");
        watch.note(alice.clone(), &anew, Answered::Active, now);
        assert!(said());
    }
}
