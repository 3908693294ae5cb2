//! Where a handler may send somebody whose session it has just ended.

use super::{FarewellConfig, reply::HX_REDIRECT};
use crate::{
    policy::{Origin, local_path},
    reason::EndReason,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{LOCATION, REFRESH},
};

impl FarewellConfig {
    /// Corrects where a response that ended a session sends the browser: to a page of this site
    /// that is not sensitive, or to an allowed origin; anything else goes to the exit page. A
    /// redirect becomes a 303, so that no method and no body is repeated.
    ///
    /// Every header that moves a browser is judged by the same rule. Answers what was refused.
    pub(crate) fn judge_redirect(
        &self,
        reason: &EndReason,
        status: &mut StatusCode,
        headers: &mut HeaderMap,
    ) -> Vec<HeaderValue> {
        let mut refused = Vec::new();
        let exit = HeaderValue::from_str(self.exits.of(reason));
        for name in [HX_REDIRECT, HX_LOCATION, REFRESH] {
            let Some(value) = headers.get(&name) else {
                continue;
            };
            let target = if name == REFRESH {
                refresh_target(value.as_bytes())
            } else {
                value.as_bytes()
            };
            let stays = name == REFRESH && target.is_empty();
            let one = headers.get_all(&name).iter().count() == 1;
            if one && (stays || self.may_exit_to(target)) {
                continue;
            }
            refused.push(value.clone());
            headers.remove(&name);
            if name != REFRESH
                && let Ok(exit) = &exit
            {
                headers.insert(HX_REDIRECT, exit.clone());
            }
        }
        if status.is_redirection() && *status != StatusCode::NOT_MODIFIED {
            refused.extend(self.judge_location(exit.ok(), status, headers));
        }
        refused
    }

    fn judge_location(
        &self,
        exit: Option<HeaderValue>,
        status: &mut StatusCode,
        headers: &mut HeaderMap,
    ) -> Option<HeaderValue> {
        *status = StatusCode::SEE_OTHER;
        let mut locations = headers.get_all(LOCATION).iter();
        let allowed = match (locations.next(), locations.next()) {
            (Some(location), None) => self.may_exit_to(location.as_bytes()),
            _ => false,
        };
        if allowed {
            return None;
        }
        match exit {
            Some(exit) => headers.insert(LOCATION, exit),
            None => headers.remove(LOCATION),
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

/// Where `Refresh: 5; url=/x` leads; without a place it loads the same page again. Behind the time a
/// blank is enough for browsers (HTML, "shared declarative refresh steps").
fn refresh_target(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    let is_time = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let time = value.iter().take_while(|byte| is_time(byte)).count();
    let rest = value.get(time..).unwrap_or_default().trim_ascii_start();
    let place = rest.strip_prefix(b";").or(rest.strip_prefix(b","));
    let place = place.unwrap_or(rest).trim_ascii();
    let url = place
        .split_at_checked(4)
        .and_then(|(word, url)| word.eq_ignore_ascii_case(b"url=").then(|| url.trim_ascii()));
    url.unwrap_or(place)
}

pub(super) fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

const HX_LOCATION: HeaderName = HeaderName::from_static("hx-location");
