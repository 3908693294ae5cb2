//! What can go wrong in a store, as opposed to how an operation can come out.

use std::{error, fmt, sync::Arc};

/// A store could not do what it was asked.
///
/// "Missing", "conflict" and "ended" are outcomes, not errors. `Display` shows its own level only;
/// the cause is its `source`. Neither may hold a token, a secret or a value.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Box<str>,
    /// Shared: one failure may be the answer to several.
    source: Option<Arc<dyn error::Error + Send + Sync>>,
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What is stored cannot be read: damaged, foreign, or written by a newer version.
    Corrupt,
    /// The store cannot be reached, is too slow, or is full. Trying again later may help.
    Unavailable,
}

impl Error {
    /// What is stored cannot be read; `message` says what and where.
    pub fn corrupt(message: impl Into<Box<str>>) -> Self {
        Self {
            kind: ErrorKind::Corrupt,
            message: message.into(),
            source: None,
        }
    }

    /// The store cannot do it now; `message` says what was tried.
    pub fn unavailable(message: impl Into<Box<str>>) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            message: message.into(),
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// What kind of failure.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ErrorKind::Corrupt => "the session store holds what cannot be read",
            ErrorKind::Unavailable => "the session store is unavailable",
        };
        write!(f, "{kind}: {}", self.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

impl From<getrandom::Error> for Error {
    fn from(source: getrandom::Error) -> Self {
        Self::unavailable("no random bytes from the operating system").with_source(source)
    }
}
