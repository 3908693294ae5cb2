//! Where a user who logs in again wanted to be.

use super::{Session, before::Before};
use crate::audit::{Event, EventKind};
use std::{fmt, ops::Deref, sync::Arc};

/// A page of this site that met the end of the user's last session, to redirect to after the
/// log-in.
///
/// It was judged by the grammar of [`local_path`](crate::policy::local_path) when the page was
/// asked for and again now, and is exactly what was asked for: redirect to it as it is. It may hold
/// `'` and `&`: escape it where it goes into HTML.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReturnTo(pub(super) Arc<str>);

impl ReturnTo {
    /// The path, perhaps with a query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for ReturnTo {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ReturnTo {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Session {
    /// After [`log_in`](Session::log_in): the page from which a timeout had thrown this user out,
    /// if [`with_return_to`](crate::SessionsBuilder::with_return_to) is on.
    ///
    /// `Some` only if the page was asked for by a `GET` of a document at most ten minutes ago, in
    /// this browser, and the session that had timed out was the same subject's. Whoever logs in,
    /// it is forgotten then: after another user logged in meanwhile, after a log-out, or the second
    /// time, there is none. No form field and no parameter of a URL says where to go.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use adjourn::{Session, session::StartError};
    /// use axum::response::Redirect;
    ///
    /// async fn log_in(session: Session) -> Result<Redirect, StartError> {
    ///     session.log_in("user-17").await?; // after checking the password
    ///     Ok(Redirect::to(session.return_to().as_deref().unwrap_or("/account")))
    /// }
    /// # }
    /// ```
    ///
    /// Before the log-in it is `None`: nobody knows yet who asks. Costs nothing; the log-in reads
    /// one tombstone if there is a page to return to, or a storage that nobody has cleared yet.
    pub fn return_to(&self) -> Option<ReturnTo> {
        match self.state().before.as_deref() {
            Some(Before::Returning(path)) => Some(path.clone()),
            Some(Before::Told(_)) | None => None,
        }
    }

    /// Records a place to which a browser was not sent (ASVS 16.3.3).
    pub(crate) fn record_redirect_refused(&self, target: &[u8]) {
        let road = &self.context().road;
        let target = target.get(..MAX_RECORDED).unwrap_or(target);
        let kind = EventKind::RedirectRefused {
            target: target.escape_ascii().to_string(),
        };
        let mut event = Event::new(kind, road.clock.now())
            .by(self.subject())
            .from(Some(Arc::new(self.request_client())))
            .asked_by(self.request_id());
        event.session_id = self.id();
        road.record(&event);
    }
}

/// The most of a refused target that is recorded, in bytes before escaping.
const MAX_RECORDED: usize = 128;
