//! What a risk engine thinks of a session.

use crate::{
    id::{SessionId, Subject},
    policy::RequestMethod,
    record::Client,
    store::BoxFuture,
    time::Timestamp,
};
use std::{error::Error, fmt, sync::Arc, time::Duration};

/// Asks for the risk of a session's requests, and ends the session when it is too high.
///
/// No request waits for it: the question is asked beside the first request of a session and then at
/// most every interval, and an answer that comes later ends the session like any other ending, open
/// streams and sockets included. The ending has the reason [`Policy`](crate::reason::EndReason::Policy)
/// and the initiator [`Risk`](crate::reason::Initiator::Risk).
///
/// An error, a panic, no answer in time, and a score that is no finite number are no answer: the
/// session lives on and the audit trail is told, because a risk engine that is down must not put
/// everybody out; see [`ending_unanswered`](Self::ending_unanswered). At most 64 questions are under
/// way at a time, what comes above is not asked and told so.
///
/// ```
/// use adjourn::{Sessions, policy::{RiskCheck, RiskFacts}, store::MemoryStore};
/// use std::{io, time::Duration};
///
/// let check = RiskCheck::new(0.9, |facts: RiskFacts| async move {
///     let moved = facts.started_by.as_deref().and_then(|it| it.address()) != facts.client.address();
///     Ok::<_, io::Error>(if moved { 0.5 } else { 0.1 })
/// })
/// .with_report_from(0.4)
/// .with_interval(Duration::from_mins(1));
/// let sessions = Sessions::builder(MemoryStore::new()).with_risk_check(check).build()?;
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use = "a check does nothing until it is given to the builder"]
pub struct RiskCheck {
    pub(crate) end_from: f64,
    pub(crate) report_from: Option<f64>,
    pub(crate) interval: Duration,
    pub(crate) time_limit: Duration,
    pub(crate) ends_unanswered: bool,
    score: Arc<Score>,
}

type Score = dyn Fn(RiskFacts) -> BoxFuture<'static, Result<f64, String>> + Send + Sync;

/// What a risk engine is told of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RiskFacts {
    /// The public name of the session.
    pub session_id: SessionId,
    /// Who it belongs to.
    pub subject: Option<Subject>,
    /// The client of this request.
    pub client: Client,
    /// The client that started the session.
    pub started_by: Option<Arc<Client>>,
    /// When the user last proved who they are.
    pub authenticated_at: Timestamp,
    /// What kind of method the request has.
    pub method: RequestMethod,
    /// When the request came, by the store's clock.
    pub at: Timestamp,
}

impl RiskFacts {
    pub(crate) fn of(now: &super::Circumstances<'_>, client: Client) -> Self {
        Self {
            session_id: now.session_id(),
            subject: now.subject().cloned(),
            client,
            started_by: now.started_by().cloned(),
            authenticated_at: now.live().record.authenticated_at(),
            method: now.facts().method(),
            at: now.now(),
        }
    }
}

impl RiskCheck {
    /// Ends sessions with at least this score: a finite number, on whatever scale `score` answers.
    pub fn new<F, R, E>(end_from: f64, score: F) -> Self
    where
        F: Fn(RiskFacts) -> R + Send + Sync + 'static,
        R: Future<Output = Result<f64, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self {
            end_from,
            report_from: None,
            interval: Duration::from_secs(30),
            time_limit: Duration::from_secs(10),
            ends_unanswered: false,
            score: Arc::new(move |facts| {
                let answer = score(facts);
                Box::pin(async move { answer.await.map_err(|error| error.into().to_string()) })
            }),
        }
    }

    /// Reports sessions with at least this score. *Default:* none.
    pub const fn with_report_from(mut self, score: f64) -> Self {
        self.report_from = Some(score);
        self
    }

    /// How often a session is asked for at most. *Default:* 30 seconds.
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long an answer may take. *Default:* ten seconds.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Ends a session for which there is no answer, too. *Default:* it lives on.
    pub const fn ending_unanswered(mut self) -> Self {
        self.ends_unanswered = true;
        self
    }

    /// The thresholds.
    pub(crate) fn scores(&self) -> impl Iterator<Item = f64> {
        [self.end_from].into_iter().chain(self.report_from)
    }

    pub(crate) async fn score(self, facts: RiskFacts) -> Result<f64, String> {
        (self.score)(facts).await
    }
}

impl fmt::Debug for RiskCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RiskCheck")
            .field("end_from", &self.end_from)
            .field("report_from", &self.report_from)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
