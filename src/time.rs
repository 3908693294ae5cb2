//! Instants and the clock they come from.
//!
//! Everything that decides with time asks a [`Clock`], so that tests move time instead of waiting
//! for it. Shared stores decide with their own time; the clock here serves the embedded stores
//! and what lives inside one node.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// An instant: whole milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Arithmetic saturates. `Display` is ISO 8601 in UTC with milliseconds.
///
/// ```
/// use adjourn::time::Timestamp;
/// use std::time::Duration;
///
/// let start = Timestamp::from_unix_millis(1_767_225_600_000);
/// let later = start.saturating_add(Duration::from_millis(1_500));
/// assert_eq!(later.to_string(), "2026-01-01T00:00:01.500Z");
/// assert_eq!(later.saturating_since(start), Duration::from_millis(1_500));
/// assert_eq!(start.saturating_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The instant this many milliseconds after the Unix epoch.
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_unix_millis(self) -> u64 {
        self.0
    }

    /// This instant plus `duration` (rounded down to milliseconds), at most the last instant.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This instant minus `duration` (rounded down to milliseconds), at least the epoch.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// The time that passed from `earlier` to this instant; zero when `earlier` is not earlier.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0 / 1_000, self.0 % 1_000);
        let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (
            second_of_day / 3_600,
            second_of_day / 60 % 60,
            second_of_day % 60,
        );
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        )
    }
}

/// Where time comes from.
///
/// An implementation must not block, and should never go backwards; what relies on it tolerates
/// a step back (nothing that ended comes back) but sessions then live longer by that step.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The machine's clock, guarded against being set back.
///
/// It follows the wall clock forwards (also over a suspended machine, where a monotonic clock
/// may stand still), and runs on at the monotonic clock's pace when the wall clock is set back:
/// a clock that is corrected cannot keep sessions alive. The two clocks are compared about once a
/// second; a correction by less than that may show until they are.
///
/// Cost: one clock read and one atomic load.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit value, written by name")]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Timestamp {
        static GUARD: Guard = Guard::new();
        static START: OnceLock<Instant> = OnceLock::new();

        let elapsed = || millis(START.get_or_init(Instant::now).elapsed());
        Timestamp(GUARD.time(wall_clock_millis(), elapsed))
    }
}

/// Turns readings of the wall clock into a time that is not set back.
struct Guard {
    /// The greatest distance ever seen between the wall and the monotonic clock.
    offset: AtomicU64,
    /// By how many milliseconds the time is ahead of the wall clock (the lower half), and until
    /// when that was found: the wall clock's [`tick`] (the upper half).
    lead: AtomicU64,
    /// The lead that was told, zero for none.
    told: AtomicU64,
}

impl Guard {
    const fn new() -> Self {
        Self {
            offset: AtomicU64::new(0),
            lead: AtomicU64::new(u64::MAX),
            told: AtomicU64::new(0),
        }
    }

    /// `elapsed`: what the monotonic clock says, asked once a tick.
    #[inline]
    fn time(&self, wall: u64, elapsed: impl FnOnce() -> u64) -> u64 {
        // One word holds both, so that no lead is taken for that of another tick.
        let known = self.lead.load(Ordering::Relaxed);
        if known >> 32 == tick(wall) {
            return wall.saturating_add(known & LOWER_HALF);
        }
        self.compare(wall, elapsed())
    }

    #[cold]
    fn compare(&self, wall: u64, elapsed: u64) -> u64 {
        let seen = wall.saturating_sub(elapsed);
        let greatest = self.offset.fetch_max(seen, Ordering::Relaxed).max(seen);
        let time = elapsed.saturating_add(greatest);
        let lead = time.saturating_sub(wall);
        if self.is_worth_telling(lead) {
            tracing::warn!(
                target: "adjourn",
                by = ?Duration::from_millis(lead),
                "the machine's clock was set back: this process goes on with the time that it knew. If the clock was right \
                 before, correct it; if it had been set forward by mistake, restart this process, which until then ends \
                 sessions too early, also those of other processes on the same SQLite file"
            );
        }
        // A clock before 1970 stands still at zero, and 49 days are no correction: both clocks
        // are asked each time.
        if wall > 0 && lead <= LOWER_HALF {
            let known = tick(wall) << 32 | lead;
            self.lead.store(known, Ordering::Relaxed);
        }
        time
    }
}

impl Guard {
    /// Once, and again when it has grown by as much.
    fn is_worth_telling(&self, lead: u64) -> bool {
        let told = self.told.load(Ordering::Relaxed);
        if lead < WORTH_TELLING {
            self.told.store(0, Ordering::Relaxed);
            return false;
        }
        let is_news = lead >= told.saturating_add(WORTH_TELLING);
        // Of several threads one tells it.
        let told = || {
            self.told
                .compare_exchange(told, lead, Ordering::Relaxed, Ordering::Relaxed)
        };
        is_news && told().is_ok()
    }
}

/// A minute: less is a correction as any clock gets.
const WORTH_TELLING: u64 = 60_000;

/// The reading's stretch of 1,024 ms; the same number comes again after 139 years.
const fn tick(wall: u64) -> u64 {
    wall >> 10 & LOWER_HALF
}

const LOWER_HALF: u64 = 0xFFFF_FFFF;

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
fn wall_clock_millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, millis)
}

/// A clock that moves only when told to: for tests.
///
/// Clones share one instant.
///
/// ```
/// use adjourn::time::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().saturating_since(before), Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(now.0)))
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Jumps to `now`, backwards too.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// A clock that stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp(1_767_225_600_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

fn millis(duration: Duration) -> u64 {
    // Not `as_millis`, which reckons with 128 bits.
    duration
        .as_secs()
        .saturating_mul(1_000)
        .saturating_add(u64::from(duration.subsec_millis()))
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// The algorithm counts 400-year eras of years that begin on 1 March, so that the leap day is
/// the last of its year.
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_iso_8601_in_utc() {
        for (millis, shown) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp(millis).to_string(), shown);
        }
        assert!(
            Timestamp(u64::MAX).to_string().ends_with('Z'),
            "no overflow"
        );
    }

    #[test]
    fn arithmetic_saturates() {
        let last = Timestamp(u64::MAX);
        assert_eq!(last.saturating_add(Duration::MAX), last);
        assert_eq!(Timestamp(5).saturating_sub(Duration::MAX), Timestamp(0));
    }

    // R-13-14
    #[test]
    fn a_wall_clock_set_back_does_not_stop_time() {
        let guard = Guard::new();
        let time = |wall, elapsed| guard.time(wall, || elapsed);
        assert_eq!(time(1_000_000, 0), 1_000_000);
        assert_eq!(time(1_000_500, 500), 1_000_500);
        // Set back by almost everything: time goes on at the monotonic pace.
        assert_eq!(time(10, 1_500), 1_001_500);
        assert_eq!(time(20, 1_510), 1_001_510);
        assert_eq!(time(2_010, 3_500), 1_003_500);
        // Set forward, or woken from sleep: time follows.
        assert_eq!(time(5_000_000, 4_000), 5_000_000);
        // And back again by an hour.
        assert_eq!(time(1_400_000, 4_100), 5_000_100);
    }

    #[test]
    fn a_wall_clock_set_back_is_told_once() {
        let guard = Guard::new();
        for (lead, is_told) in [
            (0, false),
            (59_999, false),
            (86_400_000, true),
            (86_400_010, false),
            // By another hour.
            (90_000_000, true),
            // Corrected, and set back again.
            (0, false),
            (86_400_000, true),
        ] {
            assert_eq!(guard.is_worth_telling(lead), is_told, "{lead}");
        }
    }

    #[test]
    fn the_monotonic_clock_is_asked_once_a_tick() {
        let guard = Guard::new();
        let asked = std::cell::Cell::new(0);
        let time = |wall: u64| {
            guard.time(wall, || {
                asked.set(asked.get() + 1);
                wall - 1_024_000
            })
        };
        for wall in 1_024_000..1_024_000 + 3 * 1_024 {
            assert_eq!(time(wall), wall);
        }
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn a_clock_that_says_nothing_of_use_is_compared_each_time() {
        for (wall, before) in [(0, 0), (1_000, 9_000_000_000_000)] {
            let guard = Guard::new();
            guard.time(before, || 0);
            let first = guard.time(wall, || 10);
            assert_eq!(guard.time(wall, || 500), first + 490, "{wall}");
        }
    }

    #[test]
    fn the_system_clock_does_not_go_back() {
        let first = SystemClock.now();
        assert!(SystemClock.now() >= first);
    }
}
