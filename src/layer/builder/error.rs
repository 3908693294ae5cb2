//! What is wrong with a configuration.

use crate::{
    carrier,
    policy::{InvalidNetwork, InvalidOrigin, InvalidPattern},
    terminate::ScratchRootError,
};
use std::{path::PathBuf, time::Duration};

/// The configuration cannot work: which setting, what is wrong, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A server must not send this code in a Close frame.
    #[error(
        "{setting}: {code} is no code for a Close frame: use 1000 to 1003, 1007 to 1009, 1011 \
         to 1014, or 3000 to 4999"
    )]
    CloseCode {
        /// Where.
        setting: &'static str,
        /// Which.
        code: u16,
    },
    /// A cookie breaks a rule.
    #[error("{setting}: {source}")]
    Cookie {
        /// Where.
        setting: &'static str,
        /// Which, and why.
        source: carrier::ConfigError,
    },
    /// Not a path below which the endpoints can be.
    #[error(
        "with_endpoints_at: \"{path}\" is not a path of their own for the endpoints: choose one that \
         begins with one slash, holds no more than plain segments and is not the root, as all below \
         it is public"
    )]
    Endpoints {
        /// What.
        path: String,
    },
    /// Not a network.
    #[error("{setting}: {source}")]
    Network {
        /// Where.
        setting: &'static str,
        /// What, and why.
        source: InvalidNetwork,
    },
    /// Neither a cookie nor bearer tokens.
    #[error("without_cookie: no session can reach the server: add with_bearer()")]
    NoCarrier,
    /// Not a path below which nobody is to be brought back.
    #[error("add_no_return: {0}")]
    NoReturn(#[source] InvalidPattern),
    /// Not an origin.
    #[error("{setting}: {source}")]
    Origin {
        /// Where.
        setting: &'static str,
        /// What, without a password that may stand in it, and why.
        source: InvalidOrigin,
    },
    /// Not a path on this site.
    #[error("{setting}: \"{path}\" is not a path on this site: begin it with exactly one slash")]
    Page {
        /// Where.
        setting: &'static str,
        /// What.
        path: String,
    },
    /// Not a path pattern.
    #[error("{setting}: {source}")]
    Pattern {
        /// Where.
        setting: &'static str,
        /// Which, and why.
        source: InvalidPattern,
    },
    /// Return paths travel in a cookie, and all cookies are to be cleared.
    #[error(
        "with_return_to: a user is brought back by a cookie, and with_clear_site_data clears all \
         cookies: use ClearSiteData::storage(), or do without one of the two"
    )]
    ReturnWithCookiesCleared,
    /// Return paths travel in a cookie.
    #[error(
        "with_return_to: a user is brought back by a cookie, and without_cookie() sets none: do \
         without one of the two"
    )]
    ReturnWithoutCookie,
    /// A score that decides must be a number.
    #[error("with_risk_check: {score} is no score that anything can reach: use a finite number")]
    RiskScore {
        /// Which.
        score: f64,
    },
    /// The root of scratch directories cannot be used.
    #[error("with_scratch_root: \"{}\": {source}", .path.display())]
    ScratchRoot {
        /// Where.
        path: PathBuf,
        /// Why.
        source: ScratchRootError,
    },
    /// A page to which people without a session are sent needs a session.
    #[error(
        "{setting}: \"{path}\" needs a live session itself by {rule}, so people would be sent in \
         circles: {}",
        remedy(rule)
    )]
    SensitivePage {
        /// Where.
        setting: &'static str,
        /// What.
        path: String,
        /// The setting by which it needs a session.
        rule: &'static str,
    },
    /// A duration that would defeat the purpose.
    #[error("{setting}: {given:?} is too long: at most {most:?}")]
    TooLong {
        /// Where.
        setting: &'static str,
        /// What.
        given: Duration,
        /// How long it may be.
        most: Duration,
    },
    /// The warning before the idle timeout comes too late.
    #[error(
        "with_warning: {given:?} is too short to extend a session in: choose at least 20 s (WCAG \
         2.2.1)"
    )]
    Warning {
        /// What.
        given: Duration,
    },
    /// A duration that must not be zero.
    #[error("{setting}: {given:?} is no time at all: give at least one millisecond")]
    Zero {
        /// Where.
        setting: &'static str,
        /// What.
        given: Duration,
    },
}

/// What to do about a page that needs a session.
fn remedy(rule: &str) -> &'static str {
    match rule {
        "with_public" => "add it to with_public",
        _ => "choose one that with_sensitive does not cover",
    }
}
