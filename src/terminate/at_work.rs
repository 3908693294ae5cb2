//! What of endings is under way, for the shutdown that does not wait any longer.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many endings are being cleaned up, and which hooks run. A leaf lock, held for an addition.
#[derive(Clone, Debug, Default)]
pub(super) struct AtWork(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    endings: usize,
    hooks: BTreeMap<&'static str, usize>,
}

impl AtWork {
    /// The clean-up of an ending, until this is dropped.
    pub(super) fn ending(&self) -> Working {
        self.counts().endings += 1;
        Working(self.clone(), None)
    }

    /// An attempt of a hook, until this is dropped: where it blocks its thread, longer than anybody
    /// waits for it.
    pub(super) fn hook(&self, name: &'static str) -> Working {
        *self.counts().hooks.entry(name).or_default() += 1;
        Working(self.clone(), Some(name))
    }

    /// How many endings, and which hooks.
    pub(super) fn now(&self) -> (usize, Vec<&'static str>) {
        let counts = self.counts();
        (counts.endings, counts.hooks.keys().copied().collect())
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is under way.
#[derive(Debug)]
#[must_use = "dropped, it is not under way any more"]
pub(super) struct Working(AtWork, Option<&'static str>);

impl Drop for Working {
    fn drop(&mut self) {
        let mut counts = self.0.counts();
        let Some(name) = mem::take(&mut self.1) else {
            counts.endings = counts.endings.saturating_sub(1);
            return;
        };
        let of_it = counts.hooks.get(name).copied().unwrap_or_default();
        if of_it > 1 {
            counts.hooks.insert(name, of_it - 1);
        } else {
            counts.hooks.remove(name);
        }
    }
}

/// What a graceful shutdown did not see done.
///
/// Nothing of it is lost on a store that outlives the process: another node, or this one when it is
/// started again, takes it over when the lease is up.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "it says whether everything was done in time; what was left is in the log as well"]
pub struct ShutDown {
    pub(super) is_complete: bool,
    pub(super) endings: usize,
    pub(super) hooks: Vec<&'static str>,
}

impl ShutDown {
    /// Whether everything was done.
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// How many endings that had begun were not cleaned up, or not acknowledged because an audit sink had not kept
    /// their record. All of them are decided: no token of theirs authenticates anybody.
    pub const fn endings(&self) -> usize {
        self.endings
    }

    /// The names of the hooks that still ran, in order, each once. One that blocks its thread is among
    /// them also after its time limit, when its ending is done.
    ///
    /// Such a thread keeps a Tokio runtime from being dropped: leave by
    /// [`Runtime::shutdown_timeout`](tokio::runtime::Runtime::shutdown_timeout) or
    /// [`std::process::exit`].
    pub fn hooks(&self) -> &[&'static str] {
        &self.hooks
    }
}
