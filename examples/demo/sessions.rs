//! How this application uses adjourn: everything that is configured stands here.

use crate::flags::Flags;
use adjourn::{
    Sessions,
    carrier::CookieSpec,
    policy::{Timeouts, TimeoutsError},
    store::{self, Listed, MemoryStore},
};
use std::{error::Error, time::Duration};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What every handler can reach.
#[derive(Clone, Debug)]
pub(crate) struct Bank {
    /// Lists and ends sessions.
    pub(crate) sessions: Sessions,
    /// The timeouts of those who asked to be remembered.
    pub(crate) remembered: Timeouts,
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

pub(crate) fn bank(flags: &Flags) -> Result<Bank, Box<dyn Error>> {
    let mut builder = Sessions::builder(MemoryStore::new())
        .with_timeouts(flags.timeouts.clone())
        // Every other path needs a live session, also those that are added next year. `/logout`
        // is public because a second click on "Log out" is no mistake; it judges its requests
        // itself. `/api/token` is a log-in. `/session/*`, the endpoints, are public by themselves.
        .with_public(["/", "/login", "/logout", "/api/token", "/debug/live"])
        .with_log_in_page("/login")
        // Programs present their token in a header instead of the cookie: see `token`.
        .with_bearer()
        // The application's own cookies go with the session. A browser removes a cookie only if
        // its path is the one with which it was set: see `account`.
        .add_cookie_to_clear(CookieSpec::new("theme"))
        .add_cookie_to_clear(CookieSpec::new("acct_view").with_path("/account"));
    if let Some(limit) = flags.limit {
        builder = builder.with_limit(limit);
    }
    Ok(Bank {
        sessions: builder.build()?,
        remembered: remembered(&flags.timeouts)?,
        closing: CancellationToken::new(),
        sockets: TaskTracker::new(),
    })
}

/// "Remember me" lasts longer, but it ends: there is no session for ever.
fn remembered(usual: &Timeouts) -> Result<Timeouts, TimeoutsError> {
    let absolute = usual.absolute().max(Duration::from_hours(30 * 24));
    let idle = usual
        .idle()
        .map(|idle| idle.max(Duration::from_hours(7 * 24)));
    usual.clone().with_absolute(absolute)?.with_idle(idle)
}
