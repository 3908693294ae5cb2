//! Temporary permissions: they end with the session, and by themselves.

use crate::time::Timestamp;

/// Named permissions that a session holds until an instant.
///
/// ```
/// use adjourn::{record::Grants, time::Timestamp};
///
/// let now = Timestamp::from_unix_millis(1_000);
/// let grants = Grants::default().with("billing:refund", Timestamp::from_unix_millis(2_000));
/// assert!(grants.allows("billing:refund", now));
/// assert!(!grants.allows("billing:refund", Timestamp::from_unix_millis(2_000)));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Grants(Box<[(Box<str>, Timestamp)]>);

impl Grants {
    /// Adds or replaces a grant.
    #[must_use]
    pub fn with(self, name: &str, until: Timestamp) -> Self {
        self.into_iter_without(name)
            .chain([(name.into(), until)])
            .collect()
    }

    /// Takes a grant back.
    #[must_use]
    pub fn without(self, name: &str) -> Self {
        self.into_iter_without(name).collect()
    }

    /// Whether the permission is held at `now`.
    pub fn allows(&self, name: &str, now: Timestamp) -> bool {
        self.until(name).is_some_and(|until| now < until)
    }

    /// When the permission ends, which may have been; `None` when there is none of that name.
    pub fn until(&self, name: &str) -> Option<Timestamp> {
        self.iter()
            .find_map(|(held, until)| (held == name).then_some(until))
    }

    /// All grants, with the instant at which each ends.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.0.iter().map(|(name, until)| (&**name, *until))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn into_iter_without(self, name: &str) -> impl Iterator<Item = (Box<str>, Timestamp)> {
        self.0.into_iter().filter(move |(held, _)| &**held != name)
    }
}

impl FromIterator<(Box<str>, Timestamp)> for Grants {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Timestamp)>>(grants: I) -> Self {
        Self(grants.into_iter().collect())
    }
}
