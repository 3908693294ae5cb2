//! Answers as a server sends them, and what none sends.

use super::*;
use crate::store::postgres::schema::SCHEMA_1;
use proptest::{collection::vec, option, prelude::*};

fn composite(columns: &[(u32, Option<Vec<u8>>)]) -> Vec<u8> {
    let mut bytes = i32::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
    for (kind, column) in columns {
        bytes.extend(kind.to_be_bytes());
        let len = column
            .as_ref()
            .map_or(-1, |it| i32::try_from(it.len()).unwrap());
        bytes.extend(len.to_be_bytes());
        bytes.extend(column.iter().flatten());
    }
    bytes
}

fn array(kind: u32, elements: &[Vec<u8>]) -> Vec<u8> {
    let count = i32::try_from(elements.len()).unwrap();
    let mut bytes = [1_i32.to_be_bytes(), 0_i32.to_be_bytes(), kind.to_be_bytes()].concat();
    bytes.extend([count.to_be_bytes(), 1_i32.to_be_bytes()].concat());
    for element in elements {
        bytes.extend(i32::try_from(element.len()).unwrap().to_be_bytes());
        bytes.extend(element);
    }
    bytes
}

fn live() -> Vec<(u32, Option<Vec<u8>>)> {
    let number = |number: i64| (BIGINT, Some(number.to_be_bytes().to_vec()));
    let null = |kind| (kind, None);
    vec![
        (BYTEA, Some(vec![7; 16])),
        (BYTEA, Some(vec![8; 32])),
        null(BYTEA),
        null(BIGINT),
        number(3),
        (TEXT, Some(b"alice".to_vec())),
        number(1_000),
        number(1_000),
        number(900_000),
        number(60_000),
        number(9_000_000),
        number(2_000),
        number(900_000),
        number(4),
        null(TEXT),
        (BYTEAS, Some(array(BYTEA, &[b"colour".to_vec()]))),
        (BYTEAS, Some(array(BYTEA, &[b"green".to_vec()]))),
        (BYTEAS, Some(array(BYTEA, &[b"sudo".to_vec()]))),
        (
            BIGINTS,
            Some(array(BIGINT, &[5_000_i64.to_be_bytes().to_vec()])),
        ),
        null(BYTEAS),
        null(BYTEAS),
        null(BIGINT),
        null(TEXT),
        null(BIGINT),
        null(BIGINT),
        null(BYTEA),
        null(BIGINT),
        null(BIGINT),
        null(BIGINT),
        (BOOLEAN, Some(vec![0])),
    ]
}

fn answer(session: Option<Vec<u8>>) -> Vec<u8> {
    composite(&[
        (TEXT, Some(b"live".to_vec())),
        (TEXT, None),
        (BIGINT, Some(2_500_i64.to_be_bytes().to_vec())),
        (99_999, session),
    ])
}

fn read(bytes: &[u8]) -> Result<Option<Stored>, String> {
    let packed = Packed::read(bytes).map_err(|fault| fault.to_string())?;
    packed
        .stored("adjourn.session")
        .map_err(|error| error.to_string())
}

#[test]
fn a_live_session_is_read_as_it_was_sent() {
    let bytes = answer(Some(composite(&live())));
    let packed = Packed::read(&bytes).unwrap();
    assert_eq!((packed.verdict, packed.cause), ("live", None));
    assert_eq!(packed.now, Timestamp::from_unix_millis(2_500));
    let stored = packed.stored("adjourn.session").unwrap().unwrap();
    assert_eq!(stored.id.as_bytes(), &[7; 16]);
    assert_eq!(stored.record.subject().unwrap().as_str(), "alice");
    assert_eq!(stored.record.values().get("colour"), Some(&b"green"[..]));
    assert_eq!(stored.last_seen, Timestamp::from_unix_millis(2_000));
    assert!(stored.gone.is_none());
    assert!(read(&answer(None)).unwrap().is_none());
}

#[test]
fn a_column_more_at_the_end_is_of_a_newer_version_and_one_less_of_none() {
    let mut columns = live();
    columns.push((TEXT, Some(b"of a later version".to_vec())));
    assert!(read(&answer(Some(composite(&columns)))).unwrap().is_some());
    columns.truncate(29);
    let fault = read(&answer(Some(composite(&columns)))).err().unwrap();
    assert!(fault.contains("\"session\""), "{fault}");
}

/// What is read of a live session; the rest is of an ending, or of the sweep alone.
#[test]
fn a_column_of_another_type_is_named() {
    for (place, name) in COLUMNS.iter().enumerate().take(22) {
        if *name == "look_at" {
            continue;
        }
        let mut columns = live();
        columns[place].0 = 23;
        let fault = read(&answer(Some(composite(&columns)))).err().unwrap();
        assert!(fault.contains(name), "{name}: {fault}");
    }
}

/// They are read by their places.
#[test]
fn columns_are_those_of_the_table_in_its_order() {
    let (_, table) = SCHEMA_1
        .split_once("create table @schema@.session (")
        .unwrap();
    let (table, _) = table.split_once("\n) with").unwrap();
    let names = table
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    assert_eq!(names.collect::<Vec<_>>(), COLUMNS);
    assert!(
        SCHEMA_1.contains("answer as (verdict text, cause text, now bigint, s @schema@.session)")
    );
}

proptest! {
    #[test]
    fn what_is_cut_off_is_refused(len in 0_usize..2_000) {
        let whole = answer(Some(composite(&live())));
        let len = len % whole.len();
        prop_assert!(read(&whole[..len]).is_err());
    }

    /// One byte that is another one: an answer, or an error, and never a panic.
    #[test]
    fn whatever_is_sent_is_read_or_refused(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        junk in vec((any::<u32>(), option::of(vec![any::<u8>(); 9])), 0..40),
        raw in vec(any::<u8>(), 0..200),
    ) {
        let mut whole = answer(Some(composite(&live())));
        let place = place.index(whole.len());
        whole[place] = byte;
        let _either = read(&whole);
        let _either = read(&answer(Some(composite(&junk))));
        let _either = read(&answer(Some(raw.clone())));
        let _either = read(&raw);
    }
}
