//! What is wrong with the description of a cookie.

use super::check::{MAX_ATTRIBUTE, MAX_NAME};

/// Why browsers would ignore a cookie as described, or why it must not carry a session.
///
/// Every message names the cookie, the attribute and the remedy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `Domain` is not the plain name of a host.
    #[error(
        "cookie `{}`: Domain={domain:?} is not a host name: give ASCII labels joined by dots, \
         without scheme, port or a dot at either end, such as `example.com`",
        cookie.escape_debug()
    )]
    InvalidDomain {
        /// The name of the cookie.
        cookie: String,
        /// The `Domain` attribute.
        domain: String,
    },
    /// The name is not a token of RFC 9110 section 5.6.2.
    #[error(
        "cookie `{}`: the name is empty or holds a character that is not allowed: use ASCII \
         letters, digits, `-`, `_` and `.`",
        cookie.escape_debug()
    )]
    InvalidName {
        /// The name of the cookie.
        cookie: String,
    },
    /// `Path` does not start with `/`, or holds a byte that no path in a request has.
    #[error(
        "cookie `{}`: Path={path:?} never matches: start it with `/`, and percent-encode all but \
         visible ASCII, and `;`",
        cookie.escape_debug()
    )]
    InvalidPath {
        /// The name of the cookie.
        cookie: String,
        /// The `Path` attribute.
        path: String,
    },
    /// The name leaves no room for a token: browsers ignore a cookie over 4096 octets.
    #[error(
        "cookie `{}`: the name is {bytes} octets long: shorten it to {MAX_NAME}",
        cookie.escape_debug()
    )]
    NameTooLong {
        /// The name of the cookie.
        cookie: String,
        /// The length of the name.
        bytes: usize,
    },
    /// `Partitioned` without `SameSite=None`: the cookie would never be sent where it matters.
    #[error(
        "cookie `{}`: Partitioned needs SameSite=None: add `with_same_site(SameSite::None)`",
        cookie.escape_debug()
    )]
    PartitionedNeedsSameSiteNone {
        /// The name of the cookie.
        cookie: String,
    },
    /// `Path` is so long that browsers ignore it.
    #[error(
        "cookie `{}`: Path is {bytes} octets long and browsers ignore more than {MAX_ATTRIBUTE}: \
         shorten it",
        cookie.escape_debug()
    )]
    PathTooLong {
        /// The name of the cookie.
        cookie: String,
        /// The length of the `Path` attribute.
        bytes: usize,
    },
    /// The name starts with a prefix whose rules the attributes break (RFC 6265bis section
    /// 4.1.3): browsers would neither store the cookie nor honour its removal.
    #[error(
        "cookie `{}`: names with `{prefix}` need {needs}: correct that, or choose a name without \
         this prefix",
        cookie.escape_debug()
    )]
    PrefixBroken {
        /// The name of the cookie.
        cookie: String,
        /// The prefix, as the standard spells it.
        prefix: &'static str,
        /// What it needs and does not have: `Secure`, `HttpOnly`, `Path=/` or `no Domain`.
        needs: &'static str,
    },
    /// `SameSite=None` without `Secure`.
    #[error(
        "cookie `{}`: SameSite=None needs Secure: remove `with_insecure_no_secure_attribute()`, \
         or choose `SameSite::Lax`",
        cookie.escape_debug()
    )]
    SameSiteNoneNeedsSecure {
        /// The name of the cookie.
        cookie: String,
    },
    /// A session cookie without `HttpOnly`: any script on the page could take the session.
    #[error(
        "session cookie `{}`: HttpOnly is switched off: remove `with_http_only(false)`",
        cookie.escape_debug()
    )]
    SessionNeedsHttpOnly {
        /// The name of the cookie.
        cookie: String,
    },
    /// A session cookie without a name prefix: a sibling host could plant it.
    #[error(
        "session cookie `{}`: the name has no prefix: start it with `__Host-` (or `__Secure-` \
         if it needs a Domain or a Path), spelled exactly so; for development on \
         http://localhost see `with_insecure_no_secure_attribute()`",
        cookie.escape_debug()
    )]
    SessionNeedsPrefix {
        /// The name of the cookie.
        cookie: String,
    },
}
