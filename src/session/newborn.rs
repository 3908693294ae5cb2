//! A session between its creation and the request that is to carry it.

use super::Context;
use crate::{
    id::SessionId,
    reason::EndReason,
    record::Live,
    store::{self, Created, Limit, NewSession, Reply},
    terminate::Road,
};
use std::sync::Arc;

/// A session that the store has created and that no request carries yet. Dropped, because the
/// client hung up meanwhile, it is ended [`EndReason::Undelivered`].
pub(super) struct Newborn {
    road: Arc<Road>,
    live: Option<Live>,
}

/// How a creation came out.
pub(super) enum Start {
    /// The session, and those that ended for it.
    Born(Newborn, Vec<SessionId>),
    /// The id is taken.
    Conflict,
    /// The subject has as many as are allowed.
    LimitReached(Limit),
    /// The ticket is too old.
    Outdated,
}

/// Creates a session and concludes those that ended for it, whether or not the caller is still
/// there when a store answers later.
pub(super) async fn create(context: &Context, new: NewSession) -> Result<Start, store::Error> {
    let answer = match context.store().create(new) {
        Reply::Now(answer) => settle(&context.road, answer),
        Reply::Later(answer) => {
            let road = Arc::clone(&context.road);
            let task = context
                .road
                .tasks
                .spawn(async move { settle(&road, answer.await) });
            task.await.unwrap_or_else(|_| {
                Err(store::Error::unavailable(
                    "the store's answer to a log-in was lost",
                ))
            })
        }
    };
    answer.inspect_err(|error| context.road.store_failed("create", error))
}

fn settle(road: &Arc<Road>, answer: Result<Created, store::Error>) -> Result<Start, store::Error> {
    Ok(match answer? {
        Created::Created { live, ended } => {
            let superseded = ended.iter().map(|departed| departed.id).collect();
            for departed in ended {
                let _goes_on = road.conclude(departed);
            }
            let road = Arc::clone(road);
            let live = Some(live);
            Start::Born(Newborn { road, live }, superseded)
        }
        Created::Conflict => Start::Conflict,
        Created::LimitReached(limit) => Start::LimitReached(limit),
        Created::Outdated => Start::Outdated,
    })
}

impl Newborn {
    /// From here on it is the request's.
    pub(super) fn hand_over(mut self) -> Option<Live> {
        self.live.take()
    }

    /// Ends it at once, because the log-in failed after all.
    pub(super) async fn end(mut self) {
        if let Some(live) = self.live.take() {
            let _recorded = self.road.end(live.id, EndReason::Undelivered.into()).await;
        }
    }
}

impl Drop for Newborn {
    fn drop(&mut self) {
        // Without a runtime nobody can be asked; the session idles out.
        if let Some(live) = self.live.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            let road = Arc::clone(&self.road);
            self.road.tasks.spawn(async move {
                let _recorded = road.end(live.id, EndReason::Undelivered.into()).await;
            });
        }
    }
}
