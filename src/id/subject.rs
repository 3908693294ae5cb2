//! Who a session belongs to.

use std::{convert::Infallible, fmt, sync::Arc};

/// Who a session belongs to: the application's stable id of a user, as text.
///
/// It never changes within a session. It appears in audit records and session lists, so use an
/// id, not a name or an e-mail address. At least 1 and at most [`Subject::MAX_LEN`] bytes, no
/// control characters (they would forge log lines). Compared byte for byte: normalise Unicode
/// before if your user ids need it.
///
/// Cloning is cheap (a reference count).
///
/// ```
/// use adjourn::id::Subject;
///
/// let subject = Subject::new("user-17")?;
/// assert_eq!(subject, Subject::new(String::from("user-17"))?);
/// assert_eq!(Subject::from(17_u64).as_str(), "17");
/// assert!(Subject::new("").is_err());
/// # Ok::<(), adjourn::id::InvalidSubject>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Subject(Arc<str>);

impl Subject {
    /// The longest subject, in bytes.
    pub const MAX_LEN: usize = 256;

    /// Checks and takes the text.
    ///
    /// # Errors
    /// The text is empty, longer than [`Subject::MAX_LEN`] bytes, or holds a control character.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidSubject> {
        let text = text.into();
        if text.is_empty() {
            return Err(InvalidSubject::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(InvalidSubject::TooLong { bytes: text.len() });
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidSubject::ControlCharacter);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({:?})", self.as_str())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl AsRef<str> for Subject {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&Self> for Subject {
    fn from(subject: &Self) -> Self {
        subject.clone()
    }
}

macro_rules! try_from_text {
    ($($text:ty),*) => {$(
        impl TryFrom<$text> for Subject {
            type Error = InvalidSubject;

            fn try_from(text: $text) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }
    )*};
}
try_from_text!(&str, String, Arc<str>);

impl TryFrom<&String> for Subject {
    type Error = InvalidSubject;

    fn try_from(text: &String) -> Result<Self, Self::Error> {
        Self::new(text.as_str())
    }
}

macro_rules! from_number {
    ($($number:ty),*) => {$(
        impl From<$number> for Subject {
            fn from(number: $number) -> Self {
                Self(number.to_string().into())
            }
        }
    )*};
}
from_number!(i32, i64, i128, u32, u64, u128);

/// Why a text is not a [`Subject`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSubject {
    /// It holds a control character.
    #[error("the subject holds a control character")]
    ControlCharacter,
    /// It is empty.
    #[error("the subject is empty: use the user's id, or start an anonymous session")]
    Empty,
    /// It is longer than [`Subject::MAX_LEN`].
    #[error(
        "the subject is {bytes} bytes long, at most {} are allowed",
        Subject::MAX_LEN
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

impl From<Infallible> for InvalidSubject {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_huge_and_control_characters_are_refused() {
        assert_eq!(Subject::new(""), Err(InvalidSubject::Empty));
        assert_eq!(
            Subject::new("é".repeat(129)),
            Err(InvalidSubject::TooLong { bytes: 258 })
        );
        for bad in ["a\nb", "a\r\nb", "\0", "a\u{85}b", "a\u{7f}"] {
            assert_eq!(
                Subject::new(bad),
                Err(InvalidSubject::ControlCharacter),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn unicode_subjects_are_kept_byte_for_byte() {
        for text in ["é", "e\u{301}", "用户", "👩‍💻", " spaced "] {
            assert_eq!(Subject::new(text).unwrap().as_str(), text);
        }
        assert_ne!(Subject::new("é"), Subject::new("e\u{301}"));
    }
}
