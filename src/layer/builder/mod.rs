//! The configuration: setters never fail, `build` checks everything once.

mod activity;
mod audit;
mod build;
mod endpoints;
mod error;
mod farewell;
mod hooks;
#[cfg(test)]
mod mistakes;
mod near_cache;
mod pages;
mod policies;
mod scratch;
mod sockets;

pub(crate) use endpoints::LEAST_WARNING;
pub use error::BuildError;

use super::{
    peer::usual_peer,
    sessions::{ActivityRule, PeerRule, RequestIdRule},
};
use crate::{
    audit::{EventLimits, Sink, TracingSink},
    carrier::CookieSpec,
    farewell::{ClearSiteData, ExitPages, ExitTexts},
    policy::{Timeouts, default_activity},
    reason::EndReason,
    session::PolicyConfig,
    store::{Limit, SessionStore},
    terminate::{Hook, HookOptions, RoadConfig},
    time::{Clock, SystemClock},
};
use http::Extensions;
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

/// The configuration of [`Sessions`](crate::Sessions). Every default is the safe one.
#[must_use = "a configuration does nothing until it is built"]
pub struct SessionsBuilder {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    max_staleness: Option<Duration>,
    timeouts: Timeouts,
    limit: Option<Limit>,
    cookie: Option<CookieSpec>,
    bearer: bool,
    to_clear: Vec<CookieSpec>,
    public: Option<Vec<String>>,
    sensitive: Vec<String>,
    exits: ExitPages,
    endpoints: endpoints::EndpointSettings,
    returns: farewell::ReturnSettings,
    clear: Option<ClearSiteData>,
    login_status: bool,
    texts: Vec<ExitTexts>,
    origin: Option<String>,
    exit_origins: Vec<String>,
    trusted_proxies: Vec<String>,
    max_values: usize,
    replace_in_flight: bool,
    activity: Box<ActivityRule>,
    passive: Vec<String>,
    peer: Box<PeerRule>,
    request_id: Option<Box<RequestIdRule>>,
    sockets: sockets::SocketSettings,
    policies: PolicyConfig,
    road: RoadConfig,
}

impl SessionsBuilder {
    pub(super) fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            max_staleness: None,
            timeouts: Timeouts::default(),
            limit: None,
            cookie: Some(CookieSpec::session()),
            bearer: false,
            to_clear: Vec::new(),
            public: None,
            sensitive: Vec::new(),
            exits: ExitPages::default(),
            endpoints: endpoints::EndpointSettings::default(),
            returns: farewell::ReturnSettings::default(),
            clear: Some(ClearSiteData::default()),
            login_status: false,
            texts: Vec::new(),
            origin: None,
            exit_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_values: 16 * 1024,
            replace_in_flight: true,
            activity: Box::new(|facts, _| default_activity(facts)),
            passive: Vec::new(),
            peer: Box::new(usual_peer),
            request_id: None,
            sockets: sockets::SocketSettings::default(),
            policies: PolicyConfig::default(),
            road: RoadConfig {
                hooks: Vec::new(),
                scratch_root: None,
                sinks: vec![Arc::new(TracingSink)],
                event_limits: EventLimits::default(),
                lease: Duration::from_secs(30),
                hook_limit: Duration::from_secs(5),
                patience: Duration::from_millis(500),
                shutdown_limit: Duration::from_secs(20),
                recheck: Duration::from_secs(30),
                outage_grace: Duration::from_mins(1),
                watcher: None,
            },
        }
    }

    /// The idle and the absolute timeout of sessions. *Default:* 15 minutes and 8 hours
    /// (ASVS 7.1.1, NIST SP 800-63B section 2).
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// How many live sessions a subject may have, and what happens at the limit (ASVS 7.1.2).
    /// *Default:* no limit.
    pub const fn with_limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The session cookie. *Default:* `__Host-sid`, `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`.
    pub fn with_cookie(mut self, cookie: CookieSpec) -> Self {
        self.cookie = Some(cookie);
        self
    }

    /// No session cookie: for an interface that takes bearer tokens only.
    pub fn without_cookie(mut self) -> Self {
        self.cookie = None;
        self
    }

    /// Accepts `Authorization: Bearer`, for mobile apps and programs. *Default:* off.
    ///
    /// With the cookie also on, a request that carries a bearer token is judged by it alone.
    pub const fn with_bearer(mut self) -> Self {
        self.bearer = true;
        self
    }

    /// A cookie of the application that is removed when the session ends: described exactly as the
    /// application sets it, since path and domain are part of what it is.
    pub fn add_cookie_to_clear(mut self, cookie: CookieSpec) -> Self {
        self.to_clear.push(cookie);
        self
    }

    /// The paths that need no session; every other path of the layer then needs a live one.
    /// *Default:* no rule: the routes say who needs a session
    /// ([`LiveSession`](super::LiveSession), [`require_session`](super::require_session)).
    ///
    /// A pattern is a path (`"/login"`) or all paths below one (`"/static/*"`). List the log-out
    /// route too: it judges its requests itself. The endpoints are public by themselves.
    pub fn with_public<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.public
            .get_or_insert_default()
            .extend(paths.into_iter().map(Into::into));
        self
    }

    /// Paths that need a live session, with everything below each: for applications that cannot
    /// name their public paths. `"/account"` covers `/account`, `/account/`, `/account/x`, and
    /// every other spelling of them.
    pub fn with_sensitive<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.sensitive.extend(paths.into_iter().map(Into::into));
        self
    }

    /// The page to log in, to which a person without a session is sent. *Default:* none: they get
    /// 401.
    pub fn with_log_in_page(mut self, path: impl Into<String>) -> Self {
        self.exits.log_in = Some(path.into());
        self
    }

    /// The page on which a person lands after an ending with this reason.
    pub fn with_exit_page(mut self, reason: EndReason, path: impl Into<String>) -> Self {
        self.exits.by_reason.push((reason, path.into()));
        self
    }

    /// The page on which a person lands after any other ending. *Default:* the built-in
    /// signed-out page of the [`Endpoints`](crate::Endpoints).
    pub fn with_default_exit_page(mut self, path: impl Into<String>) -> Self {
        self.exits.default = path.into();
        self
    }

    /// This site's origin, for example `https://app.example`. Needed for log-outs by browsers that
    /// send no `Sec-Fetch-Site`; without it those are refused, except on localhost.
    pub fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Another site to which a handler may redirect after an ending, for example the identity
    /// provider's.
    pub fn add_exit_origin(mut self, origin: impl Into<String>) -> Self {
        self.exit_origins.push(origin.into());
        self
    }

    /// The proxies (`10.0.0.0/8`, `192.0.2.7`) whose `Forwarded` or `X-Forwarded-For` is believed.
    /// *Default:* none.
    pub fn with_trusted_proxies<P: Into<String>>(
        mut self,
        networks: impl IntoIterator<Item = P>,
    ) -> Self {
        self.trusted_proxies
            .extend(networks.into_iter().map(Into::into));
        self
    }

    /// Where the address of the peer is found. *Default:* [`PeerAddr`](super::PeerAddr), and under
    /// axum `ConnectInfo<SocketAddr>`.
    pub fn with_peer_address(
        mut self,
        find: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.peer = Box::new(find);
        self
    }

    /// The most that the values of a session may take, names included. *Default:* 16 KiB.
    ///
    /// *Cost:* every check-in reads all of them. On Redis and PostgreSQL up to 32 and 64 check-ins share an answer, which is as
    /// large as their values together.
    pub const fn with_max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_values = bytes;
        self
    }

    /// Keeps the response of a request whose session ended meanwhile, adding only the headers of
    /// the ending. *Default:* it is replaced, so that nothing sensitive leaves after the ending.
    pub const fn with_in_flight_responses_kept(mut self) -> Self {
        self.replace_in_flight = false;
        self
    }

    /// Adds what the application does when a session ends. Hooks run in the order in which they
    /// are added.
    pub fn on_end(self, name: &'static str, hook: impl Hook) -> Self {
        self.on_end_with(name, HookOptions::new(), hook)
    }

    /// How long each hook may run before it is aborted. *Default:* 5 seconds.
    pub const fn with_hook_time_limit(mut self, limit: Duration) -> Self {
        self.road.hook_limit = limit;
        self
    }

    /// How long an ending waits for its clean-up before it answers; the clean-up then goes on by
    /// itself. *Default:* 500 milliseconds.
    pub const fn with_clean_up_patience(mut self, patience: Duration) -> Self {
        self.road.patience = patience;
        self
    }

    /// How long a node may work on an ending without a sign of life before another takes over.
    /// *Default:* 30 seconds.
    pub const fn with_lease(mut self, lease: Duration) -> Self {
        self.road.lease = lease;
        self
    }

    /// Adds a sink of audit events to the built-in one, which writes to `tracing`.
    pub fn add_audit_sink(mut self, sink: impl Sink) -> Self {
        self.road.sinks.push(Arc::new(sink));
        self
    }

    /// The clock of this node, for what is not decided by the store. *Default:* the system's.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl fmt::Debug for SessionsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsBuilder")
            .field("timeouts", &self.timeouts)
            .field("limit", &self.limit)
            .field("cookie", &self.cookie)
            .field("bearer", &self.bearer)
            .finish_non_exhaustive()
    }
}
