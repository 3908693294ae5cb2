//! What the application does when a session ends.

use super::{BuildError, SessionsBuilder, build::some_time};
use crate::terminate::{Hook, HookOptions, NamedHook};
use std::sync::Arc;

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
