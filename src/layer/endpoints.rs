//! What the layer knows of the endpoints that stand inside it: their requests are polls and files.

use std::time::Duration;

/// Where the endpoints are, and how they are set.
#[derive(Debug)]
pub(crate) struct EndpointRules {
    /// The path of the mount as the browser sees it, with a slash at the end.
    at: Box<str>,
    /// How long before the idle timeout to warn.
    pub(crate) warning: Duration,
    /// How recent a log-in must be to end other sessions; `None` for any.
    pub(crate) fresh: Option<Duration>,
}

/// What the path of a request means for the layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// A file of ours, the same for everybody: no session is looked up.
    Asset,
    /// An endpoint that is never activity by itself, whatever the application's rule says: a poll,
    /// and the extension, which judges the request before it tells the store.
    Passive,
    /// Anything else.
    Usual,
}

/// The files that the endpoints serve.
pub(crate) const ASSETS: [&str; 2] = ["adjourn.js", "adjourn.mjs"];

const PASSIVE: [&str; 3] = ["extend", "signed-out", "status"];

impl EndpointRules {
    /// `at`: without a slash at the end.
    pub(crate) fn new(at: &str, warning: Duration, fresh: Option<Duration>) -> Self {
        let at = format!("{at}/").into();
        Self { at, warning, fresh }
    }

    /// The path of an endpoint as the browser sees it.
    pub(crate) fn path_of(&self, name: &str) -> String {
        format!("{}{name}", self.at)
    }

    /// What of an outer path is below the mount.
    #[inline]
    pub(crate) fn below<'a>(&self, outer: &'a str) -> Option<&'a str> {
        outer.strip_prefix(&*self.at)
    }

    /// On the way of every request: one comparison with a prefix.
    #[inline]
    pub(crate) fn place(&self, outer: &str) -> Place {
        match self.below(outer) {
            Some(name) if ASSETS.contains(&name) => Place::Asset,
            Some(name) if PASSIVE.contains(&name) => Place::Passive,
            None | Some(_) => Place::Usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_names_below_the_mount_are_told_apart() {
        let rules = EndpointRules::new("/app/session", Duration::ZERO, None);
        for (path, place) in [
            ("/app/session/status", Place::Passive),
            ("/app/session/extend", Place::Passive),
            ("/app/session/signed-out", Place::Passive),
            ("/app/session/adjourn.js", Place::Asset),
            ("/app/session/adjourn.mjs", Place::Asset),
            ("/app/session/end", Place::Usual),
            ("/app/session/sessions", Place::Usual),
            ("/app/session/status/", Place::Usual),
            ("/app/session//status", Place::Usual),
            ("/app/session/%73tatus", Place::Usual),
            ("/app/session", Place::Usual),
            ("/app/session/", Place::Usual),
            ("/app/sessions/status", Place::Usual),
            ("/session/status", Place::Usual),
            ("/status", Place::Usual),
            ("", Place::Usual),
        ] {
            assert_eq!(rules.place(path), place, "{path}");
        }
    }
}
