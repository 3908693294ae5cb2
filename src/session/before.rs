//! What a log-in finds in the browser of an ending before it: whose storage that is, and where the
//! user wanted to be.
//!
//! An ending tells the browser to clear its storage, but not by every answer (see
//! [`farewell`](crate::farewell)). Whoever logs in before it did must not be shown what the user
//! before left there; whoever logs in again must not lose it.

use super::{ReturnTo, Session, Standing};
use crate::{
    carrier::Via,
    id::{SessionId, Subject},
    record::{Live, Tombstone},
};
use std::sync::Arc;

/// What is known of the session before.
pub(super) enum Before {
    /// What the client says: nothing is believed of it before the store was asked.
    Told(Former),
    /// That session was this very user's, and timed out.
    Returning(ReturnTo),
}

/// What the client says of the session before.
#[derive(Clone)]
pub(crate) struct Former {
    /// Which it was; `None` where what the browser keeps may be of several users.
    pub(crate) id: Option<SessionId>,
    /// Whether the browser keeps what it had then.
    pub(crate) uncleared: bool,
    /// Where the user wanted to be when it turned out to be over.
    pub(crate) path: Option<Arc<str>>,
}

/// What a log-in finds out of it.
#[derive(Default)]
pub(super) struct Found {
    /// The browser's storage is, or may be, of somebody else than who logs in.
    pub(super) subject_changed: bool,
    pub(super) way_back: Option<ReturnTo>,
}

impl Session {
    /// Notes what the client of a request without a session says of the one before.
    pub(crate) fn note_former(&self, former: Former) {
        self.state().before = Some(Box::new(Before::Told(former)));
    }

    /// What a log-in of `new`, which takes the place of `old`, finds of the session before: one look
    /// at the store if one ended. A store that fails here costs the way back and the storage, not
    /// the log-in.
    pub(super) async fn look_before(&self, new: Option<&Subject>, old: Option<&Live>) -> Found {
        if let Some(old) = old {
            let owner = old.record.subject();
            return Found {
                subject_changed: owner.is_some_and(|owner| Some(owner) != new),
                way_back: None,
            };
        }
        let Some(former) = self.former() else {
            return Found::default();
        };
        let tombstone = match former.id {
            Some(id) if former.uncleared || former.path.is_some() => self.tombstone(id).await,
            Some(_) | None => None,
        };
        let owner = tombstone.as_ref().map(|it| it.subject.as_ref());
        let another = owner.is_none_or(|owner| owner.is_some() && owner != new);
        // The client could have invented the reason: what the store says counts.
        let timed_out = tombstone
            .as_ref()
            .is_some_and(|it| it.reason().is_timeout());
        let own = new.is_some() && owner == Some(new) && timed_out;
        Found {
            subject_changed: former.uncleared && another,
            way_back: former.path.filter(|_| own).map(ReturnTo),
        }
    }

    /// The session that ended in this browser: that of the token it presents, else of its marker.
    fn former(&self) -> Option<Former> {
        let state = self.state();
        if let Some(Before::Told(former)) = state.before.as_deref() {
            return Some(former.clone());
        }
        // Another client's token says nothing of this browser.
        if state.via != Some(Via::Cookie) {
            return None;
        }
        let id = match &state.standing {
            Standing::Ended { id, .. } | Standing::Outdated(id) => Some(*id),
            Standing::Ambiguous(_) => None,
            // Of a session that is long forgotten, or of none.
            Standing::Anonymous if state.stale => None,
            Standing::Anonymous | Standing::Doubted(_) | Standing::Live(_) => return None,
        };
        Some(Former {
            id,
            uncleared: true,
            path: None,
        })
    }

    async fn tombstone(&self, id: SessionId) -> Option<Arc<Tombstone>> {
        let context = self.context();
        let tombstone = context.store().tombstone(id).await;
        tombstone
            .inspect_err(|error| context.road.store_failed("tombstone", error))
            .ok()
            .flatten()
    }
}
