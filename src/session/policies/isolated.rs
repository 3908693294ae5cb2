//! Asks the application, so that neither its panic nor its hanging is ours.

use std::{future::Future, time::Duration};
use tokio::time::timeout;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// Runs a question in a task of its own, for at most `limit`; why there is no answer is a stable
/// word. The error's text is the application's and may hold anything: it goes to `tracing` alone.
pub(super) async fn ask<T: Send + 'static>(
    question: impl Future<Output = Result<T, String>> + Send + 'static,
    name: &'static str,
    limit: Duration,
    tasks: &TaskTracker,
) -> Result<T, &'static str> {
    let task = AbortOnDropHandle::new(tasks.spawn(question));
    match timeout(limit, task).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => {
            tracing::warn!(target: "adjourn", check = name, %error, "a check gave no answer");
            Err("failed")
        }
        Ok(Err(_)) => Err("panicked"),
        Err(_) => Err("timed-out"),
    }
}
