//! What a crash left, and what could not be removed.

use super::{Root, Scratch};
use crate::{
    id::SessionId,
    live::{Mark, Since},
    record::Activity,
    store::{self, Checked},
    terminate::{Road, Terminator},
};
use std::{collections::BTreeSet, io, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// What became of the scratch directories that nobody was known to use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ScratchSwept {
    /// Removed: their sessions have ended.
    pub removed: usize,
    /// Kept: their sessions live, or nobody knows them and another process may.
    pub kept: usize,
    /// Not removed, though their sessions have ended; tried again in the background.
    pub failed: usize,
}

impl Terminator {
    /// Removes scratch directories of sessions that have ended: what a crash left, and what could
    /// not be removed before. Without a [scratch root](crate::SessionsBuilder::with_scratch_root)
    /// there are none.
    ///
    /// The background does this at the start, every five minutes, and soon after a removal failed;
    /// call it where there is none, or in tests.
    ///
    /// # Errors
    /// The store failed, so that nobody knows which sessions live; nothing was removed that it did
    /// not tell.
    ///
    /// # Cancel safety
    /// Dropped, the rest is done the next time.
    pub async fn sweep_scratch(&self) -> Result<ScratchSwept, store::Error> {
        let swept = self.0.sweep_scratch().await;
        swept.inspect_err(|error| self.0.store_failed("check", error))
    }
}

/// Removes what is left over, again and again.
pub(crate) async fn tend(road: Arc<Road>) {
    let Some(scratch) = road.scratch.clone() else {
        return;
    };
    let mut pause = SHORTEST_PAUSE;
    loop {
        let swept = road.sweep_scratch().await;
        match swept {
            Ok(ScratchSwept { failed: 0, .. }) => {
                pause = SHORTEST_PAUSE;
                // Woken early when a removal fails; one that failed meanwhile has woken already.
                let _either = timeout(LONGEST_PAUSE, scratch.failed.notified()).await;
                sleep(pause).await;
            }
            Ok(_) => sleep(pause).await,
            Err(error) => {
                road.store_failed("check", &error);
                sleep(pause).await;
            }
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

impl Road {
    async fn sweep_scratch(self: &Arc<Self>) -> Result<ScratchSwept, store::Error> {
        let mut swept = ScratchSwept::default();
        let Some(scratch) = &self.scratch else {
            return Ok(swept);
        };
        let found = match scratch.list().await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(target: "adjourn", %error, "the scratch root cannot be read");
                swept.failed += 1;
                return Ok(swept);
            }
        };
        for id in found.ended {
            scratch.count_removal(id, &mut swept).await;
        }
        for ids in found.unclear.chunks(MOST_IDS) {
            let mark = self.live.mark();
            let standings = self.store.check(ids, Activity::Passive).await?;
            for (id, standing) in ids.iter().zip(standings) {
                self.settle_left_over(scratch, (*id, mark), standing, &mut swept)
                    .await;
            }
        }
        Ok(swept)
    }

    /// What is done with a directory that nobody here made, by how its session stands.
    async fn settle_left_over(
        self: &Arc<Self>,
        scratch: &Scratch,
        (id, mark): (SessionId, Mark),
        standing: Checked,
        swept: &mut ScratchSwept,
    ) {
        match standing {
            Checked::Live { .. } => {
                // Known first, then looked: it may have ended since the store was asked.
                scratch.know(id);
                match self.live.since(mark, id) {
                    Since::Ended(_) => return scratch.count_removal(id, swept).await,
                    Since::Lost => self.verify_soon(id),
                    Since::Nothing => {}
                }
                swept.kept += 1;
            }
            Checked::Due(reason) => {
                scratch.know(id);
                // Recorded by `end` itself if the store fails; then it is due again.
                let _receipt = self.end(id, reason.into()).await;
                swept.removed += 1;
            }
            Checked::Ended(_) => scratch.count_removal(id, swept).await,
            Checked::Unknown if scratch.was_left_over(id) => {
                scratch.count_removal(id, swept).await;
            }
            Checked::Unknown => swept.kept += 1,
        }
    }
}

/// Directories on disk of which nobody here is known to use.
struct Found {
    /// Their sessions have ended.
    ended: BTreeSet<SessionId>,
    /// The store must be asked.
    unclear: Vec<SessionId>,
}

impl Scratch {
    async fn list(&self) -> io::Result<Found> {
        let root: Arc<Root> = Arc::clone(&self.root);
        let there = self
            .tasks
            .spawn_blocking(move || root.list())
            .await
            .map_err(io::Error::other)??;
        // Listed first, looked up then: whatever this node made is known by now.
        let index = self.index();
        let mut ended = index.failed.clone();
        let mut unclear = Vec::new();
        for id in there {
            match index.dirs.get(&id) {
                // Made again behind our back: a handler that writes on after the ending.
                Some(dir) if dir.is_removed() => drop(ended.insert(id)),
                Some(_) => {}
                None if ended.contains(&id) => {}
                None => unclear.push(id),
            }
        }
        Ok(Found { ended, unclear })
    }

    /// Whether it was there when this process took hold of the root and nobody else had.
    fn was_left_over(&self, id: SessionId) -> bool {
        self.root.was_alone() && self.index().left_over.contains(&id)
    }

    async fn count_removal(&self, id: SessionId, swept: &mut ScratchSwept) {
        let Some(me) = self.me.upgrade() else { return };
        let removal = self.tasks.spawn_blocking(move || me.remove_now(id));
        match timeout(self.limit, removal).await {
            Ok(Ok(Ok(()))) => {
                self.index().left_over.remove(&id);
                swept.removed += 1;
            }
            Ok(_) | Err(_) => swept.failed += 1,
        }
    }
}

/// How many ids one `check` may name.
const MOST_IDS: usize = 500;

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

const LONGEST_PAUSE: Duration = Duration::from_mins(5);
