//! `conclude`: what happens to a session that ended, once.

use super::{
    EndError, Ended, HookReport, NamedHook, Outcome, Root,
    at_work::AtWork,
    cuts::RecentCuts,
    late::Late,
    scratch::Scratch,
    work::{Concluded, Settled, Work},
};
use crate::{
    audit::{Event, EventKind, EventLimits, FailedHook, Sink, Trail},
    id::{SessionId, Subject},
    live::Live,
    reason::Cause,
    record::Departed,
    store::{self, Attempt, BoxFuture, Claimant, End, Reply, SessionStore},
    time::Clock,
};
use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Ends sessions, from anywhere: admin routes, jobs, a message from elsewhere.
///
/// Cloning is cheap. Get one from [`Sessions::terminator`](crate::Sessions::terminator).
#[derive(Clone, Debug)]
pub struct Terminator(pub(crate) Arc<Road>);

impl Terminator {
    /// Ends one session.
    ///
    /// When it returns `Ok`, the token authenticates nobody, connections on this node are cut and
    /// those elsewhere are told. It waits for the clean-up (hooks, audit) only as long as
    /// [configured](crate::SessionsBuilder::with_clean_up_patience); the rest goes on by itself.
    ///
    /// A session past a deadline or cut ends with that cause, not with `cause`: see
    /// [`Ended::ending`].
    ///
    /// ```
    /// # use adjourn::{Sessions, id::SessionId, store::MemoryStore};
    /// use adjourn::{reason::{Cause, EndReason}, terminate::Outcome};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let sessions = Sessions::builder(MemoryStore::new()).build()?;
    /// # let id = SessionId::random()?;
    /// let ended = sessions
    ///     .terminator()
    ///     .end(id, Cause::from(EndReason::Forced).with_note("lost laptop"))
    ///     .await?;
    /// assert_eq!(ended.outcome(), Outcome::Unknown); // no such session
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The store failed: the session may still be live. Trying again does no harm.
    ///
    /// # Cancel safety
    /// Once polled, the ending happens as a whole whether or not the future is polled again.
    ///
    /// # Panics
    /// Outside a Tokio runtime, when there are hooks to run, there is a scratch directory to remove,
    /// or the store answers later.
    pub async fn end(
        &self,
        id: SessionId,
        cause: impl Into<Cause> + Send,
    ) -> Result<Ended, EndError> {
        self.0.end(id, cause.into()).await
    }
}

/// What every ending goes through.
pub(crate) struct Road {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: TaskTracker,
    /// What waits for the sinks, and not even a shutdown waits for it without end.
    pub(super) acknowledgements: TaskTracker,
    pub(super) at_work: AtWork,
    late: Late,
    pub(crate) trail: Trail,
    pub(super) scratch: Option<Arc<Scratch>>,
    pub(super) config: RoadConfig,
    pub(super) cuts: RecentCuts,
}

/// The part of the configuration that endings need.
pub(crate) struct RoadConfig {
    pub(crate) hooks: Vec<NamedHook>,
    /// Where scratch directories are, if there are any.
    pub(crate) scratch_root: Option<PathBuf>,
    pub(crate) sinks: Vec<Arc<dyn Sink>>,
    pub(crate) event_limits: EventLimits,
    /// How long the winner of an ending may work before another node takes over.
    pub(crate) lease: Duration,
    /// How long each hook may run.
    pub(crate) hook_limit: Duration,
    /// How long `end` waits for the clean-up.
    pub(crate) patience: Duration,
    /// How long a graceful shutdown waits for what is under way.
    pub(crate) shutdown_limit: Duration,
    /// How often what is held open is checked with the store in any case.
    pub(crate) recheck: Duration,
    /// How long connections stay open while the store cannot say whether their sessions are live.
    pub(crate) outage_grace: Duration,
    /// Who watches over sessions in use beside the store, if anybody does.
    pub(crate) watcher: Option<Arc<dyn Watcher>>,
}

/// Watches over sessions in use, and ends those that must not go on by the one road.
pub(crate) trait Watcher: Send + Sync {
    /// Looks at what is held open, again and again.
    fn run(self: Arc<Self>, road: Arc<Road>, every: Duration) -> BoxFuture<'static, ()>;

    /// Something about a subject changed: what is known of it is not to be believed.
    fn subject_changed(&self, subject: &Subject);
}

impl Road {
    pub(crate) fn new(
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        mut config: RoadConfig,
        scratch: Option<(Root, Vec<SessionId>)>,
    ) -> Self {
        let sinks = std::mem::take(&mut config.sinks);
        let (live, tasks) = (Arc::<Live>::default(), TaskTracker::new());
        let scratch = scratch.map(|root| Scratch::new(root, tasks.clone(), config.hook_limit));
        if let Some(scratch) = &scratch {
            let observer: Weak<Scratch> = Arc::downgrade(scratch);
            live.observe(observer);
        }
        Self {
            store,
            live,
            clock,
            tasks,
            acknowledgements: TaskTracker::new(),
            at_work: AtWork::default(),
            late: Late::default(),
            scratch,
            trail: Trail::new(sinks, config.event_limits),
            config,
            cuts: RecentCuts::default(),
        }
    }

    /// Who works on an ending that is asked for now.
    pub(crate) fn claimant(&self) -> Result<Claimant, store::Error> {
        Ok(Claimant {
            attempt: Attempt::random()?,
            lease: self.config.lease,
        })
    }

    /// Records an event in every sink.
    pub(crate) fn record(&self, event: &Event) {
        self.trail.record(event);
    }

    /// Records that the store failed, and hands the error on.
    pub(crate) fn store_failed(&self, operation: &'static str, error: &store::Error) {
        let kind = EventKind::StoreFailed {
            operation,
            error: error.to_string(),
        };
        self.record(&Event::new(kind, self.clock.now()));
    }

    /// See [`Terminator::end`].
    #[expect(clippy::disallowed_methods, reason = "this is the one road")]
    pub(crate) async fn end(
        self: &Arc<Self>,
        id: SessionId,
        cause: Cause,
    ) -> Result<Ended, EndError> {
        let settled = match self.store.end(id, cause, self.claimant()?) {
            Reply::Now(answer) => self.settle(id, answer),
            Reply::Later(answer) => {
                let road = Arc::clone(self);
                let task = self
                    .tasks
                    .spawn(async move { road.settle(id, answer.await) });
                task.await.unwrap_or_else(|_| {
                    Err(store::Error::unavailable(
                        "the store's answer to an ending was lost",
                    ))
                })
            }
        };
        match settled {
            Ok(settled) => Ok(settled.wait(self.config.patience).await),
            Err(error) => {
                let kind = EventKind::StoreFailed {
                    operation: "end",
                    error: error.to_string(),
                };
                self.record(&Event::new(kind, self.clock.now()).of(id));
                Err(error.into())
            }
        }
    }

    /// Starts what follows from the store's decision.
    fn settle(
        self: &Arc<Self>,
        id: SessionId,
        answer: Result<End, store::Error>,
    ) -> Result<Settled, store::Error> {
        let (outcome, ending, concluded) = match answer? {
            End::First(departed) => {
                let ending = departed.ending.clone();
                (Outcome::Ended, Some(ending), Some(self.conclude(departed)))
            }
            End::Already(tombstone) => {
                // Known here from now on, in case its notice was lost.
                self.live.ended(id, tombstone.reason().clone());
                (Outcome::AlreadyEnded, Some(tombstone.ending.clone()), None)
            }
            End::Unknown => (Outcome::Unknown, None, None),
        };
        Ok(Settled {
            id,
            outcome,
            ending,
            concluded,
        })
    }

    /// Everything that happens when a session has ended: the cut at once, the rest in a task.
    pub(crate) fn conclude(self: &Arc<Self>, departed: Departed) -> Concluded {
        let connections_cut = self.cut(&departed);
        let work = self.clean_up(departed, connections_cut);
        Concluded {
            connections_cut,
            work,
        }
    }

    /// Cuts what this node holds open, and does the rest when others have been cleaned up. What would wait
    /// for more than half of its lease, or beside too many others, is left to the lease: somebody takes it
    /// over when that is up.
    pub(super) fn conclude_late(self: &Arc<Self>, departed: Departed) {
        let connections_cut = self.cut(&departed);
        let Some(place) = self.late.place() else {
            return;
        };
        let road = Arc::clone(self);
        self.tasks.spawn(async move {
            let waiting = road.at_work.ending();
            if let Some(_turn) = place.turn(road.config.lease / 2).await {
                drop(waiting); // From here it counts itself.
                road.clean_up(departed, connections_cut).done().await;
            }
        });
    }

    /// Cuts what this node holds open, and says how much that was, if it is known. Whoever takes an
    /// ending over does not know what the node had cut that began with it.
    fn cut(&self, departed: &Departed) -> Option<usize> {
        let (id, reason) = (departed.id, departed.ending.reason().clone());
        let ago = self.clock.now().saturating_since(departed.ending.at());
        let cut = self.live.conclude(id, reason, ago);
        cut.filter(|_| !departed.redelivered)
    }

    /// What follows the cut.
    fn clean_up(self: &Arc<Self>, departed: Departed, connections_cut: Option<usize>) -> Work {
        let span = tracing::info_span!(
            target: "adjourn",
            "ending",
            session_id = %departed.id,
            reason = departed.ending.reason().code()
        );
        let has_scratch = |scratch: &Arc<Scratch>| scratch.keeps(departed.id);
        if !self.config.hooks.is_empty() || self.scratch.as_ref().is_some_and(has_scratch) {
            return Work::Running(
                self.tasks.spawn(
                    Arc::clone(self)
                        .finish(departed, connections_cut)
                        .instrument(span),
                ),
            );
        }
        let _inside = span.enter();
        self.report(&departed, connections_cut, &[]);
        if self.acknowledges_later(&departed) {
            return Work::Done;
        }
        match self.store.acknowledge(departed.id, departed.claim) {
            Reply::Now(answer) => self.acknowledged(answer),
            Reply::Later(answer) => {
                let road = Arc::clone(self);
                let acknowledged = async move { road.acknowledged(answer.await) };
                self.tasks.spawn(acknowledged.in_current_span());
            }
        }
        Work::Done
    }

    /// Scratch directory, hooks, audit, acknowledge; stops without a word when somebody else took over.
    async fn finish(
        self: Arc<Self>,
        departed: Departed,
        connections_cut: Option<usize>,
    ) -> Vec<HookReport> {
        let _until_it_stops = self.at_work.ending();
        let departed = Arc::new(departed);
        let Some(reports) = self.run_hooks_under_lease(&departed).await else {
            return Vec::new();
        };
        self.report(&departed, connections_cut, &reports);
        if !self.acknowledges_later(&departed) {
            self.acknowledged(self.store.acknowledge(departed.id, departed.claim).await);
        }
        reports
    }

    /// The scratch directory and the hooks in order. `None` when the lease was lost.
    async fn run_hooks_under_lease(&self, departed: &Arc<Departed>) -> Option<Vec<HookReport>> {
        let hooks = async {
            let mut reports = Vec::with_capacity(1 + self.config.hooks.len());
            if let Some(scratch) = &self.scratch {
                reports.extend(scratch.remove(departed.id).await);
            }
            for hook in &self.config.hooks {
                reports.push(
                    hook.run(
                        departed,
                        self.config.hook_limit,
                        (&self.tasks, &self.at_work),
                    )
                    .await,
                );
            }
            reports
        };
        self.under_lease(departed.id, departed.claim, hooks).await
    }

    fn report(&self, departed: &Departed, connections_cut: Option<usize>, reports: &[HookReport]) {
        let failed = reports.iter().filter_map(|report| {
            let outcome = report.outcome.failure()?;
            Some(FailedHook::new(report.name, outcome))
        });
        let at = departed.ending.at();
        let kind = EventKind::Ended {
            cause: departed.ending.cause().clone(),
            scope: self.cuts.scope(departed.cut),
            generation: departed.cut,
            lived: at.saturating_since(departed.created_at),
            idle: at.saturating_since(departed.last_seen),
            connections_cut,
            hooks: reports.len(),
            failed_hooks: failed.collect(),
            redelivered: departed.redelivered,
        };
        let event = Event::new(kind, at)
            .of(departed.id)
            .by(departed.subject.clone())
            .from(departed.client.clone())
            .asked_by(departed.ending.cause().request_id());
        self.record(&event);
    }
}

impl fmt::Debug for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Road")
            .field("hooks", &self.config.hooks)
            .finish_non_exhaustive()
    }
}
