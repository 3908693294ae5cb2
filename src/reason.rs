//! Why a session ended, and who wanted it.
//!
//! 1. Every ending has one [`EndReason`] with a stable [`code`](EndReason::code), the same in the
//!    store, the audit record, the metrics, the answer to the client and the open sockets.
//! 2. A [`Cause`] is what somebody asks for: a reason, an initiator, perhaps an actor and a note.
//! 3. An [`Ending`] is a cause that the store has decided, with the time at which it did.

use crate::{
    id::{RequestId, Subject},
    time::Timestamp,
};
use std::{borrow::Cow, fmt, sync::Arc};

/// Why a session ended.
///
/// ```
/// use adjourn::reason::EndReason;
///
/// assert_eq!(EndReason::IdleTimeout.code(), "idle-timeout");
/// assert_eq!(EndReason::from_code("idle-timeout"), Ok(EndReason::IdleTimeout));
/// let closed = EndReason::custom("account-closed")?;
/// assert_eq!(closed.to_string(), "account-closed");
/// # Ok::<(), adjourn::reason::InvalidReason>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum EndReason {
    /// The absolute lifetime is over (ASVS 7.3.2).
    AbsoluteTimeout,
    /// A password or another authentication factor changed (ASVS 7.4.3).
    CredentialChange,
    /// A reason of the application: see [`EndReason::custom`].
    Custom(CustomReason),
    /// An administrator ended it (ASVS 7.4.5).
    Forced,
    /// The identity provider ended it.
    IdentityProvider,
    /// Nobody was active for the idle timeout (ASVS 7.3.1).
    IdleTimeout,
    /// The user logged out.
    Logout,
    /// The user ended it from another session of theirs (ASVS 7.5.2): unlike after
    /// [`Logout`](Self::Logout), its own browser has not heard of it.
    LogoutElsewhere,
    /// The store lost the record; nobody decided this ending.
    Lost,
    /// A policy or a risk signal demanded it.
    Policy,
    /// The user logged in again in this session: a new session took its place (ASVS 7.2.4).
    Reauthenticated,
    /// The account was disabled or deleted (ASVS 7.4.2).
    SubjectDisabled,
    /// A newer session took its place at the limit of concurrent sessions (ASVS 7.1.2).
    Superseded,
    /// It was started, but the response that carried its token was never delivered.
    Undelivered,
}

impl EndReason {
    /// A reason of the application.
    ///
    /// # Errors
    /// `code` is not 1 to 32 characters of `a-z`, `0-9` and `-`, or is the code of a built-in
    /// reason.
    pub fn custom(code: impl Into<Cow<'static, str>>) -> Result<Self, InvalidReason> {
        let code = code.into();
        let well_formed = (1..=32).contains(&code.len())
            && code
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !well_formed || BUILT_IN.iter().any(|(built_in, _)| *built_in == code) {
            return Err(InvalidReason);
        }
        Ok(Self::Custom(CustomReason(code)))
    }

    /// The reason with this [`code`](EndReason::code), for stores that read back what they wrote.
    ///
    /// # Errors
    /// It is neither a built-in code nor a well-formed custom one.
    pub fn from_code(code: &str) -> Result<Self, InvalidReason> {
        match BUILT_IN.iter().find(|(built_in, _)| *built_in == code) {
            Some((_, reason)) => Ok(reason.clone()),
            None => Self::custom(code.to_owned()),
        }
    }

    /// The stable text: part of the public interface, it never changes for a variant.
    pub fn code(&self) -> &str {
        match self {
            Self::AbsoluteTimeout => "absolute-timeout",
            Self::CredentialChange => "credential-change",
            Self::Custom(reason) => &reason.0,
            Self::Forced => "forced",
            Self::IdentityProvider => "identity-provider",
            Self::IdleTimeout => "idle-timeout",
            Self::Logout => "logout",
            Self::LogoutElsewhere => "logout-elsewhere",
            Self::Lost => "lost",
            Self::Policy => "policy",
            Self::Reauthenticated => "reauthenticated",
            Self::SubjectDisabled => "subject-disabled",
            Self::Superseded => "superseded",
            Self::Undelivered => "undelivered",
        }
    }

    /// Whether time alone ended the session: nobody wanted it to end.
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::AbsoluteTimeout | Self::IdleTimeout)
    }

    /// Who usually causes such an ending.
    pub const fn usual_initiator(&self) -> Initiator {
        match self {
            Self::CredentialChange
            | Self::Logout
            | Self::LogoutElsewhere
            | Self::Reauthenticated => Initiator::User,
            Self::Forced | Self::SubjectDisabled => Initiator::Administrator,
            Self::IdentityProvider => Initiator::IdentityProvider,
            Self::Policy | Self::Superseded => Initiator::Policy,
            Self::AbsoluteTimeout
            | Self::Custom(_)
            | Self::IdleTimeout
            | Self::Lost
            | Self::Undelivered => Initiator::System,
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The code of an application's own reason; made by [`EndReason::custom`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CustomReason(Cow<'static, str>);

/// The text is not a reason code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "not a reason code of the application: 1 to 32 characters of a-z, 0-9 and '-' are expected, \
     other than a built-in code"
)]
#[non_exhaustive]
pub struct InvalidReason;

/// Who caused an ending.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Initiator {
    /// Somebody with authority over other people's sessions.
    Administrator,
    /// The identity provider.
    IdentityProvider,
    /// A rule of the application: a limit, allowed hours, a changed client.
    Policy,
    /// A risk signal.
    Risk,
    /// adjourn itself: the clock, a failed delivery.
    System,
    /// The session's own user.
    User,
}

impl Initiator {
    /// The stable text.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::IdentityProvider => "identity-provider",
            Self::Policy => "policy",
            Self::Risk => "risk",
            Self::System => "system",
            Self::User => "user",
        }
    }

    /// The initiator with this [`code`](Initiator::code), for stores that read back what they
    /// wrote.
    pub fn from_code(code: &str) -> Option<Self> {
        [
            Self::Administrator,
            Self::IdentityProvider,
            Self::Policy,
            Self::Risk,
            Self::System,
            Self::User,
        ]
        .into_iter()
        .find(|initiator| initiator.code() == code)
    }
}

/// What somebody asks for when they end a session.
///
/// ```
/// use adjourn::{id::Subject, reason::{Cause, EndReason, Initiator}};
///
/// let cause = Cause::from(EndReason::Forced)
///     .with_actor(Subject::new("admin-3")?)
///     .with_note("lost laptop");
/// assert_eq!(cause.initiator(), Initiator::Administrator);
/// # Ok::<(), adjourn::id::InvalidSubject>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cause {
    reason: EndReason,
    initiator: Initiator,
    details: Option<Box<Details>>,
}

/// Rarely present, so kept out of the way: a tombstone is small without it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Details {
    actor: Option<Subject>,
    note: Option<Arc<str>>,
    request_id: Option<RequestId>,
}

impl Cause {
    /// The longest note, in bytes; a longer one is cut at a character.
    pub const MAX_NOTE: usize = 256;

    /// A cause with the initiator that is usual for the reason.
    pub const fn new(reason: EndReason) -> Self {
        let initiator = reason.usual_initiator();
        Self {
            reason,
            initiator,
            details: None,
        }
    }

    /// Names another initiator than the usual one.
    #[must_use]
    pub const fn with_initiator(mut self, initiator: Initiator) -> Self {
        self.initiator = initiator;
        self
    }

    /// Names the person who did it, when that is not the session's own user.
    #[must_use]
    pub fn with_actor(mut self, actor: Subject) -> Self {
        self.details.get_or_insert_default().actor = Some(actor);
        self
    }

    /// Adds a free text for the audit record; cut to [`Cause::MAX_NOTE`] bytes.
    #[must_use]
    pub fn with_note(mut self, note: &str) -> Self {
        let note = note
            .get(..note.floor_char_boundary(Self::MAX_NOTE))
            .unwrap_or_default();
        self.details.get_or_insert_default().note = Some(note.into());
        self
    }

    /// Names the request by which it came. Endings that a handler's [`Session`](crate::Session) asks
    /// for have it by themselves, where
    /// [`with_request_id`](crate::SessionsBuilder::with_request_id) is set.
    #[must_use]
    pub fn with_request_id(mut self, id: RequestId) -> Self {
        self.details.get_or_insert_default().request_id = Some(id);
        self
    }

    /// Why.
    pub const fn reason(&self) -> &EndReason {
        &self.reason
    }

    /// What kind of actor.
    pub const fn initiator(&self) -> Initiator {
        self.initiator
    }

    /// Which person, when not the session's own user.
    pub fn actor(&self) -> Option<&Subject> {
        self.details.as_ref()?.actor.as_ref()
    }

    /// The request by which it came.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.details.as_ref()?.request_id.as_ref()
    }

    /// The free text.
    pub fn note(&self) -> Option<&str> {
        self.details.as_ref()?.note.as_deref()
    }
}

impl From<EndReason> for Cause {
    fn from(reason: EndReason) -> Self {
        Self::new(reason)
    }
}

/// A decided ending: the cause and the time at which the store decided it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ending {
    cause: Cause,
    at: Timestamp,
}

impl Ending {
    /// For stores: `at` is store time.
    pub const fn new(cause: Cause, at: Timestamp) -> Self {
        Self { cause, at }
    }

    /// The cause: reason, initiator, actor, note.
    pub const fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Short for `cause().reason()`.
    pub const fn reason(&self) -> &EndReason {
        &self.cause.reason
    }

    /// When the store decided it.
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

const BUILT_IN: [(&str, EndReason); 13] = [
    ("absolute-timeout", EndReason::AbsoluteTimeout),
    ("credential-change", EndReason::CredentialChange),
    ("forced", EndReason::Forced),
    ("identity-provider", EndReason::IdentityProvider),
    ("idle-timeout", EndReason::IdleTimeout),
    ("logout", EndReason::Logout),
    ("logout-elsewhere", EndReason::LogoutElsewhere),
    ("lost", EndReason::Lost),
    ("policy", EndReason::Policy),
    ("reauthenticated", EndReason::Reauthenticated),
    ("subject-disabled", EndReason::SubjectDisabled),
    ("superseded", EndReason::Superseded),
    ("undelivered", EndReason::Undelivered),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_as_its_reason() {
        for (code, reason) in BUILT_IN {
            assert_eq!(reason.code(), code);
            assert_eq!(EndReason::from_code(code), Ok(reason));
        }
        let custom = EndReason::custom("account-closed").unwrap();
        assert_eq!(EndReason::from_code(custom.code()), Ok(custom));
    }

    #[test]
    fn a_custom_reason_is_a_short_plain_word() {
        for bad in ["", "Upper", "a b", "a\nb", "é", "logout", &"x".repeat(33)] {
            assert_eq!(
                EndReason::custom(bad.to_owned()),
                Err(InvalidReason),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_long_note_is_cut_at_a_character() {
        let cause = Cause::new(EndReason::Forced).with_note(&"é".repeat(200));
        assert_eq!(cause.note(), Some("é".repeat(128).as_str()));
    }

    #[test]
    fn initiators_read_back() {
        assert_eq!(
            Initiator::from_code(Initiator::Risk.code()),
            Some(Initiator::Risk)
        );
        assert_eq!(Initiator::from_code("nobody"), None);
    }
}
