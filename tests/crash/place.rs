//! Where sessions are kept that several processes share.

use adjourn::{
    audit::{BlockingSink, Event, EventKind},
    id::SessionId,
    store::{Error, SessionStore},
    time::{Clock, SystemClock, Timestamp},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// So long no operation takes unless the machine stands still.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);

/// A store that several processes open, whose time the test moves for all of them.
pub(crate) trait Place: Send + Sized + Sync + 'static {
    type Store: SessionStore;
    type Table: BlockingSink;

    /// As [`child`](crate::child) knows it.
    const STORE: &'static str;

    /// A new one; `None`, said loudly, where there is none to be had.
    fn make(folder: &Path) -> impl Future<Output = Option<Self>> + Send;

    /// What another process needs to find it.
    fn address(&self) -> String;

    /// Opens the store, whose operations take no longer than this.
    fn open(&self, limit: Duration) -> impl Future<Output = Result<Self::Store, Error>> + Send;

    /// As [`open`](Self::open), and again as whatever looks after processes would start them again.
    fn store(&self, limit: Duration) -> impl Future<Output = Self::Store> + Send {
        async move {
            let began = Instant::now();
            loop {
                match self.open(limit).await {
                    Ok(store) => return store,
                    Err(error) => assert!(began.elapsed() < PATIENT, "{error}"),
                }
            }
        }
    }

    /// Moves the time of every process.
    fn advance(&self, by: Duration) -> impl Future<Output = ()> + Send;

    /// A sink in the store's own database: at most one row for each event.
    fn table(&self) -> impl Future<Output = Self::Table> + Send;

    /// The rows of that sink: the id of the event and the reason.
    fn rows(&self) -> impl Future<Output = Vec<(String, String)>> + Send;
}

/// A place on a server of its own that can stand still, in the server's time.
pub(crate) trait Shared: Place {
    type Server: Send + 'static;

    /// What the near cache of its nodes is set to, if they have one.
    const MAX_STALENESS: Option<Duration>;

    /// A server; `None`, said loudly, where there is none to be had.
    fn start() -> Option<Self::Server>;

    fn on(server: &Self::Server) -> impl Future<Output = Self> + Send;

    fn pause(server: &mut Self::Server);

    fn resume(server: &mut Self::Server);

    /// Every session that there is or was.
    fn ids(&self) -> impl Future<Output = Vec<SessionId>> + Send;

    /// How many of them live, or wait for somebody who works on their ending.
    fn unfinished(&self) -> impl Future<Output = usize> + Send;
}

/// The id of the event and the reason, if the event is an ending.
pub(crate) fn ending(event: &Event) -> Option<(String, String)> {
    let EventKind::Ended { cause, .. } = &event.kind else {
        return None;
    };
    let id = event.session_id?;
    Some((id.to_string(), cause.reason().code().to_owned()))
}

/// The machine's time, moved by what a file says that all processes read.
#[derive(Clone, Debug)]
pub(crate) struct Moved(PathBuf);

impl Moved {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self(folder.join("moved"))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let moved = self.moved() + by;
        // In one step: another process reads the old time or the new one.
        let next = self.0.with_extension("next");
        fs::write(&next, moved.as_millis().to_string()).unwrap();
        fs::rename(&next, &self.0).unwrap();
    }

    fn moved(&self) -> Duration {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        Duration::from_millis(text.parse().unwrap_or_default())
    }
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        SystemClock.now().saturating_add(self.moved())
    }
}
