//! What the risk engine says, beside the requests.

use super::{
    Policies, cause, isolated, lock,
    recent::Recent,
    tell::{About, note},
};
use crate::{
    id::SessionId,
    policy::{Found, RiskCheck, RiskFacts},
    reason::{EndReason, Initiator},
    record::Live,
    session::Session,
    terminate::Road,
};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// Whom the risk engine was asked about lately.
pub(super) struct RiskWatch {
    check: RiskCheck,
    asked: Mutex<Recent<SessionId, ()>>,
    room: Arc<Semaphore>,
}

impl RiskWatch {
    pub(super) fn new(check: RiskCheck) -> Self {
        Self {
            asked: Mutex::new(Recent::new(MOST_SESSIONS, check.interval)),
            check,
            room: Arc::new(Semaphore::new(MOST_AT_ONCE)),
        }
    }

    /// Asks about a session, unless it was asked about lately.
    pub(super) fn watch(&self, policies: &Arc<Policies>, session: &Session, live: &Live) {
        let road = &session.context().road;
        if tokio::runtime::Handle::try_current().is_err()
            || !lock(&self.asked).is_new(live.id, (), road.clock.now())
        {
            return;
        }
        let client = session.request_client();
        let about = About {
            id: live.id,
            subject: live.record.subject().cloned(),
            client: client.clone(),
        };
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            lock(&self.asked).remove(&live.id);
            let busy = [Found::failure(RISK, "busy")];
            return policies.tell(road, "report", &busy, || about, live.id);
        };
        let facts = RiskFacts::of(&session.circumstances(live), client);
        let (policies, asked_by) = (Arc::clone(policies), Arc::clone(road));
        let check = self.check.clone();
        road.tasks.spawn(async move {
            let _room = room;
            policies.weigh(&asked_by, check, facts, about).await;
        });
    }
}

impl Policies {
    async fn weigh(&self, road: &Arc<Road>, check: RiskCheck, facts: RiskFacts, about: About) {
        let id = about.id;
        let question = check.clone().score(facts);
        let answer = isolated::ask(question, RISK, check.time_limit, &road.tasks).await;
        let Some((found, ends, score)) = finding(&check, answer) else {
            return;
        };
        let verdict = if ends { "end" } else { "report" };
        self.tell(road, verdict, &[found], || about, id);
        if ends {
            let note = score.map_or_else(|| note(&[found]), |score| format!("{RISK}={score}"));
            let cause = cause(EndReason::Policy, Initiator::Risk, &note);
            // Recorded by `end` if the store fails: asked again after the interval.
            let _receipt = road.end(id, cause).await;
        }
    }
}

/// What an answer means: what is told, whether the session ends, and the score.
fn finding(
    check: &RiskCheck,
    answer: Result<f64, &'static str>,
) -> Option<(Found, bool, Option<f64>)> {
    let score = match answer {
        Ok(score) if score.is_finite() => score,
        Ok(_) => {
            return Some((
                Found::failure(RISK, "no-number"),
                check.ends_unanswered,
                None,
            ));
        }
        Err(why) => return Some((Found::failure(RISK, why), check.ends_unanswered, None)),
    };
    let ends = score >= check.end_from;
    let verdict = match (ends, check.report_from) {
        (true, _) => "end",
        (false, Some(report_from)) if score >= report_from => "report",
        (false, _) => return None,
    };
    let found = Found {
        policy: RISK,
        verdict,
        why: "risk-score",
    };
    Some((found, ends, Some(score)))
}

const RISK: &str = "risk";
const MOST_SESSIONS: usize = 100_000;
const MOST_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> RiskCheck {
        let score = |_| async { Ok::<_, std::io::Error>(0.0) };
        RiskCheck::new(0.9, score).with_report_from(0.5)
    }

    fn seen(check: &RiskCheck, answer: Result<f64, &'static str>) -> Option<(&'static str, bool)> {
        finding(check, answer).map(|(found, ends, _)| (found.verdict, ends))
    }

    #[test]
    fn only_a_number_that_is_high_enough_ends() {
        let check = check();
        for (score, expected) in [
            (-1.0, None),
            (0.49, None),
            (0.5, Some(("report", false))),
            (0.9, Some(("end", true))),
            (f64::MAX, Some(("end", true))),
            (f64::NAN, Some(("failed", false))),
            (f64::INFINITY, Some(("failed", false))),
            (f64::NEG_INFINITY, Some(("failed", false))),
        ] {
            assert_eq!(seen(&check, Ok(score)), expected, "{score}");
        }
        assert_eq!(seen(&check, Err("timed-out")), Some(("failed", false)));
    }

    #[test]
    fn what_is_no_answer_ends_where_that_is_wished() {
        let check = check().ending_unanswered();
        assert_eq!(seen(&check, Ok(f64::NAN)), Some(("failed", true)));
        assert_eq!(seen(&check, Err("panicked")), Some(("failed", true)));
        assert_eq!(seen(&check, Ok(0.1)), None);
    }
}
