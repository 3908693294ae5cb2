//! How a token travels: in a cookie, as a bearer credential, and in no other way.
//!
//! 1. **Headers only.** A token is read from `Cookie` and `Authorization`, never from a URL, a
//!    body or any other header, even where that would work by accident.
//! 2. **The explicit credential wins.** Where bearer tokens are accepted, a request with
//!    `Authorization: Bearer` is judged by that header alone, also when its value is malformed:
//!    its cookie is not looked at. Otherwise a call with a wrong token would be carried by the
//!    cookie that the browser adds by itself. Other schemes (`Basic`, ...) are left alone.
//! 3. **Cookies are read as bytes.** The name matches exactly, case included; nothing is
//!    percent-decoded, only space and tab are trimmed. A decoding reader takes the unprefixed
//!    `%5F%5FHost-sid`, which any sibling host can plant, for `__Host-sid`.
//! 4. **One bad byte hides nothing.** A cookie that cannot be read is skipped, not its header.
//! 5. **Every copy of a name counts.** Browsers promise no order of cookies of one name: two
//!    tokens are reported as two, and the caller refuses both.
//! 6. **What sets a cookie also clears it.** One [`CookieSpec`] and one writer serve both,
//!    because a browser removes a cookie only if name, `Domain`, `Path` and `Partitioned` are
//!    exactly as they were set, and ignores a removal that breaks the rules of a name prefix.
//! 7. **Header values that are written here are marked sensitive**: `Debug` does not show them.
//!
//! ```
//! use adjourn::carrier::{CookieSpec, SameSite};
//!
//! CookieSpec::session().check_session()?; // `__Host-sid`, the default
//!
//! // A cookie of the application that the end of a session removes too: described exactly as
//! // the application sets it.
//! let theme = CookieSpec::new("theme")
//!     .with_path("/app")
//!     .with_http_only(false)
//!     .with_same_site(SameSite::Strict);
//! theme.check()?;
//! # Ok::<(), adjourn::carrier::ConfigError>(())
//! ```
//!
//! Knows nothing of stores, policies or what a token is worth: a well-formed token may name
//! nobody.

mod bearer;
mod check;
mod cookie;
mod cookie_header;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod marker;
mod prefix;
mod presented;
mod set_cookie;
mod sighted;
mod spec;

pub use error::ConfigError;
pub use presented::Via;
pub use spec::{CookieSpec, SameSite};

pub(crate) use self::{
    cookie::Cookie,
    cookie_header::candidates,
    marker::{MARKER, UNCLEARED, is_uncleared},
    presented::{Carriers, Presented},
    set_cookie::strip_set_cookie,
    sighted::Sighted,
};
