//! Sweeping: what is due ends, what nobody needs any more is dropped.

use super::{
    connection::{Inner, Synced, Write, fault, query_fault},
    rows::{self, Found},
};
use crate::{
    reason::EndReason,
    record::Departed,
    store::{
        Claimant, Error, Ticket,
        sql::{count, instant},
    },
};
use sqlx::Row;
use std::time::Duration;

/// What one transaction of a sweep came to.
struct Part {
    ended: Vec<Departed>,
    /// More may be due.
    more: bool,
}

/// A cut that is not concluded.
struct Open {
    generation: i64,
    subject: Option<String>,
    created_before: i64,
}

impl Inner {
    pub(super) async fn sweep(
        &self,
        limit: usize,
        claimant: Claimant,
    ) -> Result<Vec<Departed>, Error> {
        let mut ended = Vec::new();
        // Asked first: most of the time there is nothing to do, and others can write meanwhile.
        while self.has_work().await? {
            let part = match self.sweep_part(limit - ended.len(), claimant).await {
                Ok(part) => part,
                Err(error) if ended.is_empty() => return Err(error),
                // What did end is the caller's to work on; the rest is found again.
                Err(_) => break,
            };
            ended.extend(part.ended);
            if !part.more || ended.len() >= limit {
                break;
            }
        }
        Ok(ended)
    }

    async fn has_work(&self) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut reader = self.read(END_DUE).await?;
        let row = sqlx::query(HAS_WORK)
            .bind(instant(now))
            .bind(instant(now.saturating_sub(Ticket::LIFETIME)))
            .bind(instant(now.saturating_sub(NOTICE_RETENTION)))
            .fetch_one(&mut *reader)
            .await
            .map_err(query_fault(END_DUE))?;
        row.try_get("work").map_err(fault)
    }

    async fn sweep_part(&self, limit: usize, claimant: Claimant) -> Result<Part, Error> {
        let mut write = self.write(END_DUE, Synced::Disk).await?;
        let dropped = write.drop_old().await?;
        let mut part = write.end_overdue(limit.min(AT_ONCE), claimant).await?;
        if !part.more {
            let left = limit.min(AT_ONCE) - part.ended.len();
            let cut = write.end_cut(left, claimant).await?;
            part.ended.extend(cut.ended);
            part.more = cut.more;
        }
        write.commit(END_DUE).await?;
        part.more |= dropped;
        Ok(part)
    }
}

impl Write<'_> {
    /// Drops tombstones, cuts and notices whose time is over; `true` when there may be more.
    async fn drop_old(&mut self) -> Result<bool, Error> {
        const NOTICES: &str = "delete from adjourn_notice where seq in (select seq from \
            (select seq, at from adjourn_notice order by seq limit ?) where at < ?)";
        const REMEMBER: &str = "update adjourn_meta set number = max(number, coalesce( \
            (select max(generation) from adjourn_cut where walked = 1 and at < ?), 0)) \
            where name = 'forgotten'";
        const CUTS: &str = "delete from adjourn_cut where walked = 1 and at < ?";
        let now = self.now;
        let at_once = count(AT_ONCE);
        let query = sqlx::query(TOMBSTONES).bind(instant(now)).bind(at_once);
        let tombstones = self.change(query, END_DUE).await?;
        let old = instant(now.saturating_sub(NOTICE_RETENTION));
        let query = sqlx::query(NOTICES).bind(at_once).bind(old);
        let notices = self.change(query, END_DUE).await?;
        let old = instant(now.saturating_sub(Ticket::LIFETIME));
        self.change(sqlx::query(REMEMBER).bind(old), END_DUE)
            .await?;
        self.change(sqlx::query(CUTS).bind(old), END_DUE).await?;
        let most = u64::try_from(AT_ONCE).unwrap_or(u64::MAX);
        Ok(tombstones >= most || notices >= most)
    }

    /// Ends those whose deadline has passed; looks at the others again at their deadline.
    async fn end_overdue(&mut self, limit: usize, claimant: Claimant) -> Result<Part, Error> {
        let query = sqlx::query(rows::TO_LOOK_AT)
            .bind(instant(self.now))
            .bind(count(AT_ONCE));
        let (found, unreadable) = rows::readable(self.connection(), query, END_DUE).await?;
        let mut part = Part {
            more: found.len() + unreadable.len() >= AT_ONCE,
            ended: Vec::new(),
        };
        for unreadable in unreadable {
            unreadable.report();
            self.put_off(unreadable.id, PUT_OFF_OVERDUE).await?;
        }
        for found in found {
            if found.due(self.now).is_none() {
                self.look_again(&found).await?;
            } else if part.ended.len() < limit {
                part.ended.extend(self.end_found(found, claimant).await?);
            } else {
                part.more = true;
            }
        }
        Ok(part)
    }

    async fn look_again(&mut self, found: &Found) -> Result<(), Error> {
        const LOOK_AGAIN: &str = "update adjourn_session set look_at = ? where id = ?";
        let deadline = found.stored.record.deadline(found.stored.last_seen);
        let query = sqlx::query(LOOK_AGAIN)
            .bind(instant(deadline))
            .bind(found.stored.id.as_bytes().to_vec());
        self.change(query, END_DUE).await.map(|_| ())
    }

    /// Looks at a row that cannot be read again in a minute.
    async fn put_off(&mut self, id: Vec<u8>, put_off: &'static str) -> Result<(), Error> {
        let again = instant(self.now.saturating_add(PUT_OFF_FOR));
        let query = sqlx::query(put_off).bind(again).bind(id);
        self.change(query, END_DUE).await.map(|_| ())
    }

    /// Ends those that a cut covers, the first cut first. One that cannot be read may be covered: the
    /// cut stays, or it would be live again for who can read it.
    async fn end_cut(&mut self, limit: usize, claimant: Claimant) -> Result<Part, Error> {
        const WALKED: &str = "update adjourn_cut set walked = 1 where generation = ?";
        let mut part = Part {
            ended: Vec::new(),
            more: false,
        };
        let mut after = -1;
        while let Some(open) = self.open_cut(after).await? {
            after = open.generation;
            let left = limit - part.ended.len();
            let query = match open.subject {
                Some(subject) => sqlx::query(rows::CUT_OF_SUBJECT)
                    .bind(subject)
                    .bind(open.generation),
                None => sqlx::query(rows::CUT_OF_EVERYONE)
                    .bind(open.generation)
                    .bind(open.created_before),
            };
            let query = query.bind(count(left));
            let (found, unreadable) = rows::readable(self.connection(), query, END_DUE).await?;
            let is_last = found.len() + unreadable.len() < left;
            let is_stuck = found.is_empty() && !unreadable.is_empty();
            let is_walked = is_last && unreadable.is_empty();
            for found in found {
                part.ended.extend(self.end_found(found, claimant).await?);
            }
            for unreadable in unreadable {
                self.put_off(unreadable.id, PUT_OFF_CUT).await?;
            }
            if !is_last && !is_stuck {
                part.more = true;
                return Ok(part);
            }
            if is_walked {
                self.change(sqlx::query(WALKED).bind(open.generation), END_DUE)
                    .await?;
            }
        }
        Ok(part)
    }

    async fn open_cut(&mut self, after: i64) -> Result<Option<Open>, Error> {
        const OPEN: &str = "select generation, subject, \
            coalesce(created_before, 9223372036854775807) as created_before \
            from adjourn_cut where walked = 0 and generation > ? order by generation limit 1";
        let query = sqlx::query(OPEN).bind(after);
        let row = query.fetch_optional(self.connection()).await;
        let Some(row) = row.map_err(query_fault(END_DUE))? else {
            return Ok(None);
        };
        Ok(Some(Open {
            generation: row.try_get("generation").map_err(fault)?,
            subject: row.try_get("subject").map_err(fault)?,
            created_before: row.try_get("created_before").map_err(fault)?,
        }))
    }

    async fn end_found(
        &mut self,
        found: Found,
        claimant: Claimant,
    ) -> Result<Option<Departed>, Error> {
        // It is due, so that its own cause counts and not this one.
        self.conclude(found, EndReason::Lost.into(), claimant, END_DUE)
            .await
    }
}

/// How long other processes may take to read a notice; then they check what they hold.
pub(super) const NOTICE_RETENTION: Duration = Duration::from_mins(5);

/// How many rows one transaction of a sweep looks at: others write in between.
const AT_ONCE: usize = 256;

/// When a row that cannot be read is looked at again: perhaps a newer process has.
const PUT_OFF_FOR: Duration = Duration::from_mins(1);

const PUT_OFF_OVERDUE: &str = "update adjourn_session set look_at = ? where id = ?";

/// Writes nothing where it is looked at as soon in any case.
const PUT_OFF_CUT: &str = "update adjourn_session set look_at = ?1 where id = ?2 and look_at > ?1";

const END_DUE: &str = "end_due";

pub(super) const HAS_WORK: &str = "select \
    exists (select 1 from adjourn_session where ended_at is null and look_at <= ?1) or \
    exists (select 1 from adjourn_session where ended_at is not null and claim is null \
      and keep_until <= ?1) or \
    exists (select 1 from adjourn_cut where walked = 0) or \
    coalesce((select at from adjourn_cut order by generation limit 1) < ?2, false) or \
    coalesce((select at from adjourn_notice order by seq limit 1) < ?3, false) as work";

pub(super) const TOMBSTONES: &str = "delete from adjourn_session where rowid in (select rowid \
    from adjourn_session where ended_at is not null and claim is null \
    and keep_until <= ? limit ?)";
