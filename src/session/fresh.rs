//! How long ago the user proved who they are, and operations that want it to be recent.

use super::{Session, Standing};
use std::time::Duration;

impl Session {
    /// How long ago the user of the live session proved who they are; `None` without a live
    /// session, for an anonymous one, and when the log-in lies in the future (a clock was set
    /// back), so that nobody knows.
    ///
    /// As of the moment the store answered this request.
    pub fn authentication_age(&self) -> Option<Duration> {
        self.with_live(|live| {
            let at = live.record.authenticated_at();
            let known = live.record.subject().is_some() && at <= live.now;
            known.then(|| live.now.saturating_since(at))
        })
        .flatten()
    }

    /// Demands that the user proved who they are at most `max_age` ago: before a change of what
    /// authentication rests on (ASVS 7.5.1), before ending other sessions (7.5.2), before a highly
    /// sensitive operation (7.5.3).
    ///
    /// The session is not ended and lives on as it was. As a response the error sends a person to
    /// the log-in page, and tells a program 401 `reauthentication-required` with the challenge of
    /// RFC 9470. For whole routes there are [`require_fresh`](crate::require_fresh) and
    /// [`FreshSession`](crate::FreshSession).
    ///
    /// As of the moment the store answered for this request: a handler that waits long, or holds a
    /// connection, asks again in its next request.
    ///
    /// Only a log-in makes a session fresh, and [`log_in`](Self::log_in) always starts a new one:
    /// what hung on the old one (grants, sockets, files) ends with it, so that a thief who shares
    /// the old session gains nothing from the user's renewed proof. There is no way to renew the
    /// proof of a session in place, on purpose; [`LogIn::keep_values`](super::LogIn::keep_values)
    /// carries over what the user should not lose.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use adjourn::{LiveSession, session::NotFresh};
    /// use std::time::Duration;
    ///
    /// async fn change_password(session: LiveSession) -> Result<&'static str, NotFresh> {
    ///     session.require_fresh(Duration::from_mins(5))?;
    ///     Ok("changed")
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// The log-in is older than that, there is no live session, or an anonymous one.
    pub fn require_fresh(&self, max_age: Duration) -> Result<(), NotFresh> {
        let standing = self.standing();
        if !matches!(standing, Standing::Live(_)) {
            return Err(NotFresh {
                max_age,
                why: Why::NotLive(Box::new(standing)),
            });
        }
        match self.authentication_age() {
            Some(age) if age <= max_age => Ok(()),
            age => Err(NotFresh {
                max_age,
                why: Why::TooOld(age),
            }),
        }
    }
}

/// The user has to prove again who they are; the session was not ended.
#[derive(Clone, Debug, thiserror::Error)]
#[error("a log-in at most {} seconds ago is needed: {why}", .max_age.as_secs())]
pub struct NotFresh {
    max_age: Duration,
    why: Why,
}

#[derive(Clone, Debug, thiserror::Error)]
enum Why {
    #[error("there is no live session")]
    NotLive(Box<Standing>),
    #[error("{}", .0.map_or("nobody knows when the last one was", |_| "the last one is older"))]
    TooOld(Option<Duration>),
}

impl NotFresh {
    /// How long ago the log-in may be.
    pub const fn max_age(&self) -> Duration {
        self.max_age
    }

    /// How long ago it was; `None` when there is no live session that belongs to somebody.
    pub const fn age(&self) -> Option<Duration> {
        match &self.why {
            Why::NotLive(_) => None,
            Why::TooOld(age) => *age,
        }
    }

    /// How the session stands, if it is not live.
    pub(crate) fn not_live(&self) -> Option<&Standing> {
        match &self.why {
            Why::NotLive(standing) => Some(standing),
            Why::TooOld(_) => None,
        }
    }
}
