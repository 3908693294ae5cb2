//! Ending many sessions: of a subject, of everyone, and those that are due.

use super::{EndError, EndedAll, Road, Terminator, cuts::CutMade};
use crate::{
    id::{SessionId, Subject},
    reason::Cause,
    record::{Departed, Scope},
    store,
    time::Timestamp,
};
use std::sync::Arc;

impl Terminator {
    /// Ends every session of a subject, except one that is kept (ASVS 7.4.2, 7.4.3).
    ///
    /// When it returns `Ok`, none of their tokens authenticates anybody, and a log-in that read its
    /// ticket before is refused. It concludes up to 10,000 of them before it answers; the sweeper
    /// concludes the rest.
    ///
    /// # Errors
    /// The store failed: the sessions may still be live. Trying again does no harm.
    ///
    /// # Cancel safety
    /// Once polled, the cut happens as a whole; what was not concluded the sweeper concludes.
    pub async fn end_subject(
        &self,
        subject: &Subject,
        except: Option<SessionId>,
        cause: impl Into<Cause> + Send,
    ) -> Result<EndedAll, EndError> {
        let scope = Scope::Subject {
            subject: subject.clone(),
            except,
        };
        self.0.end_all(scope, cause.into()).await
    }

    /// Ends everybody's sessions (ASVS 7.4.5); with `created_before`, only those created before
    /// that instant (in store time).
    ///
    /// The same promises as [`end_subject`](Self::end_subject). Sessions that start after the cut
    /// are never covered.
    ///
    /// # Errors
    /// The store failed: some sessions may still be live. Trying again does no harm.
    ///
    /// # Cancel safety
    /// Once polled, the cut happens as a whole; what was not concluded the sweeper concludes.
    pub async fn end_everyone(
        &self,
        created_before: Option<Timestamp>,
        cause: impl Into<Cause> + Send,
    ) -> Result<EndedAll, EndError> {
        self.0
            .end_all(Scope::Everyone { created_before }, cause.into())
            .await
    }

    /// Ends what is due now, takes over pending work whose lease is over, and answers how many
    /// sessions it concluded.
    ///
    /// The background sweeper does this all the time; call it where there is none, or in tests that
    /// move a manual clock.
    ///
    /// # Errors
    /// The store failed; what is due stays due.
    ///
    /// # Cancel safety
    /// What was ended but not concluded is taken over when its lease is over.
    pub async fn sweep(&self) -> Result<usize, EndError> {
        let swept = self.0.sweep().await;
        if let Err(error) = &swept {
            self.0.store_failed("sweep", error);
        }
        Ok(swept?)
    }
}

impl Road {
    #[expect(clippy::disallowed_methods, reason = "this is the one road")]
    async fn end_all(self: &Arc<Self>, scope: Scope, cause: Cause) -> Result<EndedAll, EndError> {
        // In a task: a cut over many shards must not stop halfway because a request was dropped.
        let reply = self.store.end_all(scope.clone(), cause.clone());
        let road = Arc::clone(self);
        let made = move |generation| CutMade::new(&road, scope, cause, generation);
        let cut = match reply {
            store::Reply::Now(answer) => answer.map(made),
            store::Reply::Later(answer) => {
                let answer = async move { answer.await.map(made) };
                self.tasks.spawn(answer).await.unwrap_or_else(|_| {
                    Err(store::Error::unavailable("the answer to a cut was lost"))
                })
            }
        };
        let concluded = match cut {
            Ok(made) => self.conclude_cut(made).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &concluded {
            self.store_failed("end_all", error);
        }
        Ok(concluded?)
    }

    /// Concludes sessions that the cut ended, as far as the caller should wait for it.
    async fn conclude_cut(self: &Arc<Self>, mut made: CutMade) -> Result<EndedAll, store::Error> {
        let generation = made.generation;
        for _ in 0..MOST_BATCHES_INLINE {
            let due = self.end_due().await?;
            let batch = due.len();
            let of_it = due
                .iter()
                .filter(|departed| departed.cut == Some(generation))
                .count();
            self.conclude_batch(due).await;
            made.concluded += of_it;
            if batch < BATCH {
                made.more = false;
                break;
            }
        }
        Ok(EndedAll {
            generation,
            concluded: made.concluded,
            more: made.more,
        })
    }

    /// See [`Terminator::sweep`].
    pub(super) async fn sweep(self: &Arc<Self>) -> Result<usize, store::Error> {
        let began = self.clock.now();
        self.trail.tick(began);
        self.sweeps.begin(began);
        let mut swept = 0;
        loop {
            let due = self.end_due().await?;
            let batch = due.len();
            swept += batch;
            self.conclude_batch(due).await;
            if batch < BATCH {
                break;
            }
        }
        let taken_over = self.store.pending(BATCH, self.config.lease).await?;
        swept += taken_over.len();
        self.conclude_batch(taken_over).await;
        self.sweeps.done(swept, self.clock.now(), &self.live);
        Ok(swept)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one road")]
    async fn end_due(&self) -> Result<Vec<Departed>, store::Error> {
        self.store.end_due(BATCH, self.claimant()?).await
    }

    /// Concludes sessions that ended in one step of the store, side by side.
    pub(crate) async fn conclude_batch(self: &Arc<Self>, departed: Vec<Departed>) {
        let work: Vec<_> = departed
            .into_iter()
            .map(|departed| self.conclude(departed))
            .collect();
        for work in work {
            work.done().await;
        }
    }
}

/// How many sessions one step of a sweep ends: small enough that no store stalls over it.
const BATCH: usize = 500;

/// How many steps a bulk ending takes before it leaves the rest to the sweeper.
const MOST_BATCHES_INLINE: usize = 20;
