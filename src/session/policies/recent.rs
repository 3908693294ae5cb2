//! A map that forgets.

use crate::time::Timestamp;
use std::{collections::HashMap, hash::Hash, mem, time::Duration};

/// Remembers what was put in for at least `window` and at most twice as long, and at least the last
/// `capacity / 2` and at most `capacity` entries. Forgetting is one step, however much there is.
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    since: Timestamp,
    window: Duration,
    half: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    pub(super) fn new(capacity: usize, window: Duration) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            since: Timestamp::default(),
            window,
            half: capacity.div_ceil(2).max(1),
        }
    }

    pub(super) fn get_mut(&mut self, key: &K, now: Timestamp) -> Option<&mut V> {
        self.age(now);
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    pub(super) fn insert(&mut self, key: K, value: V, now: Timestamp) {
        self.age(now);
        self.old.remove(&key);
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
            self.since = now;
        }
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Whether this is not what is known; then it is from now on.
    pub(super) fn is_new(&mut self, key: K, value: V, now: Timestamp) -> bool
    where
        V: PartialEq,
    {
        if self.get_mut(&key, now).is_some_and(|known| *known == value) {
            return false;
        }
        self.insert(key, value, now);
        true
    }

    /// A clock that was set back ages everything, too.
    fn age(&mut self, now: Timestamp) {
        let age = now.saturating_since(self.since);
        if now >= self.since && age < self.window {
            return;
        }
        let young = mem::take(&mut self.young);
        self.old = if age < self.window.saturating_mul(2) {
            young
        } else {
            HashMap::new()
        };
        self.since = now;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(1_000_000 + millis)
    }

    #[test]
    fn it_remembers_for_one_window_at_least_and_two_at_most() {
        let mut recent = Recent::new(8, Duration::from_millis(100));
        recent.insert('a', 1, at(0));
        recent.insert('b', 2, at(90));
        assert_eq!(recent.get_mut(&'b', at(189)), Some(&mut 2));
        assert_eq!(recent.get_mut(&'b', at(290)), None);
        assert_eq!(recent.get_mut(&'a', at(290)), None);
        recent.insert('a', 1, at(300));
        assert_eq!(recent.get_mut(&'a', at(10_000)), None);
    }

    #[test]
    fn it_is_bounded_and_keeps_the_latest() {
        let mut recent = Recent::new(100, Duration::from_secs(1));
        for n in 0..10_000 {
            recent.insert(n, (), at(0));
            assert!(recent.len() <= 100);
        }
        assert!((9_950..10_000).all(|n| recent.get_mut(&n, at(0)).is_some()));
    }

    #[test]
    fn only_news_are_new() {
        let mut recent = Recent::new(8, Duration::from_secs(1));
        assert!(recent.is_new('a', 1, at(0)));
        assert!(!recent.is_new('a', 1, at(1)));
        assert!(recent.is_new('a', 2, at(2)));
        recent.remove(&'a');
        assert!(recent.is_new('a', 2, at(3)));
    }

    #[test]
    fn a_clock_set_back_forgets_in_the_end() {
        let mut recent = Recent::new(8, Duration::from_secs(1));
        recent.insert('a', 1, at(900_000));
        assert!(recent.get_mut(&'a', at(0)).is_some());
        assert!(recent.get_mut(&'a', at(2_000)).is_none());
    }
}
