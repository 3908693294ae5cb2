//! An answer in one column: the composite type `answer`, as the server sends composite types.
//!
//! A number of columns; of each its type, its length and its bytes. Types and lengths are checked, so that a schema
//! that is not ours is [`Corrupt`](crate::store::ErrorKind::Corrupt), and nothing is looked for past the end.

use crate::{
    id::Subject,
    record::{Grants, Values},
    store::{
        Error,
        stored::{Columns, Fault, Stored},
    },
    time::Timestamp,
};

/// An answer, as far as it was read.
pub(super) struct Packed<'a> {
    pub(super) verdict: &'a str,
    pub(super) cause: Option<&'a str>,
    pub(super) now: Timestamp,
    session: Option<&'a [u8]>,
}

impl<'a> Packed<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let fault = || Fault::of("answer");
        let [verdict, cause, now, session] = columns(bytes).ok_or_else(fault)?;
        let text = |column: Column<'a>| match column.bytes {
            Some(bytes) if column.kind == TEXT => std::str::from_utf8(bytes).map(Some),
            _ => Ok(None),
        };
        let now = now.of(BIGINT).and_then(number).map(u64::try_from);
        let now = now.ok_or_else(fault)?.map_err(|_| fault())?;
        Ok(Self {
            verdict: text(verdict).map_err(|_| fault())?.ok_or_else(fault)?,
            cause: text(cause).map_err(|_| fault())?,
            now: Timestamp::from_unix_millis(now),
            session: session.bytes,
        })
    }

    /// The session, if there is one.
    pub(super) fn stored(&self, table: &str) -> Result<Option<Stored>, Error> {
        let Some(bytes) = self.session else {
            return Ok(None);
        };
        let row = columns(bytes).map(Row);
        let row = row.ok_or_else(|| Fault::of("session").in_table(table))?;
        Stored::read(&row, table).map(Some)
    }
}

/// A column: its type by number, and what is in it.
#[derive(Clone, Copy, Default)]
struct Column<'a> {
    kind: u32,
    bytes: Option<&'a [u8]>,
}

impl<'a> Column<'a> {
    fn of(self, kind: u32) -> Option<&'a [u8]> {
        self.bytes.filter(|_| self.kind == kind)
    }
}

/// The first `N` columns of a composite type: a newer version may have added some.
fn columns<const N: usize>(bytes: &[u8]) -> Option<[Column<'_>; N]> {
    let mut rest = bytes;
    let count = usize::try_from(i32_of(&mut rest)?).ok()?;
    let mut columns = [Column::default(); N];
    for place in 0..count {
        let kind = u32_of(&mut rest)?;
        let bytes = sized(&mut rest)?;
        if let Some(column) = columns.get_mut(place) {
            *column = Column { kind, bytes };
        }
    }
    (count >= N && rest.is_empty()).then_some(columns)
}

/// What follows its length; `None` in it for NULL.
#[expect(clippy::option_option, reason = "unreadable, NULL, or there")]
fn sized<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let len = i32_of(rest)?;
    if len == -1 {
        return Some(None);
    }
    let (bytes, after) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    *rest = after;
    Some(Some(bytes))
}

/// The elements of an array of one dimension, none of them NULL.
fn elements(bytes: &[u8], kind: u32) -> Option<Vec<&[u8]>> {
    let mut rest = bytes;
    let (dimensions, _has_nulls) = (i32_of(&mut rest)?, i32_of(&mut rest)?);
    if u32_of(&mut rest)? != kind {
        return None;
    }
    if dimensions == 0 {
        return rest.is_empty().then(Vec::new);
    }
    let (count, _first) = (i32_of(&mut rest)?, i32_of(&mut rest)?);
    if dimensions != 1 {
        return None;
    }
    let elements: Option<Vec<_>> = (0..count).map(|_| sized(&mut rest)?).collect();
    elements.filter(|_| rest.is_empty())
}

fn i32_of(rest: &mut &[u8]) -> Option<i32> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(i32::from_be_bytes(*bytes))
}

fn u32_of(rest: &mut &[u8]) -> Option<u32> {
    i32_of(rest).map(i32::cast_unsigned)
}

fn number(bytes: &[u8]) -> Option<i64> {
    bytes.try_into().ok().map(i64::from_be_bytes)
}

/// A row of the table of sessions.
struct Row<'a>([Column<'a>; COLUMNS.len()]);

impl<'a> Row<'a> {
    /// `None` in it for NULL.
    fn field(&self, name: &'static str, kind: u32) -> Result<Option<&'a [u8]>, Fault> {
        let place = COLUMNS.iter().position(|column| *column == name);
        let column = place.and_then(|place| self.0.get(place));
        let column = column.ok_or_else(|| Fault::of(name))?;
        if column.kind != kind {
            return Err(Fault::of(name));
        }
        Ok(column.bytes)
    }

    fn list(&self, name: &'static str, kind: u32, of: u32) -> Result<Vec<&'a [u8]>, Fault> {
        let elements = self.field(name, kind)?.map(|bytes| elements(bytes, of));
        let elements = elements.unwrap_or_else(|| Some(Vec::new()));
        elements.ok_or_else(|| Fault::of(name))
    }
}

impl Columns for Row<'_> {
    fn bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.field(column, BYTEA)?.map(<[u8]>::to_vec))
    }

    fn number(&self, column: &'static str) -> Result<Option<i64>, Fault> {
        let Some(bytes) = self.field(column, BIGINT)? else {
            return Ok(None);
        };
        number(bytes).map(Some).ok_or_else(|| Fault::of(column))
    }

    fn text(&self, column: &'static str) -> Result<Option<String>, Fault> {
        let text = self.field(column, TEXT)?.map(std::str::from_utf8);
        let text = text.transpose().map_err(|_| Fault::of(column))?;
        Ok(text.map(str::to_owned))
    }

    fn flag(&self, column: &'static str) -> Result<bool, Fault> {
        Ok(self.field(column, BOOLEAN)? == Some(&[1]))
    }

    fn subject(&self, column: &'static str) -> Result<Option<Subject>, Fault> {
        let subject = self.text(column)?.map(Subject::new).transpose();
        subject.map_err(|_| Fault::of(column))
    }

    fn values(&self, column: &'static str) -> Result<Values, Fault> {
        let (names, data) = super::rows::columns_of(column);
        let fault = |_| Fault::of(names);
        let keys = self.list(names, BYTEAS, BYTEA)?;
        let data = self.list(data, BYTEAS, BYTEA)?;
        if keys.len() != data.len() {
            return Err(Fault::of(column));
        }
        let values = keys.into_iter().zip(data);
        values
            .map(|(name, value)| Ok((std::str::from_utf8(name).map_err(fault)?, value)))
            .collect()
    }

    fn grants(&self) -> Result<Grants, Fault> {
        let names = self.list("grant_names", BYTEAS, BYTEA)?;
        let until = self.list("grant_until", BIGINTS, BIGINT)?;
        if names.len() != until.len() {
            return Err(Fault::of("grant_until"));
        }
        let grants = names.into_iter().zip(until);
        grants
            .map(|(name, until)| {
                let name = std::str::from_utf8(name).map_err(|_| Fault::of("grant_names"))?;
                let until = number(until).and_then(|until| u64::try_from(until).ok());
                let until = until.ok_or_else(|| Fault::of("grant_until"))?;
                Ok((name.into(), Timestamp::from_unix_millis(until)))
            })
            .collect()
    }
}

/// The columns of the table of sessions, in their order.
const COLUMNS: [&str; 30] = [
    "id",
    "secret",
    "previous",
    "previous_until",
    "generation",
    "subject",
    "created_at",
    "authenticated_at",
    "idle_timeout",
    "touch_interval",
    "absolute_deadline",
    "last_seen",
    "look_at",
    "revision",
    "client",
    "value_names",
    "value_data",
    "grant_names",
    "grant_until",
    "left_names",
    "left_data",
    "ended_at",
    "cause",
    "cut",
    "due_at",
    "attempt",
    "keep_until",
    "claim",
    "lease_until",
    "taken_over",
];

// The numbers of the types, the same on every server.
const BIGINT: u32 = 20;
const BIGINTS: u32 = 1016;
const BOOLEAN: u32 = 16;
const BYTEA: u32 = 17;
const BYTEAS: u32 = 1001;
const TEXT: u32 = 25;

#[cfg(test)]
mod tests;
