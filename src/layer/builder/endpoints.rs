//! The settings of the endpoints.

use super::{BuildError, SessionsBuilder};
use crate::{
    layer::endpoints::EndpointRules,
    policy::{PathRules, local_path},
};
use std::time::Duration;

/// The settings, before they are checked.
pub(super) struct EndpointSettings {
    pub(super) at: String,
    warning: Duration,
    fresh: Option<Duration>,
}

impl Default for EndpointSettings {
    fn default() -> Self {
        Self {
            at: "/session".to_owned(),
            warning: Duration::from_mins(1),
            fresh: Some(Duration::from_mins(5)),
        }
    }
}

impl SessionsBuilder {
    /// Where the [`Endpoints`](crate::Endpoints) are mounted, as the browser sees it. *Default:*
    /// `/session`.
    ///
    /// Their paths need no session and no mention in [`with_public`](Self::with_public), and by this
    /// path the layer knows that a poll of theirs is no activity.
    pub fn with_endpoints_at(mut self, path: impl Into<String>) -> Self {
        self.endpoints.at = path.into();
        self
    }

    /// How long before the idle timeout the client script warns. *Default:* 60 seconds.
    ///
    /// At least 20 seconds, in which the user can extend the session by one action (WCAG 2.2.1). A
    /// session whose idle timeout is short is warned of at half of it, and not later than 20
    /// seconds before.
    pub const fn with_warning(mut self, before: Duration) -> Self {
        self.endpoints.warning = before;
        self
    }

    /// How recent the log-in must be of a user who ends other sessions of theirs by the
    /// [`Endpoints`](crate::Endpoints) (ASVS 7.5.2). *Default:* 5 minutes.
    ///
    /// Whoever finds an unlocked computer must not be able to put the user out everywhere else. An
    /// older log-in is answered as [`Session::require_fresh`](crate::Session::require_fresh) says.
    pub const fn with_fresh_log_in_to_end_sessions(mut self, max_age: Duration) -> Self {
        self.endpoints.fresh = Some(max_age);
        self
    }

    /// Lets every live session end the user's other sessions, however old its log-in is: against
    /// ASVS 7.5.2.
    pub const fn with_insecure_no_fresh_log_in_to_end_sessions(mut self) -> Self {
        self.endpoints.fresh = None;
        self
    }

    pub(super) fn endpoint_rules(&self) -> Result<EndpointRules, BuildError> {
        let EndpointSettings { warning, fresh, .. } = self.endpoints;
        if warning < LEAST_WARNING {
            return Err(BuildError::Warning { given: warning });
        }
        if let Some(given) = fresh.filter(Duration::is_zero) {
            let setting = "with_fresh_log_in_to_end_sessions";
            return Err(BuildError::Zero { setting, given });
        }
        if self
            .timeouts
            .idle()
            .is_some_and(|idle| idle <= LEAST_WARNING)
        {
            tracing::warn!(
                target: "adjourn",
                "with_timeouts: an idle timeout of at most 20 s leaves users no time to extend \
                 their session once they are warned (WCAG 2.2.1)"
            );
        }
        Ok(EndpointRules::new(&self.mount()?, warning, fresh))
    }

    /// Where the endpoints are, without a slash at the end. Not the root: all below is public.
    pub(super) fn mount(&self) -> Result<String, BuildError> {
        let path = self.endpoints.at.trim_end_matches('/');
        let is_pattern = || PathRules::default().with_sensitive([path]).is_ok();
        if local_path(path.as_bytes()).is_none() || !is_pattern() {
            return Err(BuildError::Endpoints {
                path: self.endpoints.at.clone(),
            });
        }
        Ok(path.to_owned())
    }
}

/// WCAG 2.2.1: the user has at least 20 seconds to extend the time limit.
pub(crate) const LEAST_WARNING: Duration = Duration::from_secs(20);
