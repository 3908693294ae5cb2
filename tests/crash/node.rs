//! What every process runs: hooks that note that they ran, and two audit trails.

use crate::{place::Place, point::Point, process};
use adjourn::{
    Sessions,
    audit::{BlockingSink, Event, JsonLines, NonBlocking, Queue, Sink},
    record::Departed,
    store::{AtLimit, Limit, SessionStore},
};
use std::{
    fs::OpenOptions,
    future::pending,
    io::{self, Write},
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// How long the store waits for a process before another takes over.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// One process of several.
pub(crate) struct Node<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) name: String,
    /// Where it dies, if it does.
    pub(crate) dies: Point,
    /// By its own clock: when it looks whether its lease is still its own.
    pub(crate) lease: Duration,
    /// For how long it may answer from its own memory, if it may.
    pub(crate) max_staleness: Option<Duration>,
    /// Lets a hook go on that waits.
    pub(crate) go: watch::Receiver<bool>,
}

impl Node<'_> {
    pub(crate) async fn open<P: Place>(self, place: &P, store: impl SessionStore) -> Sessions {
        let lines = JsonLines::at(audit_file(self.folder, &self.name));
        let lines = Stopping(lines.open().unwrap(), self.dies);
        let lines = Queue::builder(lines).start().unwrap();
        let table = Queue::builder(place.table().await).start().unwrap();
        let (first, second) = (self.note("first"), self.note("second"));
        let (dies, go) = (self.dies, self.go);
        let max = NonZeroU32::MIN;
        let at_limit = AtLimit::EndOldest;
        let mut sessions = Sessions::builder(store)
            .with_limit(Limit { max, at_limit })
            .with_lease(self.lease)
            .with_hook_time_limit(Duration::from_mins(10))
            .with_clean_up_patience(Duration::from_mins(10))
            .on_end("first", move |ended: Arc<Departed>| {
                let noted = first(&ended);
                async move { noted }
            })
            .on_end("second", move |ended: Arc<Departed>| {
                let (noted, go) = (second(&ended), go.clone());
                async move {
                    between_hooks(dies, go).await;
                    noted
                }
            })
            .add_audit_sink(Dying(dies))
            .add_audit_sink(lines)
            .add_audit_sink(table);
        if let Some(max) = self.max_staleness {
            sessions = sessions.with_max_staleness(max);
        }
        sessions.build().unwrap()
    }

    fn note(&self, hook: &'static str) -> impl Fn(&Departed) -> io::Result<()> + use<> {
        let file = hook_file(self.folder, &self.name);
        move |ended| {
            let mut file = OpenOptions::new().create(true).append(true).open(&file)?;
            // In one write: many hooks run at once.
            let line = format!("{hook} {} {}\n", ended.id, ended.redelivered);
            file.write_all(line.as_bytes())
        }
    }
}

pub(crate) fn audit_file(folder: &Path, node: &str) -> PathBuf {
    folder.join(format!("audit-{node}.jsonl"))
}

pub(crate) fn hook_file(folder: &Path, node: &str) -> PathBuf {
    folder.join(format!("hooks-{node}"))
}

async fn between_hooks(dies: Point, mut go: watch::Receiver<bool>) {
    match dies {
        Point::BetweenHooks => {
            process::say("there");
            pending::<()>().await;
        }
        Point::StoppedAtWork | Point::StoppedAndTold => {
            let _told = TellDrop;
            process::say("there");
            drop(go.wait_for(|go| *go).await);
        }
        _ => {}
    }
}

/// Says that the hook was dropped, or is done.
struct TellDrop;

impl Drop for TellDrop {
    fn drop(&mut self) {
        process::say("hook over");
    }
}

/// The first of the sinks.
struct Dying(Point);

impl NonBlocking for Dying {}

impl Sink for Dying {
    fn record(&self, event: &Event) {
        if self.0 == Point::BeforeTheSinks && event.kind.code() == "session-ended" {
            process::stay();
        }
    }
}

/// A sink behind a queue.
struct Stopping<S>(S, Point);

impl<S: BlockingSink> BlockingSink for Stopping<S> {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        if self.1 == Point::RecordInMemory && event.kind.code() == "session-ended" {
            process::stay();
        }
        self.0.write(event)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
