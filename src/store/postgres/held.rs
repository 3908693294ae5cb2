//! Connections of the pool that a check-in has just used, kept a moment for the next one.
//!
//! The pool asks a connection whether it is well when it is given back, and by default when it is taken, too: two round
//! trips beside the one that a request needs. While requests follow each other they go on with a connection that
//! has just answered.
//!
//! 1. At most half of the pool is kept, so that the application's own queries find the others. A
//!    pool of one connection keeps none.
//! 2. What was not used for [`IDLE`] goes back, and what was taken [`LONGEST`] ago: the pool then does with
//!    it what it was set to do.
//! 3. Only what has answered is kept. What failed goes back to the pool, which asks it.
//! 4. The pool asks for however long it takes, and counts the connection meanwhile: where a network swallows everything and says
//!    nothing, that is minutes. So what was kept is asked here first, within the time limit, and closed when it is silent.

use sqlx::{Connection as _, PgPool, Postgres, pool::PoolConnection};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};

/// A connection, and since when it is out of the pool.
pub(super) struct Taken {
    pub(super) connection: PoolConnection<Postgres>,
    since: Instant,
}

impl Taken {
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self {
            connection,
            since: Instant::now(),
        }
    }
}

pub(super) struct Held {
    limit: Duration,
    most: usize,
    runtime: Handle,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The one that was used last at the end; each with when that was.
    all: Vec<(Taken, Instant)>,
    /// Whether a task gives back what is not used.
    is_watched: bool,
}

impl Held {
    pub(super) fn new(pool: &PgPool, runtime: Handle, limit: Duration) -> Arc<Self> {
        let most = usize::try_from(pool.options().get_max_connections() / 2);
        Arc::new(Self {
            limit,
            most: most.unwrap_or(usize::MAX),
            runtime,
            kept: Mutex::default(),
        })
    }

    /// The connection that was used last.
    pub(super) fn take(&self) -> Option<Taken> {
        self.kept().all.pop().map(|(taken, _)| taken)
    }

    /// Keeps a connection that has answered, or gives it back.
    pub(super) fn keep(self: &Arc<Self>, taken: Taken, pool: &PgPool) {
        let now = Instant::now();
        let mut kept = self.kept();
        if kept.all.len() >= self.most || now >= taken.since + LONGEST || pool.is_closed() {
            return;
        }
        kept.all.push((taken, now));
        if !std::mem::replace(&mut kept.is_watched, true) {
            self.runtime.spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Gives back what is not used. Whether there is more.
    fn give_unused_back(&self) -> bool {
        let now = Instant::now();
        let mut kept = self.kept();
        let is_unused =
            |taken: &Taken, used: Instant| now >= used + IDLE || now >= taken.since + LONGEST;
        let (unused, used): (Vec<_>, Vec<_>) = std::mem::take(&mut kept.all)
            .into_iter()
            .partition(|(taken, used)| is_unused(taken, *used));
        kept.all = used;
        kept.is_watched = !kept.all.is_empty();
        let is_watched = kept.is_watched;
        drop(kept);
        for (taken, _) in unused {
            self.runtime.spawn(give_back(taken.connection, self.limit));
        }
        is_watched
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    /// The pool takes a connection back on a task, for which it needs the runtime: the store may be dropped elsewhere.
    fn drop(&mut self) {
        let _within = self.runtime.enter();
        for (taken, _) in std::mem::take(&mut self.kept().all) {
            self.runtime.spawn(give_back(taken.connection, self.limit));
        }
    }
}

async fn give_back(mut connection: PoolConnection<Postgres>, limit: Duration) {
    if !matches!(timeout(limit, connection.ping()).await, Ok(Ok(()))) {
        drop(connection.detach());
    }
}

/// Gives back what is not used, until there is nothing left.
async fn watch(held: Weak<Held>) {
    loop {
        sleep(IDLE).await;
        if !held.upgrade().is_some_and(|held| held.give_unused_back()) {
            return;
        }
    }
}

/// How long a connection is kept without being used.
const IDLE: Duration = Duration::from_millis(20);

/// How long a connection stays out of the pool.
const LONGEST: Duration = Duration::from_secs(1);
