//! The marker cookie: it tells the page on which somebody lands that a session ended, and why.
//!
//! No key, no server state, any node, nothing in URLs. It proves nothing and grants nothing: whoever
//! can forge it is at this very browser, and all it does is clear this site's own storage there and
//! choose a text.

use crate::{id::SessionId, reason::EndReason};
use std::time::Duration;

/// What the marker cookie says: `<version>.<reason>.<session id>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Marker {
    pub(crate) reason: EndReason,
    pub(crate) session_id: SessionId,
}

impl Marker {
    /// How long the cookie lives: the time to get from the ending to a page.
    pub(crate) const LIFETIME: Duration = Duration::from_mins(10);

    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(value).ok()?.splitn(3, '.');
        let (version, reason, session_id) = (parts.next()?, parts.next()?, parts.next()?);
        if version != VERSION {
            return None;
        }
        Some(Self {
            reason: EndReason::from_code(reason).ok()?,
            session_id: session_id.parse().ok()?,
        })
    }

    pub(crate) fn value(&self) -> String {
        format!("{VERSION}.{}.{}", self.reason.code(), self.session_id)
    }
}

const VERSION: &str = "1";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_it_writes() {
        for reason in [
            EndReason::Logout,
            EndReason::custom("account-closed").unwrap(),
        ] {
            let marker = Marker {
                reason,
                session_id: SessionId::random().unwrap(),
            };
            assert_eq!(Marker::parse(marker.value().as_bytes()), Some(marker));
        }
    }

    #[test]
    fn refuses_everything_else() {
        for bad in [
            "",
            "1",
            "1.logout",
            "1.logout.x",
            "2.logout.AAAAAAAAAAAAAAAAAAAAAA",
            "1..",
            "1.<script>.AAAAAAAAAAAAAAAAAAAAAA",
            "1.logout.AAAAAAAAAAAAAAAAAAAAAA.more",
        ] {
            assert_eq!(Marker::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(value: Vec<u8>) {
            let _ = Marker::parse(&value);
        }
    }
}
