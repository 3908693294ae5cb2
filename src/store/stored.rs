//! What the stores outside the process share: a session read back.
//!
//! What is stored was written by somebody else, perhaps not by this crate: whatever is read from it is
//! checked, and what cannot be read is [`ErrorKind::Corrupt`](super::ErrorKind::Corrupt) with the
//! session and the column named, never another session.

use super::{Error, Listed, codec};
use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::Ending,
    record::{
        Client, Departed, Generation, Grants, Live, Previous, Record, RecordParts, Tombstone,
        Values,
    },
    time::Timestamp,
};
use std::{fmt, sync::Arc, time::Duration};

/// What is wrong with something stored.
#[derive(Debug)]
pub(super) struct Fault(String);

impl Fault {
    /// The column is not what it should be.
    pub(super) fn of(column: &str) -> Self {
        Self(format!("the column \"{column}\" is damaged or foreign"))
    }

    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn in_session(self, id: SessionId) -> Error {
        Error::corrupt(format!("session {id}: {}", self.0))
    }

    #[cfg(feature = "redis")]
    pub(super) fn in_key(self, key: &str) -> Error {
        Error::corrupt(format!("the key {key}: {}", self.0))
    }

    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn in_table(self, table: &str) -> Error {
        Error::corrupt(format!("the table {table}: {}", self.0))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<codec::Unreadable> for Fault {
    fn from(unreadable: codec::Unreadable) -> Self {
        Self(unreadable.to_string())
    }
}

/// The columns of a row, by name; `None` for NULL.
pub(super) trait Columns {
    fn bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, Fault>;
    fn number(&self, column: &'static str) -> Result<Option<i64>, Fault>;
    fn text(&self, column: &'static str) -> Result<Option<String>, Fault>;
    fn flag(&self, column: &'static str) -> Result<bool, Fault>;
    fn subject(&self, column: &'static str) -> Result<Option<Subject>, Fault>;
    fn values(&self, column: &'static str) -> Result<Values, Fault>;
    fn grants(&self) -> Result<Grants, Fault>;

    fn some_number(&self, column: &'static str) -> Result<u64, Fault> {
        self.unsigned(column)?.ok_or_else(|| Fault::of(column))
    }

    fn unsigned(&self, column: &'static str) -> Result<Option<u64>, Fault> {
        let number = self.number(column)?.map(u64::try_from).transpose();
        number.map_err(|_| Fault::of(column))
    }

    fn instant(&self, column: &'static str) -> Result<Timestamp, Fault> {
        self.some_number(column).map(Timestamp::from_unix_millis)
    }

    fn array<const N: usize>(&self, column: &'static str) -> Result<Option<[u8; N]>, Fault> {
        let array = self.bytes(column)?.map(<[u8; N]>::try_from).transpose();
        array.map_err(|_| Fault::of(column))
    }

    fn some_array<const N: usize>(&self, column: &'static str) -> Result<[u8; N], Fault> {
        self.array(column)?.ok_or_else(|| Fault::of(column))
    }
}

/// A session as it is stored, live or ended.
pub(super) struct Stored {
    pub(super) id: SessionId,
    pub(super) record: Arc<Record>,
    pub(super) last_seen: Timestamp,
    pub(super) gone: Option<Gone>,
}

/// What its ending added.
pub(super) struct Gone {
    pub(super) ending: Ending,
    pub(super) cut: Option<Generation>,
    pub(super) due_at: Option<Timestamp>,
    /// `None` once it is done.
    pub(super) work: Option<Work>,
}

pub(super) struct Work {
    pub(super) claim: u64,
    pub(super) taken_over: bool,
}

impl Stored {
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn read(row: &impl Columns, table: &str) -> Result<Self, Error> {
        let id = row.some_array("id").map(SessionId::from_bytes);
        let id = id.map_err(|fault| fault.in_table(table))?;
        Self::of(row, id).map_err(|fault| fault.in_session(id))
    }

    pub(super) fn of(row: &impl Columns, id: SessionId) -> Result<Self, Fault> {
        Ok(Self {
            id,
            record: Arc::new(record(row)?.into()),
            last_seen: row.instant("last_seen")?,
            gone: gone(row)?,
        })
    }

    pub(super) fn live(&self, now: Timestamp) -> Live {
        Live {
            id: self.id,
            record: Arc::clone(&self.record),
            last_seen: self.last_seen,
            now,
        }
    }

    pub(super) fn listed(&self) -> Listed {
        Listed {
            id: self.id,
            subject: self.record.subject().cloned(),
            created_at: self.record.created_at(),
            last_seen: self.last_seen,
            absolute_deadline: self.record.absolute_deadline(),
            client: self.record.client().cloned(),
        }
    }

    pub(super) fn tombstone(&self) -> Option<Arc<Tombstone>> {
        let gone = self.gone.as_ref()?;
        Some(Arc::new(Tombstone {
            id: self.id,
            secret_hash: *self.record.secret_hash(),
            previous_hash: self.record.previous().map(|previous| previous.hash),
            subject: self.record.subject().cloned(),
            ending: gone.ending.clone(),
        }))
    }

    /// The pending work; `None` when it is done, or there is none yet.
    pub(super) fn departed(&self) -> Option<Departed> {
        let gone = self.gone.as_ref()?;
        let work = gone.work.as_ref()?;
        Some(Departed {
            id: self.id,
            subject: self.record.subject().cloned(),
            ending: gone.ending.clone(),
            cut: gone.cut,
            due_at: gone.due_at,
            created_at: self.record.created_at(),
            last_seen: self.last_seen,
            client: self.record.client().cloned(),
            leave_behind: self.record.leave_behind().cloned().unwrap_or_default(),
            claim: work.claim,
            redelivered: work.taken_over,
        })
    }
}

fn record(row: &impl Columns) -> Result<RecordParts, Fault> {
    let previous = row.array("previous")?.map(SecretHash::from_bytes);
    let until = row.unsigned("previous_until")?.unwrap_or_default();
    Ok(RecordParts {
        secret_hash: SecretHash::from_bytes(row.some_array("secret")?),
        previous: previous.map(|hash| Previous {
            hash,
            until: Timestamp::from_unix_millis(until),
        }),
        generation: Generation::new(row.some_number("generation")?),
        subject: row.subject("subject")?,
        created_at: row.instant("created_at")?,
        authenticated_at: row.instant("authenticated_at")?,
        idle_timeout: row.unsigned("idle_timeout")?.map(Duration::from_millis),
        touch_interval: Duration::from_millis(row.some_number("touch_interval")?),
        absolute_deadline: row.instant("absolute_deadline")?,
        revision: row.some_number("revision")?,
        client: client(row)?,
        values: row.values("vals")?,
        grants: row.grants()?,
        leave_behind: row.values("left_behind")?,
    })
}

fn client(row: &impl Columns) -> Result<Option<Arc<Client>>, Fault> {
    let Some(text) = row.text("client")? else {
        return Ok(None);
    };
    Ok(Some(Arc::new(codec::client_from_text(&text)?)))
}

fn gone(row: &impl Columns) -> Result<Option<Gone>, Fault> {
    let Some(at) = row.unsigned("ended_at")? else {
        return Ok(None);
    };
    let cause = row.text("cause")?.ok_or_else(|| Fault::of("cause"))?;
    let claim = row.unsigned("claim")?;
    let taken_over = row.flag("taken_over")?;
    Ok(Some(Gone {
        ending: Ending::new(
            codec::cause_from_text(&cause)?,
            Timestamp::from_unix_millis(at),
        ),
        cut: row.unsigned("cut")?.map(Generation::new),
        due_at: row.unsigned("due_at")?.map(Timestamp::from_unix_millis),
        work: claim.map(|claim| Work { claim, taken_over }),
    }))
}
