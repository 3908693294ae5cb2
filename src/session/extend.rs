//! "I am still here": the one action that moves the idle deadline.

use super::{Session, Standing};
use crate::{
    audit::{Event, EventKind},
    policy::{LogOutRefusal, judge_log_out},
    reason::EndReason,
    record::{Activity, Remaining},
    store::{self, Checked},
};
use std::sync::Arc;

impl Session {
    /// Extends the live session at the user's wish, and answers how long it lives on: what the
    /// button of a warning before the idle timeout calls (WCAG 2.2.1). The absolute timeout stays.
    ///
    /// Judges the request as [`log_out`](Self::log_out) does, because a session that another site
    /// can extend never idles out. Counts as activity whatever
    /// [`with_activity`](crate::SessionsBuilder::with_activity) says of the request, and is recorded
    /// as [`Extended`](EventKind::Extended), a refusal as [`ExtendRefused`](EventKind::ExtendRefused).
    ///
    /// Cost: one question to the store, which writes at most once per touch interval.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use adjourn::{Session, session::ExtendError};
    ///
    /// async fn extend(session: Session) -> Result<String, ExtendError> {
    ///     let remaining = session.extend().await?;
    ///     Ok(remaining.soonest().as_secs().to_string())
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// The request was forged or malformed (nothing happened), there is no live session (any more),
    /// or the store failed. Each is a response under axum.
    ///
    /// # Cancel safety
    /// Cancel safe: the session was extended or not.
    pub async fn extend(&self) -> Result<Remaining, ExtendError> {
        let bearer = self.via() == Some(crate::carrier::Via::Bearer);
        let origin = self.context().origin.as_ref();
        if let Err(refusal) = judge_log_out(self.facts(), bearer, origin) {
            let why = refusal.code();
            self.record_refused(EventKind::ExtendRefused { why });
            return Err(ExtendError::Refused(refusal));
        }
        let id = match self.standing() {
            Standing::Live(live) => live.id,
            Standing::Ambiguous(_) | Standing::Anonymous | Standing::Doubted(_) => {
                return Err(ExtendError::NoSession);
            }
            Standing::Ended { reason, .. } => return Err(ExtendError::Ended(reason)),
            Standing::Outdated(_) => return Err(ExtendError::Outdated),
        };
        let asked = self.context().store().check(&[id], Activity::Active).await;
        let answers =
            asked.inspect_err(|error| self.context().road.store_failed("check", error))?;
        let Some(why) = Checked::not_live(answers) else {
            return self.extended().ok_or(ExtendError::NoSession);
        };
        self.ended_meanwhile(id, why).await?;
        let reason = self.end_reason().unwrap_or(EndReason::Lost);
        Err(ExtendError::Ended(reason))
    }

    /// Notes and records that the store has seen the user.
    fn extended(&self) -> Option<Remaining> {
        let (id, subject, remaining) = {
            let mut state = self.state();
            let Standing::Live(live) = &mut state.standing else {
                return None;
            };
            // By the time of the request's first answer: said too short rather than too long.
            if live.record.touch_is_due(live.last_seen, live.now) {
                live.last_seen = live.now;
            }
            (live.id, live.record.subject().cloned(), live.remaining())
        };
        let road = &self.context().road;
        let event = Event::new(EventKind::Extended, road.clock.now())
            .of(id)
            .by(subject)
            .from(Some(Arc::new(self.request_client())))
            .asked_by(self.request_id());
        road.record(&event);
        Some(remaining)
    }
}

/// The session was not extended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtendError {
    /// The session is over.
    #[error("the session ended ({0}) and cannot be extended")]
    Ended(EndReason),
    /// There is no live session.
    #[error("there is no live session to extend")]
    NoSession,
    /// The secret was replaced; its session lives on.
    #[error("the secret was replaced by another request meanwhile")]
    Outdated,
    /// The request does not come from the application itself; nothing happened.
    #[error("the extension was refused ({})", .0.code())]
    Refused(LogOutRefusal),
    /// The store failed: whether the session is live is not known.
    #[error("the session was not extended")]
    Store(#[from] store::Error),
}
