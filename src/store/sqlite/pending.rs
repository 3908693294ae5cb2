//! The work that endings leave to do, and who does it.

use super::{
    connection::{Inner, Synced, fault, query_fault},
    rows::{self, Sql},
};
use crate::{
    id::SessionId,
    record::Departed,
    store::{
        Error,
        sql::{count, instant, number},
        stored::Work,
    },
};
use sqlx::Row;
use std::time::Duration;

impl Inner {
    pub(super) async fn take_over(
        &self,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Departed>, Error> {
        const TAKE: &str = "update adjourn_session set claim = ?, lease_until = ?, \
            taken_over = 1 where id = ? and claim is not null";
        const LATER: &str = "update adjourn_session set lease_until = ? where id = ?";
        if !self.lease_is_over().await? {
            return Ok(Vec::new());
        }
        let mut write = self.write(PENDING, Synced::Disk).await?;
        let now = write.now;
        let query = sqlx::query(rows::TO_TAKE_OVER)
            .bind(instant(now))
            .bind(count(limit));
        let (found, unreadable) = rows::readable(write.connection(), query, PENDING).await?;
        let until = instant(now.saturating_add(lease));
        for unreadable in unreadable {
            unreadable.report();
            let query = sqlx::query(LATER).bind(until).bind(unreadable.id);
            write.change(query, PENDING).await?;
        }
        let mut taken = Vec::with_capacity(found.len());
        for mut found in found {
            let claim = write.next("claim", PENDING).await?;
            let query = sqlx::query(TAKE)
                .bind(number(claim))
                .bind(until)
                .bind(found.stored.id.as_bytes().to_vec());
            write.change(query, PENDING).await?;
            if let Some(gone) = &mut found.stored.gone {
                gone.work = Some(Work {
                    claim,
                    taken_over: true,
                });
            }
            taken.extend(found.stored.departed());
        }
        write.commit(PENDING).await?;
        Ok(taken)
    }

    /// Asked first: most of the time there is nothing, and others can write meanwhile.
    async fn lease_is_over(&self) -> Result<bool, Error> {
        const OVER: &str = "select exists (select 1 from adjourn_session \
            where claim is not null and lease_until <= ?) as is_over";
        let now = instant(self.clock.now());
        let mut reader = self.read(PENDING).await?;
        let row = sqlx::query(OVER).bind(now).fetch_one(&mut *reader).await;
        let row = row.map_err(query_fault(PENDING))?;
        row.try_get("is_over").map_err(fault)
    }

    pub(super) async fn renew_lease(
        &self,
        id: SessionId,
        claim: u64,
        lease: Duration,
    ) -> Result<bool, Error> {
        const RENEW: &str = "update adjourn_session set lease_until = ? where id = ? and claim = ?";
        let mut write = self.write(RENEW_LEASE, Synced::System).await?;
        let until = instant(write.now.saturating_add(lease));
        let query = of_claim(sqlx::query(RENEW).bind(until), id, claim);
        let changed = write.change(query, RENEW_LEASE).await?;
        write.commit(RENEW_LEASE).await?;
        Ok(changed > 0)
    }

    pub(super) async fn finish(&self, id: SessionId, claim: u64) -> Result<bool, Error> {
        const FINISH: &str = "update adjourn_session set claim = null, lease_until = null, \
            left_behind = null where id = ? and claim = ?";
        // A lost acknowledgement only means that the work is done once more.
        let mut write = self.write(ACKNOWLEDGE, Synced::System).await?;
        let query = of_claim(sqlx::query(FINISH), id, claim);
        let changed = write.change(query, ACKNOWLEDGE).await?;
        write.commit(ACKNOWLEDGE).await?;
        Ok(changed > 0)
    }
}

fn of_claim(query: Sql, id: SessionId, claim: u64) -> Sql {
    query.bind(id.as_bytes().to_vec()).bind(number(claim))
}

const ACKNOWLEDGE: &str = "acknowledge";
const PENDING: &str = "pending";
const RENEW_LEASE: &str = "renew";
