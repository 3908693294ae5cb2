//! The points of an ending at which a process may die.

use serde::{Deserialize, Serialize};

/// Where the process is when it dies. The numbers are those of the documentation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Point {
    /// 1: the store was not asked yet.
    BeforeTheEnd,
    /// 2: the store has decided, and its reply is lost.
    Decided,
    /// 3: the reply is there, and no connection was cut.
    BeforeTheCut,
    /// 4: one hook is done, the next begins.
    BetweenHooks,
    /// 5: the hooks are done, no sink has the record.
    BeforeTheSinks,
    /// Between 5 and 6: the record is in the memory of the process.
    RecordInMemory,
    /// 6: the sinks have kept the record, the store does not know.
    BeforeTheAcknowledgement,
    /// 7: everything is done.
    Acknowledged,
    /// 8: a log-in has ended the oldest session, and its reply is lost.
    LimitEnforced,
    /// 9: a cut of everybody was made, and its reply is lost.
    CutMade,
    /// 9: of the sessions of a cut some were concluded.
    CutHalfConcluded,
    /// 10: a sweep has ended a batch, and its reply is lost.
    Swept,
    /// 11: it lives on after its lease, at work.
    StoppedAtWork,
    /// 11: it lives on after its lease, and finds out.
    StoppedAndTold,
    /// None: it does everything.
    Nowhere,
    /// Anywhere: it serves what is asked for until it is killed.
    Anywhere,
}
