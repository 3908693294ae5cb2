//! What sessions and users are called in a file.

use crate::id::{SessionId, Subject};
use std::fmt;

/// The names that sessions get.
#[derive(Clone, Default)]
pub(super) struct Names {
    pub(super) key: Option<[u8; 32]>,
}

impl Names {
    /// The public id, or with a key its keyed hash.
    pub(super) fn session(&self, id: &SessionId) -> String {
        match &self.key {
            None => id.to_string(),
            Some(key) => {
                let hash = blake3::keyed_hash(key, id.as_bytes());
                let hex = hash.to_hex();
                hex.get(..32).unwrap_or(&hex).to_owned()
            }
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("keyed", &self.key.is_some())
            .finish()
    }
}

/// What a user is called who is not known.
pub(super) const UNKNOWN: &str = "unknown";

pub(super) fn user(subject: Option<&Subject>) -> &str {
    subject.map_or(UNKNOWN, Subject::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-13-8
    #[test]
    fn two_deployments_give_one_session_two_names() {
        let id = SessionId::from_bytes([7; 16]);
        let name = |key| Names { key }.session(&id);
        assert_eq!(name(None), id.to_string());
        assert_eq!(name(Some([1; 32])), name(Some([1; 32])));
        assert_ne!(name(Some([1; 32])), name(Some([2; 32])));
        assert!(!name(Some([1; 32])).contains(&id.to_string()));
        let shown = format!(
            "{:?}",
            Names {
                key: Some([77; 32])
            }
        );
        assert!(!shown.contains("77"), "{shown}");
    }
}
