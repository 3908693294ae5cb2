//! The headers that belong to an ending, a log-in, and any response to a live session.

use super::{Back, FarewellConfig, Marker, Past, reply::HX_REDIRECT};
use crate::{
    carrier::{Cookie, Via, strip_set_cookie},
    id::Token,
    policy::{FetchSite, RequestFacts},
    session::Effects,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, EXPIRES, PRAGMA, REFERRER_POLICY, SET_COOKIE, VARY},
};

/// A response on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving {
    pub(crate) status: StatusCode,
    /// Whether it is our answer to a request that was refused.
    pub(crate) refused: bool,
    /// Whether its own `Cache-Control` may stand.
    pub(crate) storable: bool,
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
    let ended = effects.ended.is_some() || effects.end_failed;
    let keeps_cookies = has(headers, &SET_COOKIE) && strip_ours(config, ended, headers);
    let changed = effects.issued.is_some() || effects.ended.is_some() || effects.remove;
    if response.storable {
        vary_by_session(config, headers);
    }
    if changed || effects.live && !(response.storable && has(headers, &CACHE_CONTROL)) {
        no_store(headers);
    }
    if effects.via == Some(Via::Bearer) && effects.issued.is_none() {
        return;
    }
    config.warn_of_plain_http(facts, effects.issued.is_some() || effects.remove);
    let mut page = Page {
        config,
        facts,
        response,
        keeps_cookies,
        headers,
    };
    if let Some((token, cookie)) = effects.issued.as_ref().zip(config.cookie.as_ref()) {
        page.headers.append(SET_COOKIE, cookie.set(&token.expose()));
        page.keeps_cookies = true;
        let marked = past.is_some_and(|past| past.marker.is_some());
        page.welcome(token, effects.subject_changed, marked);
        if effects.logged_in {
            page.say_status(LOGGED_IN);
        }
    }
    if effects.remove {
        page.remove(config.cookie.as_ref());
    }
    let wanted = past.and_then(|past| past.wanted.as_ref());
    let wanted = wanted.filter(|_| response.refused).cloned();
    match &effects.ended {
        Some((id, reason, here)) => {
            let marker = Marker {
                reason: reason.clone(),
                session_id: *id,
                back: wanted.filter(|_| !here),
                told: false,
                uncleared: false,
            };
            page.say_farewell(marker, *here);
        }
        None if effects.end_failed => page.remove_named(),
        None => {
            if effects.issued.is_some() {
                return;
            }
            match past.and_then(|past| Some((past, past.marker.as_ref()?))) {
                Some((past, marker)) => {
                    let tells = response.refused && past.untold(facts).is_some();
                    page.land(marker.clone(), wanted, tells);
                }
                None if facts.is_uncleared() => page.make_up(),
                None => {}
            }
        }
    }
}

/// What is left to do where nothing is to be told: the application does not set our cookies, and
/// nothing of a live session is stored.
#[inline]
pub(crate) fn decorate_quietly(config: &FarewellConfig, live: bool, headers: &mut HeaderMap) {
    // One look at each name; most responses have a handful.
    let (mut sets_cookies, mut may_be_cached) = (false, false);
    for name in headers.keys() {
        sets_cookies |= *name == SET_COOKIE;
        may_be_cached |= *name == EXPIRES || *name == PRAGMA;
    }
    if sets_cookies {
        strip_ours(config, false, headers);
    }
    if live && may_be_cached {
        no_store(headers);
    } else if live {
        headers.insert(CACHE_CONTROL, NO_STORE);
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

/// A response to a browser that gets the headers of an ending.
struct Page<'a> {
    config: &'a FarewellConfig,
    facts: &'a RequestFacts,
    response: Leaving,
    /// Whether it sets a cookie that is to stay.
    keeps_cookies: bool,
    headers: &'a mut HeaderMap,
}

impl Page<'_> {
    /// The response of an ending, or the first one after it.
    fn say_farewell(&mut self, mut marker: Marker, here: bool) {
        let no_referrer = HeaderValue::from_static("no-referrer");
        self.headers.insert(REFERRER_POLICY, no_referrer);
        self.remove_named();
        self.say_status(LOGGED_OUT);
        // Not on each 401 of a burst of background requests: the next page does it, by the marker.
        // Nor when another site or the browser by itself asks: clearing is for who leaves.
        let facts = self.facts;
        let by_the_user =
            facts.is_navigation() && !facts.is_prefetch() && facts.site() != FetchSite::CrossSite;
        marker.told = by_the_user && !here && self.response.refused;
        let clears = self.may_clear() && (here || by_the_user);
        if clears {
            self.clear();
        }
        let landed = clears && !self.leads_on();
        match &mut marker.back {
            None if landed => return self.remove(self.config.marker.as_ref()),
            Some(back) => back.cleared = landed,
            None => {}
        }
        self.mark(&marker);
    }

    /// A page on which somebody lands after an ending: it clears once what a redirect could not.
    /// `tells`: whether it is, or leads to, the page that tells the user why.
    fn land(&mut self, mut marker: Marker, wanted: Option<Back>, tells: bool) {
        let lands = !marker.is_spent() && self.is_landing();
        let moved = wanted.is_some() || tells;
        marker.back = wanted.or(marker.back);
        marker.told |= tells;
        if lands {
            no_store(self.headers);
            self.clear();
            match &mut marker.back {
                None => return self.remove(self.config.marker.as_ref()),
                Some(back) => back.cleared = true,
            }
        }
        if lands || moved {
            self.mark(&marker);
        }
    }

    /// The answer to a log-in. `marked`: whether an ending before it left a marker.
    fn welcome(&mut self, token: &Token, subject_changed: bool, marked: bool) {
        if subject_changed && !self.may_clear() && self.config.clear.is_some() {
            return self.mark(&Marker::of_log_in(token.id()));
        }
        if subject_changed {
            self.clear();
        }
        if subject_changed || marked {
            self.remove(self.config.marker.as_ref());
        }
    }

    /// A page of the new user, the first since a log-in that could not clear what the user before had
    /// left.
    fn make_up(&mut self) {
        if self.is_landing() {
            no_store(self.headers);
            self.clear();
            self.remove(self.config.marker.as_ref());
        }
    }

    /// Whether the user asked for this page, and stays on it.
    fn is_landing(&self) -> bool {
        self.facts.is_document_get()
            && !self.facts.may_come_from_a_worker()
            && self.facts.site() != FetchSite::CrossSite
            && !self.leads_on()
    }

    /// All cookies are cleared only where none is to stay, which the marker on a redirect is:
    /// browsers remove what the same response sets (R-6-8).
    fn clear(&mut self) {
        let Some(values) = self.config.clear.as_ref().filter(|_| self.may_clear()) else {
            return;
        };
        let keeps_cookies = self.keeps_cookies || self.leads_on();
        let value = if keeps_cookies {
            &values.all_but_cookies
        } else {
            &values.all
        };
        self.headers.append(CLEAR_SITE_DATA, value.clone());
    }

    /// Never on the answer to a `fetch`: a service worker may have sent it, and Chromium, which
    /// stops that worker to clear the storage, then waits for it for ever (measured: the old page
    /// stays, the cookies too). The page on which the user lands clears instead, by the marker.
    fn may_clear(&self) -> bool {
        self.config.clear.is_some() && !self.facts.may_come_from_a_worker()
    }

    /// Whether the browser goes on to another page, where the user lands.
    fn leads_on(&self) -> bool {
        self.response.status.is_redirection() || has(self.headers, &HX_REDIRECT)
    }

    /// Login Status API: what a browser knows of this site as an identity provider.
    fn say_status(&mut self, status: HeaderValue) {
        if self.config.login_status {
            self.headers.insert(SET_LOGIN, status);
        }
    }

    /// Sets the marker. One that is set anew lives its whole time in the browser once more; the
    /// path in it does not.
    fn mark(&mut self, marker: &Marker) {
        if let Some(cookie) = &self.config.marker {
            let line = cookie.set_for(&marker.value(), Marker::LIFETIME);
            self.headers.append(SET_COOKIE, line);
        }
    }

    fn remove_named(&mut self) {
        for cookie in &self.config.to_clear {
            self.remove(Some(cookie));
        }
    }

    fn remove(&mut self, cookie: Option<&Cookie>) {
        if let Some(cookie) = cookie {
            self.headers.append(SET_COOKIE, cookie.clear());
        }
    }
}

/// What is stored of one session must not be shown to another, nor to nobody (RFC 9111 section
/// 4.1).
fn vary_by_session(config: &FarewellConfig, headers: &mut HeaderMap) {
    let carriers = [
        (config.cookie.is_some(), "cookie"),
        (config.bearer, "authorization"),
    ];
    for (carries, name) in carriers {
        if carries && !varies_by(headers, name) {
            headers.append(VARY, HeaderValue::from_static(name));
        }
    }
}

fn varies_by(headers: &HeaderMap, name: &str) -> bool {
    let values = headers.get_all(VARY).iter();
    let mut names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.any(|known| {
        let known = known.trim_ascii();
        known == b"*" || known.eq_ignore_ascii_case(name.as_bytes())
    })
}

/// The application does not set our cookies, and at the end not those named for removal either:
/// one line a name (RFC 6265bis section 4.1.1), and the last word is ours. Answers whether there
/// are others, which are to stay.
fn strip_ours(config: &FarewellConfig, ended: bool, headers: &mut HeaderMap) -> bool {
    strip_set_cookie(headers, |name| {
        let named = |cookie: &Cookie| cookie.name().as_bytes() == name;
        config.cookie.as_ref().is_some_and(named)
            || config.marker.as_ref().is_some_and(named)
            || (ended && config.to_clear.iter().any(named))
    });
    has(headers, &SET_COOKIE)
}

/// Faster than by hash: most responses have a handful of headers.
fn has(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.keys().any(|it| it == name)
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

const SET_LOGIN: HeaderName = HeaderName::from_static("set-login");

const LOGGED_IN: HeaderValue = HeaderValue::from_static("logged-in");

const LOGGED_OUT: HeaderValue = HeaderValue::from_static("logged-out");
