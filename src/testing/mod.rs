//! For the tests of stores: the store contract as a suite, and as a model.
//!
//! 1. [`store_suite!`] expands to one test a case. Each store of this crate passes it, and so must
//!    a store written elsewhere.
//! 2. [`model::check`] runs any sequence of operations against a store and against the
//!    [`ReferenceStore`], and compares every outcome: for property tests.
//! 3. [`ReferenceStore`] is the contract as the shortest program: one lock, no index.
//!
//! No case sleeps: a [`StoreHarness`] moves the time of the store under test. A case that fails
//! panics and says what was expected and why it matters.
//!
//! ```
//! use adjourn::{store::SessionStore, testing::{ReferenceStore, StoreHarness}, time::ManualClock};
//! use std::{sync::Arc, time::Duration};
//!
//! #[derive(Default)]
//! struct Harness(ManualClock);
//!
//! impl StoreHarness for Harness {
//!     async fn open(&self) -> Arc<dyn SessionStore> {
//!         Arc::new(ReferenceStore::with_clock(self.0.clone()))
//!     }
//!
//!     async fn advance(&self, by: Duration) {
//!         self.0.advance(by);
//!     }
//! }
//!
//! // In a file under tests/; needs tokio with "macros" and "rt-multi-thread".
//! adjourn::testing::store_suite!(Harness::default());
//! # fn main() {}
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "cases end sessions past the road on purpose, and a case that fails panics"
)]

mod harness;
pub mod model;
#[cfg(test)]
mod near_cache;
mod reference;
pub mod suite;

#[doc(inline)]
pub use crate::__store_suite as store_suite;
pub use harness::StoreHarness;
pub use reference::ReferenceStore;
