//! The sources that present most refused tokens, in bounded memory.

use crate::time::Timestamp;
use serde::Serialize;
use std::{collections::HashMap, net::IpAddr, time::Duration};

/// How often a source presented a token that was refused.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SourceCount {
    /// The address; of IPv6 the network, as one client has all its addresses.
    pub source: IpAddr,
    /// How often, at most. 256 sources are kept: where there are more, one that comes takes the place
    /// of the least and its count over, so that none is missed that presents more than one in 256
    /// of all these tokens.
    pub count: u64,
    /// How many of them were of sessions that had ended, at least: not taken over from another, and
    /// forgotten with a source that made room.
    pub use_after_end: u64,
}

/// How many tokens a source has presented in this window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecentTokens {
    pub(super) count: u64,
    pub(super) use_after_end: u64,
}

#[derive(Debug, Default)]
pub(super) struct Sources(HashMap<IpAddr, Count>);

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    in_all: u64,
    use_after_end: u64,
    /// Since the window began.
    recent: RecentTokens,
    window: u64,
}

impl Sources {
    /// Counts; answers how many this source has presented in this window, since it was last taken up.
    pub(super) fn add(
        &mut self,
        source: IpAddr,
        (count, use_after_end): (u64, bool),
        now: Timestamp,
    ) -> RecentTokens {
        let window = now.as_unix_millis() / millis(WINDOW);
        let inherited = self.make_room(source);
        let known = self.0.entry(source).or_insert(Count {
            in_all: inherited,
            window,
            ..Count::default()
        });
        if known.window != window {
            (known.window, known.recent) = (window, RecentTokens::default());
        }
        known.in_all = known.in_all.saturating_add(count);
        known.recent.count = known.recent.count.saturating_add(count);
        if use_after_end {
            known.use_after_end = known.use_after_end.saturating_add(count);
            known.recent.use_after_end = known.recent.use_after_end.saturating_add(count);
        }
        known.recent
    }

    /// The count that a new source takes over.
    fn make_room(&mut self, source: IpAddr) -> u64 {
        if self.0.len() < MOST_SOURCES || self.0.contains_key(&source) {
            return 0;
        }
        let least = self.0.iter().min_by_key(|(_, count)| count.in_all);
        let Some((least, count)) = least.map(|(source, count)| (*source, count.in_all)) else {
            return 0;
        };
        self.0.remove(&least);
        count
    }

    /// The busiest sources.
    pub(super) fn top(&self) -> Vec<SourceCount> {
        let mut counts: Vec<_> = self
            .0
            .iter()
            .map(|(source, count)| SourceCount {
                source: *source,
                count: count.in_all,
                use_after_end: count.use_after_end,
            })
            .collect();
        counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.source.cmp(&b.source)));
        counts.truncate(SHOWN);
        counts
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

const fn millis(window: Duration) -> u64 {
    window.as_secs() * 1_000
}

/// How long a source's tokens count together.
const WINDOW: Duration = Duration::from_mins(10);

pub(super) const MOST_SOURCES: usize = 256;
const SHOWN: usize = 10;
