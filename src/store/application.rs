//! Which application a store belongs to. Two that are put on the same place by mistake would share their
//! sessions: a token of one would be good for the user of the same name in the other.
//!
//! The first that opens the store with a name writes it down; the store is opened to no other name, and to nobody without.

use super::Error;
use std::fmt::Display;

/// Compares the name that is written down with that of this node.
///
/// `place`: what the two would share. `setting`: what gives one a place of its own.
///
/// # Errors
/// They differ.
pub(super) fn compare(
    found: Option<&str>,
    own: Option<&str>,
    place: impl Display,
    setting: &str,
) -> Result<(), Error> {
    if found == own {
        return Ok(());
    }
    let (found, own) = (called(found), called(own));
    Err(Error::corrupt(format!(
        "{place} belong to {found}, and this is {own}: give each application its own ({setting}), or all nodes of one \
         the same name (with_application)"
    )))
}

fn called(name: Option<&str>) -> String {
    name.map_or_else(
        || "an application without a name".to_owned(),
        |name| format!("the application {name:?}"),
    )
}
