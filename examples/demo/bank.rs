//! What every handler can reach.

use crate::{feed::Feed, rights::Rights};
use adjourn::{
    Sessions,
    audit::Insights,
    policy::Timeouts,
    session::SessionLocal,
    store::{self, Limit, Listed},
};
use std::{path::PathBuf, time::Duration};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Made in [`sessions`](crate::sessions). Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Bank {
    /// Lists and ends sessions.
    pub(crate) sessions: Sessions,
    /// The timeouts, and those of who asked to be remembered.
    pub(crate) usual: Timeouts,
    pub(crate) remembered: Timeouts,
    /// How long before the end pages warn.
    pub(crate) warning: Duration,
    /// How many sessions a user may have at once.
    pub(crate) limit: Option<Limit>,
    /// How long ago the log-in may be for what is delicate.
    pub(crate) fresh: Duration,
    /// The name of this node, where there are several.
    pub(crate) node: Option<String>,
    /// What the user of a session may do, kept in memory while it lasts.
    pub(crate) rights: SessionLocal<Rights>,
    /// Where sessions may keep files, if anywhere.
    pub(crate) scratch: Option<PathBuf>,
    /// A summary of what happened to sessions.
    pub(crate) insights: Insights,
    /// The last things that happened to sessions.
    pub(crate) feed: Feed,
    /// Cancelled when the server stops, so that what is open ends in time.
    pub(crate) closing: CancellationToken,
    /// The open WebSockets, which the server by itself would not wait for.
    pub(crate) sockets: TaskTracker,
}

impl Bank {
    /// All live sessions. A store hands them out in parts, so that no list is too long for it.
    pub(crate) async fn all_sessions(&self) -> Result<Vec<Listed>, store::Error> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.sessions.page(cursor, 500).await?;
            all.extend(page.sessions);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }
}
