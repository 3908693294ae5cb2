//! The credential a client holds, and the hash of its secret that stores keep.

use super::{SessionId, base64url};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The credential that a client holds: a [`SessionId`] and a [`Secret`].
///
/// 64 characters of base64url on the wire. It has no `Display`, its `Debug` shows the id only,
/// and the secret is erased from memory when it is dropped.
///
/// ```
/// use adjourn::id::{SessionId, Token};
///
/// let token = Token::new(SessionId::random()?)?;
/// let text = token.expose();
/// assert_eq!(text.len(), 64);
/// assert_eq!(Token::parse(text.as_bytes())?.id(), token.id());
/// assert!(!format!("{token:?}").contains(&text[22..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Token {
    id: SessionId,
    secret: Secret,
}

impl Token {
    /// Length on the wire, in characters.
    pub const TEXT_LEN: usize = base64url::encoded_len(SessionId::LEN + Secret::LEN);

    /// A token for the session `id` with a new secret from the operating system's generator.
    ///
    /// # Errors
    /// The operating system has no random bytes to give.
    pub fn new(id: SessionId) -> Result<Self, getrandom::Error> {
        Ok(Self {
            id,
            secret: Secret::random()?,
        })
    }

    /// Reads a token from the wire.
    ///
    /// # Errors
    /// Anything but 64 characters of base64url.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidToken> {
        // In words: a secret that is put together byte by byte is also copied so.
        let [[high, low, first], [second, third, fourth]] =
            base64url::decode_words(text).ok_or(InvalidToken)?;
        let id = u128::from(high) << 64 | u128::from(low);
        Ok(Self {
            id: SessionId::from_bytes(id.to_be_bytes()),
            secret: Secret([first, second, third, fourth].map(u64::to_be_bytes)),
        })
    }

    /// The session that the token names.
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// What a store keeps of the secret.
    pub fn secret_hash(&self) -> SecretHash {
        self.secret.hash()
    }

    /// The same credential again, for the one place that hands out two: to the response and to the
    /// application.
    pub(crate) const fn copy(&self) -> Self {
        Self {
            id: self.id,
            secret: Secret(self.secret.0),
        }
    }

    /// The text that the client must present: a credential.
    ///
    /// Give it to the client and to nobody else; it is erased when dropped.
    pub fn expose(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; SessionId::LEN + Secret::LEN]);
        for (to, from) in bytes.iter_mut().zip(
            self.id
                .as_bytes()
                .iter()
                .chain(self.secret.0.as_flattened()),
        ) {
            *to = *from;
        }
        // The capacity is exact, so that no copy is left behind by growing.
        let mut text = Zeroizing::new(String::with_capacity(Self::TEXT_LEN));
        base64url::encode(&*bytes, &mut text);
        text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("id", &self.id)
            .field("secret", &self.secret)
            .finish()
    }
}

/// The part of a [`Token`] that nobody else knows: 32 random bytes.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret([[u8; 8]; 4]);

impl Secret {
    /// Length in bytes.
    pub const LEN: usize = 32;

    fn random() -> Result<Self, getrandom::Error> {
        let mut secret = Self([[0; 8]; 4]);
        getrandom::fill(secret.0.as_flattened_mut())?;
        Ok(secret)
    }

    /// What a store keeps of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(blake3::hash(self.0.as_flattened()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The BLAKE3 hash of a [`Secret`]: all that a store ever sees of it.
///
/// 256 random bits need no slow hash. Comparison takes the same time whatever differs.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SecretHash(blake3::Hash);

impl SecretHash {
    /// The hash that these bytes are, for stores.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(blake3::Hash::from_bytes(bytes))
    }

    /// The bytes, for stores.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// The text is not a token: 64 characters of base64url (RFC 4648 section 5).
///
/// The message never repeats the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a session token: 64 characters of base64url are expected")]
#[non_exhaustive]
pub struct InvalidToken;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    // R-1-6, R-3-2: 256 bits of the system's generator, no repeats, token-safe characters.
    #[test]
    fn ten_thousand_tokens_do_not_repeat() {
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let text = Token::new(SessionId::random().unwrap()).unwrap().expose();
            assert_eq!(text.len(), 64);
            assert!(
                text.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            );
            assert!(seen.insert(text.to_string()));
        }
    }

    // R-3-5: refused by length and alphabet.
    #[test]
    fn only_sixty_four_characters_of_base64url_parse() {
        let good = Token::new(SessionId::random().unwrap()).unwrap().expose();
        assert!(Token::parse(good.as_bytes()).is_ok());
        let bad: [Vec<u8>; 10] = [
            vec![],
            good.as_bytes()[..63].to_vec(),
            [good.as_bytes(), b"A"].concat(),
            [&good.as_bytes()[..63], b"="].concat(),
            [&good.as_bytes()[..63], b"+"].concat(),
            [&good.as_bytes()[..63], b"\0"].concat(),
            [&good.as_bytes()[..63], b"\xFF"].concat(),
            [b" ", &good.as_bytes()[..63]].concat(),
            b"'; DROP TABLE session; --                                       ".to_vec(),
            vec![b'A'; 4096],
        ];
        for text in bad {
            assert_eq!(Token::parse(&text).err(), Some(InvalidToken), "{text:?}");
        }
    }

    #[test]
    fn a_parsed_token_is_the_same_credential() {
        let token = Token::new(SessionId::random().unwrap()).unwrap();
        let parsed = Token::parse(token.expose().as_bytes()).unwrap();
        assert_eq!(parsed.id(), token.id());
        assert_eq!(parsed.secret_hash(), token.secret_hash());
        let other = Token::new(token.id()).unwrap();
        assert_ne!(other.secret_hash(), token.secret_hash());
    }

    #[test]
    fn debug_shows_no_secret() {
        let token = Token::new(SessionId::from_bytes([0; 16])).unwrap();
        assert_eq!(
            format!("{token:?}"),
            "Token { id: SessionId(AAAAAAAAAAAAAAAAAAAAAA), secret: Secret(..) }"
        );
        assert_eq!(format!("{:?}", token.secret_hash()), "SecretHash(..)");
    }
}
