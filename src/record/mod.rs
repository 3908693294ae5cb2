//! What a store keeps of a session while it lives ([`Record`]) and after it ended
//! ([`Tombstone`]), and the one predicate that says which it is.
//!
//! 1. A record is a snapshot: it never changes once it was handed out. The only thing about a
//!    live session that changes without a new record is when it was last seen, kept beside it.
//! 2. Its token is compared by hash. A record has no way back to the secret.
//! 3. [`Record::due`] is the only place that decides whether a session is past a deadline.
//!
//! Knows nothing of requests, stores or how an ending is carried out.

mod client;
mod cut;
mod grants;
mod live;
#[expect(
    clippy::module_inception,
    reason = "the record is what this module is about"
)]
mod record;
mod tombstone;
mod values;

pub use client::Client;
pub use cut::{Cut, Generation, Scope};
pub use grants::Grants;
pub use live::{Activity, Live, Remaining};
pub use record::{Previous, Record, RecordParts};
pub use tombstone::{Departed, Tombstone};
pub use values::{Changes, InvalidValues, Values};
