//! What the tests of the shared stores have in common.

pub(crate) mod log_in;
pub(crate) mod nodes;
