//! Changes of a live session: its values and its secret. Judged and written under the lock.

use super::{
    connection::{Inner, Synced},
    rows::{self, Found},
};
use crate::{
    id::{SecretHash, SessionId},
    store::{
        Error, NotLive, Rotated, Update, Updated,
        change::{Presented, merged, present, with_secret},
    },
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

impl Inner {
    pub(super) async fn merge(
        &self,
        id: SessionId,
        update: Update,
        expected: Option<u64>,
    ) -> Result<Updated, Error> {
        let mut write = self.write(UPDATE, Synced::Disk).await?;
        let now = write.now;
        let found = rows::one(write.connection(), id, UPDATE).await?;
        let updated = match standing(found, now) {
            Err(not_live) => Updated::NotLive(not_live),
            Ok(Found { stored, .. })
                if expected.is_some_and(|expected| expected != stored.record.revision()) =>
            {
                Updated::Conflict(stored.live(now))
            }
            Ok(Found { mut stored, .. }) => {
                if let Some(merged) = merged(&stored.record, &update, now) {
                    stored.record = Arc::new(merged);
                    write.store(&stored, UPDATE).await?;
                }
                Updated::Written(stored.live(now))
            }
        };
        write.commit(UPDATE).await?;
        Ok(updated)
    }

    pub(super) async fn swap_secret(
        &self,
        id: SessionId,
        old: SecretHash,
        new: SecretHash,
        grace: Duration,
    ) -> Result<Rotated, Error> {
        let mut write = self.write(ROTATE, Synced::Disk).await?;
        let now = write.now;
        let Some(found) = rows::one(write.connection(), id, ROTATE).await? else {
            write.commit(ROTATE).await?;
            return Ok(Rotated::NotLive(NotLive::Unknown));
        };
        let presented = present(&found.stored.record, &old, now);
        let rotated = match (presented, standing(Some(found), now)) {
            (Presented::Unknown, _) => Rotated::WrongSecret,
            (_, Err(not_live)) => Rotated::NotLive(not_live),
            (Presented::Current | Presented::First, Ok(found)) => {
                let mut stored = found.stored;
                stored.record = Arc::new(with_secret(&stored.record, new, grace, now));
                write.store(&stored, ROTATE).await?;
                Rotated::Written
            }
            (Presented::Outdated | Presented::Previous, Ok(found)) => {
                if *found.stored.record.secret_hash() == new {
                    Rotated::Written
                } else {
                    Rotated::Outdated
                }
            }
        };
        write.commit(ROTATE).await?;
        Ok(rotated)
    }
}

/// The session if it is live, or why a write is refused.
fn standing(found: Option<Found>, now: Timestamp) -> Result<Found, NotLive> {
    let found = found.ok_or(NotLive::Unknown)?;
    if let Some(tombstone) = found.stored.tombstone() {
        return Err(NotLive::Ended(tombstone));
    }
    match found.due(now) {
        Some(due) => Err(NotLive::Due(due.cause)),
        None => Ok(found),
    }
}

const ROTATE: &str = "rotate";
const UPDATE: &str = "update";
