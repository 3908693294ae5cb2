//! Changes of a live session: its values and its secret.

use super::{
    call::{Args, Inner},
    numbers::{instant, millis, number},
    rows::Answered,
};
use crate::{
    id::{SecretHash, SessionId},
    record::Changes,
    store::{Attempt, Error, NotLive, Rotated, Update, Updated},
};
use std::time::Duration;

impl Inner {
    pub(super) async fn merge(
        &self,
        id: SessionId,
        update: Update,
        expected: Option<u64>,
    ) -> Result<Updated, Error> {
        let shard = self.keys.shard_with(id);
        let mut call = self.call_of(&self.scripts.update, shard, [shard.session(id)]);
        let grants: Vec<_> = update.grants.iter().collect();
        let args = call
            .args
            .text(id)
            .optional(expected.map(number))
            .bytes(Attempt::random()?.as_bytes());
        let args = changes(changes(args, &update.values), &update.leave_behind).text(grants.len());
        call.args = grants.into_iter().fold(args, |args, (name, until)| {
            args.flag(true).text(name).text(instant(until))
        });
        let answered = self.call("update", call).await?;
        match answered.verdict.as_str() {
            "written" => Ok(Updated::Written(answered.row(self)?.live(answered.now))),
            "conflict" => Ok(Updated::Conflict(answered.row(self)?.live(answered.now))),
            _ => Ok(Updated::NotLive(self.not_live(&answered)?)),
        }
    }

    pub(super) async fn swap_secret(
        &self,
        id: SessionId,
        old: SecretHash,
        new: SecretHash,
        grace: Duration,
    ) -> Result<Rotated, Error> {
        let shard = self.keys.shard_with(id);
        let mut call = self.call_of(&self.scripts.rotate, shard, [shard.session(id)]);
        call.args = call
            .args
            .text(id)
            .bytes(old.as_bytes())
            .bytes(new.as_bytes())
            .text(millis(grace));
        let answered = self.call("rotate", call).await?;
        match answered.verdict.as_str() {
            "written" => Ok(Rotated::Written),
            "outdated" => Ok(Rotated::Outdated),
            "wrong" => Ok(Rotated::WrongSecret),
            _ => Ok(Rotated::NotLive(self.not_live(&answered)?)),
        }
    }

    fn not_live(&self, answered: &Answered) -> Result<NotLive, Error> {
        match answered.verdict.as_str() {
            "due" => Ok(NotLive::Due(answered.cause()?)),
            "ended" => Ok(NotLive::Ended(answered.tombstone(&answered.row(self)?)?)),
            "unknown" => Ok(NotLive::Unknown),
            _ => Err(answered.fault(self)),
        }
    }
}

/// How many, and each: whether it is set, its name, its value.
fn changes(args: Args, changes: &Changes) -> Args {
    let args = args.text(changes.iter().count());
    changes.iter().fold(args, |args, (name, value)| {
        let args = args.flag(value.is_some()).text(name);
        args.bytes(value.unwrap_or_default())
    })
}
