//! What is wrong with a text that should be an origin.

/// Why a text is not an origin.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOrigin {
    /// The host is missing or malformed.
    #[error("the origin {origin:?} has no valid host: write it in ASCII, as in {EXAMPLE:?}")]
    Host {
        /// What was given.
        origin: Box<str>,
    },
    /// Something follows the host and port.
    #[error("the origin {origin:?} goes on after its host: write no more than {EXAMPLE:?}")]
    Path {
        /// What was given.
        origin: Box<str>,
    },
    /// The port is not a number from 1 to 65535.
    #[error("the origin {origin:?} has no valid port: use 1 to 65535, or leave it out")]
    Port {
        /// What was given.
        origin: Box<str>,
    },
    /// It does not begin with `https://` or `http://`.
    #[error(
        "the origin {origin:?} does not begin with \"https://\" or \"http://\": write it as in {EXAMPLE:?}"
    )]
    Scheme {
        /// What was given.
        origin: Box<str>,
    },
    /// It holds a user name, perhaps a password; not repeated here.
    #[error("the origin holds a user name or password: write only {EXAMPLE:?}")]
    UserInfo,
}

/// What is wrong, before it is known with what.
pub(super) enum Fault {
    Host,
    Path,
    Port,
    Scheme,
    UserInfo,
}

impl Fault {
    pub(super) fn with_text(self, origin: &str) -> InvalidOrigin {
        let origin = origin.into();
        match self {
            Self::Host => InvalidOrigin::Host { origin },
            Self::Path => InvalidOrigin::Path { origin },
            Self::Port => InvalidOrigin::Port { origin },
            Self::Scheme => InvalidOrigin::Scheme { origin },
            Self::UserInfo => InvalidOrigin::UserInfo,
        }
    }
}

const EXAMPLE: &str = "https://app.example";
