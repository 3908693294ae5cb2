//! The contract, answered by work on a task of its own.

use super::SqliteStore;
use crate::store::on_tasks::{answer_on_tasks, mint_at_random};

answer_on_tasks!(SqliteStore, mint_at_random, own_clock: false, sweep_step: 64);
