//! Changes of a live session: its values and its secret.

use super::{
    connection::Inner,
    rows::{Answered, changes},
};
use crate::{
    id::{SecretHash, SessionId},
    store::{
        Error, NotLive, Rotated, Update, Updated,
        sql::{instant, millis, number},
    },
};
use std::time::Duration;

impl Inner {
    pub(super) async fn merge(
        &self,
        id: SessionId,
        update: Update,
        expected: Option<u64>,
    ) -> Result<Updated, Error> {
        let (values_removed, (value_names, value_data)) = changes(&update.values);
        let (left_removed, (left_names, left_data)) = changes(&update.leave_behind);
        let grants = update.grants.iter();
        let (grant_names, grant_until): (Vec<Vec<u8>>, Vec<i64>) = grants
            .map(|(name, until)| (name.as_bytes().to_vec(), instant(until)))
            .unzip();
        let query = self
            .statements
            .update()
            .bind(id.as_bytes().to_vec())
            .bind(expected.map(number))
            .bind(values_removed)
            .bind(value_names)
            .bind(value_data)
            .bind(left_removed)
            .bind(left_names)
            .bind(left_data)
            .bind(grant_names)
            .bind(grant_until);
        let row = self.row("update", query).await?;
        let answered = Answered::read(&row, self)?;
        match answered.verdict.as_str() {
            "written" => Ok(Updated::Written(answered.live()?)),
            "conflict" => Ok(Updated::Conflict(answered.live()?)),
            _ => Ok(Updated::NotLive(not_live(&answered)?)),
        }
    }

    pub(super) async fn swap_secret(
        &self,
        id: SessionId,
        old: SecretHash,
        new: SecretHash,
        grace: Duration,
    ) -> Result<Rotated, Error> {
        let query = self
            .statements
            .rotate()
            .bind(id.as_bytes().to_vec())
            .bind(old.as_bytes().to_vec())
            .bind(new.as_bytes().to_vec())
            .bind(millis(grace));
        let row = self.row("rotate", query).await?;
        let answered = Answered::read(&row, self)?;
        match answered.verdict.as_str() {
            "written" => Ok(Rotated::Written),
            "outdated" => Ok(Rotated::Outdated),
            "wrong" => Ok(Rotated::WrongSecret),
            _ => Ok(Rotated::NotLive(not_live(&answered)?)),
        }
    }
}

fn not_live(answered: &Answered<'_>) -> Result<NotLive, Error> {
    match answered.verdict.as_str() {
        "due" => Ok(NotLive::Due(answered.cause()?)),
        "ended" => Ok(NotLive::Ended(answered.tombstone()?)),
        "unknown" => Ok(NotLive::Unknown),
        _ => Err(answered.unexpected()),
    }
}
