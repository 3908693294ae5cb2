//! The configuration: setters never fail, `build` checks everything once.

use super::{
    Core, Sessions,
    peer::usual_peer,
    sessions::{ActivityRule, PeerRule},
};
use crate::{
    audit::{Sink, TracingSink},
    carrier::{self, Carriers, Cookie, CookieSpec},
    farewell::{ExitPages, FarewellConfig},
    policy::{
        InvalidNetwork, InvalidOrigin, InvalidPattern, Network, Origin, PathRules, PolicyReport,
        RequestFacts, Timeouts, default_activity, local_path,
    },
    reason::EndReason,
    record::Activity,
    session::Context,
    store::{Limit, SessionStore},
    terminate::{Background, Hook, NamedHook, Road, RoadConfig},
    time::{Clock, SystemClock},
};
use http::Extensions;
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

/// The configuration of [`Sessions`]. Every default is the safe one.
#[must_use = "a configuration does nothing until it is built"]
pub struct SessionsBuilder {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    timeouts: Timeouts,
    limit: Option<Limit>,
    cookie: Option<CookieSpec>,
    bearer: bool,
    to_clear: Vec<CookieSpec>,
    public: Option<Vec<String>>,
    sensitive: Vec<String>,
    exits: ExitPages,
    endpoints_at: String,
    origin: Option<String>,
    exit_origins: Vec<String>,
    trusted_proxies: Vec<String>,
    max_values: usize,
    replace_in_flight: bool,
    activity: Box<ActivityRule>,
    peer: Box<PeerRule>,
    road: RoadConfig,
}

impl SessionsBuilder {
    pub(super) fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            timeouts: Timeouts::default(),
            limit: None,
            cookie: Some(CookieSpec::session()),
            bearer: false,
            to_clear: Vec::new(),
            public: None,
            sensitive: Vec::new(),
            exits: ExitPages::default(),
            endpoints_at: "/session".to_owned(),
            origin: None,
            exit_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            max_values: 16 * 1024,
            replace_in_flight: true,
            activity: Box::new(default_activity),
            peer: Box::new(usual_peer),
            road: RoadConfig {
                hooks: Vec::new(),
                sinks: vec![Arc::new(TracingSink)],
                lease: Duration::from_secs(30),
                hook_limit: Duration::from_secs(5),
                patience: Duration::from_millis(500),
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

    /// Where the [`Endpoints`](crate::Endpoints) are mounted, as the browser sees it. *Default:*
    /// `/session`.
    pub fn with_endpoints_at(mut self, path: impl Into<String>) -> Self {
        self.endpoints_at = path.into();
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

    /// Which requests are a sign that the user is there. *Default:*
    /// [`default_activity`]: not polls announced as such, prefetches, event streams, sockets and
    /// cross-site requests.
    ///
    /// ```
    /// use adjourn::{Sessions, policy::default_activity, record::Activity, store::MemoryStore};
    ///
    /// let sessions = Sessions::builder(MemoryStore::new())
    ///     .with_activity(|facts| match facts.is_htmx() {
    ///         true => Activity::Passive, // this site polls with htmx
    ///         false => default_activity(facts),
    ///     })
    ///     .build()?;
    /// # let _ = sessions;
    /// # Ok::<(), adjourn::BuildError>(())
    /// ```
    pub fn with_activity(
        mut self,
        judge: impl Fn(&RequestFacts) -> Activity + Send + Sync + 'static,
    ) -> Self {
        self.activity = Box::new(judge);
        self
    }

    /// The most that the values of a session may take, names included. *Default:* 16 KiB.
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
    pub fn on_end(mut self, name: &'static str, hook: impl Hook) -> Self {
        self.road.hooks.push(NamedHook {
            name,
            hook: Arc::new(hook),
        });
        self
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

    /// Checks everything and makes the [`Sessions`]. Needs no runtime.
    ///
    /// # Errors
    /// The first thing that is wrong, naming the setting.
    pub fn build(mut self) -> Result<Sessions, BuildError> {
        if self.cookie.is_none() && !self.bearer {
            return Err(BuildError::NoCarrier);
        }
        for (setting, duration) in [
            ("with_lease", self.road.lease),
            ("with_hook_time_limit", self.road.hook_limit),
        ] {
            if duration < Duration::from_millis(1) {
                return Err(BuildError::Zero { setting });
            }
        }
        if self
            .cookie
            .as_ref()
            .is_some_and(|cookie| !cookie.is_secure())
        {
            tracing::warn!(
                target: "adjourn",
                "with_cookie: the session cookie has no Secure attribute: anybody on the network can \
                 read it, and browsers ignore Clear-Site-Data over http; for development only"
            );
        }
        for warning in self.timeouts.warnings() {
            tracing::warn!(target: "adjourn", "with_timeouts: {warning}");
        }
        let origin = self
            .origin
            .as_deref()
            .map(|text| origin("with_origin", text))
            .transpose()?;
        let trusted_proxies = self.networks()?;
        let farewell = self.farewell(origin.clone())?;
        let report = PolicyReport::new(&self.timeouts, self.limit);
        let context = Context {
            cookie: farewell.cookie.is_some(),
            road: Arc::new(Road::new(self.store, self.clock, self.road)),
            timeouts: self.timeouts,
            limit: self.limit,
            max_values: self.max_values,
            origin,
        };
        Ok(Sessions(Arc::new(Core {
            carriers: Carriers {
                cookie: farewell.cookie.clone(),
                bearer: self.bearer,
            },
            context: Arc::new(context),
            farewell: Arc::new(farewell),
            activity: self.activity,
            peer: self.peer,
            trusted_proxies,
            replace_in_flight: self.replace_in_flight,
            background: Background::default(),
            report,
        })))
    }

    fn networks(&self) -> Result<Vec<Network>, BuildError> {
        let parse = |text: &String| {
            let setting = "with_trusted_proxies";
            text.parse().map_err(|source| BuildError::Network {
                setting,
                text: text.clone(),
                source,
            })
        };
        self.trusted_proxies.iter().map(parse).collect()
    }

    fn farewell(&mut self, own: Option<Origin>) -> Result<FarewellConfig, BuildError> {
        let secure = self.cookie.as_ref().is_some_and(CookieSpec::is_secure);
        let cookie = self.cookie.as_ref().map(Cookie::for_session).transpose()?;
        let marker = self
            .cookie
            .as_ref()
            .map(|_| Cookie::new(&marker_spec(secure)))
            .transpose()?;
        let to_clear = self
            .to_clear
            .iter()
            .map(Cookie::new)
            .collect::<Result<Vec<_>, _>>()?;
        if self.exits.default.is_empty() {
            self.exits.default = format!("{}/signed-out", self.endpoints_at.trim_end_matches('/'));
        }
        let mut paths = PathRules::default().with_sensitive(&self.sensitive)?;
        if let Some(public) = &self.public {
            let endpoints = format!("{}/*", self.endpoints_at.trim_end_matches('/'));
            paths = paths.with_public(public)?.with_public([endpoints])?;
        }
        for (setting, path) in self.exits.all() {
            let local = local_path(path.as_bytes());
            if local.is_none() {
                return Err(BuildError::Page {
                    setting,
                    path: path.to_owned(),
                });
            }
            if paths.is_sensitive(path.split(['?', '#']).next().unwrap_or(path)) {
                return Err(BuildError::SensitivePage {
                    setting,
                    path: path.to_owned(),
                });
            }
        }
        let exit_origins = self
            .exit_origins
            .iter()
            .map(|text| origin("add_exit_origin", text));
        Ok(FarewellConfig {
            cookie,
            marker,
            to_clear,
            bearer: self.bearer,
            clear_site_data: secure,
            exits: self.exits.clone(),
            paths,
            origin: own,
            exit_origins: exit_origins.collect::<Result<_, _>>()?,
        })
    }
}

/// The marker travels like the session cookie: without `Secure` only where that has none.
fn marker_spec(secure: bool) -> CookieSpec {
    if secure {
        return CookieSpec::new("__Host-adjourn-ended");
    }
    CookieSpec::new("adjourn-ended").with_insecure_no_secure_attribute()
}

fn origin(setting: &'static str, text: &str) -> Result<Origin, BuildError> {
    Origin::parse(text).map_err(|source| BuildError::Origin {
        setting,
        text: text.to_owned(),
        source,
    })
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

/// The configuration cannot work: which setting, what is wrong, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A cookie breaks a rule.
    #[error("a cookie cannot work: {0}")]
    Cookie(#[from] carrier::ConfigError),
    /// Not a network.
    #[error("{setting}: \"{text}\" is not a network: {source}")]
    Network {
        /// Where.
        setting: &'static str,
        /// What.
        text: String,
        /// Why.
        source: InvalidNetwork,
    },
    /// Neither a cookie nor bearer tokens.
    #[error("no session can reach the server: without_cookie() needs with_bearer()")]
    NoCarrier,
    /// Not an origin.
    #[error("{setting}: \"{text}\" is not an origin: {source}")]
    Origin {
        /// Where.
        setting: &'static str,
        /// What.
        text: String,
        /// Why.
        source: InvalidOrigin,
    },
    /// Not a path on this site.
    #[error("{setting}: \"{path}\" is not a path on this site: it begins with one slash")]
    Page {
        /// Where.
        setting: &'static str,
        /// What.
        path: String,
    },
    /// Not a path pattern.
    #[error("with_public, with_sensitive: {0}")]
    Pattern(#[from] InvalidPattern),
    /// A page to which people without a session are sent needs a session.
    #[error(
        "{setting}: \"{path}\" needs a live session itself, so people would be sent in circles: \
         add it to with_public"
    )]
    SensitivePage {
        /// Where.
        setting: &'static str,
        /// What.
        path: String,
    },
    /// A duration that must not be zero.
    #[error("{setting}: at least one millisecond is needed")]
    Zero {
        /// Where.
        setting: &'static str,
    },
}
