//! Numbers that fit a column of the two SQL stores.

use crate::time::Timestamp;
use std::time::Duration;

/// A duration in milliseconds: one that no instant could be moved by is as long as can be, so that
/// no sum of a few leaves a column.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).map_or(LONGEST_MILLIS, |millis| millis.min(LONGEST_MILLIS))
}

/// An instant as a column holds it, the last that is possible at most.
pub(super) fn instant(at: Timestamp) -> i64 {
    number(at.as_unix_millis()).min(2 * LONGEST_MILLIS)
}

/// A number as a column holds it, the greatest at most.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How many rows are asked for.
pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// About 36 million years: four of them fit a column.
const LONGEST_MILLIS: i64 = 1 << 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sum_of_instants_and_durations_leaves_a_column() {
        let longest = millis(Duration::MAX);
        let last = instant(Timestamp::from_unix_millis(u64::MAX));
        assert!(last.checked_add(longest).is_some());
        let now = instant(Timestamp::from_unix_millis(1 << 42));
        assert!(now.checked_add(longest + longest).is_some());
        assert_eq!(millis(Duration::from_micros(1_999)), 1);
    }
}
