//! Which pages a user may be brought back to after logging in again.

use super::{InvalidPattern, PathRules, local_path, paths::normal_form};

/// The one judge of return paths, asked when a path is remembered and again when it is used.
///
/// A path passes if it is a [`local_path`] and leads to none of these, in whatever spelling:
///
/// 1. what was named as a place of no return, with all below it: the endpoints, streams;
/// 2. a page on which people land, or log in, by itself (not what is below it);
/// 3. a path whose last segment is called like a log-in or a log-out: where an application has
///    them is not known, and a user must not be led in circles or straight out again.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReturnPaths {
    never: PathRules,
    /// In normal form, without a slash at the end.
    pages: Vec<Box<str>>,
}

impl ReturnPaths {
    /// Adds prefixes, as those of [`PathRules::with_sensitive`].
    pub(crate) fn without_prefixes<P: AsRef<str>>(
        mut self,
        prefixes: impl IntoIterator<Item = P>,
    ) -> Result<Self, InvalidPattern> {
        self.never = self.never.with_sensitive(prefixes)?;
        Ok(self)
    }

    /// Adds pages by themselves: local paths.
    pub(crate) fn without_pages<'a>(mut self, pages: impl IntoIterator<Item = &'a str>) -> Self {
        let pages = pages.into_iter().map(without_query);
        let normal = pages.filter_map(normal_form);
        self.pages
            .extend(normal.map(|page| page.trim_end_matches('/').into()));
        self
    }

    /// The text unchanged, if a user may be brought back to it.
    pub(crate) fn judge<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        let whole = local_path(bytes)?;
        let path = without_query(whole);
        let normal = normal_form(path)?;
        let normal = normal.trim_end_matches('/');
        let last = normal.rsplit('/').next();
        let refused = self.never.is_sensitive(path)
            || self.pages.iter().any(|page| &**page == normal)
            || last.is_some_and(|last| IN_AND_OUT.contains(&last));
        (!refused).then_some(whole)
    }
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

const IN_AND_OUT: [&str; 16] = [
    "log-in",
    "log-off",
    "log-out",
    "log_in",
    "log_out",
    "login",
    "logoff",
    "logout",
    "sign-in",
    "sign-out",
    "sign_in",
    "sign_out",
    "signed-out",
    "signin",
    "signoff",
    "signout",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> ReturnPaths {
        ReturnPaths::default()
            .without_prefixes(["/session", "/ws", "/events"])
            .unwrap()
            .without_pages(["/", "/enter?from=exit", "/bye%20now"])
    }

    // R-8-12
    #[test]
    fn nobody_is_brought_back_to_where_sessions_begin_and_end() {
        for path in [
            "/session",
            "/session/end",
            "/SESSION/",
            "/%73ession/status?x",
            "/ws",
            "/ws/7",
            "/events;v=1",
            "/",
            "/?utm=1",
            "/enter",
            "/Enter/",
            "/%65nter#x",
            "/bye%20now",
            "/logout",
            "/auth/LogOut/",
            "/auth/logout?next=/logout",
            "/a/log%6Fut;x",
            "/sign-in",
            "//evil.example",
            "/x/../y",
        ] {
            assert_eq!(rules().judge(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn other_pages_pass_unchanged() {
        for path in [
            "/account",
            "/account/statements?month=2026-10&x=%2Fy",
            "/sessions",
            "/wsx",
            "/enter/here",
            "/logout/history",
            "/a;v=1/b,c",
        ] {
            assert_eq!(rules().judge(path.as_bytes()), Some(path));
        }
    }
}
