//! How a session ends here: one update, under the lock, of a row that has not ended.

use super::{
    connection::{Inner, Synced, Write},
    rows::{self, Found},
};
use crate::{
    id::{SessionId, Subject},
    reason::{Cause, Ending},
    record::{Departed, Generation, RecordParts, Scope, Tombstone},
    store::{
        Claimant, End, Error, Notice, codec,
        sql::{instant, number},
        stored::{Gone, Work},
    },
    time::Timestamp,
};
use std::{collections::HashSet, sync::Arc};

impl Inner {
    pub(super) async fn end_one(
        &self,
        id: SessionId,
        cause: Cause,
        claimant: Claimant,
    ) -> Result<End, Error> {
        let mut write = self.write(END, Synced::Disk).await?;
        let end = write.end(id, cause, claimant, END).await?;
        write.commit(END).await?;
        Ok(end)
    }

    pub(super) async fn end_each(
        &self,
        ids: Vec<SessionId>,
        cause: Cause,
        claimant: Claimant,
    ) -> Result<Vec<Departed>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.write(END_MANY, Synced::Disk).await?;
        let (mut met, mut ended) = (HashSet::with_capacity(ids.len()), Vec::new());
        for id in ids {
            if !met.insert(id) {
                continue;
            }
            if let End::First(departed) = write.end(id, cause.clone(), claimant, END_MANY).await? {
                ended.push(departed);
            }
        }
        write.commit(END_MANY).await?;
        Ok(ended)
    }

    pub(super) async fn cut(&self, scope: Scope, cause: Cause) -> Result<Generation, Error> {
        const CUT: &str = "insert into adjourn_cut \
            (generation, subject, created_before, cause, at) values (?, ?, ?, ?, ?)";
        let mut write = self.write(END_ALL, Synced::Disk).await?;
        let generation = write.next_generation(END_ALL).await?;
        let (subject, before) = match &scope {
            Scope::Everyone { created_before } => (None, *created_before),
            Scope::Subject { subject, except } => {
                if let Some(kept) = except {
                    write.keep(subject, *kept, generation).await?;
                }
                (Some(subject.as_str().to_owned()), None)
            }
        };
        let query = sqlx::query(CUT)
            .bind(number(generation.number()))
            .bind(subject)
            .bind(before.map(instant))
            .bind(codec::cause_to_text(&cause))
            .bind(instant(write.now));
        write.change(query, END_ALL).await?;
        write.tell(Notice::Cut(scope), END_ALL).await?;
        write.commit(END_ALL).await?;
        Ok(generation)
    }
}

impl Write<'_> {
    async fn end(
        &mut self,
        id: SessionId,
        cause: Cause,
        claimant: Claimant,
        operation: &'static str,
    ) -> Result<End, Error> {
        let Some(found) = rows::one(self.connection(), id, operation).await? else {
            return Ok(End::Unknown);
        };
        if let Some(tombstone) = found.stored.tombstone() {
            let again = self.again(found, claimant, operation).await?;
            return Ok(again.map_or(End::Already(tombstone), End::First));
        }
        let departed = self.conclude(found, cause, claimant, operation).await?;
        Ok(departed.map_or(End::Unknown, End::First))
    }

    /// The same attempt again, while its work is pending and nobody took it over.
    async fn again(
        &mut self,
        found: Found,
        claimant: Claimant,
        operation: &'static str,
    ) -> Result<Option<Departed>, Error> {
        const AGAIN: &str = "update adjourn_session set lease_until = ? \
            where id = ? and attempt = ? and taken_over = 0 and claim is not null";
        let query = sqlx::query(AGAIN)
            .bind(instant(self.now.saturating_add(claimant.lease)))
            .bind(found.stored.id.as_bytes().to_vec())
            .bind(claimant.attempt.as_bytes().to_vec());
        let changed = self.change(query, operation).await?;
        Ok(found.stored.departed().filter(|_| changed > 0))
    }

    /// Ends a session that has not ended, with the earliest cause.
    pub(super) async fn conclude(
        &mut self,
        mut found: Found,
        cause: Cause,
        claimant: Claimant,
        operation: &'static str,
    ) -> Result<Option<Departed>, Error> {
        const END: &str = "update adjourn_session set vals = null, grants = null, ended_at = ?, \
            cause = ?, cut = ?, due_at = ?, attempt = ?, keep_until = ?, claim = ?, lease_until = ?, \
            taken_over = 0 where id = ? and ended_at is null";
        let now = self.now;
        let (cause, cut, due_at) = match found.due(now) {
            Some(due) => (due.cause, due.cut, Some(due.at)),
            None => (cause, None, None),
        };
        let claim = self.next("claim", operation).await?;
        let stored = &found.stored;
        let keep_until = Tombstone::keep_until(now, stored.record.absolute_deadline());
        let query = sqlx::query(END)
            .bind(instant(now))
            .bind(codec::cause_to_text(&cause))
            .bind(cut.map(|cut| number(cut.number())))
            .bind(due_at.map(instant))
            .bind(claimant.attempt.as_bytes().to_vec())
            .bind(instant(keep_until))
            .bind(number(claim))
            .bind(instant(now.saturating_add(claimant.lease)))
            .bind(stored.id.as_bytes().to_vec());
        if self.change(query, operation).await? == 0 {
            return Ok(None);
        }
        let (id, reason) = (stored.id, cause.reason().clone());
        self.tell(Notice::Ended { id, reason }, operation).await?;
        found.stored.gone = Some(Gone {
            ending: Ending::new(cause, now),
            cut,
            due_at,
            work: Some(Work {
                claim,
                taken_over: false,
            }),
        });
        Ok(found.stored.departed())
    }

    /// Gives a session a new generation, if it is live and of the subject.
    async fn keep(
        &mut self,
        subject: &Subject,
        id: SessionId,
        generation: Generation,
    ) -> Result<(), Error> {
        let now: Timestamp = self.now;
        let found = rows::one(self.connection(), id, END_ALL).await?;
        let kept = found
            .filter(|found| found.stored.record.subject() == Some(subject) && found.is_live(now));
        let Some(Found { mut stored, .. }) = kept else {
            return Ok(());
        };
        let mut parts = RecordParts::from((*stored.record).clone());
        parts.generation = generation;
        stored.record = Arc::new(parts.into());
        self.store(&stored, END_ALL).await
    }
}

const END: &str = "end";
const END_ALL: &str = "end_all";
const END_MANY: &str = "end_many";
