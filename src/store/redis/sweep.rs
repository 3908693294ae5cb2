//! Sweeping and taking over: one look at all shards, then a script in those that have something to do.

use super::{
    call::{Call, Inner},
    keys::{DUE, Shard, WORK},
    numbers::millis,
    rows::{Answered, Row},
};
use crate::{
    record::Departed,
    store::{Claimant, Error},
};
use redis::Value;
use std::time::Duration;

impl Inner {
    pub(super) async fn sweep(
        &self,
        limit: usize,
        claimant: Claimant,
    ) -> Result<Vec<Departed>, Error> {
        let part = |shard: Shard<'_>, share: usize, most: usize| {
            let mut call = self.call_of(&self.scripts.sweep, shard, []);
            call.args = call
                .args
                .text(share)
                .text(most)
                .bytes(claimant.attempt.as_bytes())
                .text(millis(claimant.lease));
            call
        };
        let read = |answered: &Answered, _asked: usize| match answered.verdict.as_str() {
            "swept" => Ok((answered.parts(1)?, answered.text(0).as_deref() == Some("1"))),
            _ => Err(answered.fault(self)),
        };
        let work = Work {
            operation: "end_due",
            key: DUE,
            part,
            read,
        };
        let rows = self.walk(limit, work).await?;
        // One that cannot be read is left to who takes it over; the others are the caller's to work on.
        let departed = rows.iter().map(|row| row.departed(self));
        Ok(readable(departed))
    }

    pub(super) async fn take_over(
        &self,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Departed>, Error> {
        let part = |shard: Shard<'_>, share: usize, most: usize| {
            let mut call = self.call_of(&self.scripts.take_over, shard, []);
            call.args = call.args.text(share.min(most)).text(millis(lease));
            call
        };
        let read = |answered: &Answered, asked: usize| match answered.verdict.as_str() {
            "taken" => answered.parts(0).map(|rows| {
                let more = rows.len() >= asked;
                (rows, more)
            }),
            _ => Err(answered.fault(self)),
        };
        let work = Work {
            operation: "pending",
            key: WORK,
            part,
            read,
        };
        let rows = self.walk(limit, work).await?;
        Ok(readable(rows.iter().map(|row| row.work(self))))
    }

    /// Goes through the shards that have something to do, a few at a time, each until it has no more.
    async fn walk<'a, P, R>(&'a self, limit: usize, work: Work<P, R>) -> Result<Vec<Row>, Error>
    where
        P: Fn(Shard<'a>, usize, usize) -> Call<'a>,
        R: Fn(&Answered, usize) -> Result<(Vec<Row>, bool), Error>,
    {
        let Work {
            operation,
            key,
            part,
            read,
        } = work;
        let (mut found, mut failed) = (Vec::new(), None);
        let mut shards = self.shards_to_look_at(operation, key, &mut failed).await?;
        while !shards.is_empty() && found.len() < limit {
            let left = limit - found.len();
            let now = shards.len().min(AT_ONCE).min(left);
            let batch = shards.split_off(shards.len() - now);
            let (share, most) = (left / now, LOOKED_AT / now);
            let call = |number: &u8| part(self.keys.shard(*number), share, most);
            let calls = batch.iter().map(call).collect();
            let answers = match self.calls(operation, calls).await {
                Ok(answers) => answers,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            for (number, answered) in batch.into_iter().zip(answers) {
                let part = answered.and_then(|answered| read(&answered, share.min(most)));
                // A part of a cluster may be down: the others go on.
                let (rows, more) = or_note(part, &mut failed);
                found.extend(rows);
                shards.extend(more.then_some(number));
            }
        }
        match failed {
            // What is found is the caller's to work on, and the rest is found again.
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// From a shard that is another one each time, so that none is always last.
    async fn shards_to_look_at(
        &self,
        operation: &'static str,
        name: &str,
        failed: &mut Option<Error>,
    ) -> Result<Vec<u8>, Error> {
        let commands = || {
            let first = self.keys.shard(0).key(name);
            let looks = (0..=u8::MAX).map(|number| {
                let key = self.keys.shard(number).key(name);
                let mut look = redis::cmd("ZRANGE");
                look.arg(&key).arg(0).arg(0).arg("WITHSCORES");
                (look, key)
            });
            let time = (redis::cmd("TIME"), first);
            std::iter::once(time).chain(looks).collect()
        };
        let found = self.within(operation, &self.link, |mut connection| async move {
            connection.send_all(commands()).await
        });
        let mut found = found.await?.into_iter();
        let now = match found.next() {
            Some(Ok(time)) => self.now(&time),
            _ => u64::MAX,
        };
        let mut start = [0];
        getrandom::fill(&mut start)?;
        let mut shards = Vec::new();
        for (number, earliest) in (0..=u8::MAX).zip(found) {
            match earliest {
                Ok(earliest) if is_due(&earliest, now) => shards.push(number),
                Ok(_) => {}
                // Whose key is foreign is named by the script.
                Err(error) if error.code() == Some("WRONGTYPE") => shards.push(number),
                Err(error) => *failed = Some(super::fault::named(operation, &error)),
            }
        }
        let [start] = start;
        let start = shards.partition_point(|number| *number < start);
        shards.rotate_left(start);
        Ok(shards)
    }

    /// The store's time, in milliseconds; the nodes of a cluster may be a little apart.
    fn now(&self, time: &Value) -> u64 {
        if let Some(clock) = &self.clock {
            return clock.now().as_unix_millis();
        }
        let seconds: Option<(u64, u64)> = redis::from_redis_value_ref(time).ok();
        let Some((seconds, micros)) = seconds else {
            return u64::MAX;
        };
        let apart = if self.link.is_cluster() { APART } else { 0 };
        seconds.saturating_mul(1_000) + micros / 1_000 + apart
    }
}

/// What is done in shards.
struct Work<P, R> {
    operation: &'static str,
    /// Whose smallest score says whether there is something to do.
    key: &'static str,
    /// For a shard, with how many may be answered and how many looked at.
    part: P,
    /// What was found, and whether there may be more.
    read: R,
}

fn or_note<T: Default>(part: Result<T, Error>, failed: &mut Option<Error>) -> T {
    part.unwrap_or_else(|error| {
        *failed = Some(error);
        T::default()
    })
}

fn readable(found: impl Iterator<Item = Result<Departed, Error>>) -> Vec<Departed> {
    let readable = |departed: Result<Departed, Error>| {
        let said = departed.inspect_err(|error| {
            tracing::error!(target: "adjourn::store", %error, "an ending cannot be read");
        });
        said.ok()
    };
    found.filter_map(readable).collect()
}

fn is_due(earliest: &Value, now: u64) -> bool {
    let earliest: Vec<(String, f64)> = redis::from_redis_value_ref(earliest).unwrap_or_default();
    // Scores are whole milliseconds below 2^53.
    #[expect(
        clippy::cast_precision_loss,
        reason = "compared with a score, which is a double"
    )]
    let now = now as f64;
    earliest.first().is_some_and(|(_, score)| *score <= now)
}

/// How many shards are worked on in one round trip.
const AT_ONCE: usize = 8;

/// How many sessions are looked at in one round trip: some milliseconds, in which the server serves nobody else.
const LOOKED_AT: usize = 64;

/// By how much the clocks of a cluster's nodes may differ before a sweep comes late by the difference.
const APART: u64 = 1_000;
