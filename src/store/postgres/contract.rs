//! The contract, answered by work on a task of its own.

use super::PostgresStore;
use crate::store::on_tasks::answer_on_tasks;

answer_on_tasks!(PostgresStore, own_clock: true);
