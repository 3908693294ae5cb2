//! Answers of the scripts, read back.
//!
//! Of a session a script answers the string that is stored ([`layout`](super::layout)).

use super::{call::Inner, layout::Fields};
use crate::{
    id::{SessionId, Subject},
    reason::Cause,
    record::{Departed, Grants, Tombstone, Values},
    store::{
        Error, Notice, codec,
        stored::{Columns, Fault, Stored},
    },
    time::Timestamp,
};
use redis::Value;
use std::sync::Arc;

/// The answer of one script.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) verdict: String,
    pub(super) now: Timestamp,
    rest: Vec<Value>,
}

impl Answered {
    /// # Errors
    /// Not an answer of these scripts; or it says that a key or a session cannot be read.
    pub(super) fn read(value: Value, operation: &'static str) -> Result<Self, Error> {
        let foreign = || foreign(operation);
        let Value::Array(parts) = value else {
            return Err(foreign());
        };
        let mut parts = parts.into_iter();
        let verdict = parts.next().and_then(text).ok_or_else(foreign)?;
        let now = parts.next().and_then(instant).ok_or_else(foreign)?;
        let answered = Self {
            verdict,
            now,
            rest: parts.collect(),
        };
        match answered.verdict.as_str() {
            "type" => Err(answered.mistyped(operation)),
            "moving" => Err(Error::unavailable(format!(
                "{operation}: the keys are on their way to another node of the cluster"
            ))),
            _ => Ok(answered),
        }
    }

    fn mistyped(&self, operation: &'static str) -> Error {
        let key = self.text(0).unwrap_or_default();
        let kind = self.text(1).unwrap_or_default();
        Error::corrupt(format!("{operation}: {}", not_ours(&key, &kind)))
    }

    /// What the server did not let a script write.
    pub(super) fn refused(&self, operation: &'static str) -> Error {
        let why = self.text(0).unwrap_or_default();
        Error::unavailable(format!("{operation}: the server refuses to write: {why}"))
    }

    /// A verdict that this version does not know.
    pub(super) fn unexpected(&self) -> Error {
        let verdict = &self.verdict;
        Error::corrupt(format!(
            "a script answered \"{verdict}\", which this version of adjourn does not know"
        ))
    }

    pub(super) fn text(&self, place: usize) -> Option<String> {
        self.rest.get(place).cloned().and_then(text)
    }

    pub(super) fn number(&self, place: usize) -> Result<u64, Error> {
        let number = self.text(place).and_then(|number| number.parse().ok());
        number.ok_or_else(|| self.unexpected())
    }

    /// The cause in its only part.
    pub(super) fn cause(&self) -> Result<Cause, Error> {
        let text = self.text(0).ok_or_else(|| self.unexpected())?;
        codec::cause_from_text(&text).map_err(|unreadable| Error::corrupt(unreadable.to_string()))
    }

    /// Its parts from the given place on, each a session, or a word and a session.
    pub(super) fn rows(&self, from: usize) -> Result<Vec<Row>, Error> {
        let parts = self.rest.iter().skip(from);
        parts
            .map(|part| Row::read(part).ok_or_else(|| self.unexpected()))
            .collect()
    }

    /// The session in its first part.
    pub(super) fn row(&self, inner: &Inner) -> Result<Stored, Error> {
        let part = self.rest.first().ok_or_else(|| self.unexpected())?;
        let row = Row::read(part).ok_or_else(|| self.unexpected())?;
        row.stored(inner)
    }

    /// The session in its first part, where the script was told whose id it is.
    pub(super) fn row_of(&self, id: SessionId, inner: &Inner) -> Result<Stored, Error> {
        match self.rest.first() {
            Some(Value::BulkString(string)) => stored(id, string, inner),
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn damaged_row_of(&self, id: SessionId, inner: &Inner) -> Error {
        match self.rest.first() {
            Some(Value::BulkString(string)) => damaged(id, string, inner),
            _ => self.unexpected(),
        }
    }

    /// What a verdict that is no outcome says.
    pub(super) fn fault(&self, inner: &Inner) -> Error {
        match (self.verdict.as_str(), self.rest.first()) {
            ("damaged", Some(row)) => {
                Row::read(row).map_or_else(|| self.unexpected(), |row| row.damaged(inner))
            }
            (_, _) => self.unexpected(),
        }
    }

    pub(super) fn tombstone(&self, stored: &Stored) -> Result<Arc<Tombstone>, Error> {
        stored.tombstone().ok_or_else(|| self.unexpected())
    }

    /// What a sweep or a take-over came to: the sessions, and what could not be read, said aloud.
    pub(super) fn parts(&self, from: usize) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        for part in self.rest.iter().skip(from) {
            let Value::Array(parts) = part else {
                return Err(self.unexpected());
            };
            match parts.as_slice() {
                [word, row] if is(word, "ended") || is(word, "taken") => {
                    rows.push(Row::read(row).ok_or_else(|| self.unexpected())?);
                }
                [word, fault, what, kind] if is(word, "unread") => unread(fault, what, kind),
                _ => return Err(self.unexpected()),
            }
        }
        Ok(rows)
    }
}

fn unread(fault: &Value, what: &Value, kind: &Value) {
    let shown = |value: &Value| text(value.clone()).unwrap_or_default();
    if let Some(row) = Row::read(what) {
        let reason = fault_in(row.id, &row.string).to_string();
        tracing::error!(target: "adjourn::store", session = %row.id, reason, "a session cannot be read and is left alone");
    } else {
        let (fault, key, kind) = (shown(fault), shown(what), shown(kind));
        tracing::error!(target: "adjourn::store", fault, key, kind, "a key cannot be read and is left alone");
    }
}

pub(super) fn foreign(operation: &'static str) -> Error {
    Error::corrupt(format!(
        "{operation}: the answer is not one of adjourn's scripts"
    ))
}

/// A session as it was answered.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: SessionId,
    string: Vec<u8>,
}

impl Row {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Array(parts) => match parts.as_slice() {
                [id, Value::BulkString(string)] => Some(Self {
                    id: text(id.clone())?.parse().ok()?,
                    string: string.clone(),
                }),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn stored(&self, inner: &Inner) -> Result<Stored, Error> {
        stored(self.id, &self.string, inner)
    }

    pub(super) fn damaged(&self, inner: &Inner) -> Error {
        damaged(self.id, &self.string, inner)
    }

    /// The work of a session that this call ended, told here.
    pub(super) fn departed(&self, inner: &Inner) -> Result<Departed, Error> {
        let departed = self.work(inner)?;
        let (id, reason) = (departed.id, departed.ending.reason().clone());
        inner.recent.ended(id, departed.ending.cause().clone());
        inner.notices.send(|| Notice::Ended { id, reason });
        Ok(departed)
    }

    /// The work of a session that ended.
    pub(super) fn work(&self, inner: &Inner) -> Result<Departed, Error> {
        let departed = self.stored(inner)?.departed();
        departed.ok_or_else(|| self.damaged(inner))
    }
}

fn stored(id: SessionId, string: &[u8], inner: &Inner) -> Result<Stored, Error> {
    fields(id, string).map_err(|fault| in_session(id, string, fault, inner))
}

fn fields(id: SessionId, string: &[u8]) -> Result<Stored, Fault> {
    Fields::of(string).and_then(|fields| Stored::of(&fields, id))
}

/// What a script refused to read.
fn damaged(id: SessionId, string: &[u8], inner: &Inner) -> Error {
    in_session(id, string, fault_in(id, string), inner)
}

fn fault_in(id: SessionId, string: &[u8]) -> Fault {
    let fault = fields(id, string).err();
    fault.unwrap_or_else(|| Fault::of("began"))
}

fn in_session(id: SessionId, string: &[u8], fault: Fault, inner: &Inner) -> Error {
    let key = inner.keys.shard_with(id).session(id);
    if Fields::begin(string) {
        fault.in_key(&key)
    } else {
        Error::corrupt(not_ours(&key, "session"))
    }
}

fn not_ours(key: &str, kind: &str) -> String {
    format!(
        "the key {key} is damaged, or not the {kind} that adjourn keeps there: another application may use the \
         same prefix (RedisStoreBuilder::with_key_prefix)"
    )
}

impl Columns for Fields<'_> {
    fn bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.bytes(column).map(<[u8]>::to_vec))
    }

    fn number(&self, column: &'static str) -> Result<Option<i64>, Fault> {
        self.number(column)
    }

    fn text(&self, column: &'static str) -> Result<Option<String>, Fault> {
        let text = self.bytes(column).map(std::str::from_utf8).transpose();
        let text = text.map(|text| text.map(str::to_owned));
        text.map_err(|_| Fault::of(column))
    }

    fn flag(&self, column: &'static str) -> Result<bool, Fault> {
        Ok(self.number(column)? == Some(1))
    }

    fn subject(&self, column: &'static str) -> Result<Option<Subject>, Fault> {
        let subject = self.text(column)?.map(Subject::new).transpose();
        subject.map_err(|_| Fault::of(column))
    }

    fn values(&self, column: &'static str) -> Result<Values, Fault> {
        let packed = self.bytes(column).unwrap_or_default();
        let values = unpacked(packed).ok_or_else(|| Fault::of(column))?;
        Ok(values.into_iter().collect())
    }

    fn grants(&self) -> Result<Grants, Fault> {
        let fault = || Fault::of("grants");
        let packed = self.bytes("grants").unwrap_or_default();
        let until = |until: &[u8]| std::str::from_utf8(until).ok()?.parse().ok();
        let grants = unpacked(packed).ok_or_else(fault)?;
        let grants = grants.into_iter().map(|(name, instant)| {
            let until = until(instant).ok_or_else(fault)?;
            Ok((name.into(), Timestamp::from_unix_millis(until)))
        });
        grants.collect()
    }
}

/// Packed as [`Values`] are, but in the order in which they were first set: a script does not sort.
fn unpacked(mut packed: &[u8]) -> Option<Vec<(&str, &[u8])>> {
    let mut values = Vec::new();
    while !packed.is_empty() {
        let (name_len, rest) = packed.split_first_chunk::<2>()?;
        let (value_len, rest) = rest.split_first_chunk::<4>()?;
        let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*name_len)))?;
        let value_len = usize::try_from(u32::from_be_bytes(*value_len)).ok()?;
        let (value, rest) = rest.split_at_checked(value_len)?;
        values.push((std::str::from_utf8(name).ok()?, value));
        packed = rest;
    }
    Some(values)
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

fn instant(value: Value) -> Option<Timestamp> {
    let millis = match value {
        Value::Int(millis) => u64::try_from(millis).ok(),
        other => text(other)?.parse().ok(),
    };
    millis.map(Timestamp::from_unix_millis)
}

fn is(value: &Value, word: &str) -> bool {
    matches!(value, Value::BulkString(bytes) if bytes == word.as_bytes())
}
