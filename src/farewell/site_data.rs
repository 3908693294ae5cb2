//! What browsers are told to clear.

use http::HeaderValue;

/// What of a site's data a browser is told to clear when a session ends, by `Clear-Site-Data`.
///
/// It is the extra: the session cookie and the cookies named by
/// [`add_cookie_to_clear`](crate::SessionsBuilder::add_cookie_to_clear) are removed one by one in
/// any case, in every browser. The header is sent once for an ending, and only over https or to
/// localhost, where browsers heed it.
///
/// | preset | clears | for |
/// |---|---|---|
/// | [`storage`](Self::storage) | localStorage, sessionStorage, IndexedDB, Cache Storage, service workers | the default |
/// | [`site`](Self::site) | and all cookies | a site with a domain of its own |
/// | [`kiosk`](Self::kiosk) | and the HTTP cache | shared computers |
///
/// ```
/// use adjourn::{Sessions, farewell::ClearSiteData, store::MemoryStore};
///
/// let sessions = Sessions::builder(MemoryStore::new())
///     .with_clear_site_data(ClearSiteData::kiosk().and_speculation())
///     .build()?;
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ClearSiteData {
    cookies: bool,
    cache: bool,
    speculation: bool,
}

impl ClearSiteData {
    /// `"storage"`: what scripts of this origin keep. Other origins of the site lose nothing.
    pub const fn storage() -> Self {
        Self {
            cookies: false,
            cache: false,
            speculation: false,
        }
    }

    /// `"cookies", "storage"`: all cookies as well, also those that nobody named or that were
    /// planted.
    ///
    /// **Chromium clears those of sibling hosts too**, up to the registrable domain, `__Host-`
    /// cookies included: only for a site that has its domain to itself. `"cookies"` is sent with
    /// the page on which the user lands, not with the redirect to it, and not beside a cookie which that
    /// page sets, since browsers would remove that one at once.
    pub const fn site() -> Self {
        Self {
            cookies: true,
            ..Self::storage()
        }
    }

    /// `"cache", "cookies", "storage"`: also what the HTTP cache keeps. See [`site`](Self::site).
    ///
    /// Chromium takes a third of a second for a cache of 30 MB (measured), and shows the next page
    /// only then. It does not help against the Back button, `no-store` does.
    pub const fn kiosk() -> Self {
        Self {
            cache: true,
            ..Self::site()
        }
    }

    /// Adds `"prefetchCache", "prerenderCache"`: pages that Chromium loaded ahead of the user, by
    /// speculation rules. Others skip the words.
    #[must_use]
    pub const fn and_speculation(mut self) -> Self {
        self.speculation = true;
        self
    }

    /// Whether all cookies go.
    pub(crate) const fn clears_cookies(self) -> bool {
        self.cookies
    }

    pub(crate) fn headers(self) -> ClearHeaders {
        let without_cookies = Self {
            cookies: false,
            ..self
        };
        ClearHeaders {
            all: self.header(),
            all_but_cookies: without_cookies.header(),
        }
    }

    /// Quoted, else browsers ignore it silently.
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match (self.cache, self.cookies, self.speculation) {
            (false, false, false) => r#""storage""#,
            (false, true, false) => r#""cookies", "storage""#,
            (true, false, false) => r#""cache", "storage""#,
            (true, true, false) => r#""cache", "cookies", "storage""#,
            (false, false, true) => r#""storage", "prefetchCache", "prerenderCache""#,
            (false, true, true) => r#""cookies", "storage", "prefetchCache", "prerenderCache""#,
            (true, false, true) => r#""cache", "storage", "prefetchCache", "prerenderCache""#,
            (true, true, true) => {
                r#""cache", "cookies", "storage", "prefetchCache", "prerenderCache""#
            }
        })
    }
}

/// The values that are sent.
#[derive(Clone, Debug)]
pub(crate) struct ClearHeaders {
    pub(crate) all: HeaderValue,
    /// Beside a cookie that is to stay.
    pub(crate) all_but_cookies: HeaderValue,
}
