//! The one road by which every session ends.
//!
//! 1. A session ends only here, always with a [`Cause`](crate::reason::Cause). The store decides
//!    who is first; the first does the work, once.
//! 2. The work, in this order: cut what this node holds open and drop what it keeps, remove the
//!    scratch directory, run the hooks, record the ending, acknowledge once every sink has kept the
//!    record. One failing step neither stops the others nor is hidden.
//! 3. The work runs in a tracked task: a dropped request cannot stop it, a graceful shutdown waits
//!    for it (up to a limit), and if the node dies another takes it over when the lease is over.
//!    What ends beside hundreds of others waits for its turn, for half of its lease; a shutdown ends what
//!    a cut has left, and waits for that, too.
//!
//! ```text
//! Terminator::end ----> store.end ------\
//! end_subject, everyone > store.end_all  > Road::conclude: cut, hooks, audit, acknowledge
//! Sweeper ------------> store.end_due --/
//! ```
//!
//! 4. Each ending is a span at the level INFO (target `adjourn`, name `ending`), so that what a hook logs
//!    says for which session.
//!
//! Knows nothing of requests and responses: what the client sees is the farewell's matter.

mod at_work;
mod background;
mod bulk;
mod conclude;
mod cuts;
mod hook;
mod late;
mod lease;
mod listen;
mod measure;
mod receipt;
mod scratch;
mod store_clock;
mod underway;
mod verify;
mod work;

pub use at_work::ShutDown;
pub(crate) use background::Background;
pub use conclude::Terminator;
pub(crate) use conclude::{Road, RoadConfig, Watcher};
pub(crate) use hook::NamedHook;
pub use hook::{BoxError, Hook, HookOptions, HookOutcome, HookReport};
pub use receipt::{EndError, Ended, EndedAll, Outcome};
pub(crate) use scratch::{NotMade, Root};
pub use scratch::{ScratchRootError, ScratchSwept};
