//! Where credentials stand in a request.

#[cfg(any(test, fuzzing))]
use http::HeaderMap;
use http::HeaderValue;

/// Which headers of a request may hold credentials: noted in the one pass that is made over all of
/// them, so that none is looked up again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sighted<'a> {
    /// The first `Cookie` line.
    cookie: Option<&'a HeaderValue>,
    more_cookies: bool,
    authorization: bool,
}

/// The `Cookie` header of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum CookieLines<'a> {
    None,
    One(&'a HeaderValue),
    /// Only HTTP/2 splits it (RFC 9113 section 8.2.3).
    Several,
}

impl<'a> Sighted<'a> {
    /// Notes a header, if it is one of these.
    #[inline]
    pub(crate) fn note(&mut self, name: &str, value: &'a HeaderValue) {
        match name {
            "cookie" => {
                self.more_cookies = self.cookie.is_some();
                self.cookie = self.cookie.or(Some(value));
            }
            "authorization" => self.authorization = true,
            _ => {}
        }
    }

    /// Looks through all headers.
    #[cfg(any(test, fuzzing))]
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut sighted = Self::default();
        for (name, value) in headers {
            sighted.note(name.as_str(), value);
        }
        sighted
    }

    /// Whether the request carries cookies, of whatever name.
    pub(crate) const fn has_cookies(&self) -> bool {
        self.cookie.is_some()
    }

    #[inline]
    pub(super) const fn has_credentials(&self) -> bool {
        self.has_cookies() || self.has_authorization()
    }

    pub(super) const fn has_authorization(&self) -> bool {
        self.authorization
    }

    pub(super) const fn cookies(&self) -> CookieLines<'a> {
        match self.cookie {
            None => CookieLines::None,
            Some(line) if !self.more_cookies => CookieLines::One(line),
            Some(_) => CookieLines::Several,
        }
    }
}
