//! Scratch directories: files that live as long as a session.
//!
//! 1. The directory of a session is `<root>/adjourn/<session id>`, for this user alone, on this
//!    node. The id is public and no secret.
//! 2. **Known first, then made, then looked.** A directory is entered into the index before it is
//!    made, and the ring of endings is looked at after that; an ending is recorded in the ring
//!    before the index is looked at. Whichever comes second sees the other, as with connections
//!    ([`crate::live`]), and removes it.
//! 3. Removed once for each ending: whoever learns of it first removes, the others wait and get the
//!    same report. What cannot be removed is tried again, first at once, then in the background.
//! 4. What a crash left is found by name ([`tend`]): the store says which sessions live. A name that
//!    is no session id is not ours. A session that the store does not know may belong to another
//!    application, so its directory is removed only if nobody else was there when it was found.
//! 5. Nothing here blocks a task: all that touches the disk runs on threads that may, and a graceful
//!    shutdown waits for it.

mod root;
mod tend;
#[cfg(test)]
mod tests;

pub(crate) use root::Root;
pub use root::ScratchRootError;
pub use tend::ScratchSwept;
pub(crate) use tend::tend;

use super::{HookOutcome, HookReport, Road};
use crate::{
    id::SessionId,
    live::{Live, Mark, Observer, Since},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{Notify, OnceCell},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

/// The scratch directories of this node.
pub(crate) struct Scratch {
    me: Weak<Self>,
    root: Arc<Root>,
    tasks: TaskTracker,
    /// How long one attempt to remove a directory may take.
    limit: Duration,
    index: Mutex<Index>,
    /// A removal failed.
    failed: Notify,
}

/// Leaf lock, held for a few instructions.
#[derive(Default)]
struct Index {
    /// The sessions that have a directory here, and the last ones that had.
    dirs: BTreeMap<SessionId, Arc<Dir>>,
    /// Those that had, the last one at the end.
    gone: VecDeque<SessionId>,
    /// Sessions that have ended and whose directory could not be removed.
    failed: BTreeSet<SessionId>,
    /// What was there when the root was opened and has not been looked at.
    left_over: BTreeSet<SessionId>,
}

/// The directory of one session.
#[derive(Default)]
struct Dir {
    /// How its removal came out.
    removed: OnceCell<HookReport>,
}

impl Scratch {
    pub(super) fn new(
        (root, left_over): (Root, Vec<SessionId>),
        tasks: TaskTracker,
        limit: Duration,
    ) -> Arc<Self> {
        let left_over = left_over.into_iter().collect();
        let index = Index {
            left_over,
            ..Index::default()
        };
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            root: Arc::new(root),
            tasks,
            limit,
            index: Mutex::new(index),
            failed: Notify::new(),
        })
    }

    /// Whether there is something to remove, or was lately.
    pub(super) fn keeps(&self, id: SessionId) -> bool {
        self.index().dirs.contains_key(&id)
    }

    /// Removes the directory of a session that ended, once; `None` if there was none.
    pub(super) async fn remove(&self, id: SessionId) -> Option<HookReport> {
        let dir = self.index().dirs.get(&id).map(Arc::clone)?;
        let report = dir.removed.get_or_init(|| self.try_to_remove(id)).await;
        Some(report.clone())
    }

    /// Enters a directory into the index. `false` when the session is known to have ended.
    fn know(&self, id: SessionId) -> bool {
        !self.index().dirs.entry(id).or_default().is_removed()
    }

    /// Makes a directory that is in the index, and looks.
    fn make(&self, live: &Live, id: SessionId, mark: Mark) -> io::Result<Since> {
        self.root.create(id)?;
        Ok(self.look(live, id, mark))
    }

    /// How the session stands since `mark`; if it has ended, its directory is removed.
    fn look(&self, live: &Live, id: SessionId, mark: Mark) -> Since {
        let since = live.since(mark, id);
        match since {
            Since::Ended(_) => self.remove_here(id),
            // Whatever was removed before was not this one.
            Since::Lost => drop(self.index().dirs.insert(id, Arc::default())),
            Since::Nothing => {}
        }
        since
    }

    /// Removes the directory of a session that ended, blocking, unless somebody is at it.
    fn remove_here(&self, id: SessionId) {
        let outcome = match self.remove_now(id) {
            Ok(()) => HookOutcome::Done,
            Err(error) => HookOutcome::Failed(error.kind().to_string()),
        };
        let removed = outcome == HookOutcome::Done;
        let dir = self.index().dirs.get(&id).map(Arc::clone);
        let report = HookReport {
            name: REPORT,
            outcome,
            attempts: 1,
        };
        if dir.is_some_and(|dir| dir.removed.set(report).is_ok()) {
            self.note_gone(id, removed);
        }
    }

    /// Removes what is there, blocking; if that fails, it is tried again in the background.
    fn remove_now(&self, id: SessionId) -> io::Result<()> {
        let removed = self.root.remove(id);
        match &removed {
            Ok(()) => drop(self.index().failed.remove(&id)),
            Err(error) => {
                tracing::warn!(
                    target: "adjourn",
                    session_id = %id,
                    %error,
                    "the scratch directory of a session that ended was not removed; tried again later"
                );
                self.index().failed.insert(id);
                self.failed.notify_one();
            }
        }
        removed
    }

    async fn try_to_remove(&self, id: SessionId) -> HookReport {
        let (mut attempts, mut pause) = (1, FIRST_PAUSE);
        let outcome = loop {
            let outcome = self.attempt_to_remove(id).await;
            // Past the time limit, the first attempt still goes on.
            let again = matches!(outcome, HookOutcome::Failed(_)) && attempts < MOST_ATTEMPTS;
            if !again {
                break outcome;
            }
            sleep(pause).await;
            (attempts, pause) = (attempts + 1, pause * 2);
        };
        self.note_gone(id, outcome == HookOutcome::Done);
        HookReport {
            name: REPORT,
            outcome,
            attempts,
        }
    }

    async fn attempt_to_remove(&self, id: SessionId) -> HookOutcome {
        let Some(me) = self.me.upgrade() else {
            return HookOutcome::Done;
        };
        let removal = self.tasks.spawn_blocking(move || me.remove_now(id));
        match timeout(self.limit, removal).await {
            Ok(Ok(Ok(()))) => HookOutcome::Done,
            Ok(Ok(Err(error))) => HookOutcome::Failed(error.kind().to_string()),
            Ok(Err(_)) => HookOutcome::Panicked,
            Err(_) => HookOutcome::TimedOut,
        }
    }

    /// Remembers for a while that a directory is gone, so that whoever asks later gets the report.
    fn note_gone(&self, id: SessionId, removed: bool) {
        let mut index = self.index();
        if !removed {
            index.failed.insert(id);
        }
        index.gone.push_back(id);
        if index.gone.len() > MOST_GONE
            && let Some(oldest) = index.gone.pop_front()
            && index.dirs.get(&oldest).is_some_and(|dir| dir.is_removed())
        {
            index.dirs.remove(&oldest);
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dir {
    fn is_removed(&self) -> bool {
        self.removed.initialized()
    }
}

impl Observer for Scratch {
    fn ended(&self, id: SessionId) {
        if !self.keeps(id) {
            return;
        }
        match (self.me.upgrade(), Handle::try_current()) {
            (Some(me), Ok(_)) => drop(self.tasks.spawn(async move { me.remove(id).await })),
            // Without a runtime there is no task to block.
            _ => self.remove_here(id),
        }
    }

    fn held(&self) -> Vec<SessionId> {
        let index = self.index();
        let there = index.dirs.iter().filter(|(_, dir)| !dir.is_removed());
        there.map(|(id, _)| *id).collect()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// A session's scratch directory was not made.
#[derive(Debug)]
pub(crate) enum NotMade {
    /// The session has ended.
    Ended,
    /// The system says no.
    Io(io::Error),
    /// There is no root.
    NoRoot,
}

impl Road {
    /// Makes the directory of a session which, after `mark` was taken, the store said to be live.
    ///
    /// Dropped, it is still made, looked at and known: what was made is not forgotten.
    pub(crate) async fn make_scratch(
        self: &Arc<Self>,
        id: SessionId,
        mark: Mark,
    ) -> Result<PathBuf, NotMade> {
        let scratch = self.scratch.as_ref().ok_or(NotMade::NoRoot)?;
        if !scratch.know(id) {
            return Err(NotMade::Ended);
        }
        let path = scratch.root.path_of(id);
        let (road, scratch) = (Arc::clone(self), Arc::clone(scratch));
        let made = self.tasks.spawn_blocking(move || {
            let since = scratch.make(&road.live, id, mark)?;
            if matches!(since, Since::Lost) {
                road.verify_soon(id);
            }
            Ok(since)
        });
        match made.await {
            Ok(Ok(Since::Nothing | Since::Lost)) => Ok(path),
            Ok(Ok(Since::Ended(_))) => Err(NotMade::Ended),
            Ok(Err(error)) => Err(NotMade::Io(error)),
            Err(lost) => Err(NotMade::Io(io::Error::other(lost))),
        }
    }
}

/// The name under which the removal is reported.
const REPORT: &str = "scratch";

/// How often a directory is tried to be removed before the background takes over.
const MOST_ATTEMPTS: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// How many removals are remembered.
const MOST_GONE: usize = 1024;
