//! The public name of a session.

use super::base64url;
use std::{fmt, str::FromStr};

/// The name of a session: stable for its whole life, safe to show, to log and to put in lists.
///
/// It proves nothing by itself: only a [`Token`](super::Token), which adds a secret, is a
/// credential. Stores mint it ([`SessionStore::mint_id`](crate::store::SessionStore::mint_id)).
///
/// Shown and parsed as 22 characters of base64url.
///
/// ```
/// use adjourn::id::SessionId;
///
/// let id = SessionId::random()?;
/// assert_eq!(id.to_string().parse::<SessionId>()?, id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId([u8; Self::LEN]);

impl SessionId {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// An id of 16 bytes from the operating system's generator.
    ///
    /// # Errors
    /// The operating system has no random bytes to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; Self::LEN];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The id that these bytes are.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes, for stores.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        base64url::encode(&self.0, &mut text);
        f.pad(&text)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base64url::decode(text.as_bytes())
            .map(Self)
            .ok_or(InvalidSessionId)
    }
}

/// The text is not a session id: 22 characters of base64url (RFC 4648 section 5), no padding.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a session id: 22 characters of base64url without padding are expected")]
#[non_exhaustive]
pub struct InvalidSessionId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_nothing_else_parses() {
        let id = SessionId::random().unwrap();
        let text = id.to_string();
        assert_eq!(text.len(), 22);
        assert_eq!(text.parse(), Ok(id));
        for bad in [
            "",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
            "é".repeat(11).as_str(),
        ] {
            assert_eq!(bad.parse::<SessionId>(), Err(InvalidSessionId), "{bad:?}");
        }
    }
}
