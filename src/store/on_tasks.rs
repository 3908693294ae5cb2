//! The contract of a store whose work waits: each operation is answered by work on a task of its own.

use super::{Answer, Error, Reply};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::id::{SessionId, Subject};
use tokio::runtime::Handle;

/// Runs the work on a task of its own: a caller that goes away leaves nothing half done, and what ended is told in
/// any case.
pub(super) fn answer<T, F>(runtime: &Handle, operation: &'static str, work: F) -> Answer<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let runtime = runtime.clone();
    Reply::later(async move {
        runtime.spawn(work).await.unwrap_or_else(|stopped| {
            Err(Error::unavailable(format!(
                "{operation}: the runtime that the store was opened in is gone"
            ))
            .with_source(stopped))
        })
    })
}

/// As [`answer`], but within that runtime on the caller's own task: for work that may be left at any point, and is to
/// cost little.
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(super) fn answer_in_place<T, F>(runtime: &Handle, operation: &'static str, work: F) -> Answer<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let runtime = runtime.clone();
    Reply::later(async move {
        // In another runtime a connection is of no use, and what it makes there may die early.
        if Handle::try_current().is_ok_and(|here| here.id() == runtime.id()) {
            return work.await;
        }
        answer(&runtime, operation, work).await
    })
}

/// An id where none says who it belongs to.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn mint_at_random<I>(
    _inner: &I,
    _subject: Option<&Subject>,
) -> Result<SessionId, Error> {
    Ok(SessionId::random()?)
}

/// Implements [`SessionStore`](crate::store::SessionStore) for a store around an `Inner` that has
/// an `async fn` for each operation, with a name of its own, and `answer`, which runs them; and for a function
/// that mints ids.
///
/// A macro, because what an operation borrows must be owned before it goes to a task, and that is
/// all there is to say: once, and not in each store.
macro_rules! answer_on_tasks {
    ($store:ty, $mint:expr, own_clock: $own_clock:literal, sweep_step: $sweep_step:literal) => {
        const _: () = {
            use crate::{
                id::{SecretHash, SessionId, Subject},
                reason::Cause,
                record::{Activity, Departed, Generation, Scope, Tombstone},
                store::{
                    Answer, CheckIn, Checked, Claimant, Created, Cursor, End, Listed, NewSession,
                    Notices, Page, Reply, Rotated, SessionStore, Ticket, Update, Updated,
                },
            };
            use std::{sync::Arc, time::Duration};

            impl SessionStore for $store {
                fn mint_id(&self, subject: Option<&Subject>) -> Answer<SessionId> {
                    Reply::Now($mint(&*self.0, subject))
                }

                fn begin_log_in(&self, subject: Option<&Subject>) -> Answer<Ticket> {
                    let inner = self.inner();
                    let subject = subject.cloned();
                    self.0.answer(
                        "begin_log_in",
                        async move { inner.issue_ticket(subject).await },
                    )
                }

                fn create(&self, session: NewSession) -> Answer<Created> {
                    let inner = self.inner();
                    self.0
                        .answer("create", async move { inner.create_session(session).await })
                }

                fn check_in(
                    &self,
                    id: SessionId,
                    secret: &SecretHash,
                    activity: Activity,
                ) -> Answer<CheckIn> {
                    let inner = self.inner();
                    let secret = *secret;
                    self.0.answer_in_place("check_in", async move {
                        inner.validate(id, secret, activity).await
                    })
                }

                fn check(&self, ids: &[SessionId], activity: Activity) -> Answer<Vec<Checked>> {
                    let inner = self.inner();
                    let ids = ids.to_vec();
                    self.0
                        .answer("check", async move { inner.recheck(ids, activity).await })
                }

                fn update(
                    &self,
                    id: SessionId,
                    update: Update,
                    expected: Option<u64>,
                ) -> Answer<Updated> {
                    let inner = self.inner();
                    self.0.answer(
                        "update",
                        async move { inner.merge(id, update, expected).await },
                    )
                }

                fn rotate(
                    &self,
                    id: SessionId,
                    old: &SecretHash,
                    new: &SecretHash,
                    grace: Duration,
                ) -> Answer<Rotated> {
                    let inner = self.inner();
                    let (old, new) = (*old, *new);
                    self.0.answer("rotate", async move {
                        inner.swap_secret(id, old, new, grace).await
                    })
                }

                fn end(&self, id: SessionId, cause: Cause, claimant: Claimant) -> Answer<End> {
                    let inner = self.inner();
                    self.0.answer(
                        "end",
                        async move { inner.end_one(id, cause, claimant).await },
                    )
                }

                fn end_many(
                    &self,
                    ids: &[SessionId],
                    cause: Cause,
                    claimant: Claimant,
                ) -> Answer<Vec<Departed>> {
                    let inner = self.inner();
                    let ids = ids.to_vec();
                    self.0.answer("end_many", async move {
                        inner.end_each(ids, cause, claimant).await
                    })
                }

                fn end_due(&self, limit: usize, claimant: Claimant) -> Answer<Vec<Departed>> {
                    let inner = self.inner();
                    self.0
                        .answer("end_due", async move { inner.sweep(limit, claimant).await })
                }

                fn end_all(&self, scope: Scope, cause: Cause) -> Answer<Generation> {
                    let inner = self.inner();
                    self.0
                        .answer("end_all", async move { inner.cut(scope, cause).await })
                }

                fn tombstone(&self, id: SessionId) -> Answer<Option<Arc<Tombstone>>> {
                    let inner = self.inner();
                    self.0
                        .answer("tombstone", async move { inner.tombstone_of(id).await })
                }

                fn list(&self, subject: &Subject) -> Answer<Vec<Listed>> {
                    let inner = self.inner();
                    let subject = subject.clone();
                    self.0
                        .answer("list", async move { inner.sessions_of(subject).await })
                }

                fn page(&self, cursor: Option<Cursor>, limit: usize) -> Answer<Page> {
                    let inner = self.inner();
                    self.0
                        .answer("page", async move { inner.page_after(cursor, limit).await })
                }

                fn pending(&self, limit: usize, lease: Duration) -> Answer<Vec<Departed>> {
                    let inner = self.inner();
                    self.0.answer(
                        "pending",
                        async move { inner.take_over(limit, lease).await },
                    )
                }

                fn renew(&self, id: SessionId, claim: u64, lease: Duration) -> Answer<bool> {
                    let inner = self.inner();
                    self.0.answer(
                        "renew",
                        async move { inner.renew_lease(id, claim, lease).await },
                    )
                }

                fn acknowledge(&self, id: SessionId, claim: u64) -> Answer<bool> {
                    let inner = self.inner();
                    self.0
                        .answer("acknowledge", async move { inner.finish(id, claim).await })
                }

                fn has_own_clock(&self) -> bool {
                    $own_clock
                }

                fn sweep_step(&self) -> usize {
                    $sweep_step
                }

                fn notices(&self) -> Notices {
                    self.0.notices.subscribe()
                }
            }
        };
    };
}

pub(super) use answer_on_tasks;
