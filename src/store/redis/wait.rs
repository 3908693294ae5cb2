//! Endings that are done when replicas have them.

use super::{
    call::{Call, is_unseen},
    connection::Connection,
    link::Link,
};
use crate::store::Error;
use redis::{Cmd, RedisError, Value};
use std::{sync::Arc, time::Duration};

/// How many replicas must have an ending, and how long that may take.
pub(super) struct Confirmation {
    /// Of its own: `WAIT` holds up whatever comes after it on its connection.
    pub(super) link: Arc<Link>,
    pub(super) replicas: u32,
    pub(super) timeout: Duration,
}

impl Confirmation {
    /// The script, and `WAIT` right behind it: how many replicas have it.
    pub(super) async fn send(
        &self,
        connection: &mut Connection,
        call: &Call<'_>,
    ) -> Result<(Value, i64), RedisError> {
        let both = connection.send_both(call.by_hash(), self.wait(), call.route());
        let [value, replicas] = match both.await? {
            [Err(error), _] if is_unseen(&error) => {
                let both = connection.send_both(call.by_code(), self.wait(), call.route());
                both.await?
            }
            both => both,
        };
        Ok((value?, redis::from_redis_value(replicas?)?))
    }

    fn wait(&self) -> Cmd {
        let mut wait = redis::cmd("WAIT");
        wait.arg(self.replicas).arg(self.timeout.as_millis());
        wait
    }

    /// # Errors
    /// Too few replicas have it: it is not confirmed.
    pub(super) fn judge(&self, operation: &'static str, replicas: i64) -> Result<(), Error> {
        if replicas >= i64::from(self.replicas) {
            return Ok(());
        }
        let Self {
            replicas: wanted,
            timeout,
            ..
        } = self;
        Err(Error::unavailable(format!(
            "{operation}: not confirmed: WAIT says that {replicas} of {wanted} replicas have it after \
             {timeout:?} (with_wait)"
        )))
    }
}
