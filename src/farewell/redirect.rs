//! Where a handler may send somebody whose session it has just ended.

use super::FarewellConfig;
use crate::{
    policy::{Origin, local_path},
    reason::EndReason,
};
use http::{HeaderMap, HeaderValue, StatusCode, header::LOCATION};

impl FarewellConfig {
    /// Corrects a redirect of a response that ended a session: to a page of this site that is not
    /// sensitive, or to an allowed origin; anything else goes to the exit page. Always 303, so
    /// that no method and no body is repeated.
    pub(crate) fn judge_redirect(
        &self,
        reason: &EndReason,
        status: &mut StatusCode,
        headers: &mut HeaderMap,
    ) {
        if !status.is_redirection() || *status == StatusCode::NOT_MODIFIED {
            return;
        }
        *status = StatusCode::SEE_OTHER;
        let mut locations = headers.get_all(LOCATION).iter();
        let allowed = match (locations.next(), locations.next()) {
            (Some(location), None) => self.may_exit_to(location.as_bytes()),
            _ => false,
        };
        if !allowed && let Ok(exit) = HeaderValue::from_str(self.exits.of(reason)) {
            headers.insert(LOCATION, exit);
        }
    }

    fn may_exit_to(&self, location: &[u8]) -> bool {
        if let Some(path) = local_path(location) {
            return !self.paths.is_sensitive(without_query(path));
        }
        if self
            .exit_origins
            .iter()
            .any(|origin| rest_of(location, origin).is_some())
        {
            return true;
        }
        // This site's own pages, written out in full.
        let own = self
            .origin
            .as_ref()
            .and_then(|origin| rest_of(location, origin));
        own.and_then(local_path)
            .is_some_and(|path| !self.paths.is_sensitive(without_query(path)))
    }
}

/// What follows the origin in an absolute URL of that very origin.
fn rest_of<'a>(location: &'a [u8], origin: &Origin) -> Option<&'a [u8]> {
    let rest = location.strip_prefix(origin.as_str().as_bytes())?;
    // Visible ASCII only, and the authority ends here: no `https://ok.example.evil.example`.
    let visible = rest
        .iter()
        .all(|byte| (0x21..=0x7E).contains(byte) && *byte != b'\\');
    (visible && rest.first().is_none_or(|byte| *byte == b'/')).then_some(rest)
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}
