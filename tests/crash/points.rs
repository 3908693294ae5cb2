//! The points, and what must be so afterwards.

use crate::{
    node::{LEASE, Node, audit_file, hook_file},
    place::{PATIENT, Place},
    point::Point,
    process::{Order, Process},
    support::{SECRET, log_in},
};
use adjourn::{
    Sessions,
    id::SessionId,
    reason::EndReason,
    record::Activity,
    store::{CheckIn, SessionStore},
    terminate::Outcome,
};
use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::sync::watch;

/// Every point, for a store. The numbers are those of the documentation.
macro_rules! points {
    ($module:ident, $place:ty) => {
        mod $module {
            use crate::{point::Point, points};

            $crate::points::tests! { $place:
                without_a_crash_everything_happens_once => points::nobody_dies;
                point_1_before_the_end_nothing_happened => points::dies_before_the_end;
                point_2_the_reply_to_an_ending_is_lost => points::dies, Point::Decided;
                point_3_nothing_was_cut => points::dies, Point::BeforeTheCut;
                point_4_between_two_hooks => points::dies, Point::BetweenHooks;
                point_5_after_the_hooks_before_the_sinks => points::dies, Point::BeforeTheSinks;
                point_5_with_the_record_in_memory => points::dies, Point::RecordInMemory;
                point_6_recorded_and_not_acknowledged => points::dies, Point::BeforeTheAcknowledgement;
                point_7_acknowledged => points::dies, Point::Acknowledged;
                point_8_a_log_in_ended_the_oldest => points::dies, Point::LimitEnforced;
                point_9_a_cut_of_everybody_was_made => points::dies_in_a_cut, Point::CutMade;
                point_9_a_cut_of_everybody_is_half_concluded => points::dies_in_a_cut, Point::CutHalfConcluded;
                point_10_the_reply_to_a_sweep_is_lost => points::dies_in_a_sweep;
                point_11_stopped_longer_than_the_lease => points::is_stopped, Point::StoppedAtWork;
                point_11_stopped_and_told_so => points::is_stopped, Point::StoppedAndTold;
            }
        }
    };
}

macro_rules! tests {
    ($place:ty: $($name:ident => $test:path $(, $point:expr)?;)+) => {
        $(
            // P3 R-13-6
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $test(&crate::points::Case::<$place>::new().await $(, $point)?).await;
            }
        )+
    };
}

pub(crate) use {points, tests};

/// A store, a process that lives on, and room for what both write down.
pub(crate) struct Case<P: Place>(Option<Both<P>>);

struct Both<P: Place> {
    folder: Folder,
    place: P,
    store: P::Store,
    other: Sessions,
}

/// Removed with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("adjourn-crash-{}-{number}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir(&folder.0).unwrap();
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_to_the_system = fs::remove_dir_all(&self.0);
    }
}

impl<P: Place> Case<P> {
    pub(crate) async fn new() -> Self {
        let folder = Folder::new();
        let Some(place) = P::make(&folder.0).await else {
            return Self(None);
        };
        let node = Node {
            folder: &folder.0,
            name: "other".to_owned(),
            dies: Point::Nowhere,
            lease: LEASE,
            max_staleness: None,
            go: watch::channel(true).1,
        };
        let other = node.open(&place, place.store(PATIENT).await).await;
        let store = place.store(PATIENT).await;
        Self(Some(Both {
            folder,
            place,
            store,
            other,
        }))
    }
}

pub(crate) async fn nobody_dies<P: Place>(case: &Case<P>) {
    let Some(both) = &case.0 else { return };
    let id = log_in(&both.store, "alice").await;
    both.start(Point::Nowhere, Some(id)).finish().await;
    both.after_the_lease(0).await;
    both.is_well_ended(id, "forced", Some(Lines::new(1, 0)))
        .await;
    assert_eq!(both.hooks(id), ["first false", "second false"]);
}

pub(crate) async fn dies_before_the_end<P: Place>(case: &Case<P>) {
    let Some(both) = &case.0 else { return };
    let id = log_in(&both.store, "alice").await;
    both.kill(Point::BeforeTheEnd, Some(id)).await;
    let answer = both.store.check_in(id, &SECRET, Activity::Passive).await;
    assert!(matches!(answer.unwrap(), CheckIn::Live(_)));
    // Whoever asked was told nothing, and asks again.
    let ended = both.other.terminator().end(id, EndReason::Forced).await;
    assert_eq!(ended.unwrap().outcome(), Outcome::Ended);
    let _left = both.other.shutdown().await;
    both.after_the_lease(0).await;
    let own = Lines {
        again: false,
        ..Lines::new(0, 1)
    };
    both.is_well_ended(id, "forced", Some(own)).await;
    assert_eq!(both.hooks(id), ["first false", "second false"]);
}

/// One session ends, and the process dies somewhere on the way.
pub(crate) async fn dies<P: Place>(case: &Case<P>, at: Point) {
    let Some(both) = &case.0 else { return };
    let id = log_in(&both.store, "alice").await;
    both.kill(at, Some(id)).await;
    let by_limit = at == Point::LimitEnforced;
    let reason = if by_limit { "superseded" } else { "forced" };
    assert_eq!(both.reason(id).await, reason, "it has ended all the same");
    let lines = match at {
        Point::Acknowledged => Lines::new(1, 0),
        Point::BeforeTheAcknowledgement => Lines::new(1, 1),
        _ => Lines::new(0, 1),
    };
    both.after_the_lease(lines.other).await;
    both.is_well_ended(id, reason, Some(lines)).await;
}

/// More sessions than a cut concludes in one step.
pub(crate) async fn dies_in_a_cut<P: Place>(case: &Case<P>, at: Point) {
    let Some(both) = &case.0 else { return };
    let mut ids = Vec::new();
    for number in 0..100 {
        ids.push(log_in(&both.store, &format!("user-{number}")).await);
    }
    both.kill(at, None).await;
    for id in &ids {
        assert_eq!(both.reason(*id).await, "forced", "none of them goes on");
    }
    // What nobody ended yet is not leased: the next sweep ends it.
    let concluded = both.other.terminator().sweep().await.unwrap();
    assert_eq!(concluded, if at == Point::CutMade { 100 } else { 36 });
    let _left = both.other.shutdown().await;
    both.place.advance(LEASE + SECOND).await;
    both.other.terminator().sweep().await.unwrap();
    both.settle().await;
    for id in ids {
        both.is_well_ended(id, "forced", None).await;
    }
}

pub(crate) async fn dies_in_a_sweep<P: Place>(case: &Case<P>) {
    let Some(both) = &case.0 else { return };
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(log_in(&both.store, &format!("user-{number}")).await);
    }
    both.place.advance(Duration::from_mins(16)).await;
    both.kill(Point::Swept, None).await;
    both.after_the_lease(3).await;
    for id in ids {
        both.is_well_ended(id, "idle-timeout", Some(Lines::new(0, 1)))
            .await;
    }
}

/// SIGSTOP in the second hook, longer than the lease; then it goes on.
pub(crate) async fn is_stopped<P: Place>(case: &Case<P>, at: Point) {
    let Some(both) = &case.0 else { return };
    let id = log_in(&both.store, "alice").await;
    let mut process = both.start(at, Some(id));
    process.says("there").await;
    process.stop().await;
    both.place.advance(LEASE + SECOND).await;
    assert_eq!(both.other.terminator().sweep().await.unwrap(), 1);
    process.wake().await;
    let child = if at == Point::StoppedAndTold {
        // It renews its lease, and is told that it has none: it stops without a word.
        process.says("hook over").await;
        0
    } else {
        process.go().await;
        1
    };
    process.finish().await;
    both.settle().await;
    both.is_well_ended(id, "forced", Some(Lines::new(child, 1)))
        .await;
}

/// The records of an ending that each process made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Lines {
    child: usize,
    other: usize,
    /// Whether the other took over what the first had begun.
    again: bool,
}

const SECOND: Duration = Duration::from_secs(1);

impl<P: Place> Both<P> {
    fn start(&self, dies: Point, id: Option<SessionId>) -> Process {
        Process::start(&Order {
            store: P::STORE.to_owned(),
            address: self.place.address(),
            folder: self.folder.0.clone(),
            dies,
            id: id.map(|id| id.to_string()),
        })
    }

    async fn kill(&self, dies: Point, id: Option<SessionId>) {
        let mut process = self.start(dies, id);
        process.says("there").await;
        process.kill().await;
    }

    /// The other process takes over so many endings, when the lease is over and not before.
    async fn after_the_lease(&self, taken_over: usize) {
        let terminator = self.other.terminator();
        assert_eq!(terminator.sweep().await.unwrap(), 0, "leased");
        self.place.advance(LEASE + SECOND).await;
        assert_eq!(terminator.sweep().await.unwrap(), taken_over);
        self.settle().await;
    }

    /// Everything is written and acknowledged.
    async fn settle(&self) {
        let _left = self.other.shutdown().await;
        self.place.advance(LEASE + SECOND).await;
        let left = self.store.pending(10, LEASE).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Why the token authenticates nobody.
    async fn reason(&self, id: SessionId) -> String {
        let answer = self.store.check_in(id, &SECRET, Activity::Active).await;
        match answer.unwrap() {
            CheckIn::Ended(tombstone) => tombstone.reason().code().to_owned(),
            CheckIn::Due(cause) => cause.reason().code().to_owned(),
            other => panic!("{id}: {other:?}"),
        }
    }

    /// One ending, told at least once and never in two ways.
    async fn is_well_ended(&self, id: SessionId, reason: &str, lines: Option<Lines>) {
        assert_eq!(self.reason(id).await, reason);
        let (child, other) = (self.records("child", id), self.records("other", id));
        // Of many that were under way it is not known where each was.
        if let Some(lines) = lines {
            assert_eq!((child.len(), other.len()), (lines.child, lines.other));
            assert!(
                other
                    .iter()
                    .all(|record| record["redelivered"] == lines.again)
            );
        }
        assert!(child.iter().all(|record| record["redelivered"] == false));
        if !child.is_empty() {
            assert!(other.iter().all(|record| record["redelivered"] == true));
        }
        let records: Vec<_> = child.into_iter().chain(other).map(ending_of).collect();
        assert!(!records.is_empty(), "nothing is lost");
        for record in &records {
            assert_eq!(record, &records[0], "the same ending in every copy");
            assert_eq!(record["reason"], reason);
        }
        let hooks = self.hooks(id);
        for hook in ["first", "second"] {
            assert!(hooks.iter().any(|run| run.starts_with(hook)), "{hooks:?}");
        }
        let rows = self.place.rows().await;
        let rows = rows.iter().filter(|(of, _)| *of == id.to_string());
        let reasons: Vec<_> = rows.map(|(_, reason)| reason.as_str()).collect();
        assert_eq!(reasons, [reason], "a table keyed by the event holds one");
    }

    fn records(&self, node: &str, id: SessionId) -> Vec<Value> {
        let text = fs::read_to_string(audit_file(&self.folder.0, node)).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let of_it = |record: &Value| {
            record["event"] == "session-ended" && record["session_id"] == id.to_string()
        };
        lines.filter(of_it).collect()
    }

    /// Which hooks ran, and whether they were told that it may be again.
    fn hooks(&self, id: SessionId) -> Vec<String> {
        let files = ["child", "other"].map(|node| hook_file(&self.folder.0, node));
        let texts = files.map(|file| fs::read_to_string(file).unwrap_or_default());
        let runs = texts.iter().flat_map(|text| text.lines());
        let of_it = |run: &str| {
            let words: Vec<_> = run.split(' ').collect();
            (words[1] == id.to_string()).then(|| format!("{} {}", words[0], words[2]))
        };
        runs.filter_map(of_it).collect()
    }
}

impl Lines {
    const fn new(child: usize, other: usize) -> Self {
        let again = true;
        Self {
            child,
            other,
            again,
        }
    }
}

/// A record without what belongs to the attempt; whom a cut was meant for only the node knows that
/// made it ([`EndScope::Several`](adjourn::audit::EndScope::Several)), all know its number.
pub(crate) fn ending_of(mut record: Value) -> Value {
    let fields = record.as_object_mut().unwrap();
    for attempt in [
        "redelivered",
        "hooks",
        "failed_hooks",
        "scope",
        "connections_cut",
    ] {
        fields.remove(attempt);
    }
    record
}
