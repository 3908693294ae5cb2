//! What a policy is shown.

use crate::{
    id::{SessionId, Subject},
    policy::RequestFacts,
    record::{Client, Live},
    time::Timestamp,
};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// A live session and the request that presents it: what a [`Policy`](super::Policy) judges.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    live: &'a Live,
    facts: &'a RequestFacts,
    address: Option<IpAddr>,
}

impl<'a> Circumstances<'a> {
    /// Puts them together, also for the tests of a policy. `address` is the client's, as
    /// [`client_address`](crate::policy::client_address) finds it.
    pub const fn new(live: &'a Live, facts: &'a RequestFacts, address: Option<IpAddr>) -> Self {
        Self {
            live,
            facts,
            address,
        }
    }

    /// The public name of the session.
    pub const fn session_id(&self) -> SessionId {
        self.live.id
    }

    /// Who it belongs to; `None` for an anonymous one.
    pub fn subject(&self) -> Option<&'a Subject> {
        self.live.record.subject()
    }

    /// The session as the store answered it: its values, grants and times.
    pub const fn live(&self) -> &'a Live {
        self.live
    }

    /// The facts of the request: what kind it is, and its user agent.
    pub const fn facts(&self) -> &'a RequestFacts {
        self.facts
    }

    /// The address of the client, as far as the trusted proxies tell.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The client that started the session: to what it is bound.
    pub fn started_by(&self) -> Option<&'a Arc<Client>> {
        self.live.record.client()
    }

    /// The time, by the store's clock.
    pub const fn now(&self) -> Timestamp {
        self.live.now
    }

    /// How long ago the user proved who they are; `None` for an anonymous session, and when that
    /// lies in the future (a clock was set back).
    pub fn authentication_age(&self) -> Option<Duration> {
        let at = self.live.record.authenticated_at();
        let known = self.subject().is_some() && at <= self.live.now;
        known.then(|| self.live.now.saturating_since(at))
    }
}
