//! `build`: everything is checked once, here.

use super::{BuildError, SessionsBuilder};
use crate::{
    carrier::{Carriers, Cookie, CookieSpec, MARKER},
    farewell::{ClearSiteData, FarewellConfig, PageTexts, SaidOfPlainHttp},
    layer::{Core, Sessions},
    policy::{Network, Origin, PolicyReport},
    session::{Context, Policies},
    terminate::{Background, Road},
};
use std::{sync::Arc, time::Duration};

impl SessionsBuilder {
    /// Checks everything and makes the [`Sessions`]. Needs no runtime.
    ///
    /// # Errors
    /// The first thing that is wrong, naming the setting.
    pub fn build(mut self) -> Result<Sessions, BuildError> {
        if self.cookie.is_none() && !self.bearer {
            return Err(BuildError::NoCarrier);
        }
        self.check_durations()?;
        self.add_near_cache()?;
        self.check_hooks()?;
        self.check_policies()?;
        let scratch = self.open_scratch()?;
        self.warn();
        let origin = self
            .origin
            .as_deref()
            .map(|text| origin("with_origin", text))
            .transpose()?;
        let trusted_proxies = self.networks()?;
        let farewell = self.farewell(origin.clone())?;
        let endpoints = self.endpoint_rules()?;
        let activity = Self::activity_rule(self.activity, &self.passive)?;
        let report = PolicyReport::new(&self.timeouts, self.limit);
        let policies = Policies::new(self.policies);
        if let Some(policies) = &policies {
            self.road.watcher = Some(Arc::<Policies>::clone(policies));
        }
        let road = Arc::new(Road::new(self.store, self.clock, self.road, scratch));
        if let Some(policies) = &policies {
            policies.observe(&road.live);
        }
        let context = Context {
            cookie: farewell.cookie.is_some(),
            road,
            timeouts: self.timeouts,
            limit: self.limit,
            policies,
            max_values: self.max_values,
            origin,
            sockets: self.sockets.check()?,
        };
        Ok(Sessions(Arc::new(Core {
            carriers: Carriers {
                cookie: farewell.cookie.clone(),
                bearer: self.bearer,
            },
            context: Arc::new(context),
            farewell: Arc::new(farewell),
            endpoints,
            activity,
            peer: self.peer,
            request_id: self.request_id,
            trusted_proxies,
            replace_in_flight: self.replace_in_flight,
            background: Background::default(),
            report,
        })))
    }

    /// Says what works and is questionable.
    fn warn(&self) {
        let insecure = |cookie: &CookieSpec| !cookie.is_secure();
        if self.cookie.as_ref().is_some_and(insecure) {
            tracing::warn!(
                target: "adjourn",
                "with_cookie: the session cookie has no Secure attribute: anybody on the network can \
                 read it, and browsers ignore Clear-Site-Data over http; for development only"
            );
        }
        for warning in self.timeouts.warnings() {
            tracing::warn!(target: "adjourn", "with_timeouts: {warning}");
        }
    }

    fn check_durations(&self) -> Result<(), BuildError> {
        for (setting, duration) in [
            ("with_lease", self.road.lease),
            ("with_hook_time_limit", self.road.hook_limit),
            ("with_shutdown_limit", self.road.shutdown_limit),
            ("with_recheck_every", self.road.recheck),
        ] {
            some_time(setting, duration)?;
        }
        Ok(())
    }

    fn networks(&self) -> Result<Vec<Network>, BuildError> {
        let parse = |text: &String| {
            let setting = "with_trusted_proxies";
            text.parse()
                .map_err(|source| BuildError::Network { setting, source })
        };
        self.trusted_proxies.iter().map(parse).collect()
    }

    fn farewell(&mut self, own: Option<Origin>) -> Result<FarewellConfig, BuildError> {
        let secure = self.cookie.as_ref().is_some_and(CookieSpec::is_secure);
        let wrong = |source| {
            let setting = "with_cookie";
            BuildError::Cookie { setting, source }
        };
        let cookie = self.cookie.as_ref().map(Cookie::for_session);
        let cookie = cookie.transpose().map_err(wrong)?;
        let marker = self.cookie.as_ref().map(|_| marker_spec(secure));
        let marker = marker.as_ref().map(Cookie::new);
        let marker = marker.transpose().map_err(wrong)?;
        let to_clear = self.to_clear()?;
        let endpoints = self.mount()?;
        let has_own_exit = !self.exits.default.is_empty();
        if !has_own_exit {
            self.exits.default = format!("{endpoints}/signed-out");
        }
        let paths = self.path_rules(&endpoints)?;
        for (setting, path) in self.exits.all() {
            let is_ours = setting == "with_default_exit_page" && !has_own_exit;
            let setting = if is_ours {
                "with_endpoints_at"
            } else {
                setting
            };
            self.check_page(&paths, setting, path)?;
        }
        let returns = self.return_paths(&endpoints)?;
        let exit_origins = self
            .exit_origins
            .iter()
            .map(|text| origin("add_exit_origin", text));
        Ok(FarewellConfig {
            cookie,
            marker,
            plain_http: SaidOfPlainHttp::default(),
            to_clear,
            bearer: self.bearer,
            clear: self.clear.filter(|_| secure).map(ClearSiteData::headers),
            login_status: self.login_status,
            texts: PageTexts::new(std::mem::take(&mut self.texts), self.timeouts.idle()),
            exits: self.exits.clone(),
            returns,
            paths,
            origin: own,
            exit_origins: exit_origins.collect::<Result<_, _>>()?,
        })
    }

    /// The cookies to clear beside the session's, each once (R-5-7).
    fn to_clear(&self) -> Result<Vec<Cookie>, BuildError> {
        let mut known: Vec<_> = self.cookie.iter().collect();
        let mut to_clear = Vec::new();
        for spec in &self.to_clear {
            let cookie = Cookie::new(spec).map_err(|source| {
                let setting = "add_cookie_to_clear";
                BuildError::Cookie { setting, source }
            })?;
            if known.iter().any(|other| other.is_same_cookie(spec)) {
                continue;
            }
            if known.iter().any(|other| other.name() == spec.name()) {
                tracing::warn!(
                    target: "adjourn",
                    cookie = spec.name(),
                    "add_cookie_to_clear: one name in two scopes: browsers send both in an order \
                     that nobody can rely on"
                );
            }
            known.push(spec);
            to_clear.push(cookie);
        }
        Ok(to_clear)
    }
}

/// The marker travels like the session cookie: without `Secure` only where that has none.
fn marker_spec(secure: bool) -> CookieSpec {
    if secure {
        return CookieSpec::new(MARKER);
    }
    CookieSpec::new("adjourn-ended").with_insecure_no_secure_attribute()
}

pub(super) fn origin(setting: &'static str, text: &str) -> Result<Origin, BuildError> {
    Origin::parse(text).map_err(|source| BuildError::Origin { setting, source })
}

/// Checks a duration that must not be zero, whatever is rounded.
pub(super) fn some_time(setting: &'static str, given: Duration) -> Result<(), BuildError> {
    if given < Duration::from_millis(1) {
        return Err(BuildError::Zero { setting, given });
    }
    Ok(())
}
