//! Ending many sessions: of a subject, of everyone, and those that are due.

use super::{EndError, EndedAll, Road, Terminator, cuts::CutMade, underway::Underway};
use crate::{
    id::{SessionId, Subject},
    reason::{Cause, EndReason},
    record::{Departed, Scope},
    store,
    time::Timestamp,
};
use std::sync::Arc;
use tokio::{task::yield_now, time::timeout};

impl Terminator {
    /// Ends every session of a subject, except one that is kept (ASVS 7.4.2, 7.4.3).
    ///
    /// When it returns `Ok`, none of their tokens authenticates anybody, and a log-in that read its
    /// ticket before is refused. It concludes about 10,000 of them before it answers; the sweeper
    /// concludes the rest. It waits for hooks only as long as
    /// [configured](crate::SessionsBuilder::with_clean_up_patience).
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

    /// Ends the sessions of a subject whose password or other factor changed
    /// ([`CredentialChange`](EndReason::CredentialChange)), except one that is kept: the one in which
    /// it was changed (ASVS 7.4.3). Give that one a new secret by
    /// [`Session::rotate`](crate::Session::rotate).
    ///
    /// What the [`SubjectCheck`](crate::policy::SubjectCheck) of this node knows of the subject is
    /// forgotten: it is asked again with the next request. The same promises as
    /// [`end_subject`](Self::end_subject).
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use adjourn::{LiveSession, Terminator, store};
    ///
    /// async fn change_password(session: LiveSession, ends: Terminator) -> Result<(), store::Error> {
    ///     // ... after the new password is stored:
    ///     if let Some(subject) = session.subject() {
    ///         ends.subject_changed(subject, Some(session.session_id())).await?;
    ///     }
    ///     session.rotate().ok();
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store failed: the sessions may still be live. Trying again does no harm.
    ///
    /// # Cancel safety
    /// Once polled, the cut happens as a whole; what was not concluded the sweeper concludes.
    pub async fn subject_changed(
        &self,
        subject: &Subject,
        keep: Option<SessionId>,
    ) -> Result<EndedAll, EndError> {
        if let Some(watcher) = &self.0.config.watcher {
            watcher.subject_changed(subject);
        }
        self.end_subject(subject, keep, EndReason::CredentialChange)
            .await
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
    /// move a manual clock. Waits for the clean-up of what it concluded, which the background
    /// sweeper does not. Requests on the same thread go on meanwhile: it works in small steps.
    ///
    /// # Errors
    /// The store failed; what is due stays due.
    ///
    /// # Cancel safety
    /// What was ended but not concluded is taken over when its lease is over.
    pub async fn sweep(&self) -> Result<usize, EndError> {
        let mut underway = Underway::default();
        let swept = self.0.sweep(&mut underway).await;
        if let Err(error) = &swept {
            self.0.store_failed("sweep", error);
        }
        underway.finish().await;
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
        let mut underway = Underway::default();
        let mut ended = 0;
        while ended < MOST_INLINE {
            let due = self.end_due().await?;
            let of_it: Vec<bool> = due
                .iter()
                .map(|departed| departed.cut == Some(generation))
                .collect();
            ended += due.len();
            let step = self.conclude_step(due, &mut underway).await;
            made.concluded += of_it.iter().take(step.concluded).filter(|is| **is).count();
            if !step.is_whole || step.concluded < of_it.len() {
                made.more = step.concluded < of_it.len();
                break;
            }
        }
        let finished = timeout(self.config.patience, underway.finish()).await;
        Ok(EndedAll {
            generation,
            concluded: made.concluded,
            more: made.more,
            cleaning_up: made.more || finished.is_err(),
        })
    }

    /// Ends what is due and takes over what others left; the clean-up goes on in `underway`.
    ///
    /// See [`Terminator::sweep`].
    pub(super) async fn sweep(
        self: &Arc<Self>,
        underway: &mut Underway,
    ) -> Result<usize, store::Error> {
        self.trail.tick(self.clock.now());
        let mut swept = 0;
        loop {
            let due = self.end_due().await?;
            swept += due.len();
            Self::measure_lag(&due);
            if !self.conclude_step(due, underway).await.is_whole {
                break;
            }
        }
        let mut taken_over = 0;
        // Recorded again for sinks that hang, it would only be more that waits for them.
        while taken_over < MOST_TAKEN_OVER && self.has_room_to_wait() && underway.has_room().await {
            let step = self.store.sweep_step();
            let left_behind = self.store.pending(step, self.config.lease).await?;
            taken_over += left_behind.len();
            if !self.conclude_step(left_behind, underway).await.is_whole {
                break;
            }
        }
        swept += taken_over;
        Self::measure_stock(self);
        Ok(swept)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one road")]
    async fn end_due(&self) -> Result<Vec<Departed>, store::Error> {
        let step = self.store.sweep_step();
        self.store.end_due(step, self.claimant()?).await
    }

    /// Concludes sessions that ended in one step of the store, side by side, and after a whole step
    /// lets others have the thread: a store in memory answers at once, so that nothing else would.
    ///
    /// While too many hooks are slow, what more ends is cut, and concluded [late](Self::conclude_late):
    /// nobody's timeout waits for it.
    async fn conclude_step(
        self: &Arc<Self>,
        departed: Vec<Departed>,
        underway: &mut Underway,
    ) -> Step {
        let mut step = Step {
            is_whole: departed.len() >= self.store.sweep_step(),
            concluded: 0,
        };
        for departed in departed {
            if underway.has_room().await {
                underway.add(self.conclude(departed).work);
                step.concluded += 1;
            } else {
                self.conclude_late(departed);
            }
        }
        if step.is_whole {
            yield_now().await;
        }
        step
    }
}

/// What became of the sessions of one step of the store.
struct Step {
    /// Whether it had as many as a step may have, so that more may be due.
    is_whole: bool,
    /// How many of them were concluded, the first ones; the others are concluded later.
    concluded: usize,
}

/// How many sessions a bulk ending concludes before it leaves the rest to the sweeper.
const MOST_INLINE: usize = 10_000;

/// How much of what others left one sweep takes over.
const MOST_TAKEN_OVER: usize = 512;
