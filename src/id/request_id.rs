//! What a request is called in logs.

use std::{fmt, sync::Arc};

/// What a request is called in logs, so that an audit record can be found beside them.
///
/// 1 to [`RequestId::MAX_LEN`] visible ASCII characters, without blanks: nothing that could forge a
/// line. Whatever else comes is no request id; it is not repaired, because a changed name finds
/// nothing.
///
/// Cloning is cheap (a reference count).
///
/// ```
/// use adjourn::id::RequestId;
///
/// assert_eq!(RequestId::new("req-7f3a").unwrap().as_str(), "req-7f3a");
/// assert_eq!(RequestId::new("forged\nline"), None);
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The longest request id, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Takes a text from a header or a generator; `None` for what is none.
    pub fn new(text: impl AsRef<[u8]>) -> Option<Self> {
        let bytes = text.as_ref();
        let is_fine =
            (1..=Self::MAX_LEN).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        let text = std::str::from_utf8(bytes).ok().filter(|_| is_fine)?;
        Some(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-13-9 R-1-32
    #[test]
    fn what_could_forge_a_line_or_fill_a_disk_is_no_request_id() {
        for bad in [
            "",
            "a b",
            "a\rb",
            "a\nb",
            "a\tb",
            "a\u{0}b",
            "a\u{7f}",
            "a\u{1b}[2J",
            "ä",
            "\u{2028}",
        ] {
            assert_eq!(RequestId::new(bad), None, "{bad:?}");
        }
        assert_eq!(RequestId::new(b"\xff"), None);
        assert!(RequestId::new("x".repeat(RequestId::MAX_LEN)).is_some());
        assert_eq!(RequestId::new("x".repeat(RequestId::MAX_LEN + 1)), None);
    }
}
