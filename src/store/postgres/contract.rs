//! The contract, answered by work on a task of its own.

use super::PostgresStore;
use crate::store::on_tasks::{answer_on_tasks, mint_at_random};

answer_on_tasks!(PostgresStore, mint_at_random, own_clock: true, sweep_step: 256);
