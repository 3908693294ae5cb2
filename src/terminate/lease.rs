//! The lease of an ending, and the word that its work is done.

use super::Road;
use crate::{id::SessionId, record::Departed, store};
use std::{pin::pin, sync::Arc};
use tokio::time::timeout;
use tracing::Instrument;

impl Road {
    /// Acknowledges in a task when the sinks have kept the record, if they have not yet: a process
    /// that died in between would have lost it. Nobody waits for it but a shutdown, for a while.
    ///
    /// Sinks that hang must not make more and more tasks, each with a lease that it renews: beyond a
    /// number the lease is left to itself, and the ending taken over and recorded again when it is up: by
    /// a node that has [room](Self::has_room_to_wait).
    pub(super) fn acknowledges_later(self: &Arc<Self>, departed: &Departed) -> bool {
        let Some(kept) = self.trail.kept() else {
            return false;
        };
        if !self.has_room_to_wait() {
            return true;
        }
        let (road, id, claim) = (Arc::clone(self), departed.id, departed.claim);
        let acknowledged = async move {
            if road.under_lease(id, claim, kept).await.is_some() {
                road.acknowledged(road.store.acknowledge(id, claim).await);
            }
        };
        self.acknowledgements.spawn(acknowledged.in_current_span());
        true
    }

    /// Whether one more ending may wait for the sinks.
    pub(super) fn has_room_to_wait(&self) -> bool {
        self.acknowledgements.len() < MOST_WAITING
    }

    /// Works, renewing the lease meanwhile. `None` when the lease was lost.
    pub(super) async fn under_lease<T>(
        &self,
        id: SessionId,
        claim: u64,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut work = pin!(work);
        loop {
            if let Ok(done) = timeout(self.config.lease / 3, work.as_mut()).await {
                return Some(done);
            }
            match self.store.renew(id, claim, self.config.lease).await {
                Ok(true) => {}
                Ok(false) => return None,
                // Not reachable is not refused: the work goes on, and at worst is done twice.
                Err(error) => self.store_failed("renew", &error),
            }
        }
    }

    /// Not acknowledged is not lost: another attempt repeats the work after the lease.
    pub(super) fn acknowledged(&self, answer: Result<bool, store::Error>) {
        if let Err(error) = answer {
            self.store_failed("acknowledge", &error);
        }
    }
}

/// How many endings may wait for the sinks.
const MOST_WAITING: usize = 4_096;
