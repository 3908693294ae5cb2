//! Any sequence of operations, on a store and on the reference at once.
//!
//! For property tests: generate a `Vec<Op>`, call [`check`], and let the generator shrink what
//! fails. Sessions, secrets and tickets are named by small numbers, taken modulo what there is,
//! so that a random sequence meets dead sessions, old secrets and old tickets all the time, and
//! so that what is left of a shrunk sequence still makes sense.
//!
//! 1. Both get the same operation; what they answer is compared as text, without claims and
//!    generations, which are a store's own.
//! 2. Where the contract leaves a choice (which of the due, which of the pending), the reference
//!    follows the store, as long as its choice is allowed.
//! 3. What the contract leaves open is not asked: sessions whose tombstone may be gone.

mod calls;
mod endings;
mod op;
mod run;
mod shown;

pub use op::{Everyone, Op, Plan, Revision, Written};

use super::StoreHarness;
use std::fmt;

/// Runs the operations on the store of the harness and on the reference, to the first difference.
///
/// # Errors
/// The store answered other than the contract says.
pub async fn check<H: StoreHarness>(harness: &H, ops: &[Op]) -> Result<(), Mismatch> {
    let mut run = run::Run::open(harness).await;
    for (number, op) in ops.iter().enumerate() {
        run.step(op).await.map_err(|difference| Mismatch {
            number,
            op: format!("{op:?}"),
            difference,
        })?;
    }
    Ok(())
}

/// A store answered other than the contract says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mismatch {
    number: usize,
    op: String,
    difference: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            op,
            difference,
        } = self;
        write!(f, "operation {number}, {op}:\n{difference}")
    }
}

impl std::error::Error for Mismatch {}
