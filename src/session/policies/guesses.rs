//! Counts the tokens that were never issued, by source.

use super::{GuessHook, lock, recent::Recent};
use crate::{
    audit::{Event, EventKind, source_of},
    id::{SecretHash, SessionId},
    policy::{Guesses, Guessing},
    record::Client,
    terminate::Road,
    time::Timestamp,
};
use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

/// The sources of tokens that were never issued.
pub(super) struct GuessWatch {
    guessing: Guessing,
    hook: Box<GuessHook>,
    /// A leaf lock.
    sources: Mutex<Recent<Option<IpAddr>, Count>>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    tokens: u32,
    since: Timestamp,
    /// What the last few tokens were, to know one that is repeated.
    last: [u64; LAST],
}

impl GuessWatch {
    pub(super) fn new(guessing: Guessing, hook: Box<GuessHook>) -> Self {
        Self {
            sources: Mutex::new(Recent::new(MOST_SOURCES, guessing.window)),
            guessing,
            hook,
            hasher: RandomState::new(),
        }
    }

    pub(super) fn count(
        &self,
        road: &Road,
        address: Option<IpAddr>,
        id: SessionId,
        secret: &SecretHash,
    ) {
        let (now, source) = (road.clock.now(), address.map(source_of));
        let token = self.hasher.hash_one((id, secret.as_bytes()));
        let tokens = self.add(source, token, now);
        if tokens != Some(self.guessing.threshold.max(1)) {
            return;
        }
        let guesses = Guesses::new(source, self.guessing.threshold.max(1));
        let kind = EventKind::Guessing {
            count: guesses.count,
        };
        let client = source.map(|source| Arc::new(Client::new(Some(source), None)));
        road.record(&Event::new(kind, now).from(client));
        if catch_unwind(AssertUnwindSafe(|| (self.hook)(&guesses))).is_err() {
            tracing::error!(target: "adjourn", "the hook of on_guessing panicked");
        }
    }

    /// How many tokens there were in this window, if this is one more.
    fn add(&self, source: Option<IpAddr>, token: u64, now: Timestamp) -> Option<u32> {
        let mut sources = lock(&self.sources);
        let known = sources.get_mut(&source, now).filter(|count| {
            now >= count.since && now.saturating_since(count.since) < self.guessing.window
        });
        let Some(count) = known else {
            let mut last = [token; LAST];
            last.rotate_right(1);
            let count = Count {
                tokens: 1,
                since: now,
                last,
            };
            sources.insert(source, count, now);
            return Some(1);
        };
        if count.last.contains(&token) {
            return None;
        }
        count.tokens = count.tokens.saturating_add(1);
        count.last.rotate_right(1);
        if let Some(first) = count.last.first_mut() {
            *first = token;
        }
        Some(count.tokens)
    }
}

const MOST_SOURCES: usize = 20_000;
const LAST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn watch() -> GuessWatch {
        let guessing = Guessing::new().with_window(Duration::from_millis(100));
        GuessWatch::new(guessing, Box::new(|_| ()))
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(1_000_000 + millis)
    }

    #[test]
    fn each_token_counts_once_and_a_few_that_take_turns_are_known() {
        let watch = watch();
        for _ in 0..1_000 {
            for token in 0..4 {
                let _counted = watch.add(None, token, at(0));
            }
        }
        assert_eq!(watch.add(None, 4, at(0)), Some(5));
        for token in 5..100 {
            let count = watch.add(None, token, at(0));
            assert_eq!(count.map(u64::from), Some(token + 1));
        }
    }

    #[test]
    fn a_window_begins_with_the_first_token_and_sources_are_apart() {
        let watch = watch();
        let source = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        assert_eq!(watch.add(source(1), 1, at(0)), Some(1));
        assert_eq!(watch.add(source(1), 2, at(99)), Some(2));
        assert_eq!(watch.add(source(2), 3, at(99)), Some(1));
        assert_eq!(watch.add(source(1), 3, at(100)), Some(1));
    }

    #[test]
    fn memory_is_bounded() {
        let watch = watch();
        for n in 0..100_000_u32 {
            let source = IpAddr::from(std::net::Ipv4Addr::from(n));
            let _counted = watch.add(Some(source), 1, at(0));
        }
        assert!(lock(&watch.sources).len() <= MOST_SOURCES);
    }
}
