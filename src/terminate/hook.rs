//! What the application does when a session ends.

use super::at_work::AtWork;
use crate::{record::Departed, store::BoxFuture};
use std::{error, fmt, future::Future, sync::Arc, time::Duration};
use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Any error.
pub type BoxError = Box<dyn error::Error + Send + Sync>;

/// What the application does when a session ends: drop a cache, delete files, tell another system.
///
/// Runs at least once for every ending, whatever caused it, also after a crash: make it
/// idempotent, keyed by [`Departed::id`]. [`Departed::redelivered`] says that an earlier attempt
/// may have done it already. A hook sees the same facts in either case, and never the session's
/// values: what it needs later the application leaves behind
/// ([`Session::leave_behind`](crate::Session::leave_behind)).
///
/// Closures that return a future are hooks:
///
/// ```
/// use adjourn::{record::Departed, terminate::Hook};
/// use std::{io, sync::Arc};
///
/// fn takes_a_hook(_: impl Hook) {}
///
/// takes_a_hook(|ended: Arc<Departed>| async move {
///     println!("{} ended: {}", ended.id, ended.ending.reason());
///     Ok::<(), io::Error>(())
/// });
/// ```
pub trait Hook: Send + Sync + 'static {
    /// Does it. An error, a panic or running past the time limit is recorded in the receipt and in
    /// the audit record; the ending stands, and the next hook runs.
    fn run(&self, ended: Arc<Departed>) -> BoxFuture<'static, Result<(), BoxError>>;
}

impl<F, R, E> Hook for F
where
    F: Fn(Arc<Departed>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<BoxError>,
{
    fn run(&self, ended: Arc<Departed>) -> BoxFuture<'static, Result<(), BoxError>> {
        let done = self(ended);
        Box::pin(async move { done.await.map_err(Into::into) })
    }
}

/// How long a hook may run, and how often it is tried again.
///
/// ```
/// use adjourn::terminate::HookOptions;
/// use std::time::Duration;
///
/// // At most 10 s each time; again after 1 s, 2 s and 4 s.
/// let options = HookOptions::new()
///     .with_time_limit(Duration::from_secs(10))
///     .with_retries(3, Duration::from_secs(1));
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "options do nothing until a hook is added with them"]
pub struct HookOptions {
    time_limit: Option<Duration>,
    retries: u32,
    pause: Duration,
}

impl HookOptions {
    /// The usual time limit, and no retries.
    pub const fn new() -> Self {
        Self {
            time_limit: None,
            retries: 0,
            pause: Duration::ZERO,
        }
    }

    /// How long each attempt may take before it is aborted. *Default:* what
    /// [`with_hook_time_limit`](crate::SessionsBuilder::with_hook_time_limit) says.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Tries again up to `retries` times when the hook fails, panics or runs past its time limit:
    /// first after `pause`, then after twice as long each time, at most a minute (or `pause`, if
    /// that is longer). *Default:* never: one failure is reported.
    ///
    /// The lease of the ending is renewed meanwhile, so no other node begins the same work; the
    /// hooks behind this one wait, the caller of the ending only as long as
    /// [configured](crate::SessionsBuilder::with_clean_up_patience), a graceful shutdown as long as its
    /// [limit](crate::SessionsBuilder::with_shutdown_limit) says.
    pub const fn with_retries(mut self, retries: u32, pause: Duration) -> Self {
        (self.retries, self.pause) = (retries, pause);
        self
    }

    /// The time limit of this hook alone.
    pub(crate) const fn own_time_limit(&self) -> Option<Duration> {
        self.time_limit
    }
}

/// A hook with the name under which it is reported.
#[derive(Clone)]
pub(crate) struct NamedHook {
    pub(crate) name: &'static str,
    pub(crate) hook: Arc<dyn Hook>,
    pub(crate) options: HookOptions,
}

impl NamedHook {
    /// Runs the hook until it is done or has been tried often enough.
    pub(super) async fn run(
        &self,
        ended: &Arc<Departed>,
        usual_limit: Duration,
        (tasks, at_work): (&TaskTracker, &AtWork),
    ) -> HookReport {
        let limit = self.options.time_limit.unwrap_or(usual_limit);
        let (mut attempts, mut pause) = (1, self.options.pause);
        let longest = LONGEST_PAUSE.max(pause);
        loop {
            let outcome = self.attempt(ended, limit, tasks, at_work).await;
            if outcome == HookOutcome::Done || attempts > self.options.retries {
                let name = self.name;
                return HookReport {
                    name,
                    outcome,
                    attempts,
                };
            }
            tracing::warn!(
                target: "adjourn",
                hook = self.name,
                session_id = %ended.id,
                attempts,
                "a hook will be tried again"
            );
            sleep(pause).await;
            attempts = attempts.saturating_add(1);
            pause = pause.saturating_mul(2).min(longest);
        }
    }

    /// Runs the hook once, in a task of its own, so that neither its panic nor its hanging is ours.
    async fn attempt(
        &self,
        ended: &Arc<Departed>,
        limit: Duration,
        tasks: &TaskTracker,
        at_work: &AtWork,
    ) -> HookOutcome {
        let (hook, ended) = (Arc::clone(&self.hook), Arc::clone(ended));
        let at_work = at_work.hook(self.name);
        // The call that makes the future belongs inside: it may panic, too.
        let run = async move {
            let _until_it_stops = at_work;
            hook.run(ended).await
        };
        let task = tasks.spawn(run.in_current_span());
        let _stops_with_us = AbortOnDrop(task.abort_handle());
        match timeout(limit, task).await {
            Ok(Ok(Ok(()))) => HookOutcome::Done,
            Ok(Ok(Err(error))) => HookOutcome::Failed(error.to_string()),
            Ok(Err(_)) => HookOutcome::Panicked,
            Err(_) => HookOutcome::TimedOut,
        }
    }
}

/// Ends the task of an attempt that nobody waits for any more: it ran past its limit, or somebody
/// else took the ending over.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for NamedHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// How a hook came out.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HookReport {
    /// The name given when it was added.
    pub name: &'static str,
    /// How its last attempt came out.
    pub outcome: HookOutcome,
    /// How often it was tried; 1 is the usual.
    pub attempts: u32,
}

/// How a hook came out.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HookOutcome {
    /// It did its work.
    Done,
    /// It answered an error: its text.
    Failed(String),
    /// It panicked.
    Panicked,
    /// It ran past its time limit and was aborted.
    TimedOut,
}

impl HookOutcome {
    /// The stable text of a failure.
    pub(super) const fn failure(&self) -> Option<&'static str> {
        match self {
            Self::Done => None,
            Self::Failed(_) => Some("failed"),
            Self::Panicked => Some("panicked"),
            Self::TimedOut => Some("timed-out"),
        }
    }
}

/// The longest pause between two attempts that grows by itself.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
