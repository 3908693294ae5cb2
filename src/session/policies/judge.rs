//! The judgement of one request.

use super::{
    Policies, cause,
    subjects::{Answered, Asked},
    tell::{About, note},
};
use crate::{
    id::SessionId,
    policy::{Circumstances, Decision, Found, Judgement, Unanswered},
    reason::{Cause, EndReason, Initiator},
    record::Live,
    session::{Doubt, Doubted, Session, Standing},
    store::{self, Reply},
    terminate::Road,
};
use std::sync::Arc;

impl Session {
    /// How a session stands that the store called live: what the policies say of it.
    #[inline]
    pub(crate) fn judge(&self, live: Live) -> Reply<Result<Standing, store::Error>> {
        match &self.context().policies {
            None => Reply::Now(Ok(Standing::Live(live))),
            Some(policies) => policies.judge(self, live),
        }
    }

    pub(super) fn circumstances<'a>(&'a self, live: &'a Live) -> Circumstances<'a> {
        Circumstances::new(live, self.facts(), self.0.address)
    }
}

impl Policies {
    fn judge(
        self: &Arc<Self>,
        session: &Session,
        live: Live,
    ) -> Reply<Result<Standing, store::Error>> {
        let judgement = self.panel.judge(&session.circumstances(&live));
        if matches!(judgement.decision, Decision::End { .. }) {
            let (policies, session) = (Arc::clone(self), session.clone());
            return Reply::later(async move { policies.settle(&session, live, judgement).await });
        }
        if let Some(risk) = &self.risk {
            risk.watch(self, session, &live);
        }
        let road = &session.context().road;
        match self.subject_of(road, &live) {
            Asked::Nobody | Asked::Known(Answered::Active) if judgement.found.is_empty() => {
                Reply::Now(Ok(Standing::Live(live)))
            }
            Asked::Nobody | Asked::Known(Answered::Active) => {
                self.tell_of(session, &live, &judgement);
                Reply::Now(Ok(standing(live, &judgement.decision)))
            }
            asked @ (Asked::Known(_) | Asked::Waiting(_)) => {
                let (policies, session) = (Arc::clone(self), session.clone());
                Reply::later(async move {
                    let answered = asked.answer().await;
                    policies.hear(&session, live, judgement, answered).await
                })
            }
        }
    }

    /// Goes on with what the application said of the subject.
    async fn hear(
        &self,
        session: &Session,
        live: Live,
        mut judgement: Judgement,
        answered: Answered,
    ) -> Result<Standing, store::Error> {
        match answered {
            Answered::Active => {}
            Answered::Gone(why) => {
                // All sessions of the subject have been ended: this one is told why.
                let cause = subject_cause(why);
                return end(&session.context().road, live.id, cause).await;
            }
            Answered::Failed(why) => {
                let failure = Found::failure(SUBJECT_CHECK, why);
                match self.unanswered() {
                    Unanswered::Keep => judgement.found.push(failure),
                    Unanswered::Refuse => judgement.fail(failure),
                }
            }
        }
        self.settle(session, live, judgement).await
    }

    async fn settle(
        &self,
        session: &Session,
        live: Live,
        judgement: Judgement,
    ) -> Result<Standing, store::Error> {
        self.tell_of(session, &live, &judgement);
        match judgement.decision {
            Decision::End { reason } => {
                let cause = cause(reason, Initiator::Policy, &note(&judgement.found));
                end(&session.context().road, live.id, cause).await
            }
            decision @ (Decision::Keep | Decision::RequireFresh { .. } | Decision::Unjudged) => {
                Ok(standing(live, &decision))
            }
        }
    }

    fn tell_of(&self, session: &Session, live: &Live, judgement: &Judgement) {
        let about = || About {
            id: live.id,
            subject: live.record.subject().cloned(),
            client: session.request_client(),
        };
        let road = &session.context().road;
        self.tell(road, judgement.code(), &judgement.found, about, live.id);
    }
}

/// Ends a session; the store says why it ended, which may be another cause that came first.
async fn end(road: &Arc<Road>, id: SessionId, cause: Cause) -> Result<Standing, store::Error> {
    let asked = cause.reason().clone();
    let ended = road.end(id, cause).await.map_err(store::Error::from)?;
    let reason = ended
        .ending()
        .map_or(asked, |ending| ending.reason().clone());
    Ok(Standing::Ended { id, reason })
}

pub(super) fn subject_cause(why: &'static str) -> Cause {
    let note = format!("{SUBJECT_CHECK}={why}");
    cause(EndReason::SubjectDisabled, Initiator::Policy, &note)
}

fn standing(live: Live, decision: &Decision) -> Standing {
    let doubt = match *decision {
        // An ending has been decided elsewhere; never served in any case.
        Decision::End { .. } | Decision::Unjudged => Doubt::Unjudged,
        Decision::Keep => return Standing::Live(live),
        Decision::RequireFresh { why, max_age } => Doubt::NotFresh { why, max_age },
    };
    Standing::Doubted(Box::new(Doubted { live, doubt }))
}

pub(super) const SUBJECT_CHECK: &str = "subject-check";
