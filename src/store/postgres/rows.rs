//! Answers of the functions, read back.

use super::connection::Inner;
use crate::{
    id::Subject,
    reason::Cause,
    record::{Changes, Departed, Grants, Live, Tombstone, Values},
    store::{
        Error, Notice, codec,
        stored::{Columns, Fault, Stored},
    },
    time::Timestamp,
};
use sqlx::{Row, postgres::PgRow};
use std::sync::Arc;

/// One row of an answer.
pub(super) struct Answered<'a> {
    pub(super) verdict: String,
    row: &'a PgRow,
    table: &'a str,
}

impl<'a> Answered<'a> {
    pub(super) fn read(row: &'a PgRow, inner: &'a Inner) -> Result<Self, Error> {
        let table = inner.table.as_str();
        let verdict = row
            .text("verdict")
            .and_then(|verdict| verdict.ok_or_else(|| Fault::of("verdict")));
        Ok(Self {
            verdict: verdict.map_err(|fault| fault.in_table(table))?,
            row,
            table,
        })
    }

    pub(super) fn now(&self) -> Result<Timestamp, Error> {
        self.row
            .instant("now")
            .map_err(|fault| fault.in_table(self.table))
    }

    /// Why it is due.
    pub(super) fn cause(&self) -> Result<Cause, Error> {
        let text = self.row.text("due_cause");
        text.and_then(|text| {
            let text = text.ok_or_else(|| Fault::of("cause"))?;
            Ok(codec::cause_from_text(&text)?)
        })
        .map_err(|fault| fault.in_table(self.table))
    }

    pub(super) fn stored(&self) -> Result<Stored, Error> {
        Stored::read(self.row, self.table)
    }

    pub(super) fn live(&self) -> Result<Live, Error> {
        Ok(self.stored()?.live(self.now()?))
    }

    pub(super) fn tombstone(&self) -> Result<Arc<Tombstone>, Error> {
        self.stored()?.tombstone().ok_or_else(|| self.unexpected())
    }

    /// A verdict that this version does not know.
    pub(super) fn unexpected(&self) -> Error {
        unexpected(&self.verdict, self.table)
    }

    /// The work of a session that this call ended, told here.
    pub(super) fn departed(&self, inner: &Inner) -> Result<Departed, Error> {
        let departed = self.stored()?.departed().ok_or_else(|| self.unexpected())?;
        let (id, reason) = (departed.id, departed.ending.reason().clone());
        inner.tell(Notice::Ended { id, reason });
        Ok(departed)
    }
}

/// A verdict that this version does not know.
pub(super) fn unexpected(verdict: &str, table: &str) -> Error {
    Error::corrupt(format!(
        "the functions beside {table} answer \"{verdict}\", which this version of adjourn does not know"
    ))
}

/// Where the names of these values stand, and the values.
pub(super) fn columns_of(values: &str) -> (&'static str, &'static str) {
    match values {
        "left_behind" => ("left_names", "left_data"),
        _ => ("value_names", "value_data"),
    }
}

/// Names with their values, as two columns.
pub(super) type Pairs = (Vec<Vec<u8>>, Vec<Vec<u8>>);

pub(super) fn pairs(values: &Values) -> Pairs {
    values
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()))
        .unzip()
}

/// What is removed, and what is set.
pub(super) fn changes(changes: &Changes) -> (Vec<Vec<u8>>, Pairs) {
    let removed = changes.iter().filter(|(_, value)| value.is_none());
    let removed = removed.map(|(name, _)| name.as_bytes().to_vec()).collect();
    let set = changes
        .iter()
        .filter_map(|(name, value)| Some((name.as_bytes().to_vec(), value?.to_vec())));
    (removed, set.unzip())
}

impl Columns for PgRow {
    fn bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, Fault> {
        self.try_get(column).map_err(|_| Fault::of(column))
    }

    fn number(&self, column: &'static str) -> Result<Option<i64>, Fault> {
        self.try_get(column).map_err(|_| Fault::of(column))
    }

    fn text(&self, column: &'static str) -> Result<Option<String>, Fault> {
        self.try_get(column).map_err(|_| Fault::of(column))
    }

    fn flag(&self, column: &'static str) -> Result<bool, Fault> {
        let flag: Option<bool> = self.try_get(column).map_err(|_| Fault::of(column))?;
        Ok(flag.unwrap_or_default())
    }

    fn subject(&self, column: &'static str) -> Result<Option<Subject>, Fault> {
        let subject = self.text(column)?.map(Subject::new).transpose();
        subject.map_err(|_| Fault::of(column))
    }

    fn values(&self, column: &'static str) -> Result<Values, Fault> {
        let (names, data) = columns_of(column);
        let names = texts(self, names)?;
        let data: Option<Vec<Vec<u8>>> = self.try_get(data).map_err(|_| Fault::of(data))?;
        let data = data.unwrap_or_default();
        if names.len() != data.len() {
            return Err(Fault::of(column));
        }
        let values = names.iter().zip(&data);
        Ok(values.map(|(name, value)| (&**name, &**value)).collect())
    }

    fn grants(&self) -> Result<Grants, Fault> {
        let fault = |_| Fault::of("grant_until");
        let names = texts(self, "grant_names")?;
        let until: Option<Vec<i64>> = self.try_get("grant_until").map_err(fault)?;
        let until = until.unwrap_or_default();
        if names.len() != until.len() {
            return Err(Fault::of("grant_until"));
        }
        let grants = names.into_iter().zip(until);
        grants
            .map(|(name, until)| {
                let until = u64::try_from(until).map_err(|_| Fault::of("grant_until"))?;
                Ok((name.into(), Timestamp::from_unix_millis(until)))
            })
            .collect()
    }
}

fn texts(row: &PgRow, column: &'static str) -> Result<Vec<String>, Fault> {
    let names: Option<Vec<Vec<u8>>> = row.try_get(column).map_err(|_| Fault::of(column))?;
    let names = names.unwrap_or_default().into_iter();
    names
        .map(|name| String::from_utf8(name).map_err(|_| Fault::of(column)))
        .collect()
}
