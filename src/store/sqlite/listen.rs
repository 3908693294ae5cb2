//! What other processes do to the file, found by polling.
//!
//! `pragma data_version` changes when another connection committed, and costs microseconds. Then
//! the notices after the last one seen are read. Their numbers have no holes: where one is missing
//! it was dropped before this process could read it, and that is a [`Notice::Gap`].

use super::connection::{Inner, connect, query_fault};
use crate::{
    id::SessionId,
    reason::EndReason,
    store::{
        Error, Notice, codec,
        stored::{Columns, Fault},
    },
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::sleep;

/// How far the notices are read.
pub(super) struct Listener {
    connection: SqliteConnection,
    version: i64,
    last: i64,
}

impl Listener {
    /// Listens to what happens from now on.
    pub(super) async fn open(inner: &Inner) -> Result<Self, Error> {
        let mut connection = connect(&inner.options, LISTEN).await?;
        let last = newest(&mut connection).await?;
        Ok(Self {
            connection,
            version: -1,
            last,
        })
    }

    /// Reads what is new.
    async fn poll(&mut self, inner: &Inner) -> Result<(), Error> {
        let version: i64 = first(&mut self.connection, "pragma data_version").await?;
        if version == self.version {
            return Ok(());
        }
        self.version = version;
        while self.read(inner).await? {}
        let newest = newest(&mut self.connection).await?;
        let is_replaced = newest < self.last;
        if newest > self.last {
            // Written since: read like the others, unless it was dropped before.
            while self.read(inner).await? {}
        }
        if is_replaced || newest > self.last {
            // Dropped before they were read, or the file is another one.
            self.last = newest;
            inner.notices.send(|| Notice::Gap);
        }
        Ok(())
    }

    /// Reads a part; `true` when there may be more.
    async fn read(&mut self, inner: &Inner) -> Result<bool, Error> {
        const AFTER: &str = "select seq, node, id, body from adjourn_notice \
            where seq > ? order by seq limit 256";
        let rows = sqlx::query(AFTER)
            .bind(self.last)
            .fetch_all(&mut self.connection)
            .await
            .map_err(query_fault(LISTEN))?;
        for row in &rows {
            let told = told(row).map_err(|fault| fault.in_table("adjourn_notice"))?;
            if told.seq != self.last.saturating_add(1) {
                inner.notices.send(|| Notice::Gap);
            }
            self.last = told.seq;
            if told.node != inner.node {
                inner.notices.send(|| told.notice);
            }
        }
        Ok(rows.len() >= 256)
    }
}

struct Told {
    seq: i64,
    node: i64,
    notice: Notice,
}

/// Polls until the store is gone.
pub(super) async fn listen(inner: Weak<Inner>, listener: Listener, every: Duration) {
    let mut listening = Some(listener);
    let mut pause = every;
    loop {
        sleep(pause).await;
        let Some(inner) = inner.upgrade() else {
            return;
        };
        pause = match tend(&inner, &mut listening).await {
            Ok(()) => every,
            Err(error) => {
                tracing::warn!(target: "adjourn::store", %error, "notices of other processes are not read");
                listening = None;
                inner.notices.send(|| Notice::Silence);
                (pause * 2).min(LONGEST_PAUSE)
            }
        };
    }
}

async fn tend(inner: &Arc<Inner>, listening: &mut Option<Listener>) -> Result<(), Error> {
    if let Some(listener) = listening {
        return listener.poll(inner).await;
    }
    *listening = Some(Listener::open(inner).await?);
    // What happened since the failure is not known.
    inner.notices.send(|| Notice::Gap);
    Ok(())
}

fn told(row: &SqliteRow) -> Result<Told, Fault> {
    let some = |column| row.number(column)?.ok_or_else(|| Fault::of(column));
    let body = row.text("body")?.ok_or_else(|| Fault::of("body"))?;
    let notice = match row.array("id")?.map(SessionId::from_bytes) {
        None => Notice::Cut(codec::scope_from_text(&body)?),
        Some(id) => Notice::Ended {
            id,
            reason: EndReason::from_code(&body).map_err(|_| Fault::of("body"))?,
        },
    };
    Ok(Told {
        seq: some("seq")?,
        node: some("node")?,
        notice,
    })
}

/// The number of the newest notice that ever was.
async fn newest(connection: &mut SqliteConnection) -> Result<i64, Error> {
    const NEWEST: &str = "select coalesce(max(seq), 0) from sqlite_sequence \
        where name = 'adjourn_notice'";
    first(connection, NEWEST).await
}

async fn first(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, Error> {
    let row = sqlx::query(sql).fetch_one(connection).await;
    let row = row.map_err(query_fault(LISTEN))?;
    row.try_get(0).map_err(super::connection::fault)
}

const LISTEN: &str = "listening";

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
