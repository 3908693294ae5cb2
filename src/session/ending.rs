//! The endings that a handler asks for.

use super::{Session, Standing};
use crate::{
    audit::{Event, EventKind},
    id::SessionId,
    policy::{LogOutRefusal, judge_log_out},
    reason::{Cause, EndReason},
    terminate::{EndError, Ended, EndedAll},
};
use std::sync::Arc;

impl Session {
    /// Logs the user out, if the request is one to do so: a `POST` from this site, or one that
    /// presents a bearer token.
    ///
    /// Ends the session at once; the response gets the removal of the cookies, `Clear-Site-Data`
    /// and what else belongs to it. Without a live session there is nothing to end, which is no
    /// error: the user sees the same page.
    ///
    /// # Errors
    /// [`LogOutError::Refused`]: forged or malformed, nothing happened. [`LogOutError::Store`]:
    /// the session may still be live; do not tell the user otherwise. Both are responses under
    /// axum.
    ///
    /// # Cancel safety
    /// Once polled, the ending happens as a whole whether or not the future is polled again.
    pub async fn log_out(&self) -> Result<Ended, LogOutError> {
        let bearer = self.via() == Some(crate::carrier::Via::Bearer);
        let origin = self.context().origin.as_ref();
        if let Err(refusal) = judge_log_out(self.facts(), bearer, origin) {
            self.record_log_out_refused(refusal);
            return Err(LogOutError::Refused(refusal));
        }
        Ok(self.end(EndReason::Logout).await?)
    }

    /// Ends the session of this request, for a reason of the program's. Does not judge the request:
    /// see [`log_out`](Self::log_out) for that.
    ///
    /// # Errors
    /// The store failed: the session may still be live.
    ///
    /// # Cancel safety
    /// Once polled, the ending happens as a whole whether or not the future is polled again.
    pub async fn end(&self, cause: impl Into<Cause> + Send) -> Result<Ended, EndError> {
        let cause = self.named(cause.into());
        match self.standing() {
            Standing::Live(live) => self.end_this(live.id, cause).await,
            // Whoever holds the token may give it up.
            Standing::Doubted(doubted) => self.end_this(doubted.live.id, cause).await,
            Standing::Ambiguous(ids) => self.end_each(ids, &cause).await,
            // Ended: asked again only for the receipt, the first ending stands. Outdated: a rotation
            // overtook the request; its token was the session's a moment ago, and whoever asks to
            // be out is let out. The secret that replaced it dies with the session.
            Standing::Ended { id, .. } | Standing::Outdated(id) => self.end_this(id, cause).await,
            Standing::Anonymous => Ok(Ended::nothing()),
        }
    }

    /// Ends all other sessions of this session's subject: "sign out everywhere else", or after a
    /// change of credentials (ASVS 7.4.3). This one lives on.
    ///
    /// # Errors
    /// The store failed, or there is no live session of a subject.
    ///
    /// # Cancel safety
    /// Once polled, the cut happens as a whole.
    pub async fn end_others(
        &self,
        cause: impl Into<Cause> + Send,
    ) -> Result<EndedAll, EndOthersError> {
        let (id, subject) = self
            .id()
            .zip(self.subject())
            .ok_or(EndOthersError::NoSubject)?;
        let cause = self.named(cause.into());
        let terminator = crate::terminate::Terminator(Arc::clone(&self.context().road));
        Ok(terminator.end_subject(&subject, Some(id), cause).await?)
    }

    /// Ends all sessions of this session's subject, this one included.
    ///
    /// # Errors
    /// The store failed, or there is no live session of a subject.
    ///
    /// # Cancel safety
    /// Once polled, the cut happens as a whole.
    pub async fn end_all_of_subject(
        &self,
        cause: impl Into<Cause> + Send,
    ) -> Result<EndedAll, EndOthersError> {
        let cause = self.named(cause.into());
        let (id, subject) = self
            .id()
            .zip(self.subject())
            .ok_or(EndOthersError::NoSubject)?;
        let terminator = crate::terminate::Terminator(Arc::clone(&self.context().road));
        let ended = terminator.end_subject(&subject, None, cause.clone()).await;
        match ended {
            Ok(_) => self.note_end(id, cause.reason().clone()),
            Err(_) => self.state().end_failed = true,
        }
        Ok(ended?)
    }

    /// The cause with the name of this request, unless it has one.
    pub(super) fn named(&self, cause: Cause) -> Cause {
        match self.request_id() {
            Some(id) if cause.request_id().is_none() => cause.with_request_id(id.clone()),
            Some(_) | None => cause,
        }
    }

    async fn end_this(&self, id: SessionId, cause: Cause) -> Result<Ended, EndError> {
        let asked = cause.reason().clone();
        match self.context().road.end(id, cause).await {
            Ok(ended) => {
                let reason = ended
                    .ending()
                    .map_or(asked, |ending| ending.reason().clone());
                self.note_end(id, reason);
                Ok(ended)
            }
            Err(error) => {
                self.state().end_failed = true;
                Err(error)
            }
        }
    }

    /// Every value of a duplicated cookie (R-5-14): the receipt is the last one's.
    async fn end_each(&self, ids: Vec<SessionId>, cause: &Cause) -> Result<Ended, EndError> {
        let mut last = Ended::nothing();
        for id in ids {
            last = self.end_this(id, cause.clone()).await?;
        }
        Ok(last)
    }

    fn note_end(&self, id: SessionId, reason: EndReason) {
        let mut state = self.state();
        state.standing = Standing::Ended { id, reason };
        state.ended_here = true;
        state.forget_changes();
    }

    /// Records that the request was refused which would have ended this session or another of the
    /// user.
    pub(crate) fn record_log_out_refused(&self, refusal: LogOutRefusal) {
        let why = refusal.code();
        self.record_refused(EventKind::LogOutRefused { why });
    }

    pub(super) fn record_refused(&self, kind: EventKind) {
        let road = &self.context().road;
        let mut event = Event::new(kind, road.clock.now())
            .by(self.subject())
            .from(Some(Arc::new(self.request_client())))
            .asked_by(self.request_id());
        event.session_id = self.id();
        road.record(&event);
    }
}

/// The user was not logged out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogOutError {
    /// The request was no honest log-out; nothing happened.
    #[error("the log-out was refused: {0}")]
    Refused(LogOutRefusal),
    /// The store failed: the session may still be live.
    #[error("the user was not logged out")]
    Store(#[from] EndError),
}

/// The other sessions were not ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndOthersError {
    /// There is no live session that belongs to a subject.
    #[error("there is no live session of a subject whose sessions could be ended")]
    NoSubject,
    /// The store failed: some sessions may still be live.
    #[error("the sessions were not ended")]
    Store(#[from] EndError),
}
