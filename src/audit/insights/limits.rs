//! What is unusual.

use super::{ring::Ring, sources::RecentTokens};
use crate::{reason::EndReason, time::Timestamp};
use serde::Serialize;
use std::{net::IpAddr, time::Duration};

/// When [`Insights`](super::Insights) calls something unusual.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "limits do nothing until they are given to `Insights::with_limits`"]
pub struct InsightLimits {
    endings: u64,
    times_usual: u64,
    tokens: u64,
    log_outs_percent: u64,
}

impl InsightLimits {
    /// Many endings at once: at least so many in one minute, and at least ten times the average of
    /// the last three hours. *Default:* 100.
    pub const fn with_endings_per_minute(mut self, endings: u64) -> Self {
        self.endings = endings;
        self
    }

    /// Many refused tokens: so many from one source within ten minutes. *Default:* 50.
    ///
    /// 256 sources are kept. Where more than that present tokens, the one with fewest makes room
    /// and counts from nothing when it comes again: a source that hides its tokens among those of
    /// hundreds of others may not be told of.
    pub const fn with_tokens_per_source(mut self, tokens: u64) -> Self {
        self.tokens = tokens;
        self
    }

    /// Nobody logs out: of the last 200 endings fewer than so many percent were log-outs. A sign
    /// that the button is not found or does not work. *Default:* 5; 0 switches it off.
    pub const fn with_log_outs_percent(mut self, percent: u64) -> Self {
        self.log_outs_percent = percent;
        self
    }
}

impl Default for InsightLimits {
    fn default() -> Self {
        Self {
            endings: 100,
            times_usual: 10,
            tokens: 50,
            log_outs_percent: 5,
        }
    }
}

/// Something unusual. Each kind is told once in ten minutes, for each source.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// Everybody's sessions were ended.
    EveryoneEnded {
        /// When, in milliseconds since 1970.
        at_unix_millis: u64,
    },
    /// Far more sessions ended in a minute than usually.
    ManyEndings {
        /// When, in milliseconds since 1970.
        at_unix_millis: u64,
        /// How many by then.
        in_minute: u64,
        /// How many in a usual minute.
        usual: u64,
    },
    /// One source presented many tokens that were refused.
    ManyTokens {
        /// When, in milliseconds since 1970.
        at_unix_millis: u64,
        /// Which.
        source: IpAddr,
        /// How many within ten minutes by then.
        count: u64,
        /// How many of them were of sessions that had ended.
        use_after_end: u64,
    },
    /// Hardly any session ends by a log-out.
    NobodyLogsOut {
        /// When, in milliseconds since 1970.
        at_unix_millis: u64,
        /// How many log-outs there were.
        log_outs: u64,
        /// Among how many endings.
        endings: u64,
    },
}

impl Finding {
    /// The stable text.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EveryoneEnded { .. } => "everyone-ended",
            Self::ManyEndings { .. } => "many-endings",
            Self::ManyTokens { .. } => "many-tokens",
            Self::NobodyLogsOut { .. } => "nobody-logs-out",
        }
    }

    pub(super) const fn everyone_ended(now: Timestamp) -> Self {
        Self::EveryoneEnded {
            at_unix_millis: now.as_unix_millis(),
        }
    }
}

/// What was told lately, and how the last sessions ended.
#[derive(Debug, Default)]
pub(super) struct Watch {
    endings_told: Option<Timestamp>,
    log_outs_told: Option<Timestamp>,
    /// The last sources that were told of.
    sources_told: Vec<(IpAddr, Timestamp)>,
    endings: u64,
    log_outs: u64,
}

impl Watch {
    pub(super) fn after_end(
        &mut self,
        limits: &InsightLimits,
        ring: &Ring,
        reason: &EndReason,
        now: Timestamp,
    ) -> Option<Finding> {
        let (in_minute, usual) = ring.endings();
        let unusual = in_minute >= limits.endings.max(1)
            && in_minute >= usual.saturating_mul(limits.times_usual);
        let never = self.log_outs_are_missed(limits, reason);
        let at_unix_millis = now.as_unix_millis();
        if unusual && is_news(&mut self.endings_told, now) {
            return Some(Finding::ManyEndings {
                at_unix_millis,
                in_minute,
                usual,
            });
        }
        let log_outs = never?;
        is_news(&mut self.log_outs_told, now).then_some(Finding::NobodyLogsOut {
            at_unix_millis,
            log_outs,
            endings: ROUND,
        })
    }

    /// At the end of each round: how many log-outs there were, if too few.
    fn log_outs_are_missed(&mut self, limits: &InsightLimits, reason: &EndReason) -> Option<u64> {
        self.endings += 1;
        self.log_outs += u64::from(*reason == EndReason::Logout);
        if self.endings < ROUND {
            return None;
        }
        let log_outs = self.log_outs;
        (self.endings, self.log_outs) = (0, 0);
        (log_outs * 100 < limits.log_outs_percent.saturating_mul(ROUND)).then_some(log_outs)
    }

    pub(super) fn after_token(
        &mut self,
        limits: &InsightLimits,
        source: IpAddr,
        recent: RecentTokens,
        now: Timestamp,
    ) -> Option<Finding> {
        if recent.count < limits.tokens.max(1) {
            return None;
        }
        let told = self
            .sources_told
            .iter()
            .position(|(told, _)| *told == source);
        let mut when = told.map(|place| self.sources_told.swap_remove(place).1);
        let news = is_news(&mut when, now);
        if self.sources_told.len() >= MOST_TOLD {
            self.sources_told.remove(0);
        }
        self.sources_told.push((source, when.unwrap_or(now)));
        news.then_some(Finding::ManyTokens {
            at_unix_millis: now.as_unix_millis(),
            source,
            count: recent.count,
            use_after_end: recent.use_after_end,
        })
    }
}

/// Whether it was not told within the last ten minutes; then it is now.
fn is_news(told: &mut Option<Timestamp>, now: Timestamp) -> bool {
    let news = told.is_none_or(|at| now < at || now.saturating_since(at) >= QUIET);
    if news {
        *told = Some(now);
    }
    news
}

/// How long the same is not told again.
const QUIET: Duration = Duration::from_mins(10);

/// After how many endings the share of log-outs is looked at.
const ROUND: u64 = 200;

const MOST_TOLD: usize = 64;
