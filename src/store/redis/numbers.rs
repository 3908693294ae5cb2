//! Numbers that a script can reckon with: it has doubles, exact up to 2^53.

use crate::time::Timestamp;
use std::time::Duration;

/// A duration in milliseconds. One that no instant could be moved by is as long as can be.
pub(super) fn millis(duration: Duration) -> u64 {
    let millis = u64::try_from(duration.as_millis());
    millis.map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// An instant, the last that is possible at most.
pub(super) fn instant(at: Timestamp) -> u64 {
    at.as_unix_millis().min(4 * LONGEST - 1)
}

/// A number, the greatest at most.
pub(super) fn number(number: u64) -> u64 {
    number.min(4 * LONGEST - 1)
}

/// About 71,000 years: now, and three of them, are below 2^53.
const LONGEST: u64 = 1 << 51;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sum_of_a_script_is_exact() {
        let exact = 1_u64 << 53;
        let longest = millis(Duration::MAX);
        assert!((1 << 42) + 3 * longest < exact);
        assert!(instant(Timestamp::from_unix_millis(u64::MAX)) < exact);
        assert!(number(u64::MAX) < exact);
        assert_eq!(millis(Duration::from_micros(1_999)), 1);
    }
}
