//! What the browser is told and where its user goes.

use super::{BuildError, SessionsBuilder};
use crate::{
    farewell::{ClearSiteData, ExitTexts},
    policy::ReturnPaths,
};

impl SessionsBuilder {
    /// Brings users whom a timeout threw out back to the page they asked for, once they have logged
    /// in again: the handler of the log-in asks
    /// [`Session::return_to`](crate::Session::return_to). *Default:* off; nothing is remembered.
    ///
    /// Remembered is the path of a `GET` of a document that met the end of its session by a
    /// timeout, for ten minutes and until the next log-in, in the marker cookie
    /// (`__Host-adjourn-ended`). It is told only to the user whose session it was. Never
    /// remembered, and never told, is what
    /// [`local_path`](crate::policy::local_path) refuses, the endpoints, the log-in and exit pages, a
    /// path whose last segment is called like them (`logout`, `sign-in`, ..), and what
    /// [`add_no_return`](Self::add_no_return) names. One refused value is one
    /// [`RedirectRefused`](crate::audit::EventKind::RedirectRefused).
    ///
    /// A page with the client script, which leaves by itself at the timeout, asks for its own address
    /// once more and is remembered by that: only a page that was itself asked for by such a `GET`,
    /// which it knows from the header `Server-Timing: adjourn-return` of its response.
    ///
    /// **Privacy:** for these ten minutes the path of one page that the last user asked for stays
    /// in the browser, also for who uses it next and looks into its cookies. Leave it off where
    /// computers are shared and paths tell something. A session that is started for a visitor
    /// ([`Session::start`](crate::Session::start)) drops it.
    ///
    /// **Who uses the browser in between** can ask for another page, and the user comes back to that one:
    /// a page of this site at most, as by a link. Name pages that fill in a form by their address in
    /// [`add_no_return`](Self::add_no_return).
    ///
    /// *Cost:* a request with a live session pays one look at its own state; the log-in reads one
    /// tombstone, if there is a page to return to or a storage to clear.
    pub fn with_return_to(mut self) -> Self {
        self.returns.on = true;
        self
    }

    /// Places to which nobody is brought back, each with all below it, in any spelling: streams,
    /// sockets, what is no page. *Default:* none beside those of
    /// [`with_return_to`](Self::with_return_to), without which this does nothing.
    pub fn add_no_return<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.returns.never.extend(paths.into_iter().map(Into::into));
        self
    }

    /// What browsers are told to clear when a session ends, beside the cookies that are removed one by
    /// one. *Default:* [`ClearSiteData::storage`].
    ///
    /// Where a log-in brings the token of an ended session or the marker cookie, the browser may not have
    /// cleared yet, and it depends on who logs in. The same user keeps everything. For another one, and
    /// where nobody can say whose it was, the answer to the log-in clears.
    ///
    /// The answer to a log-in by `fetch` may not clear: then the first page that the user opens does, within
    /// ten minutes, and **until then a script sees what the user before had stored**. Have it load a
    /// page after the log-in.
    ///
    /// *Cost:* a log-in after an ending that the browser has not cleared reads one tombstone. A request for a page looks
    /// once more through its cookies.
    pub const fn with_clear_site_data(mut self, what: ClearSiteData) -> Self {
        self.clear = Some(what);
        self
    }

    /// Sends no `Clear-Site-Data`: the browser keeps what scripts stored.
    ///
    /// For who has the client script keep some of it (`data-keep`), which the header knows nothing of. **Where scripts do
    /// not run, or are not loaded, nothing of it is cleared then**; and neither is it when another user logs in. Cookies are removed
    /// all the same. *Default:* [`with_clear_site_data`](Self::with_clear_site_data) with [`ClearSiteData::storage`].
    pub const fn without_clear_site_data(mut self) -> Self {
        self.clear = None;
        self
    }

    /// Tells browsers whether somebody is logged in, by `Set-Login` (Login Status API, FedCM): for
    /// identity providers. *Default:* off. Chromium and Firefox heed it.
    ///
    /// `logged-in` with the cookie of a user's session, `logged-out` with its ending.
    pub const fn with_login_status(mut self) -> Self {
        self.login_status = true;
        self
    }

    /// Adds the words of the built-in exit page in a language. `Accept-Language` chooses among what
    /// was added, and the first is for who asks for none of them. *Default:* English.
    pub fn add_exit_texts(mut self, texts: ExitTexts) -> Self {
        self.texts.push(texts);
        self
    }

    /// The judge of return paths, if users are brought back. `endpoints`: where they are.
    pub(super) fn return_paths(&self, endpoints: &str) -> Result<Option<ReturnPaths>, BuildError> {
        let never = self.returns.never.iter().map(String::as_str);
        let paths = ReturnPaths::default()
            .without_prefixes(never.chain([endpoints]))
            .map_err(BuildError::NoReturn)?
            .without_pages(self.exits.all().map(|(_, path)| path));
        if !self.returns.on {
            return Ok(None);
        }
        if self.cookie.is_none() {
            return Err(BuildError::ReturnWithoutCookie);
        }
        if self.clear.is_some_and(ClearSiteData::clears_cookies) {
            return Err(BuildError::ReturnWithCookiesCleared);
        }
        Ok(Some(paths))
    }
}

/// Whether users are brought back, and where not to.
#[derive(Default)]
pub(super) struct ReturnSettings {
    on: bool,
    never: Vec<String>,
}
