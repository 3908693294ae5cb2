//! The contract, answered by work on a task of its own.

use super::{RedisStore, call::Inner};
use crate::store::on_tasks::answer_on_tasks;

answer_on_tasks!(RedisStore, Inner::mint, own_clock: true, sweep_step: 64);
