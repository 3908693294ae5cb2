//! The headers that belong to an ending, a log-in, and any response to a live session.

use super::{Back, FarewellConfig, Marker, Past};
use crate::{
    carrier::{Via, strip_set_cookie},
    policy::{FetchSite, RequestFacts},
    session::Effects,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, EXPIRES, PRAGMA, REFERRER_POLICY, SET_COOKIE},
};

/// A response on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving {
    pub(crate) status: StatusCode,
    /// Whether it is our answer to a request that was refused.
    pub(crate) refused: bool,
}

/// Adds to a response what the session's effects demand.
pub(crate) fn decorate(
    config: &FarewellConfig,
    facts: &RequestFacts,
    past: Option<&Past>,
    effects: &Effects,
    response: Leaving,
    headers: &mut HeaderMap,
) {
    strip_ours(config, effects, headers);
    if effects.live || effects.issued.is_some() || effects.ended.is_some() || effects.remove {
        no_store(headers);
    }
    if effects.via == Some(Via::Bearer) && effects.issued.is_none() {
        return;
    }
    if let Some((token, cookie)) = effects.issued.as_ref().zip(config.cookie.as_ref()) {
        headers.append(SET_COOKIE, cookie.set(&token.expose()));
        if effects.subject_changed && config.clear_site_data {
            headers.append(CLEAR_SITE_DATA, STORAGE);
        }
    }
    if effects.remove {
        remove(config.cookie.as_ref(), headers);
    }
    let wanted = past.and_then(|past| past.wanted.as_ref());
    let wanted = wanted.filter(|_| response.refused).cloned();
    match &effects.ended {
        Some((id, reason, here)) => {
            let marker = Marker {
                reason: reason.clone(),
                session_id: *id,
                back: wanted.filter(|_| !here),
            };
            say_farewell(config, facts, marker, *here, response.status, headers);
        }
        None if effects.end_failed => remove_named(config, headers),
        None if effects.issued.is_some() => {
            if past.is_some_and(|past| past.marker.is_some()) {
                remove(config.marker.as_ref(), headers);
            }
        }
        None => {
            let Some(marker) = past.and_then(|past| past.marker.clone()) else {
                return;
            };
            land(config, facts, marker, wanted, response.status, headers);
        }
    }
}

/// Nothing of it may be stored (RFC 9111 section 5.2.2.5): whatever the handler said would let a
/// cache keep it, so it is replaced.
pub(crate) fn no_store(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, NO_STORE);
    for name in [EXPIRES, PRAGMA] {
        if has(headers, &name) {
            headers.remove(name);
        }
    }
}

/// The response of an ending, or the first one after it.
fn say_farewell(
    config: &FarewellConfig,
    facts: &RequestFacts,
    mut marker: Marker,
    here: bool,
    status: StatusCode,
    headers: &mut HeaderMap,
) {
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    remove_named(config, headers);
    // Not on each 401 of a burst of background requests: the next page does it, by the marker.
    // Nor when another site or the browser by itself asks: clearing is for who leaves.
    let by_the_user =
        facts.is_navigation() && !facts.is_prefetch() && facts.site() != FetchSite::CrossSite;
    let clears = config.clear_site_data && (here || by_the_user);
    if clears {
        headers.append(CLEAR_SITE_DATA, STORAGE);
    }
    let landed = clears && !status.is_redirection();
    match &mut marker.back {
        None if landed => return remove(config.marker.as_ref(), headers),
        Some(back) => back.cleared = landed,
        None => {}
    }
    mark(config, &marker, headers);
}

/// A page on which somebody lands after an ending: it clears once what a redirect could not.
fn land(
    config: &FarewellConfig,
    facts: &RequestFacts,
    mut marker: Marker,
    wanted: Option<Back>,
    status: StatusCode,
    headers: &mut HeaderMap,
) {
    let lands = !marker.is_spent()
        && facts.is_document_get()
        && facts.site() != FetchSite::CrossSite
        && !status.is_redirection();
    let moved = wanted.is_some();
    marker.back = wanted.or(marker.back);
    if lands {
        no_store(headers);
        if config.clear_site_data {
            headers.append(CLEAR_SITE_DATA, STORAGE);
        }
        match &mut marker.back {
            None => return remove(config.marker.as_ref(), headers),
            Some(back) => back.cleared = true,
        }
    }
    if lands || moved {
        mark(config, &marker, headers);
    }
}

/// Sets the marker. One that is set anew lives its whole time in the browser once more; the path in
/// it does not.
fn mark(config: &FarewellConfig, marker: &Marker, headers: &mut HeaderMap) {
    if let Some(cookie) = &config.marker {
        let line = cookie.set_for(&marker.value(), Marker::LIFETIME);
        headers.append(SET_COOKIE, line);
    }
}

/// The application does not set our cookies, and at the end not those named for removal either:
/// one line a name (RFC 6265bis section 4.1.1), and the last word is ours.
fn strip_ours(config: &FarewellConfig, effects: &Effects, headers: &mut HeaderMap) {
    if !has(headers, &SET_COOKIE) {
        return;
    }
    let ended = effects.ended.is_some() || effects.end_failed;
    strip_set_cookie(headers, |name| {
        let named = |cookie: &crate::carrier::Cookie| cookie.name().as_bytes() == name;
        config.cookie.as_ref().is_some_and(named)
            || config.marker.as_ref().is_some_and(named)
            || (ended && config.to_clear.iter().any(named))
    });
}

/// Faster than by hash: most responses have a handful of headers.
fn has(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.keys().any(|it| it == name)
}

fn remove_named(config: &FarewellConfig, headers: &mut HeaderMap) {
    for cookie in &config.to_clear {
        remove(Some(cookie), headers);
    }
}

fn remove(cookie: Option<&crate::carrier::Cookie>, headers: &mut HeaderMap) {
    if let Some(cookie) = cookie {
        headers.append(SET_COOKIE, cookie.clear());
    }
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Quoted, else browsers ignore it silently.
const STORAGE: HeaderValue = HeaderValue::from_static("\"storage\"");
