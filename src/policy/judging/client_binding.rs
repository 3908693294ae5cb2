//! A session that is suddenly used by another client.

use super::{Circumstances, Consequence, Policy, Verdict};
use crate::{policy::network::in_one_network, record::Client};
use std::net::IpAddr;

/// Finds sessions that are used by another client than the one that started them: another network
/// or another browser. A sign of a stolen token, and by itself no proof.
///
/// A session is bound when it starts, to the address and the user agent of the request that logs
/// in ([`Record::client`](crate::record::Record::client)), and never bound anew: a new log-in starts
/// a new session. The address is that of the client as the
/// [trusted proxies](crate::SessionsBuilder::with_trusted_proxies) tell; without them it is the
/// proxy's, always the same, and nothing is ever found.
///
/// 1. The address has changed when it is in another network: by default another /24 of IPv4 or /64
///    of IPv6, or of the other family.
/// 2. The user agent has changed when one byte of its first
///    [256](Client::MAX_USER_AGENT) has, or when there was none and now there is, or the other way
///    round.
/// 3. A session that started without a known address is not bound to any; one that was bound and
///    comes without an address has changed.
///
/// *Default:* both are reported only. Honest addresses change (a phone leaves the house, a dual-stack
/// browser changes family), a browser updates itself, and an action that a stranger can provoke locks
/// users out (OWASP Logging Cheat Sheet). Where the network is stable, require a log-in or end.
///
/// ```
/// use adjourn::{Sessions, policy::{ClientBinding, Consequence}, store::MemoryStore};
/// use std::time::Duration;
///
/// let binding = ClientBinding::new()
///     .with_ipv4_prefix(16)
///     .with_address_change(Consequence::RequireFresh { max_age: Duration::ZERO })
///     .with_user_agent_change(Consequence::End);
/// let sessions = Sessions::builder(MemoryStore::new())
///     .with_trusted_proxies(["10.0.0.0/8"])
///     .add_policy("client", binding)
///     .build()?;
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a policy does nothing until it is added"]
pub struct ClientBinding {
    address: Option<Consequence>,
    user_agent: Option<Consequence>,
    ipv4_prefix: u8,
    ipv6_prefix: u8,
}

impl ClientBinding {
    /// Reports a change of either.
    pub const fn new() -> Self {
        Self {
            address: Some(Consequence::Report),
            user_agent: Some(Consequence::Report),
            ipv4_prefix: 24,
            ipv6_prefix: 64,
        }
    }

    /// What follows when the address has changed. *Default:* a report.
    pub const fn with_address_change(mut self, consequence: Consequence) -> Self {
        self.address = Some(consequence);
        self
    }

    /// Does not look at the address.
    pub const fn without_address(mut self) -> Self {
        self.address = None;
        self
    }

    /// What follows when the user agent has changed. *Default:* a report.
    pub const fn with_user_agent_change(mut self, consequence: Consequence) -> Self {
        self.user_agent = Some(consequence);
        self
    }

    /// Does not look at the user agent.
    pub const fn without_user_agent(mut self) -> Self {
        self.user_agent = None;
        self
    }

    /// How many leading bits of two IPv4 addresses must be equal. *Default:* 24; from 32 on the
    /// whole address.
    pub const fn with_ipv4_prefix(mut self, bits: u8) -> Self {
        self.ipv4_prefix = bits;
        self
    }

    /// How many leading bits of two IPv6 addresses must be equal. *Default:* 64, as one client has
    /// all addresses of such a network; from 128 on the whole address.
    pub const fn with_ipv6_prefix(mut self, bits: u8) -> Self {
        self.ipv6_prefix = bits;
        self
    }

    fn address_changed(&self, bound: Option<IpAddr>, now: Option<IpAddr>) -> bool {
        match (bound, now) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(bound), Some(now)) => {
                !in_one_network(bound, now, self.ipv4_prefix, self.ipv6_prefix)
            }
        }
    }
}

impl Default for ClientBinding {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy for ClientBinding {
    fn judge(&self, circumstances: &Circumstances<'_>) -> Verdict {
        let Some(bound) = circumstances.started_by() else {
            return Verdict::Keep;
        };
        let address = self
            .address
            .filter(|_| self.address_changed(bound.address(), circumstances.address()));
        let user_agent = self
            .user_agent
            .filter(|_| user_agent_changed(bound, circumstances));
        match (address, user_agent) {
            (None, None) => Verdict::Keep,
            (Some(address), None) => address.verdict("address-changed"),
            (None, Some(agent)) => agent.verdict("user-agent-changed"),
            (Some(address), Some(agent)) => address
                .stricter(agent)
                .verdict("address-and-user-agent-changed"),
        }
    }
}

fn user_agent_changed(bound: &Client, circumstances: &Circumstances<'_>) -> bool {
    let now = circumstances.facts().user_agent();
    !bound.has_user_agent(now.map(http::HeaderValue::as_bytes))
}
