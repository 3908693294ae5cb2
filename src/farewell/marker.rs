//! The marker cookie: it tells the page on which somebody lands that a session ended, and why.
//!
//! No key, no server state, any node, nothing in URLs. It proves nothing and grants nothing: whoever
//! can forge it is at this very browser, and all it does is clear this site's own storage there,
//! choose a text, and name a page of this site to which the session's own user may return.

use crate::{
    carrier::UNCLEARED, id::SessionId, policy::MAX_LOCAL_PATH, reason::EndReason, session::Former,
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

/// What the marker cookie says: `<version>.<reason>.<session id>`, and where the user may return
/// `.<path>|<until>` or, once a page has cleared, `.<path>|<until>|cleared`; or, where there is no such
/// path, `.told`, or `.uncleared` after a log-in that could not clear what the user before had left.
///
/// In the path `{` stands for `;` and `}` for `,`, which no cookie value can hold; neither of the
/// two can be in a path. `until` is in Unix seconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Marker {
    pub(crate) reason: EndReason,
    pub(crate) session_id: SessionId,
    pub(crate) back: Option<Back>,
    /// Whether a page that the user asked for led to the exit page already. Not written beside a path,
    /// which says for itself for which page it was.
    pub(crate) told: bool,
    /// Whether it stands beside the session of another user than the one whose storage is still to be
    /// cleared: the next page does it, as nobody is there any more to be told anything.
    pub(crate) uncleared: bool,
}

/// Where the user wanted to be when the session turned out to be over.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Back {
    /// As it came in the request. Not judged here: whoever uses it does that again.
    pub(crate) path: Box<str>,
    /// After that it is forgotten, whatever the browser keeps.
    pub(crate) until: Timestamp,
    /// Whether a page has cleared already: the marker lives on for the sake of the path alone.
    pub(crate) cleared: bool,
}

impl Marker {
    /// How long the cookie lives: the time to get from the ending to a page, or to log in again.
    pub(crate) const LIFETIME: Duration = Duration::from_mins(10);

    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        if value.len() > MAX_LOCAL_PATH + 128 {
            return None;
        }
        let mut parts = std::str::from_utf8(value).ok()?.splitn(4, '.');
        let (version, reason, session_id) = (parts.next()?, parts.next()?, parts.next()?);
        if version != VERSION {
            return None;
        }
        let (back, told, uncleared) = match parts.next() {
            None => (None, false, false),
            Some(TOLD) => (None, true, false),
            Some(UNCLEARED) => (None, true, true),
            Some(back) => (Some(Back::parse(back)?), false, false),
        };
        Some(Self {
            reason: EndReason::from_code(reason).ok()?,
            session_id: session_id.parse().ok()?,
            back,
            told,
            uncleared,
        })
    }

    /// What a log-in leaves whose answer may not clear what somebody else had left in this browser.
    pub(crate) const fn of_log_in(new: SessionId) -> Self {
        Self {
            reason: EndReason::Reauthenticated,
            session_id: new,
            back: None,
            told: true,
            uncleared: true,
        }
    }

    /// What it says of the session before, for a log-in.
    pub(crate) fn former(&self, path: Option<&str>) -> Former {
        Former {
            id: Some(self.session_id).filter(|_| !self.uncleared),
            uncleared: !self.is_spent(),
            path: path.map(Arc::from),
        }
    }

    pub(crate) fn value(&self) -> String {
        let (reason, id) = (self.reason.code(), self.session_id);
        let rest = match &self.back {
            Some(back) => back.value(),
            None if self.uncleared => format!(".{UNCLEARED}"),
            None if self.told => format!(".{TOLD}"),
            None => String::new(),
        };
        format!("{VERSION}.{reason}.{id}{rest}")
    }

    /// Whether a page has cleared already.
    pub(crate) fn is_spent(&self) -> bool {
        self.back.as_ref().is_some_and(|back| back.cleared)
    }

    /// What is left of it without the path: nothing, if it lived on for that alone.
    pub(crate) fn without_back(mut self) -> Option<Self> {
        let spent = self.is_spent();
        self.back = None;
        (!spent).then_some(self)
    }
}

impl Back {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let (path, until, cleared) = (parts.next()?, parts.next()?, parts.next());
        if !until.bytes().all(|digit| digit.is_ascii_digit())
            || !matches!(cleared, None | Some(CLEARED))
            || parts.next().is_some()
            || path.contains([';', ','])
        {
            return None;
        }
        let path = path.replace('{', ";").replace('}', ",");
        let millis = until.parse::<u64>().ok()?.checked_mul(1000)?;
        Some(Self {
            path: path.into(),
            until: Timestamp::from_unix_millis(millis),
            cleared: cleared.is_some(),
        })
    }

    fn value(&self) -> String {
        let path = self.path.replace(';', "{").replace(',', "}");
        let until = self.until.as_unix_millis() / 1000;
        let cleared = if self.cleared { "|cleared" } else { "" };
        format!(".{path}|{until}{cleared}")
    }
}

/// The path is where somebody was: not for logs.
impl std::fmt::Debug for Back {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Back")
            .field("until", &self.until)
            .field("cleared", &self.cleared)
            .finish_non_exhaustive()
    }
}

const VERSION: &str = "1";
const CLEARED: &str = "cleared";
const TOLD: &str = "told";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marker(back: Option<Back>) -> Marker {
        Marker {
            reason: EndReason::IdleTimeout,
            session_id: SessionId::from_bytes([0; 16]),
            back,
            told: false,
            uncleared: false,
        }
    }

    fn back(path: &str, seconds: u64, cleared: bool) -> Back {
        Back {
            path: path.into(),
            until: Timestamp::from_unix_millis(seconds * 1000),
            cleared,
        }
    }

    #[test]
    fn reads_what_it_writes() {
        for (reason, told) in [
            (EndReason::Logout, false),
            (EndReason::custom("account-closed").unwrap(), true),
        ] {
            let marker = Marker {
                reason,
                session_id: SessionId::random().unwrap(),
                back: None,
                told,
                uncleared: false,
            };
            assert_eq!(Marker::parse(marker.value().as_bytes()), Some(marker));
        }
        let left = Marker::of_log_in(SessionId::random().unwrap());
        assert_eq!(Marker::parse(left.value().as_bytes()), Some(left));
    }

    #[test]
    fn a_path_is_written_as_it_is_but_for_what_a_cookie_cannot_hold() {
        let with = marker(Some(back("/a.b;v=1/c,d?x=%2F&y='z'", 1_700_000_000, true)));
        assert_eq!(
            with.value(),
            "1.idle-timeout.AAAAAAAAAAAAAAAAAAAAAA./a.b{v=1/c}d?x=%2F&y='z'|1700000000|cleared"
        );
        assert_eq!(Marker::parse(with.value().as_bytes()), Some(with));
    }

    #[test]
    fn refuses_everything_else() {
        let id = "AAAAAAAAAAAAAAAAAAAAAA";
        let long = format!("1.idle-timeout.{id}./{}|9", "a".repeat(MAX_LOCAL_PATH + 99));
        for bad in [
            "",
            "1",
            "1.logout",
            "1.logout.x",
            "2.logout.AAAAAAAAAAAAAAAAAAAAAA",
            "1..",
            "1.<script>.AAAAAAAAAAAAAAAAAAAAAA",
            "1.logout.AAAAAAAAAAAAAAAAAAAAAA.more",
            "1.logout.AAAAAAAAAAAAAAAAAAAAAA.told.",
            "1.logout.AAAAAAAAAAAAAAAAAAAAAA.told.uncleared",
            "1.logout.AAAAAAAAAAAAAAAAAAAAAA.uncleared.",
            &format!("1.idle-timeout.{id}."),
            &format!("1.idle-timeout.{id}./a"),
            &format!("1.idle-timeout.{id}./a|"),
            &format!("1.idle-timeout.{id}./a|+9"),
            &format!("1.idle-timeout.{id}./a|-9"),
            &format!("1.idle-timeout.{id}./a|9|"),
            &format!("1.idle-timeout.{id}./a|9|cleared|"),
            &format!("1.idle-timeout.{id}./a|99999999999999999999"),
            &format!("1.idle-timeout.{id}./a|{}", u64::MAX),
            &format!("1.idle-timeout.{id}./a;b|9"),
            &format!("1.idle-timeout.{id}./a,b|9"),
            &long,
        ] {
            assert_eq!(Marker::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn the_longest_path_fits_into_a_cookie() {
        let path = format!("/{}", "a".repeat(MAX_LOCAL_PATH - 1));
        let longest = marker(Some(back(&path, u64::MAX / 1000, true)));
        assert_eq!(Marker::parse(longest.value().as_bytes()), Some(longest));
    }

    #[test]
    fn debug_shows_no_path() {
        let shown = format!("{:?}", marker(Some(back("/clinic/hiv", 9, false))));
        assert!(!shown.contains("clinic"), "{shown}");
    }

    proptest! {
        #[test]
        fn never_panics(value: Vec<u8>) {
            let _ = Marker::parse(&value);
        }

        #[test]
        fn what_is_written_is_read_back(path in "/[!-z~]{0,40}", until: u32, cleared: bool) {
            let marker = marker(Some(back(&path, until.into(), cleared)));
            prop_assert_eq!(Marker::parse(marker.value().as_bytes()), Some(marker));
        }
    }
}
