//! The embedded store: everything in the memory of one process.
//!
//! # Structure
//! - `slots`: all sessions by id, each live or ended. An ending is one swap of a slot.
//! - `index`: the ids of each subject's live sessions; the order of pages.
//! - `deadlines`, `graves`: when to look at a live session, and when to forget an ended one.
//! - `cuts`: "end everything up to now", and how far each is concluded.
//! - `pending`: the work that endings leave to do. `burials`: tombstones by age.
//!
//! # Rules
//! 1. One clock read an operation, before any lock: user code never runs under one.
//! 2. Order of locks: `walker` → `gate` → a stripe of `index` → one guard of `slots` → one of the
//!    leaves (`deadlines`, `graves`, `cuts`, `pending`, `burials`). Never two of the same kind,
//!    none across an await. Only a sweep prunes deadlines, and looks at slots then: it holds no
//!    stripe of them meanwhile.
//! 3. A session that is not ended stands in the index: both are inserted under the index stripe,
//!    and it leaves the index only after its slot was swapped.
//! 4. A session's generation is taken, compared with the cuts and inserted while the gate is held
//!    for reading and the stripe of its subject is locked. A cut for everyone takes its number
//!    and is published while the gate is held for writing, one for a subject under the gate and
//!    the stripe. So each session is either covered by a cut, or started after it.
//! 5. A touch happens under the read guard of the slot, the ending under its write guard.
//! 6. A session that is due is judged so from its record, its last-seen and the cuts alone:
//!    concluding it late changes nothing.
//!
//! Knows nothing of who works on endings, nor of requests.

mod contract;
mod create;
mod cuts;
mod deadlines;
mod ending;
mod index;
mod locks;
mod pending;
mod slot;
mod sweep;
#[cfg(test)]
mod tests;
mod validate;
mod view;
mod write;

use self::{
    cuts::Cuts, deadlines::Deadlines, index::SubjectIndex, locks::lock, pending::PendingWork,
    slot::Slots,
};
use super::NoticeSender;
use crate::{
    id::SessionId,
    record::{Cut, Generation, Record},
    time::{Clock, SystemClock, Timestamp},
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

/// A session store in the memory of this process.
///
/// For a service that runs as one process, and for tests. It answers
/// [`Reply::Now`](super::Reply::Now) always: no future, no waiting. All sessions end, without an
/// ending, when the process does.
///
/// Memory is bounded whatever the traffic: by [`with_max_sessions`](Self::with_max_sessions) and
/// [`with_max_tombstones`](Self::with_max_tombstones). A session with a 16-byte subject and one
/// 32-byte value takes about 350 bytes.
///
/// A session is found within a second of its deadline by [`end_due`], and refused from the
/// deadline on in any case. What [`end_due`] finds it ends before it returns: have it called where
/// it may take a while. It locks what it works on for microseconds at a time, so that others are
/// not kept waiting.
///
/// ```
/// use adjourn::store::{MemoryStore, SessionStore};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::new().with_max_sessions(100_000);
/// let id = store.mint_id(None).await?;
/// assert!(store.tombstone(id).await?.is_none());
/// # Ok::<(), adjourn::store::Error>(())
/// # }).unwrap();
/// ```
///
/// [`end_due`]: super::SessionStore::end_due
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    max_sessions: usize,
    max_tombstones: usize,
    slots: Slots,
    index: SubjectIndex,
    deadlines: Deadlines,
    graves: Deadlines,
    cuts: Cuts,
    pending: PendingWork,
    /// Ended slots by the number of their ending.
    burials: Mutex<BTreeMap<u64, SessionId>>,
    gate: RwLock<()>,
    /// Held by who takes the next part of a cut's walk.
    walker: Mutex<()>,
    notices: NoticeSender,
    counters: Counters,
}

/// What changes with every log-in and ending: apart from what each request reads.
#[derive(Default)]
#[repr(align(128))]
struct Counters {
    generation: AtomicU64,
    endings: AtomicU64,
    /// Slots that are live, or about to be inserted.
    live: AtomicUsize,
}

impl MemoryStore {
    /// How many live sessions there may be, unless [`with_max_sessions`](Self::with_max_sessions)
    /// says otherwise.
    pub const DEFAULT_MAX_SESSIONS: usize = 4_000_000;

    /// How many tombstones are kept, unless [`with_max_tombstones`](Self::with_max_tombstones)
    /// says otherwise.
    pub const DEFAULT_MAX_TOMBSTONES: usize = 1_000_000;

    /// A store without sessions, on the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// A store without sessions that takes its time from `clock`.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self {
            clock: Arc::new(clock),
            max_sessions: Self::DEFAULT_MAX_SESSIONS,
            max_tombstones: Self::DEFAULT_MAX_TOMBSTONES,
            slots: slot::new_slots(),
            index: SubjectIndex::new(),
            deadlines: Deadlines::new(),
            graves: Deadlines::new(),
            cuts: Cuts::new(),
            pending: PendingWork::new(),
            burials: Mutex::default(),
            gate: RwLock::default(),
            walker: Mutex::default(),
            notices: NoticeSender::new(NOTICES),
            counters: Counters::default(),
        }
    }

    /// How many sessions there may be at once, counting those whose ending is not worked off yet.
    /// Beyond, `create` fails with [`ErrorKind::Unavailable`](super::ErrorKind::Unavailable).
    ///
    /// *Default:* [`DEFAULT_MAX_SESSIONS`](Self::DEFAULT_MAX_SESSIONS).
    #[must_use]
    pub fn with_max_sessions(mut self, max: usize) -> Self {
        self.max_sessions = max;
        self
    }

    /// How many ended sessions are remembered. Beyond, the oldest are forgotten before their time:
    /// their tokens are then refused as unknown, without the reason. They never come back.
    ///
    /// *Default:* [`DEFAULT_MAX_TOMBSTONES`](Self::DEFAULT_MAX_TOMBSTONES).
    #[must_use]
    pub fn with_max_tombstones(mut self, max: usize) -> Self {
        self.max_tombstones = max;
        self
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn next_generation(&self) -> Generation {
        Generation::new(self.counters.generation.fetch_add(1, Ordering::AcqRel) + 1)
    }

    fn live_count(&self) -> usize {
        self.counters.live.load(Ordering::Relaxed)
    }

    /// The earliest cut that covers a session.
    fn cut_of(&self, record: &Record) -> Option<Cut> {
        self.cuts
            .covering(record, |subject| self.index.hash(subject))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    /// Numbers only: no id, no subject, no value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("live", &self.live_count())
            .field("tombstones", &lock(&self.burials).len())
            .field("pending", &self.pending.count())
            .field("cuts", &self.cuts.count())
            .field("max_sessions", &self.max_sessions)
            .field("max_tombstones", &self.max_tombstones)
            .finish_non_exhaustive()
    }
}

/// How far a receiver of notices may fall behind.
const NOTICES: usize = 4_096;
