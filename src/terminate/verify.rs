//! Asking the store how sessions stand that this node holds.

use super::Road;
use crate::{
    id::SessionId,
    reason::EndReason,
    record::Activity,
    store::{self, Checked},
};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// Asks about what this node holds when it is due, in case nobody sweeps in time, until it is
/// dropped. One timer for all; where nothing is due, one short lock.
pub(super) async fn watch_deadlines(road: Arc<Road>) {
    loop {
        sleep(LOOK_INTERVAL).await;
        road.verify_due().await;
    }
}

impl Road {
    /// Asks the store how every session that this node holds stands, and cuts what ended.
    ///
    /// # Errors
    /// The store could not say, which is recorded; the rest was not asked.
    pub(super) async fn verify_held(self: &Arc<Self>) -> Result<(), ()> {
        for ids in self.live.held().chunks(MOST_IDS) {
            self.verify(ids).await?;
        }
        Ok(())
    }

    /// Asks the store about what is due, cuts what is over at once and ends it.
    async fn verify_due(self: &Arc<Self>) {
        let now = self.clock.now();
        for ids in self.live.due(now).chunks(MOST_IDS) {
            let asked = self.store.check(ids, Activity::Passive).await;
            let standings = asked.unwrap_or_else(|error| {
                self.store_failed("check", &error);
                // Whether they may go on is decided where everything held is checked.
                vec![Checked::Live { due_in: RETRY }; ids.len()]
            });
            for (id, standing) in ids.iter().zip(standings) {
                match standing {
                    Checked::Live { due_in } => self.live.moved(*id, now.saturating_add(due_in)),
                    over => self.cut_and_end(*id, over),
                }
            }
        }
    }

    /// The cut does not wait for the store or for hooks: what is due is never live again.
    fn cut_and_end(self: &Arc<Self>, id: SessionId, standing: Checked) {
        if let Checked::Due(reason) = &standing {
            self.live.ended(id, reason.clone());
        }
        let road = Arc::clone(self);
        self.tasks
            .spawn(async move { road.react(id, standing).await });
    }

    /// Asks the store about one session that this node began to hold when it may have missed its
    /// ending.
    pub(crate) fn verify_soon(self: &Arc<Self>, id: SessionId) {
        let road = Arc::clone(self);
        self.tasks.spawn(async move {
            let _again_with_the_others = road.verify(&[id]).await;
        });
    }

    /// Says that the user of a held session is there; answers whether it is live.
    pub(crate) async fn touch(self: &Arc<Self>, id: SessionId) -> Result<bool, store::Error> {
        let asked = self.store.check(&[id], Activity::Active).await;
        let standings = asked.inspect_err(|error| self.store_failed("check", error))?;
        let standing = standings.into_iter().next().unwrap_or(Checked::Unknown);
        let live = matches!(standing, Checked::Live { .. });
        self.react(id, standing).await;
        Ok(live)
    }

    async fn verify(self: &Arc<Self>, ids: &[SessionId]) -> Result<(), ()> {
        let asked = self.store.check(ids, Activity::Passive).await;
        let standings = asked.map_err(|error| self.store_failed("check", &error))?;
        for (id, standing) in ids.iter().zip(standings) {
            self.react(*id, standing).await;
        }
        Ok(())
    }

    async fn react(self: &Arc<Self>, id: SessionId, standing: Checked) {
        match standing {
            Checked::Live { .. } => {}
            Checked::Due(reason) => {
                // Recorded by `end` itself if the store fails, and tried again by the next sweep.
                if self.end(id, reason.clone().into()).await.is_err() {
                    // Nothing makes it live again.
                    self.live.ended(id, reason);
                }
            }
            Checked::Ended(reason) => {
                self.live.ended(id, reason);
            }
            Checked::Unknown => {
                self.live.ended(id, EndReason::Lost);
            }
        }
    }
}

/// How many ids one `check` may name.
const MOST_IDS: usize = 500;

/// How soon the store is asked again about what is due when it could not say.
const RETRY: Duration = Duration::from_secs(5);

/// How often it is looked whether something is due: as often as the sweeper looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
