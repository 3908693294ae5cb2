//! A session's values: a small sorted map of opaque bytes, packed into one allocation.

use std::{collections::BTreeMap, fmt};

/// Named values of a session: opaque bytes to the store.
///
/// Packed into a single allocation, so that a million sessions with a few small values each stay
/// small and a copy is one copy. Reading scans, which is faster than hashing for the few values a
/// session has.
///
/// `Debug` shows the names and sizes, never the values.
///
/// ```
/// use adjourn::record::{Changes, Values};
///
/// let values = Values::from_iter([("cart", b"[1,2]".as_slice()), ("theme", b"\"dark\"")]);
/// assert_eq!(values.get("cart"), Some(b"[1,2]".as_slice()));
///
/// let changed = values.changed(&Changes::default().set("cart", *b"[]").remove("theme"));
/// assert_eq!(changed.iter().collect::<Vec<_>>(), [("cart", b"[]".as_slice())]);
/// ```
// Layout: for each value, in the order of their names: name length (2 bytes), value length
// (4 bytes), both big-endian, the name, the value.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Values(Box<[u8]>);

impl Values {
    /// The longest name, in bytes.
    pub const MAX_NAME: usize = 255;

    /// Reads what [`Values::as_packed`] gave.
    ///
    /// # Errors
    /// The bytes are not a packed map: cut, out of order, or with a name that is not UTF-8.
    pub fn from_packed(bytes: impl Into<Box<[u8]>>) -> Result<Self, InvalidValues> {
        let values = Self(bytes.into());
        let mut rest = &*values.0;
        let mut last: Option<&[u8]> = None;
        while !rest.is_empty() {
            let ((name, _), after) = split_first(rest).ok_or(InvalidValues)?;
            if last.is_some_and(|last| last >= name) || std::str::from_utf8(name).is_err() {
                return Err(InvalidValues);
            }
            (last, rest) = (Some(name), after);
        }
        Ok(values)
    }

    /// The packed bytes, for stores that keep all values in one column.
    pub fn as_packed(&self) -> &[u8] {
        &self.0
    }

    /// The value with this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find_map(|(held, value)| (held == name).then_some(value))
    }

    /// All values, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let ((name, value), after) = split_first(rest)?;
            rest = after;
            Some((std::str::from_utf8(name).ok()?, value))
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The size of all names and values with their overhead of 6 bytes each, in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// These values with `changes` made: names not mentioned stay.
    #[must_use]
    pub fn changed(&self, changes: &Changes) -> Self {
        let mut merged: BTreeMap<&str, &[u8]> = self.iter().collect();
        for (name, value) in &changes.0 {
            match value {
                Some(value) => merged.insert(name, value),
                None => merged.remove(&**name),
            };
        }
        merged.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a [u8])> for Values {
    /// A later value of the same name wins. Names are cut to [`Values::MAX_NAME`] bytes and a
    /// value to 4 GiB; the session handle refuses both long before.
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(values: I) -> Self {
        let sorted: BTreeMap<&str, &[u8]> = values.into_iter().collect();
        let size = sorted
            .iter()
            .map(|(name, value)| 6 + name.len() + value.len())
            .sum();
        let mut packed = Vec::with_capacity(size);
        for (name, value) in sorted {
            let name = name
                .get(..name.floor_char_boundary(Self::MAX_NAME))
                .unwrap_or_default();
            let (Ok(name_len), Ok(value_len)) =
                (u16::try_from(name.len()), u32::try_from(value.len()))
            else {
                continue;
            };
            packed.extend_from_slice(&name_len.to_be_bytes());
            packed.extend_from_slice(&value_len.to_be_bytes());
            packed.extend_from_slice(name.as_bytes());
            packed.extend_from_slice(value);
        }
        Self(packed.into_boxed_slice())
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, value)| (name, format_args_len(value.len()))),
            )
            .finish()
    }
}

/// What one commit changes: a name is set, or removed.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Changes(BTreeMap<Box<str>, Option<Box<[u8]>>>);

impl Changes {
    /// No changes.
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets a value; the last change of a name counts.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<Box<[u8]>>) -> Self {
        self.0.insert(name.into(), Some(value.into()));
        self
    }

    /// Removes a value.
    #[must_use]
    pub fn remove(mut self, name: &str) -> Self {
        self.0.insert(name.into(), None);
        self
    }

    /// Takes over later changes.
    #[must_use]
    pub fn then(mut self, later: Self) -> Self {
        self.0.extend(later.0);
        self
    }

    /// What is said about a name: nothing, a removal, or a value.
    pub fn get(&self, name: &str) -> Option<Option<&[u8]>> {
        self.0.get(name).map(Option::as_deref)
    }

    /// Each name with its new value, or `None` for a removal.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.0
            .iter()
            .map(|(name, value)| (&**name, value.as_deref()))
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .iter()
            .map(|(name, value)| (name, value.map(|v| format_args_len(v.len()))));
        f.debug_map().entries(shown).finish()
    }
}

/// The bytes are not packed values.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the stored values cannot be read: they are cut, out of order or not UTF-8")]
#[non_exhaustive]
pub struct InvalidValues;

/// Name, value, and what follows.
type Split<'a> = ((&'a [u8], &'a [u8]), &'a [u8]);

fn split_first(packed: &[u8]) -> Option<Split<'_>> {
    let (name_len, rest) = packed.split_first_chunk::<2>()?;
    let (value_len, rest) = rest.split_first_chunk::<4>()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*name_len)))?;
    let value_len = usize::try_from(u32::from_be_bytes(*value_len)).ok()?;
    let (value, rest) = rest.split_at_checked(value_len)?;
    Some(((name, value), rest))
}

fn format_args_len(bytes: usize) -> String {
    format!("({bytes} bytes)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn behaves_like_a_map(
            start: BTreeMap<String, Vec<u8>>,
            changes: BTreeMap<String, Option<Vec<u8>>>,
        ) {
            let values: Values = start.iter().map(|(k, v)| (&**k, &**v)).collect();
            let made = changes.iter().fold(Changes::default(), |c, (name, value)| match value {
                Some(value) => c.set(name, value.as_slice()),
                None => c.remove(name),
            });
            let mut expected = start;
            for (name, value) in changes {
                match value {
                    Some(value) => expected.insert(name, value),
                    None => expected.remove(&name),
                };
            }
            let changed = values.changed(&made);
            prop_assert_eq!(
                changed.iter().collect::<Vec<_>>(),
                expected.iter().map(|(k, v)| (&**k, &**v)).collect::<Vec<_>>()
            );
            prop_assert_eq!(Values::from_packed(changed.as_packed()), Ok(changed.clone()));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            if let Ok(values) = Values::from_packed(bytes.clone()) {
                prop_assert_eq!(values.as_packed(), bytes.as_slice());
                prop_assert!(values.iter().all(|(name, _)| values.get(name).is_some()));
            }
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let values = Values::from_iter([("card", b"4111".as_slice())]);
        assert_eq!(format!("{values:?}"), r#"{"card": "(4 bytes)"}"#);
        let changes = Changes::default().set("card", *b"4111").remove("cart");
        assert_eq!(
            format!("{changes:?}"),
            r#"{"card": Some("(4 bytes)"), "cart": None}"#
        );
    }
}
