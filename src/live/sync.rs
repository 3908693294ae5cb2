//! Locks and atomics of this module: those of the standard library or, in the loom models, those
//! of loom.

use std::sync::PoisonError;

#[cfg(all(test, adjourn_loom))]
pub(super) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
#[cfg(not(all(test, adjourn_loom)))]
pub(super) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Locks. What the locks of this module guard is consistent between any two statements, so a
/// panic of another holder is no reason to stop cutting connections.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
