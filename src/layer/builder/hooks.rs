//! What the application does when a session ends.

use super::{BuildError, SessionsBuilder, build::some_time};
use crate::terminate::{Hook, HookOptions, NamedHook};
use std::{sync::Arc, time::Duration};

impl SessionsBuilder {
    /// Adds what the application does when a session ends, with a time limit and retries of its
    /// own: [`on_end`](Self::on_end) with [`HookOptions`].
    ///
    /// ```
    /// use adjourn::{Sessions, record::Departed, store::MemoryStore, terminate::HookOptions};
    /// use std::{io, sync::Arc, time::Duration};
    ///
    /// let patient = HookOptions::new().with_retries(5, Duration::from_millis(200));
    /// let sessions = Sessions::builder(MemoryStore::new())
    ///     .on_end_with("tell-billing", patient, |ended: Arc<Departed>| async move {
    ///         println!("{} is over", ended.id); // keyed by the id: it may run again
    ///         Ok::<(), io::Error>(())
    ///     })
    ///     .build()?;
    /// # let _ = sessions;
    /// # Ok::<(), adjourn::BuildError>(())
    /// ```
    pub fn on_end_with(
        mut self,
        name: &'static str,
        options: HookOptions,
        hook: impl Hook,
    ) -> Self {
        self.road.hooks.push(NamedHook {
            name,
            hook: Arc::new(hook),
            options,
        });
        self
    }

    /// How long [`shutdown`](crate::Sessions::shutdown) waits for what is under way: hooks with their
    /// retries, and answers of the store. What is left then goes on as long as the process does; on a
    /// store that outlives it, it is taken over after its [lease](Self::with_lease).
    ///
    /// *Default:* 20 s. With the 10 s that audit sinks may take at most, it fits into the half minute
    /// that process managers give before they kill. Give more where hooks must be done and the store is
    /// the one in memory, which leaves nothing to take over.
    pub const fn with_shutdown_limit(mut self, limit: Duration) -> Self {
        self.road.shutdown_limit = limit;
        self
    }

    /// A hook without any time would never be done.
    pub(super) fn check_hooks(&self) -> Result<(), BuildError> {
        let limits = self
            .road
            .hooks
            .iter()
            .filter_map(|hook| hook.options.own_time_limit());
        limits
            .into_iter()
            .try_for_each(|limit| some_time("on_end_with", limit))
    }
}
