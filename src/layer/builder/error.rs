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
        "with_close_code: {code} is no code for a Close frame: use 1000 to 1003, 1007 to 1009, 1011 \
         to 1014, or 3000 to 4999"
    )]
    CloseCode {
        /// Which.
        code: u16,
    },
    /// A cookie breaks a rule.
    #[error("a cookie cannot work: {0}")]
    Cookie(#[from] carrier::ConfigError),
    /// Not a path below which the endpoints can be.
    #[error(
        "with_endpoints_at: \"{path}\" is not a path of their own for the endpoints: it begins with \
         one slash and is not the root, as all below it is public"
    )]
    Endpoints {
        /// What.
        path: String,
    },
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
    /// Not a path below which nobody is to be brought back.
    #[error("add_no_return: {0}")]
    NoReturn(#[source] InvalidPattern),
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
    /// Return paths travel in a cookie, and all cookies are to be cleared.
    #[error(
        "with_return_to: a user is brought back by a cookie, and with_clear_site_data clears all \
         cookies: use ClearSiteData::storage(), or do without one of the two"
    )]
    ReturnWithCookiesCleared,
    /// Return paths travel in a cookie.
    #[error("with_return_to: a user is brought back by a cookie, and without_cookie() sets none")]
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
        "{setting}: \"{path}\" needs a live session itself, so people would be sent in circles: \
         add it to with_public"
    )]
    SensitivePage {
        /// Where.
        setting: &'static str,
        /// What.
        path: String,
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
    #[error("{setting}: at least one millisecond is needed")]
    Zero {
        /// Where.
        setting: &'static str,
    },
}
