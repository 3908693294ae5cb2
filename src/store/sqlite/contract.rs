//! The contract, answered by work on a task of its own.

use super::SqliteStore;
use crate::store::on_tasks::answer_on_tasks;

answer_on_tasks!(SqliteStore);
