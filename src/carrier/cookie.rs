//! A cookie that is ready to be written.
//!
//! The lines are written here and not by the `cookie` crate, which renders every attribute on
//! each call, decides on `Secure` by other attributes, and has an order of its own; the tests
//! read these lines back with it. What is written can be compared byte by byte with what the
//! standard shows.

use super::{ConfigError, CookieSpec};
use bytes::Bytes;
use http::HeaderValue;
use std::{fmt::Write as _, time::Duration};

/// A [`CookieSpec`] that was checked, with what each `Set-Cookie` line of it has in common.
#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    name: Box<str>,
    /// `; Path=/; Secure; HttpOnly; SameSite=Lax`
    attributes: Box<str>,
    clear: HeaderValue,
}

impl Cookie {
    /// Prepares any cookie: one of the application's, or the marker.
    pub(crate) fn new(spec: &CookieSpec) -> Result<Self, ConfigError> {
        spec.check()?;
        let attributes = attributes(spec);
        Ok(Self {
            name: spec.name().into(),
            clear: line(spec.name(), &attributes, "", Lifetime::Over),
            attributes: attributes.into(),
        })
    }

    /// Prepares the cookie that carries the session.
    pub(crate) fn for_session(spec: &CookieSpec) -> Result<Self, ConfigError> {
        spec.check_session()?;
        Self::new(spec)
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The line that sets the cookie until the browser session is over.
    ///
    /// Octets that a cookie value cannot hold are percent-encoded: no value can add an attribute
    /// or a line.
    pub(crate) fn set(&self, value: &str) -> HeaderValue {
        line(
            &self.name,
            &self.attributes,
            value,
            Lifetime::BrowserSession,
        )
    }

    /// The line that sets the cookie for `max_age`, in whole seconds. Else as [`Cookie::set`].
    pub(crate) fn set_for(&self, value: &str, max_age: Duration) -> HeaderValue {
        line(&self.name, &self.attributes, value, Lifetime::For(max_age))
    }

    /// The line that removes the cookie.
    pub(crate) fn clear(&self) -> HeaderValue {
        self.clear.clone()
    }
}

/// How long a browser is to keep a cookie.
#[derive(Clone, Copy)]
enum Lifetime {
    BrowserSession,
    For(Duration),
    Over,
}

/// Writes every `Set-Cookie` line, those that set and those that clear.
fn line(name: &str, attributes: &str, value: &str, lifetime: Lifetime) -> HeaderValue {
    let mut line = String::with_capacity(name.len() + attributes.len() + value.len() + ROOM);
    line.push_str(name);
    line.push('=');
    for octet in value.bytes() {
        push_octet(&mut line, octet);
    }
    line.push_str(attributes);
    match lifetime {
        Lifetime::BrowserSession => {}
        Lifetime::For(max_age) => push(&mut line, "; Max-Age=", max_age.as_secs()),
        // Both: not every agent knows Max-Age, and Expires alone trusts the client's clock.
        Lifetime::Over => line.push_str("; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
    }
    sensitive(line)
}

/// What does not change from line to line.
fn attributes(spec: &CookieSpec) -> String {
    let mut text = String::new();
    push(&mut text, "; Path=", &spec.path);
    if let Some(domain) = &spec.domain {
        push(&mut text, "; Domain=", domain);
    }
    if spec.secure {
        text.push_str("; Secure");
    }
    if spec.http_only {
        text.push_str("; HttpOnly");
    }
    push(&mut text, "; SameSite=", spec.same_site);
    if spec.partitioned {
        text.push_str("; Partitioned");
    }
    text
}

/// Writes one octet of a value: as it is if it is a `cookie-octet` of RFC 6265bis section 4.1.1.
fn push_octet(line: &mut String, octet: u8) {
    if octet.is_ascii_graphic() && !matches!(octet, b'"' | b',' | b';' | b'\\') {
        line.push(char::from(octet));
    } else {
        push(line, "%", format_args!("{octet:02X}"));
    }
}

fn push(text: &mut String, label: &str, value: impl std::fmt::Display) {
    text.push_str(label);
    // Writing to a String cannot fail.
    let _ = write!(text, "{value}");
}

#[expect(
    clippy::expect_used,
    reason = "all bytes are printable ASCII: the spec was checked, values are percent-encoded, \
              the rest is literal"
)]
fn sensitive(line: String) -> HeaderValue {
    let mut value =
        HeaderValue::from_maybe_shared(Bytes::from(line)).expect("printable ASCII is a value");
    value.set_sensitive(true);
    value
}

/// Room for what stands between the parts of a line, and for how long it lives.
const ROOM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::SameSite;
    use proptest::prelude::*;

    fn text(line: &HeaderValue) -> &str {
        assert!(line.is_sensitive());
        line.to_str().unwrap()
    }

    fn clear(spec: &CookieSpec) -> String {
        text(&Cookie::new(spec).unwrap().clear()).to_owned()
    }

    // R-2-2, R-5-2, R-5-3
    #[test]
    fn the_session_cookie_is_removed_with_these_bytes() {
        assert_eq!(
            clear(&CookieSpec::session()),
            "__Host-sid=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0; \
             Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    // R-2-2, R-1-21
    #[test]
    fn the_session_cookie_is_set_without_a_lifetime() {
        let cookie = Cookie::for_session(&CookieSpec::session()).unwrap();
        assert_eq!(
            text(&cookie.set("abc")),
            "__Host-sid=abc; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            text(&cookie.set_for("abc", Duration::from_mins(10))),
            "__Host-sid=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"
        );
    }

    // R-5-1, R-5-2, R-5-6, R-5-18, R-5-19: a removal says all that was said when setting.
    #[test]
    fn a_removal_repeats_every_attribute() {
        let sid = || CookieSpec::new("sid");
        let none = SameSite::None;
        for (case, spec, attributes) in [
            (
                "path",
                sid().with_path("/app"),
                "; Path=/app; Secure; HttpOnly; SameSite=Lax",
            ),
            (
                "domain",
                sid().with_domain("example.com"),
                "; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax",
            ),
            (
                "SameSite=None carries Secure",
                sid().with_same_site(none),
                "; Path=/; Secure; HttpOnly; SameSite=None",
            ),
            (
                "partitioned",
                CookieSpec::new("__Host-a")
                    .with_same_site(none)
                    .with_partitioned(true),
                "; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
            ),
            (
                "__Host-Http- keeps HttpOnly",
                CookieSpec::new("__Host-Http-sid"),
                "; Path=/; Secure; HttpOnly; SameSite=Lax",
            ),
            (
                "insecure and readable",
                sid()
                    .with_insecure_no_secure_attribute()
                    .with_http_only(false),
                "; Path=/; SameSite=Lax",
            ),
        ] {
            let cookie = Cookie::new(&spec).unwrap();
            let name = cookie.name();
            assert_eq!(
                text(&cookie.set("v")),
                format!("{name}=v{attributes}"),
                "{case}"
            );
            let over = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
            assert_eq!(
                text(&cookie.clear()),
                format!("{name}={attributes}{over}"),
                "{case}"
            );
        }
    }

    #[test]
    fn only_a_checked_cookie_can_be_prepared() {
        assert!(Cookie::new(&CookieSpec::new("a;b")).is_err());
        assert!(Cookie::new(&CookieSpec::new("sid")).is_ok());
        assert!(Cookie::for_session(&CookieSpec::new("sid")).is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        let cookie = Cookie::new(&CookieSpec::session()).unwrap();
        assert_eq!(format!("{:?}", cookie.set("secret")), "Sensitive");
    }

    #[test]
    fn a_value_cannot_add_an_attribute_or_a_line() {
        let cookie = Cookie::new(&CookieSpec::session()).unwrap();
        assert_eq!(
            text(&cookie.set("a; Domain=x,\r\n\"\\é")),
            "__Host-sid=a%3B%20Domain=x%2C%0D%0A%22%5C%C3%A9; Path=/; Secure; HttpOnly; \
             SameSite=Lax"
        );
    }

    proptest! {
        // An independent reader understands what is written.
        #[test]
        fn the_cookie_crate_reads_it_back(
            value in "[!#-+./-:<-\\[\\]-~-]{0,80}",
            seconds in 0..100_000_i64,
            domain in proptest::option::of("[a-z]{1,9}\\.example"),
            http_only: bool,
        ) {
            let mut spec = CookieSpec::new("__Secure-a").with_path("/p").with_http_only(http_only);
            spec.domain = domain.clone().map(Into::into);
            let max_age = Duration::from_secs(seconds.unsigned_abs());
            let line = Cookie::new(&spec).unwrap().set_for(&value, max_age);
            let read = cookie::Cookie::parse(text(&line)).unwrap();
            prop_assert_eq!(read.name_value(), ("__Secure-a", value.as_str()));
            prop_assert_eq!(read.path(), Some("/p"));
            prop_assert_eq!(read.domain(), domain.as_deref());
            prop_assert_eq!(read.secure(), Some(true));
            prop_assert_eq!(read.http_only().unwrap_or(false), http_only);
            prop_assert_eq!(read.same_site(), Some(cookie::SameSite::Lax));
            prop_assert_eq!(read.max_age().map(cookie::time::Duration::whole_seconds), Some(seconds));
        }

        #[test]
        fn any_value_makes_one_line(value: String) {
            let cookie = Cookie::new(&CookieSpec::session()).unwrap();
            let line = cookie.set(&value);
            prop_assert_eq!(text(&line).matches(';').count(), 4);
        }
    }
}
