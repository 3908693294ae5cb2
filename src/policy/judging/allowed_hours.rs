//! Sessions that are good for some hours of the day only.

use super::{Circumstances, Consequence, Policy, Verdict};
use crate::time::Timestamp;
use std::{fmt, sync::Arc};

/// The hours of the week in which sessions are good.
///
/// Outside of them a session ends with its next request, and with the next
/// [re-check](crate::SessionsBuilder::with_recheck_every) when only something is held open for it;
/// [`with_consequence`](Self::with_consequence) makes it milder. Logging in is the application's
/// matter: refuse it by [`allow`](Self::allow), else the new session ends with its next request.
///
/// Time is the store's, in UTC plus an offset. A fixed offset knows no summer time: for that, give
/// a function that knows the time zone.
///
/// For some users only, ask these from a policy of your own:
///
/// ```
/// use adjourn::{
///     Sessions,
///     policy::{AllowedHours, Circumstances, Policy, Verdict, Weekday},
///     store::MemoryStore,
/// };
///
/// let shop = AllowedHours::daily("07:00", "19:30")?
///     .and_daily("22:00", "02:00")? // until two o'clock of the next day
///     .on([Weekday::Monday, Weekday::Tuesday, Weekday::Saturday])
///     .with_utc_offset("+01:00")?;
/// let sessions = Sessions::builder(MemoryStore::new())
///     .add_policy("hours", move |now: &Circumstances<'_>| {
///         match now.subject().map(|subject| subject.as_str().starts_with("admin-")) {
///             Some(true) => Verdict::Keep,
///             _ => shop.judge(now),
///         }
///     })
///     .build()?;
/// # let _ = sessions;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a policy does nothing until it is added"]
pub struct AllowedHours {
    windows: Vec<Window>,
    /// Bit 0 is Monday.
    days: u8,
    offset: Offset,
    consequence: Consequence,
}

/// Minutes of a day; `until` may be before `from`, on the next day then.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: i64,
    until: i64,
}

#[derive(Clone)]
enum Offset {
    Fixed(i64),
    By(Arc<dyn Fn(Timestamp) -> i32 + Send + Sync>),
}

/// A day of the week.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there are seven")]
#[expect(missing_docs, reason = "their names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl AllowedHours {
    /// From one time of day (`"07:00"`) until before another, `"24:00"` for the end of the day. Until
    /// an earlier one is until the next day; days are those on which the hours begin.
    ///
    /// # Errors
    /// A text is no time of day, or both are the same.
    pub fn daily(from: &str, until: &str) -> Result<Self, InvalidHours> {
        Ok(Self {
            windows: vec![Window::read(from, until)?],
            days: 0b111_1111,
            offset: Offset::Fixed(0),
            consequence: Consequence::End,
        })
    }

    /// Further hours of the day.
    ///
    /// # Errors
    /// A text is no time of day, or both are the same.
    pub fn and_daily(mut self, from: &str, until: &str) -> Result<Self, InvalidHours> {
        self.windows.push(Window::read(from, until)?);
        Ok(self)
    }

    /// On these days only. *Default:* every day.
    pub fn on(mut self, days: impl IntoIterator<Item = Weekday>) -> Self {
        let bits = days.into_iter().map(|day| 1 << day as u8);
        self.days = bits.fold(0, |days, day| days | day);
        self
    }

    /// How far local time is ahead of UTC: `"+05:30"`, `"-03:00"`. *Default:* `"+00:00"`.
    ///
    /// # Errors
    /// The text is no offset of at most 18 hours.
    pub fn with_utc_offset(mut self, offset: &str) -> Result<Self, InvalidHours> {
        self.offset = Offset::Fixed(read_offset(offset).ok_or_else(|| invalid(offset))?);
        Ok(self)
    }

    /// How many minutes local time is ahead of UTC at an instant: for time zones with summer time.
    ///
    /// Called for each request: it must be quick. More than 18 hours is no offset, and nothing is
    /// allowed then.
    pub fn with_utc_offset_by(
        mut self,
        minutes: impl Fn(Timestamp) -> i32 + Send + Sync + 'static,
    ) -> Self {
        self.offset = Offset::By(Arc::new(minutes));
        self
    }

    /// What follows outside of the hours. *Default:* the session ends.
    ///
    /// [`RequireFresh`](Consequence::RequireFresh) with a zero age lets nobody pass until the hours
    /// begin, as no log-in is recent enough.
    pub const fn with_consequence(mut self, consequence: Consequence) -> Self {
        self.consequence = consequence;
        self
    }

    /// Whether an instant is within the hours: to refuse a log-in outside of them.
    pub fn allow(&self, at: Timestamp) -> bool {
        let Some(offset) = self.offset.minutes(at) else {
            return false;
        };
        let minutes = i64::try_from(at.as_unix_millis() / 60_000).unwrap_or(i64::MAX);
        let local = minutes.saturating_add(offset);
        let (day, minute) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        self.windows.iter().any(|window| {
            let today = minute >= window.from && (minute < window.until || window.is_overnight());
            let since_yesterday = window.is_overnight() && minute < window.until;
            today && self.is_on(day) || since_yesterday && self.is_on(day - 1)
        })
    }

    /// Whether the hours begin on a day, counted from 1970-01-01, a Thursday.
    const fn is_on(&self, day: i64) -> bool {
        self.days >> (day + 3).rem_euclid(7) & 1 == 1
    }
}

impl Policy for AllowedHours {
    fn judge(&self, circumstances: &Circumstances<'_>) -> Verdict {
        if self.allow(circumstances.now()) {
            return Verdict::Keep;
        }
        self.consequence.verdict("outside-hours")
    }
}

impl Offset {
    fn minutes(&self, at: Timestamp) -> Option<i64> {
        let minutes = match self {
            Self::Fixed(minutes) => *minutes,
            Self::By(find) => i64::from(find(at)),
        };
        (minutes.abs() <= FARTHEST).then_some(minutes)
    }
}

impl Window {
    fn read(from: &str, until: &str) -> Result<Self, InvalidHours> {
        let time = |text: &str| read_time(text).ok_or_else(|| invalid(text));
        let window = Self {
            from: time(from)?,
            until: time(until)?,
        };
        if window.from == window.until {
            return Err(InvalidHours::Empty { text: from.into() });
        }
        Ok(window)
    }

    const fn is_overnight(self) -> bool {
        self.until < self.from
    }
}

fn invalid(text: &str) -> InvalidHours {
    InvalidHours::Time { text: text.into() }
}

/// `HH:MM` in minutes, at most `24:00`.
fn read_time(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let time = hours * 60 + minutes;
    (minutes < 60 && time <= DAY).then_some(time)
}

fn read_offset(text: &str) -> Option<i64> {
    let (sign, time) = text.split_at_checked(1)?;
    let time = read_time(time).filter(|time| *time <= FARTHEST)?;
    match sign {
        "+" => Some(time),
        "-" => Some(-time),
        _ => None,
    }
}

impl fmt::Debug for AllowedHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllowedHours")
            .field("windows", &self.windows)
            .field("days", &self.days)
            .finish_non_exhaustive()
    }
}

/// Why hours cannot be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHours {
    /// Both ends are the same: all day or never?
    #[error("the hours begin and end at {text:?}: for all day write \"00:00\" and \"24:00\"")]
    Empty {
        /// What was given.
        text: Box<str>,
    },
    /// Not a time of day or an offset.
    #[error(
        "{text:?} is neither a time of day (\"07:30\", at most \"24:00\") nor an offset from UTC \
         (\"+01:00\", at most 18 hours)"
    )]
    Time {
        /// What was given.
        text: Box<str>,
    },
}

/// Minutes.
const DAY: i64 = 24 * 60;

/// No place is farther from UTC.
const FARTHEST: i64 = 18 * 60;
