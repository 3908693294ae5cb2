//! How sessions end here, alone, together, by a sweep or a cut; and the work that they leave.

use super::{connection::Inner, rows::Answered, validate::bytes};
use crate::{
    id::SessionId,
    reason::Cause,
    record::{Departed, Generation, Scope},
    store::{
        Claimant, End, Error, Notice, codec,
        sql::{count, instant, millis, number},
        stored::{Columns, Fault},
    },
};
use sqlx::postgres::PgRow;
use std::{collections::HashSet, sync::Arc, time::Duration};

impl Inner {
    pub(super) async fn end_one(
        &self,
        id: SessionId,
        cause: Cause,
        claimant: Claimant,
    ) -> Result<End, Error> {
        let rows = self.end_rows("end", &[id], &cause, claimant).await?;
        let Some(row) = rows.first() else {
            return Ok(End::Unknown);
        };
        let answered = Answered::read(row, self)?;
        match answered.verdict.as_str() {
            "first" => Ok(End::First(answered.departed(self)?)),
            "already" => Ok(End::Already(answered.tombstone()?)),
            _ => Err(answered.unexpected()),
        }
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
        let rows = self.end_rows("end_many", &ids, &cause, claimant).await?;
        let mut ended = Vec::with_capacity(rows.len());
        for row in &rows {
            let answered = Answered::read(row, self)?;
            match answered.verdict.as_str() {
                "first" => ended.push(answered.departed(self)?),
                "already" => {}
                _ => return Err(answered.unexpected()),
            }
        }
        Ok(ended)
    }

    async fn end_rows(
        &self,
        operation: &'static str,
        ids: &[SessionId],
        cause: &Cause,
        claimant: Claimant,
    ) -> Result<Vec<PgRow>, Error> {
        let query = self
            .statements
            .end()
            .bind(bytes(ids))
            .bind(codec::cause_to_text(cause))
            .bind(claimant.attempt.as_bytes().to_vec())
            .bind(millis(claimant.lease))
            .bind(self.node.clone());
        self.ending_rows(operation, query).await
    }

    pub(super) async fn cut(&self, scope: Scope, cause: Cause) -> Result<Generation, Error> {
        let (subject, except, before) = match &scope {
            Scope::Everyone { created_before } => (None, None, *created_before),
            Scope::Subject { subject, except } => (Some(subject), *except, None),
        };
        let query = self
            .statements
            .end_all()
            .bind(subject.map(|subject| subject.as_str().to_owned()))
            .bind(except.map(|id| id.as_bytes().to_vec()))
            .bind(before.map(instant))
            .bind(codec::cause_to_text(&cause))
            .bind(self.node.clone())
            .bind(codec::scope_to_text(&scope));
        let rows = self.ending_rows("end_all", query).await?;
        let generation = rows.first().map(|row| row.some_number("generation"));
        let generation = generation.transpose().ok().flatten();
        let generation = generation.ok_or_else(|| {
            let table = &self.table;
            Error::corrupt(format!("the functions beside {table} gave no generation"))
        })?;
        self.tell(Notice::Cut(scope));
        Ok(Generation::new(generation))
    }

    /// In parts, each a transaction within the time limit: nobody waits for the whole.
    pub(super) async fn sweep(
        &self,
        limit: usize,
        claimant: Claimant,
    ) -> Result<Vec<Departed>, Error> {
        let mut ended = Vec::new();
        loop {
            let left = limit - ended.len().min(limit);
            let query = self
                .statements
                .end_due()
                .bind(count(left))
                .bind(AT_ONCE)
                .bind(claimant.attempt.as_bytes().to_vec())
                .bind(millis(claimant.lease))
                .bind(self.node.clone());
            let rows = match self.ending_rows("end_due", query).await {
                Ok(rows) => rows,
                Err(error) if ended.is_empty() => return Err(error),
                // What did end is the caller's to work on; the rest is found again.
                Err(_) => return Ok(ended),
            };
            let mut more = false;
            for row in &rows {
                let answered = Answered::read(row, self)?;
                match answered.verdict.as_str() {
                    "ended" => ended.extend(readable(answered.departed(self))),
                    "more" => more = true,
                    _ => return Err(answered.unexpected()),
                }
            }
            if !more || ended.len() >= limit {
                return Ok(ended);
            }
        }
    }

    pub(super) async fn take_over(
        &self,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Departed>, Error> {
        let query = self.statements.pending();
        let query = query.bind(count(limit)).bind(millis(lease));
        let rows = self.rows("pending", query).await?;
        let departed = |row| {
            let answered = Answered::read(row, self)?;
            let departed = answered.stored()?.departed();
            departed.ok_or_else(|| answered.unexpected())
        };
        Ok(rows.iter().map(departed).filter_map(readable).collect())
    }

    pub(super) async fn renew_lease(
        &self,
        id: SessionId,
        claim: u64,
        lease: Duration,
    ) -> Result<bool, Error> {
        let query = self
            .statements
            .renew()
            .bind(id.as_bytes().to_vec())
            .bind(number(claim))
            .bind(millis(lease));
        self.is_done("renew", query).await
    }

    pub(super) async fn finish(self: &Arc<Self>, id: SessionId, claim: u64) -> Result<bool, Error> {
        let work = (id, claim);
        self.finished
            .ask(&self.runtime, self, work, Self::finish_all)
            .await
    }

    async fn finish_all(self: Arc<Self>, work: Vec<(SessionId, u64)>) -> Result<Vec<bool>, Error> {
        let ids: Vec<_> = work.iter().map(|(id, _)| *id).collect();
        let claims: Vec<_> = work.iter().map(|(_, claim)| number(*claim)).collect();
        let query = self.statements.acknowledge();
        let query = query.bind(bytes(&ids)).bind(claims);
        let rows = self.rows("acknowledge", query).await?;
        let done = rows.iter().map(|row| {
            let id = SessionId::from_bytes(row.some_array("id")?);
            Ok((id, row.some_number("claim")?))
        });
        let done: Result<HashSet<_>, Fault> = done.collect();
        let done = done.map_err(|fault| fault.in_table(&self.table))?;
        Ok(work.iter().map(|one| done.contains(one)).collect())
    }
}

/// One damaged row must not keep the others from being concluded: its work is looked at again when
/// its lease is over, perhaps by a newer node.
fn readable(departed: Result<Departed, Error>) -> Option<Departed> {
    departed
        .inspect_err(|error| {
            tracing::error!(target: "adjourn::store", %error, "a session cannot be read and is left alone");
        })
        .ok()
}

/// How much finished work is said in one statement: some milliseconds.
pub(super) const AT_ONCE_FINISHED: usize = 500;

/// How many sessions one part of a sweep looks at: some tens of milliseconds.
const AT_ONCE: i64 = 500;
