//! What every session handle shares.

use crate::{
    live::CloseRules,
    policy::{Origin, Timeouts},
    session::Policies,
    store::{Limit, SessionStore},
    terminate::Road,
};
use std::{sync::Arc, time::Duration};

/// The part of the configuration that session handles need.
pub(crate) struct Context {
    pub(crate) road: Arc<Road>,
    pub(crate) timeouts: Timeouts,
    pub(crate) limit: Option<Limit>,
    /// Who judges live sessions; `None` costs one branch.
    pub(crate) policies: Option<Arc<Policies>>,
    /// The most that the values of one session may take, in bytes.
    pub(crate) max_values: usize,
    /// Where this site is, for requests that do not say where they come from.
    pub(crate) origin: Option<Origin>,
    pub(crate) sockets: SocketRules,
    /// Whether new sessions get a cookie; otherwise the application hands out their token.
    pub(crate) cookie: bool,
}

impl Context {
    pub(crate) fn store(&self) -> &dyn SessionStore {
        &*self.road.store
    }

    /// The idle timeout and touch interval to store for a session with these timeouts.
    pub(crate) fn pace(&self, timeouts: &Timeouts) -> (Option<Duration>, Duration) {
        let interval = timeouts
            .touch_interval()
            .unwrap_or_else(|| self.store().touch_interval(timeouts.idle()));
        (timeouts.stored_idle(interval), interval)
    }
}

/// Who may open a socket, and how it is closed.
#[derive(Default)]
pub(crate) struct SocketRules {
    /// Whose pages may, besides this site's.
    pub(crate) origins: Vec<Origin>,
    pub(crate) close: Arc<CloseRules>,
}
