//! The description of a cookie.

use std::{borrow::Cow, fmt};

/// A cookie as it is set, and therefore as it must be cleared.
///
/// Describes the session cookie, and the application's own cookies that the end of a session
/// removes. Defaults: `Path=/; Secure; HttpOnly; SameSite=Lax`, no `Domain`, no `Expires` or
/// `Max-Age` (the cookie goes with the browser session; how long a session lives is decided on
/// the server). Setters never fail; [`check`](Self::check) says what is wrong, once, when the
/// layer is built.
///
/// ```
/// use adjourn::carrier::{CookieSpec, SameSite};
///
/// let spec = CookieSpec::new("__Secure-id")
///     .with_domain("example.com")
///     .with_same_site(SameSite::Strict);
/// assert!(spec.check_session().is_ok());
///
/// // `__Host-` cookies belong to one host: browsers would ignore this one.
/// let error = CookieSpec::session().with_domain("example.com").check().unwrap_err();
/// assert!(error.to_string().contains("`__Host-`"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CookieSpec {
    pub(super) name: Cow<'static, str>,
    pub(super) path: Cow<'static, str>,
    pub(super) domain: Option<Cow<'static, str>>,
    pub(super) same_site: SameSite,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) partitioned: bool,
}

impl CookieSpec {
    /// A cookie of this name with the defaults above.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            path: Cow::Borrowed("/"),
            domain: None,
            same_site: SameSite::Lax,
            secure: true,
            http_only: true,
            partitioned: false,
        }
    }

    /// The session cookie as it is by default, named `__Host-sid`.
    ///
    /// The prefix makes browsers refuse a cookie of that name that was not set over TLS, by this
    /// host and for all of it. So no sibling host and no network attacker can plant one.
    pub fn session() -> Self {
        Self::new("__Host-sid")
    }

    /// The `Path` attribute. *Default*: `/`.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.path = path.into();
        self
    }

    /// The `Domain` attribute, which sends the cookie to all hosts below `domain`. *Default*:
    /// none, the cookie goes to the one host that set it.
    #[must_use]
    pub fn with_domain(mut self, domain: impl Into<Cow<'static, str>>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The `SameSite` attribute. *Default*: [`SameSite::Lax`].
    #[must_use]
    pub const fn with_same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// The `Partitioned` attribute: one cookie for each top-level site that embeds this one.
    /// Needs [`SameSite::None`]. *Default*: no.
    ///
    /// A response removes the cookie of its own partition only. The session itself ends on the
    /// server, whatever other partitions still hold.
    #[must_use]
    pub const fn with_partitioned(mut self, partitioned: bool) -> Self {
        self.partitioned = partitioned;
        self
    }

    /// The `HttpOnly` attribute: scripts cannot read the cookie. *Default*: yes. A session
    /// cookie must have it.
    #[must_use]
    pub const fn with_http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Leaves out `Secure`. **For development on `http://localhost` only**: the cookie then
    /// travels in clear text, and anyone on the way can take the session over.
    ///
    /// Chromium and Firefox store `Secure` cookies of `http://localhost` and need no such thing;
    /// `WebKit` does not. A name without prefix is needed too:
    ///
    /// ```
    /// use adjourn::carrier::CookieSpec;
    ///
    /// let spec = CookieSpec::new("sid").with_insecure_no_secure_attribute();
    /// assert!(spec.check_session().is_ok());
    /// assert!(CookieSpec::new("sid").check_session().is_err());
    /// ```
    #[must_use]
    pub const fn with_insecure_no_secure_attribute(mut self) -> Self {
        self.secure = false;
        self
    }

    /// The name of the cookie.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a browser takes the one for the other: RFC 6265bis section 5.7, step 23, and the
    /// partition of CHIPS.
    pub(crate) fn is_same_cookie(&self, other: &Self) -> bool {
        (&self.name, &self.path, self.partitioned) == (&other.name, &other.path, other.partitioned)
            && match (&self.domain, &other.domain) {
                (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
                (one, other) => one.is_none() && other.is_none(),
            }
    }

    /// Whether it has `Secure`, as every cookie but one for development has.
    pub(crate) const fn is_secure(&self) -> bool {
        self.secure
    }
}

/// Which requests from other sites carry a cookie.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SameSite {
    /// Only navigations of the whole page, by a link or an address, carry it.
    Lax,
    /// All carry it. Needs `Secure`.
    None,
    /// None carries it: who follows a link from another site arrives without a session.
    Strict,
}

impl fmt::Display for SameSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Lax => "Lax",
            Self::None => "None",
            Self::Strict => "Strict",
        })
    }
}
