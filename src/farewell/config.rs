//! Where people go, and what is removed.

use super::{ClearHeaders, Marker, PageTexts, plain_http::Said};
use crate::{
    carrier::Cookie,
    policy::{Origin, PathRules, ReturnPaths},
    reason::EndReason,
};

/// The part of the configuration that farewells need.
#[derive(Debug)]
pub(crate) struct FarewellConfig {
    /// The session cookie, unless this is an interface without cookies.
    pub(crate) cookie: Option<Cookie>,
    /// The cookie that tells the landing page.
    pub(crate) marker: Option<Cookie>,
    /// Whether a browser was seen that does not hear of them.
    pub(crate) plain_http: Said,
    /// Cookies of the application that go with the session.
    pub(crate) to_clear: Vec<Cookie>,
    /// Whether bearer tokens are accepted.
    pub(crate) bearer: bool,
    /// The values of `Clear-Site-Data`, only where browsers heed it.
    pub(crate) clear: Option<ClearHeaders>,
    /// Whether `Set-Login` is sent.
    pub(crate) login_status: bool,
    /// The words of the built-in pages.
    pub(crate) texts: PageTexts,
    pub(crate) exits: ExitPages,
    /// To which pages users are brought back, if they are.
    pub(crate) returns: Option<ReturnPaths>,
    pub(crate) paths: PathRules,
    /// This site, if configured.
    pub(crate) origin: Option<Origin>,
    /// Other sites to which a handler may redirect after an ending.
    pub(crate) exit_origins: Vec<Origin>,
}

impl FarewellConfig {
    /// The marker that a request carries.
    pub(crate) fn marker_of(&self, headers: &http::HeaderMap) -> Option<Marker> {
        let cookie = self.marker.as_ref()?;
        let marker = crate::carrier::candidates(headers, cookie.name().as_bytes())
            .find_map(Marker::parse)?;
        // Of a site that brought users back before.
        if self.returns.is_none() {
            return marker.without_back();
        }
        Some(marker)
    }
}

/// The pages on which people land: paths on this site.
#[derive(Clone, Debug, Default)]
pub struct ExitPages {
    pub(crate) log_in: Option<String>,
    pub(crate) default: String,
    pub(crate) by_reason: Vec<(EndReason, String)>,
}

impl ExitPages {
    /// The page for a reason.
    pub(crate) fn of(&self, reason: &EndReason) -> &str {
        let own = self.by_reason.iter().find(|(known, _)| known == reason);
        own.map_or(&self.default, |(_, path)| path)
    }

    /// Every page, with the setting that names it.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let log_in = self
            .log_in
            .iter()
            .map(|path| ("with_log_in_page", path.as_str()));
        let own = self
            .by_reason
            .iter()
            .map(|(_, path)| ("with_exit_page", path.as_str()));
        log_in
            .chain(own)
            .chain([("with_default_exit_page", self.default.as_str())])
    }
}
