//! Where a user who logs in again wanted to be.

use super::Session;
use crate::{
    audit::{Event, EventKind},
    id::{SessionId, Subject},
};
use std::{fmt, ops::Deref, sync::Arc};

/// A page of this site that met the end of the user's last session, to redirect to after the
/// log-in.
///
/// It was judged by the grammar of [`local_path`](crate::policy::local_path) when the page was
/// asked for and again now, and is exactly what was asked for: redirect to it as it is. It may hold
/// `'` and `&`: escape it where it goes into HTML.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReturnTo(Arc<str>);

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

/// What is known of where the user wanted to be.
#[derive(Clone)]
pub(super) enum WayBack {
    /// The client says so, and which session it was that timed out.
    Offered(SessionId, Arc<str>),
    /// That session was this very user's.
    Open(ReturnTo),
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
    /// one tombstone if there is a page to return to.
    pub fn return_to(&self) -> Option<ReturnTo> {
        match self.state().way_back.as_deref() {
            Some(WayBack::Open(path)) => Some(path.clone()),
            Some(WayBack::Offered(..)) | None => None,
        }
    }

    pub(crate) fn offer_return(&self, id: SessionId, path: &str) {
        self.state().way_back = Some(Box::new(WayBack::Offered(id, path.into())));
    }

    /// Takes up the offer, if this subject's own session timed out. A store that fails here costs
    /// the way back and not the log-in.
    pub(super) async fn way_back(&self, subject: Option<&Subject>) -> Option<Box<WayBack>> {
        let offered = self.state().way_back.take();
        let (Some(WayBack::Offered(id, path)), Some(subject)) = (offered.as_deref(), subject)
        else {
            return None;
        };
        let context = self.context();
        let tombstone = context.store().tombstone(*id).await;
        let tombstone = tombstone
            .inspect_err(|error| context.road.store_failed("tombstone", error))
            .ok()??;
        // The client could have invented the reason: what the store says counts.
        let own = tombstone.subject.as_ref() == Some(subject) && tombstone.reason().is_timeout();
        own.then(|| Box::new(WayBack::Open(ReturnTo(Arc::clone(path)))))
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
