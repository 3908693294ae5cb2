//! Whether the user of a session may still have one.

use crate::{id::Subject, store::BoxFuture};
use std::{error::Error, fmt, sync::Arc, time::Duration};

/// What the application says of a subject.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SubjectStatus {
    /// May have sessions.
    Active,
    /// There is no such user any more: all its sessions end.
    Deleted,
    /// The account is locked: all its sessions end.
    Disabled,
}

/// What happens to a request while nobody can say whether its user may have a session.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "served or not")]
pub enum Unanswered {
    /// It goes on; the audit trail is told.
    Keep,
    /// It is refused with 503 and `Retry-After`; the session lives on. The default: a directory that
    /// is down puts nobody out, and nobody who may be locked in.
    #[default]
    Refuse,
}

/// Asks the application whether the user of a session may still have one (ASVS 7.4.2): in the
/// user table, the directory, the identity provider.
///
/// 1. A request whose user was not asked for within the interval waits for the answer; others of
///    the same user share it. Between, nobody is asked and nothing is slower. What is held open is
///    asked for with the [re-check](crate::SessionsBuilder::with_recheck_every).
/// 2. [`Disabled`](SubjectStatus::Disabled) or [`Deleted`](SubjectStatus::Deleted) ends **all**
///    sessions of the subject at once, on every node, for the reason
///    [`SubjectDisabled`](crate::reason::EndReason::SubjectDisabled). An answer is believed for the
///    interval, so who is enabled again gets in after it; or at once by
///    [`subject_changed`](crate::Terminator::subject_changed).
/// 3. An error, a panic, or no answer in time is no answer: see [`Unanswered`]. It is asked again
///    after the interval, at most five seconds.
/// 4. Each node asks for itself. The last 100,000 subjects are remembered; with more at once, each
///    is asked for more often than the interval says.
///
/// Anonymous sessions have no subject to ask for. Where the application can tell adjourn of a locked
/// account itself, [`end_subject`](crate::Terminator::end_subject) is quicker.
///
/// ```
/// use adjourn::{Sessions, id::Subject, policy::{SubjectCheck, SubjectStatus}, store::MemoryStore};
/// use std::{io, time::Duration};
///
/// async fn status_of(user: &str) -> io::Result<SubjectStatus> {
///     // SELECT disabled FROM users WHERE id = $1
/// #   let _ = user;
///     Ok(SubjectStatus::Active)
/// }
///
/// let check = SubjectCheck::new(Duration::from_secs(30), |user: Subject| async move {
///     status_of(user.as_str()).await
/// });
/// let sessions = Sessions::builder(MemoryStore::new()).with_subject_check(check).build()?;
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use = "a check does nothing until it is given to the builder"]
pub struct SubjectCheck {
    pub(crate) interval: Duration,
    pub(crate) time_limit: Duration,
    pub(crate) unanswered: Unanswered,
    ask: Arc<Ask>,
}

type Ask = dyn Fn(Subject) -> BoxFuture<'static, Result<SubjectStatus, String>> + Send + Sync;

impl SubjectCheck {
    /// Asks at most every `interval` for each subject.
    pub fn new<F, R, E>(interval: Duration, ask: F) -> Self
    where
        F: Fn(Subject) -> R + Send + Sync + 'static,
        R: Future<Output = Result<SubjectStatus, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self {
            interval,
            time_limit: Duration::from_secs(2),
            unanswered: Unanswered::default(),
            ask: Arc::new(move |subject| {
                let answer = ask(subject);
                Box::pin(async move { answer.await.map_err(|error| error.into().to_string()) })
            }),
        }
    }

    /// How long an answer may take. *Default:* two seconds.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// What happens to requests without an answer. *Default:* they are refused.
    pub const fn with_unanswered(mut self, unanswered: Unanswered) -> Self {
        self.unanswered = unanswered;
        self
    }

    pub(crate) async fn ask(self, subject: Subject) -> Result<SubjectStatus, String> {
        // The call that makes the future belongs inside: it may panic, too.
        (self.ask)(subject).await
    }
}

impl fmt::Debug for SubjectCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectCheck")
            .field("interval", &self.interval)
            .field("time_limit", &self.time_limit)
            .field("unanswered", &self.unanswered)
            .finish_non_exhaustive()
    }
}
