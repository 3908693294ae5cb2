//! Log-in: the only way to a session.

use super::{
    Context, Session, Standing, ValueError,
    before::{Before, Found},
    handle::Issued,
    newborn::{Newborn, Start, create},
    values::encode,
};
use crate::{
    audit::{Event, EventKind},
    carrier::Via,
    id::{InvalidSubject, SessionId, Subject, Token},
    policy::Timeouts,
    reason::{Cause, EndReason},
    record::{Changes, Live, Values},
    store::{self, Limit, NewSession, Ticket},
    terminate::EndError,
};
use serde::Serialize;
use std::sync::Arc;

impl Session {
    /// Reads a ticket *before* the credentials are checked, so that this log-in is refused if
    /// everything of the subject (or of everyone) is ended while they are.
    ///
    /// Without it, a log-in that overlaps with such a cut may survive it. With an unknown subject
    /// the ticket covers cuts of everyone only on stores that keep subjects apart: read it once the
    /// user's name is known. A ticket is good for [`Ticket::LIFETIME`].
    ///
    /// # Errors
    /// The store failed.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn begin_log_in(&self, subject: Option<&Subject>) -> Result<(), StartError> {
        let ticket = self.context().store().begin_log_in(subject).await;
        let ticket = ticket.inspect_err(|error| {
            self.context().road.store_failed("begin_log_in", error);
        })?;
        self.state().ticket = Some(ticket);
        Ok(())
    }

    /// Logs a subject in: starts a new session with a new id (ASVS 7.2.4), and ends the old one of
    /// this request [`Reauthenticated`](EndReason::Reauthenticated) with everything that hangs on
    /// it. Short for [`log_in_with`](Self::log_in_with).
    ///
    /// # Errors
    /// See [`StartError`].
    ///
    /// # Cancel safety
    /// Dropped before it is ready, a session that was started meanwhile is ended
    /// [`Undelivered`](EndReason::Undelivered).
    pub async fn log_in<S>(&self, subject: S) -> Result<LoggedIn, StartError>
    where
        S: TryInto<Subject> + Send,
        S::Error: Into<InvalidSubject>,
    {
        let subject = subject.try_into().map_err(Into::into)?;
        self.log_in_with(LogIn::new(subject)).await
    }

    /// Logs in with other than the usual settings.
    ///
    /// The response carries the new session cookie, or with [`LogIn::bearer`] the receipt carries
    /// the token for the client.
    ///
    /// # Errors
    /// See [`StartError`].
    ///
    /// # Cancel safety
    /// Like [`log_in`](Self::log_in).
    pub async fn log_in_with(&self, log_in: LogIn) -> Result<LoggedIn, StartError> {
        self.start_as(log_in).await
    }

    /// Starts a session for a visitor who is not logged in. Visits alone never create one.
    ///
    /// A live session of this request is ended
    /// [`Reauthenticated`](EndReason::Reauthenticated).
    ///
    /// # Errors
    /// See [`StartError`].
    ///
    /// # Cancel safety
    /// Like [`log_in`](Self::log_in).
    pub async fn start(&self) -> Result<LoggedIn, StartError> {
        self.start_as(LogIn::anonymous()).await
    }

    async fn start_as(&self, log_in: LogIn) -> Result<LoggedIn, StartError> {
        let context = Arc::clone(self.context());
        if !context.road.trail.is_ready() {
            let why = "audit-unavailable";
            self.record_no_start(log_in.subject, EventKind::StartRefused { why });
            return Err(StartError::AuditUnavailable);
        }
        let bearer = log_in.bearer || !context.cookie;
        // A bearer token is for another client than the browser whose cookie came along.
        let same_client = bearer == (self.via() == Some(Via::Bearer)) || !context.cookie;
        let old = self.replaceable().filter(|_| same_client);
        let subject = log_in.subject.clone();
        let before = if bearer {
            Found::default()
        } else {
            self.look_before(subject.as_ref(), old.as_ref()).await
        };

        let id = context.store().mint_id(subject.as_ref()).await;
        let id = id.inspect_err(|error| context.road.store_failed("mint_id", error))?;
        let token = Token::new(id).map_err(store::Error::from)?;
        let new = self.new_session(&token, log_in, old.as_ref())?;
        let (born, superseded) = match create(&context, new).await? {
            Start::Born(born, superseded) => (born, superseded),
            Start::Conflict => {
                return Err(store::Error::corrupt("a new session id is taken already").into());
            }
            Start::LimitReached(limit) => {
                let max = limit.max.get();
                self.record_no_start(subject, EventKind::LimitReached { max });
                return Err(StartError::LimitReached(limit));
            }
            Start::Outdated => return Err(StartError::Outdated),
        };
        let born = match old.as_ref().filter(|old| !superseded.contains(&old.id)) {
            Some(old) => {
                let cause = self.named(EndReason::Reauthenticated.into());
                end_replaced(&context, old.id, cause, born).await?
            }
            None => born,
        };
        if let Some(live) = born.hand_over() {
            self.record_start(&live);
            self.become_live(live, &token, bearer, before);
        }
        Ok(LoggedIn {
            id,
            superseded,
            token: bearer.then_some(token),
        })
    }

    fn new_session(
        &self,
        token: &Token,
        log_in: LogIn,
        old: Option<&Live>,
    ) -> Result<NewSession, StartError> {
        let context = self.context();
        let timeouts = log_in.timeouts.as_ref().unwrap_or(&context.timeouts);
        let (idle_timeout, touch_interval) = context.pace(timeouts);
        // What somebody left in a session that this request may not use, only they get back.
        let owner = |old: &&Live| {
            self.is_live()
                || old
                    .record
                    .subject()
                    .is_some_and(|of| Some(of) == log_in.subject.as_ref())
        };
        let values = log_in.first_values(old.filter(owner));
        if values.size() > context.max_values {
            let (bytes, max) = (values.size(), context.max_values);
            return Err(ValueError::TooLarge { bytes, max }.into());
        }
        Ok(NewSession {
            id: token.id(),
            secret_hash: token.secret_hash(),
            limit: context.limit.filter(|_| log_in.subject.is_some()),
            subject: log_in.subject,
            idle_timeout,
            touch_interval,
            absolute_timeout: timeouts.absolute(),
            client: Some(Arc::new(self.request_client())),
            values,
            replaces: old.map(|old| old.id),
            ticket: self.state().ticket.take(),
            claimant: context.road.claimant()?,
            request_id: self.request_id().cloned(),
        })
    }

    fn become_live(&self, live: Live, token: &Token, bearer: bool, before: Found) {
        let mut state = self.state();
        state.forget_changes();
        // Still so if one request logs in twice.
        state.subject_changed |= before.subject_changed;
        state.before = before
            .way_back
            .map(|path| Box::new(Before::Returning(path)));
        state.standing = Standing::Live(live);
        state.secret = Some(token.secret_hash());
        state.stale = false;
        state.ended_here = false;
        state.issued = Some(Box::new(if bearer {
            Issued::Bearer
        } else {
            Issued::Cookie(token.copy())
        }));
    }

    fn record_start(&self, live: &Live) {
        let road = &self.context().road;
        let event = Event::new(EventKind::Started, live.record.created_at())
            .of(live.id)
            .by(live.record.subject().cloned())
            .from(live.record.client().cloned())
            .asked_by(self.request_id());
        road.record(&event);
    }
}

/// Ends the session that a new one takes the place of; if that fails, the new one must not live.
async fn end_replaced(
    context: &Context,
    old: SessionId,
    cause: Cause,
    born: Newborn,
) -> Result<Newborn, EndError> {
    match context.road.end(old, cause).await {
        Ok(_receipt) => Ok(born),
        Err(error) => {
            born.end().await;
            Err(error)
        }
    }
}

/// A log-in with other than the usual settings.
///
/// ```
/// use adjourn::{id::Subject, policy::Timeouts, session::LogIn};
/// use std::time::Duration;
///
/// let remembered = Timeouts::new(Duration::from_hours(24), Duration::from_hours(24 * 30))?;
/// let log_in = LogIn::new(Subject::new("user-17")?)
///     .with_timeouts(remembered) // "remember me", which still ends
///     .keep_values(["cart"]);
/// # let _ = log_in;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a log-in does nothing until it is given to Session::log_in_with"]
pub struct LogIn {
    subject: Option<Subject>,
    timeouts: Option<Timeouts>,
    bearer: bool,
    keep: Keep,
    values: Changes,
}

#[derive(Clone, Debug)]
enum Keep {
    All,
    Named(Vec<Box<str>>),
}

impl LogIn {
    /// A log-in of this subject with the usual settings.
    pub const fn new(subject: Subject) -> Self {
        Self::of(Some(subject))
    }

    const fn anonymous() -> Self {
        Self::of(None)
    }

    const fn of(subject: Option<Subject>) -> Self {
        let keep = Keep::Named(Vec::new());
        Self {
            subject,
            timeouts: None,
            bearer: false,
            keep,
            values: Changes::none(),
        }
    }

    /// Other timeouts than the layer's, for this session only. The cookie stays one that the browser
    /// forgets when it is closed (NIST SP 800-63B section 5.1).
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    /// Hands the token to the application ([`LoggedIn::token`]) instead of setting a cookie: for
    /// mobile apps and APIs. A session whose cookie came along is another client's and lives on.
    pub const fn bearer(mut self) -> Self {
        self.bearer = true;
        self
    }

    /// Carries these values over from the old session of this request. By default none are:
    /// whoever planted the old session may have filled it.
    pub fn keep_values<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.keep = Keep::Named(names.into_iter().map(Into::into).collect());
        self
    }

    /// Carries all values over from the old session of this request.
    pub fn keep_all_values(mut self) -> Self {
        self.keep = Keep::All;
        self
    }

    /// Gives the new session a value from the start.
    ///
    /// # Errors
    /// The value cannot be serialised, or the name is empty or too long.
    pub fn with_value<T: Serialize + ?Sized>(
        mut self,
        name: &str,
        value: &T,
    ) -> Result<Self, ValueError> {
        self.values = self.values.set(name, encode(name, value)?);
        Ok(self)
    }

    fn first_values(&self, old: Option<&Live>) -> Values {
        let kept = old.map(|old| match &self.keep {
            Keep::All => old.record.values().clone(),
            Keep::Named(names) => {
                let held = names
                    .iter()
                    .filter_map(|name| Some((&**name, old.record.values().get(name)?)));
                held.collect()
            }
        });
        kept.unwrap_or_default().changed(&self.values)
    }
}

/// The receipt of a log-in.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoggedIn {
    id: SessionId,
    superseded: Vec<SessionId>,
    token: Option<Token>,
}

impl LoggedIn {
    /// The new session.
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The sessions that ended in the same step: the replaced one, and those above the limit.
    pub fn superseded(&self) -> &[SessionId] {
        &self.superseded
    }

    /// The token for the client of a bearer log-in; `None` when it travels in a cookie.
    pub const fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }
}

/// No session was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The audit trail cannot be written, and sessions must not start without it: see
    /// [`Sink::is_ready`](crate::audit::Sink::is_ready). Trying again later may help.
    #[error("nobody was logged in: the audit trail cannot be written")]
    AuditUnavailable,
    /// The old session could not be ended, so the new one was not left alive either.
    #[error("nobody was logged in")]
    End(#[from] EndError),
    /// The subject has as many sessions as are allowed (ASVS 7.1.2). Not a failed log-in: do not
    /// count it as one.
    #[error("the limit of {} concurrent sessions is reached", .0.max)]
    LimitReached(Limit),
    /// The sessions of the subject were ended while the credentials were checked, or the ticket is
    /// older than [`Ticket::LIFETIME`].
    #[error(
        "the sessions were ended while the credentials were checked, or that took longer than \
         {} minutes: ask for the credentials again",
        Ticket::LIFETIME.as_secs() / 60
    )]
    Outdated,
    /// The store failed.
    #[error("nobody was logged in")]
    Store(#[from] store::Error),
    /// The subject is not one.
    #[error("nobody was logged in")]
    Subject(#[from] InvalidSubject),
    /// The first values are too large.
    #[error("nobody was logged in")]
    Values(#[from] ValueError),
}
