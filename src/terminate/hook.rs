//! What the application does when a session ends.

use crate::{record::Departed, store::BoxFuture};
use std::{error, fmt, future::Future, sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

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

/// A hook with the name under which it is reported.
#[derive(Clone)]
pub(crate) struct NamedHook {
    pub(crate) name: &'static str,
    pub(crate) hook: Arc<dyn Hook>,
}

impl NamedHook {
    /// Runs the hook in a task of its own, so that neither its panic nor its hanging is ours.
    pub(crate) async fn run(
        &self,
        ended: &Arc<Departed>,
        limit: Duration,
        tasks: &TaskTracker,
    ) -> HookReport {
        let (hook, ended) = (Arc::clone(&self.hook), Arc::clone(ended));
        // The call that makes the future belongs inside: it may panic, too.
        let mut task = tasks.spawn(async move { hook.run(ended).await });
        let outcome = match timeout(limit, &mut task).await {
            Ok(Ok(Ok(()))) => HookOutcome::Done,
            Ok(Ok(Err(error))) => HookOutcome::Failed(error.to_string()),
            Ok(Err(_)) => HookOutcome::Panicked,
            Err(_) => {
                task.abort();
                HookOutcome::TimedOut
            }
        };
        HookReport {
            name: self.name,
            outcome,
        }
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
    /// How it came out.
    pub outcome: HookOutcome,
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
