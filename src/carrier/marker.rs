//! The name of the cookie that tells the next page of an ending, and the one word in it that is
//! looked for beside a live session.

use super::candidates;
use http::HeaderMap;

/// The name, wherever cookies are `Secure`.
pub(crate) const MARKER: &str = "__Host-adjourn-ended";

/// How a marker ends that a log-in left behind because its own answer could not clear: what the
/// browser keeps is still that of the user before.
pub(crate) const UNCLEARED: &str = "uncleared";

/// Whether the storage of this browser is still to be cleared, whoever is logged in.
pub(crate) fn is_uncleared(headers: &HeaderMap) -> bool {
    candidates(headers, MARKER.as_bytes()).any(|value| {
        let before = value.strip_suffix(UNCLEARED.as_bytes());
        before.is_some_and(|before| before.ends_with(b"."))
    })
}
