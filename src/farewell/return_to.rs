//! Bringing a user back, after logging in again, to the page that met the end of the session.
//!
//! 1. Only what a `GET` of a document asked for, and only because a timeout came first: after a
//!    log-out, or an ending that somebody wanted, nobody is brought back.
//! 2. Only what passes [`ReturnPaths`](crate::policy), judged when it is remembered and again when
//!    it is used, and used unchanged.
//! 3. The marker cookie carries it: ten minutes, or until the next log-in of whomever. Whoever writes
//!    it by hand gets no more time than that.
//! 4. The handler of the log-in is told only if the same user logs in again; that is decided in
//!    `session`, by the tombstone of the session that the marker names.

use super::{Back, FarewellConfig, Marker, redirect::without_query};
use crate::{
    policy::{FetchSite, RequestFacts, ReturnPaths},
    reason::EndReason,
    session::{Session, Standing},
    time::Timestamp,
};
use std::time::Duration;

/// What a request brings along of an ending before it.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// The marker, for a request that presents no session.
    pub(crate) marker: Option<Marker>,
    /// Where the user wants to be, to be remembered if this request is refused.
    pub(crate) wanted: Option<Back>,
}

impl Past {
    /// Why the session ended, if a background request met that and this one is the first for a page:
    /// nobody has told the user yet. Not twice, or where pages are remembered not twice for one, so
    /// that an exit page which links to it does not lead in a circle. Who signed out knows it.
    pub(super) fn untold(&self, facts: &RequestFacts) -> Option<&EndReason> {
        let marker = self.marker.as_ref()?;
        let told = marker.back.as_ref().map_or(marker.told, |before| {
            let wanted = self.wanted.as_ref();
            wanted.is_none_or(|wanted| wanted.path == before.path)
        });
        let reason = Some(&marker.reason).filter(|reason| **reason != EndReason::Logout)?;
        (!told && asks_for_a_page(facts)).then_some(reason)
    }
}

impl FarewellConfig {
    /// Whether this user may be brought back to the page at this path, which they see now.
    pub(crate) fn may_return(&self, session: &Session, path: &str) -> bool {
        session.is_live()
            && asks_for_a_page(session.facts())
            && !self.paths.is_public(without_query(path))
            && self
                .returns
                .as_ref()
                .is_some_and(|returns| returns.judge(path.as_bytes()).is_some())
    }

    /// Looks at where the user may be brought back to, and at where they want to be now.
    ///
    /// `path`: as received, with its query. Only where return paths are on.
    pub(crate) fn look_back(
        &self,
        session: &Session,
        path: &str,
        past: Option<Box<Past>>,
    ) -> Option<Box<Past>> {
        let Some(returns) = self.returns.as_ref().filter(|_| !session.is_live()) else {
            return past;
        };
        let mut past = past.unwrap_or_default();
        let now = session.context().road.clock.now();
        past.marker = past
            .marker
            .take()
            .and_then(|marker| offer(returns, session, marker, now));
        let is_timeout = match session.standing() {
            Standing::Ended { reason, .. } => reason.is_timeout(),
            Standing::Anonymous => past
                .marker
                .as_ref()
                .is_some_and(|marker| marker.reason.is_timeout()),
            Standing::Ambiguous(_)
            | Standing::Doubted(_)
            | Standing::Live(_)
            | Standing::Outdated(_) => false,
        };
        if is_timeout && asks_for_a_page(session.facts()) {
            past.wanted = returns.judge(path.as_bytes()).map(|path| Back {
                path: path.into(),
                until: now.saturating_add(Marker::LIFETIME),
                cleared: past.marker.as_ref().is_some_and(Marker::is_spent),
            });
        }
        Some(past)
    }
}

/// Tells the session where its user may be brought back to, in case of a log-in. What is too old,
/// lasts longer than we ever say, or leads nowhere is dropped.
fn offer(
    returns: &ReturnPaths,
    session: &Session,
    marker: Marker,
    now: Timestamp,
) -> Option<Marker> {
    let Some(back) = &marker.back else {
        return Some(marker);
    };
    if back.until <= now || back.until > now.saturating_add(Marker::LIFETIME + CLOCKS_DIFFER) {
        return marker.without_back();
    }
    let Some(path) = returns.judge(back.path.as_bytes()) else {
        session.record_redirect_refused(back.path.as_bytes());
        return marker.without_back();
    };
    session.note_former(marker.former(Some(path)));
    Some(marker)
}

/// A page of its own, which the user asked for and no other site.
fn asks_for_a_page(facts: &RequestFacts) -> bool {
    facts.is_document_get() && facts.site() != FetchSite::CrossSite
}

/// By how much the clock of the node that wrote the marker may be ahead of this one's.
const CLOCKS_DIFFER: Duration = Duration::from_mins(1);
