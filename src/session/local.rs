//! What the application keeps of a session in the memory of this node.

use super::{Context, Session};
use crate::{
    id::SessionId,
    live::{Kept, Mark, Since},
};
use std::{
    any::type_name,
    fmt,
    sync::{Arc, Weak},
};

/// Something kept in the memory of this node for each session - permissions, a profile, a key -
/// that is dropped when the session ends.
///
/// Made by [`Sessions::local`](crate::Sessions::local); clones are the same. At the end of a
/// session, whatever caused it and on whichever node, its value is dropped: on the node that ends it
/// before the receipt of the ending is there, on others with the store's notice; where notices were
/// missed, with the next [re-check](crate::SessionsBuilder::with_recheck_every). A value that is put here while the session
/// ends does not stay (R-1-27). Who holds the [`Arc`] of a value keeps that one alive.
///
/// It is a cache: a value may be gone at any time, since at most `capacity` values are kept and the
/// one that was put here first makes room. Nothing is shared with other nodes; drop what has changed
/// with [`remove_id`](Self::remove_id) on each of them, or leave it in the session's
/// [values](Session::set) instead.
///
/// Cost: a look-up is a short lock and some twenty comparisons. The sessions that have a value are
/// re-checked like those that hold connections, 500 in one call of the store. Values are made and dropped outside
/// of locks. A value's `Drop` runs on the path of the ending: it must not block; its panic is
/// caught.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use adjourn::{LiveSession, Sessions, session::SessionLocal, store::MemoryStore};
/// use axum::{Router, extract::State, routing::get};
///
/// struct Permissions(Vec<String>);
///
/// let sessions = Sessions::builder(MemoryStore::new()).build()?;
/// let permissions = sessions.local::<Permissions>(100_000);
/// let app: Router = Router::new()
///     .route("/reports", get(reports))
///     .with_state(permissions)
///     .layer(sessions.layer());
///
/// async fn reports(session: LiveSession, State(known): State<SessionLocal<Permissions>>) -> String {
///     let permissions = match known.get(&session) {
///         Some(permissions) => permissions,
///         None => known.insert(&session, load_permissions().await),
///     };
///     permissions.0.join(", ")
/// }
///
/// async fn load_permissions() -> Permissions {
///     Permissions(vec!["reports".to_owned()])
/// }
/// # }
/// # Ok::<(), adjourn::BuildError>(())
/// ```
pub struct SessionLocal<T> {
    kept: Arc<Kept<T>>,
    context: Arc<Context>,
}

impl<T: Send + Sync + 'static> SessionLocal<T> {
    pub(crate) fn new(context: &Arc<Context>, capacity: usize) -> Self {
        let kept = Arc::new(Kept::new(capacity));
        let observer: Weak<Kept<T>> = Arc::downgrade(&kept);
        context.road.live.observe(observer);
        Self {
            kept,
            context: Arc::clone(context),
        }
    }

    /// The value of the live session; `None` without one, and when there is no value.
    pub fn get(&self, session: &Session) -> Option<Arc<T>> {
        let (id, _) = self.of(session)?;
        self.kept.get(id)
    }

    /// Keeps a value for the live session in place of the one before, and answers it.
    ///
    /// Without a live session, or if it ends meanwhile, the value is answered and not kept.
    ///
    /// # Panics
    /// Outside a Tokio runtime, when so much ended during the request that the store has to be
    /// asked about the session.
    pub fn insert(&self, session: &Session, value: T) -> Arc<T> {
        let value = Arc::new(value);
        self.put(session, &value);
        value
    }

    /// The value of the live session, which is made first if there is none. Two requests that find
    /// none both make one, and the second stays.
    ///
    /// # Panics
    /// Like [`insert`](Self::insert), and when `make` panics.
    pub fn get_or_insert_with(&self, session: &Session, make: impl FnOnce() -> T) -> Arc<T> {
        self.get(session)
            .unwrap_or_else(|| self.insert(session, make()))
    }

    /// Removes and answers the value of the live session.
    pub fn remove(&self, session: &Session) -> Option<Arc<T>> {
        let (id, _) = self.of(session)?;
        self.kept.remove(id)
    }

    /// Removes and answers the value of a session that is known by its id: when what it was made
    /// from has changed.
    pub fn remove_id(&self, id: SessionId) -> Option<Arc<T>> {
        self.kept.remove(id)
    }

    /// Removes all values.
    pub fn clear(&self) {
        self.kept.clear();
    }

    /// How many values are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether no value is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put(&self, session: &Session, value: &Arc<T>) {
        let Some((id, mark)) = self.of(session) else {
            return;
        };
        let road = &self.context.road;
        match self.kept.put(&road.live, mark, id, Arc::clone(value)) {
            Since::Lost => road.verify_soon(id),
            Since::Ended(_) | Since::Nothing => {}
        }
    }

    /// A live session of the same `Sessions`: of another's ending nobody would tell.
    fn of(&self, session: &Session) -> Option<(SessionId, Mark)> {
        let ours = Arc::ptr_eq(session.context(), &self.context);
        if !ours {
            tracing::error!(
                target: "adjourn",
                "a SessionLocal was asked for a session of other Sessions: nothing is kept for it"
            );
        }
        session.id().filter(|_| ours).map(|id| (id, session.0.mark))
    }
}

impl<T> Clone for SessionLocal<T> {
    fn clone(&self) -> Self {
        Self {
            kept: Arc::clone(&self.kept),
            context: Arc::clone(&self.context),
        }
    }
}

impl<T> fmt::Debug for SessionLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLocal")
            .field("of", &type_name::<T>())
            .field("len", &self.kept.len())
            .finish_non_exhaustive()
    }
}
