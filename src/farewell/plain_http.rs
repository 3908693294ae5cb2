//! The warning that a browser does not hear what it is told of a `Secure` cookie.

use super::FarewellConfig;
use crate::{carrier::Cookie, policy::RequestFacts};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether it was said: once is enough.
#[derive(Debug, Default)]
pub(crate) struct Said(AtomicBool);

impl FarewellConfig {
    /// Says that the session cookie, if it is `told` of, is told of where browsers ignore it (RFC
    /// 6265bis section 5.7): nobody can log in there, and the cookie of a session that ended stays.
    pub(super) fn warn_of_plain_http(&self, facts: &RequestFacts, told: bool) {
        // Nothing is cleared where the cookie is not Secure.
        let (true, Some(cookie), Some(_)) = (told, &self.cookie, &self.clear) else {
            return;
        };
        if facts.is_on_plain_http() && !self.plain_http.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "adjourn",
                cookie = Cookie::name(cookie),
                "with_cookie: a browser asks over plain http, where it neither stores nor removes a \
                 Secure cookie: serve it over https, or use with_insecure_no_secure_attribute() for \
                 development only; this is said once"
            );
        }
    }
}
