//! Durations as a person reads them, for errors and warnings.

use std::{fmt, time::Duration};

/// Shows a duration: `15 min`, `12 h 1 s`, `30 d`.
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        // Standards write 24 h, not 1 d.
        let days = if seconds < 2 * DAY { 0 } else { seconds / DAY };
        let rest = seconds - days * DAY;
        let nanos = u64::from(self.0.subsec_nanos());
        let parts = [
            (days, "d"),
            (rest / 3_600, "h"),
            (rest / 60 % 60, "min"),
            (rest % 60, "s"),
            (nanos / 1_000_000, "ms"),
            (nanos % 1_000_000, "ns"),
        ];
        let mut separator = "";
        for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{separator}{count} {unit}")?;
            separator = " ";
        }
        if separator.is_empty() {
            f.write_str("0 s")?;
        }
        Ok(())
    }
}

const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_a_person_writes_them() {
        for (span, shown) in [
            (Duration::ZERO, "0 s"),
            (Duration::from_mins(15), "15 min"),
            (Duration::from_hours(24), "24 h"),
            (Duration::from_hours(30 * 24), "30 d"),
            (Duration::from_secs(43_201), "12 h 1 s"),
            (Duration::from_micros(1_500), "1 ms 500000 ns"),
        ] {
            assert_eq!(Span(span).to_string(), shown);
        }
    }
}
