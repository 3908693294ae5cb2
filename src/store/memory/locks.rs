//! Locks that survive a panic, and stripes of them.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks; a panic of another holder is no reason to refuse service: no code of the user runs
/// under these locks, and what they guard is consistent at every point where one could panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for reading; see [`lock`].
pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing; see [`lock`].
pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// A fixed number of equal parts, at least one: any number names one of them.
pub(super) struct Stripes<T> {
    first: T,
    others: Box<[T]>,
}

impl<T> Stripes<T> {
    pub(super) fn new(count: usize, make: impl Fn() -> T) -> Self {
        Self {
            first: make(),
            others: (1..count).map(|_| make()).collect(),
        }
    }

    pub(super) fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// The stripe with this number, modulo their count.
    pub(super) fn at(&self, number: usize) -> &T {
        (number % self.count())
            .checked_sub(1)
            .and_then(|other| self.others.get(other))
            .unwrap_or(&self.first)
    }
}
