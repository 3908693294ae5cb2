//! The hot path: a read, and a write only when a touch or the end of a grace must be written.

use super::{
    connection::{Inner, Synced, Write},
    rows::{self, Found},
};
use crate::{
    id::{SecretHash, SessionId},
    record::Activity,
    store::{
        CheckIn, Checked, Error,
        change::{Presented, present, without_grace},
        sql::instant,
        stored::Stored,
    },
    time::Timestamp,
};
use std::{collections::HashMap, sync::Arc};

/// What a request with the right secret leaves to write.
enum Judged {
    Answer(CheckIn),
    /// The grace of the previous secret is over.
    First(Stored),
    Touch(Stored),
}

impl Inner {
    pub(super) async fn validate(
        &self,
        id: SessionId,
        secret: SecretHash,
        activity: Activity,
    ) -> Result<CheckIn, Error> {
        // Before the row is read: a session must not look overdue because it was touched meanwhile.
        let now = self.clock.now();
        let mut reader = self.read(CHECK_IN).await?;
        let found = rows::one(&mut reader, id, CHECK_IN).await?;
        drop(reader);
        match judge(found, &secret, activity, now) {
            Judged::Answer(answer) => Ok(answer),
            Judged::First(_) | Judged::Touch(_) => self.write_visit(id, secret, activity).await,
        }
    }

    /// Judges again under the lock, and writes.
    async fn write_visit(
        &self,
        id: SessionId,
        secret: SecretHash,
        activity: Activity,
    ) -> Result<CheckIn, Error> {
        let mut write = self.write(CHECK_IN, Synced::System).await?;
        let now = write.now;
        let found = rows::one(write.connection(), id, CHECK_IN).await?;
        let answer = match judge(found, &secret, activity, now) {
            Judged::Answer(answer) => answer,
            Judged::First(mut stored) => {
                stored.record = Arc::new(without_grace(&stored.record));
                write.store(&stored, CHECK_IN).await?;
                if activity == Activity::Active && stored.record.touch_is_due(stored.last_seen, now)
                {
                    write.touch(&mut stored).await?;
                }
                CheckIn::Live(stored.live(now))
            }
            Judged::Touch(mut stored) => {
                write.touch(&mut stored).await?;
                CheckIn::Live(stored.live(now))
            }
        };
        write.commit(CHECK_IN).await?;
        Ok(answer)
    }

    pub(super) async fn recheck(
        &self,
        ids: Vec<SessionId>,
        activity: Activity,
    ) -> Result<Vec<Checked>, Error> {
        let now = self.clock.now();
        let mut reader = self.read(CHECK).await?;
        let found = rows::all(&mut reader, rows::by_ids(&ids), CHECK).await?;
        drop(reader);
        let touched = |found: &Found| found.is_live(now) && found.touch_is_due(now);
        if activity == Activity::Passive || !found.iter().any(touched) {
            return Ok(answers(&ids, &found, now));
        }
        let mut write = self.write(CHECK, Synced::System).await?;
        let now = write.now;
        let mut found = rows::all(write.connection(), rows::by_ids(&ids), CHECK).await?;
        for found in &mut found {
            if found.is_live(now) && found.touch_is_due(now) {
                write.touch(&mut found.stored).await?;
            }
        }
        write.commit(CHECK).await?;
        Ok(answers(&ids, &found, now))
    }
}

impl Write<'_> {
    async fn touch(&mut self, stored: &mut Stored) -> Result<(), Error> {
        const TOUCH: &str = "update adjourn_session set last_seen = max(last_seen, ?) \
            where id = ? and ended_at is null";
        let query = sqlx::query(TOUCH)
            .bind(instant(self.now))
            .bind(stored.id.as_bytes().to_vec());
        stored.last_seen = stored.last_seen.max(self.now);
        self.change(query, CHECK_IN).await.map(|_| ())
    }
}

fn judge(found: Option<Found>, secret: &SecretHash, activity: Activity, now: Timestamp) -> Judged {
    let Some(found) = found else {
        return Judged::Answer(CheckIn::Unknown);
    };
    if let Some(tombstone) = found.stored.tombstone() {
        return Judged::Answer(if tombstone.knows(secret) {
            CheckIn::Ended(tombstone)
        } else {
            CheckIn::WrongSecret
        });
    }
    let presented = present(&found.stored.record, secret, now);
    if matches!(presented, Presented::Unknown) {
        return Judged::Answer(CheckIn::WrongSecret);
    }
    if let Some(due) = found.due(now) {
        return Judged::Answer(CheckIn::Due(due.cause));
    }
    match presented {
        Presented::Outdated => Judged::Answer(CheckIn::Outdated),
        Presented::First => Judged::First(found.stored),
        _ if activity == Activity::Active && found.touch_is_due(now) => Judged::Touch(found.stored),
        _ => Judged::Answer(CheckIn::Live(found.stored.live(now))),
    }
}

fn answers(ids: &[SessionId], found: &[Found], now: Timestamp) -> Vec<Checked> {
    let by_id: HashMap<SessionId, &Found> =
        found.iter().map(|found| (found.stored.id, found)).collect();
    let answer = |id: &SessionId| match by_id.get(id) {
        None => Checked::Unknown,
        Some(found) => match (&found.stored.gone, found.due(now)) {
            (Some(gone), _) => Checked::Ended(gone.ending.reason().clone()),
            (None, Some(due)) => Checked::Due(due.cause.reason().clone()),
            (None, None) => Checked::Live {
                due_in: found.deadline().saturating_since(now),
            },
        },
    };
    ids.iter().map(answer).collect()
}

const CHECK: &str = "check";
const CHECK_IN: &str = "check_in";
