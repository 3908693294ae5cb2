//! The users. A real bank has a database and a password hash such as Argon2; this one has a table.

use adjourn::id::Subject;

/// Name, password, and whether they may end everybody's sessions.
const USERS: [(&str, &str, bool); 4] = [
    ("alice", "wonderland", false),
    ("bob", "builder", false),
    ("carol", "singer", false),
    ("admin", "control", true),
];

/// Whether these are the credentials of a user.
///
/// Takes as long for a wrong name as for a wrong password, and for a password that is nearly right
/// as for any other: digests are compared, without an early exit, with every row.
pub(crate) fn are_right(username: &str, password: &str) -> bool {
    let given = digest(username, password);
    USERS.iter().fold(false, |found, (username, password, _)| {
        // `==` of blake3 takes the same time wherever the difference is.
        found | (digest(username, password) == given)
    })
}

/// Whether this user is an administrator.
pub(crate) fn is_admin(subject: &Subject) -> bool {
    USERS
        .iter()
        .any(|(username, _, admin)| *admin && *username == subject.as_str())
}

fn digest(username: &str, password: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&username.len().to_le_bytes());
    hasher.update(username.as_bytes());
    hasher.update(password.as_bytes());
    hasher.finalize()
}
