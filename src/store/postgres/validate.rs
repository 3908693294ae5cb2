//! The hot path: one call that reads, and writes only a touch that is due or the end of a grace.

use super::{
    connection::{Inner, late, named},
    packed::Packed,
    rows::unexpected,
};
use crate::{
    id::{SecretHash, SessionId},
    reason::EndReason,
    record::Activity,
    store::{
        CheckIn, Checked, Error, codec,
        stored::{Columns, Fault},
    },
};
use sqlx::{Row, error::DatabaseError, postgres::PgRow};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// One check-in.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    id: SessionId,
    secret: SecretHash,
    activity: Activity,
}

impl Inner {
    /// By itself while there is no other, else together with those of the same moment: a statement for each is most of what
    /// they cost. What those together do not settle, is settled by itself.
    pub(super) async fn validate(
        self: &Arc<Self>,
        id: SessionId,
        secret: SecretHash,
        activity: Activity,
    ) -> Result<CheckIn, Error> {
        let asked = Asked {
            id,
            secret,
            activity,
        };
        let end = Instant::now() + self.limit;
        let alone = self.check_ins.alone();
        let settled = match alone {
            Some(_) => None,
            None => self.together(asked, end).await?,
        };
        let row = match settled {
            Some(row) => row,
            None => self.by_itself(asked, end).await?,
        };
        let packed = row.try_get("answer").map_err(|_| Fault::of("answer"));
        let packed = packed.and_then(Packed::read);
        let packed = packed.map_err(|fault| fault.in_table(&self.table))?;
        let check_in = self.judged(&packed)?;
        self.is_answer_to(id, &check_in)?;
        Ok(check_in)
    }

    /// On a task of its own: whoever goes away, the connection is waited for no longer than the time limit.
    async fn by_itself(self: &Arc<Self>, asked: Asked, end: Instant) -> Result<PgRow, Error> {
        let inner = Arc::clone(self);
        let asking = async move { inner.one(asked, end).await };
        self.answer(CHECK_IN, asking).await
    }

    async fn one(&self, asked: Asked, end: Instant) -> Result<PgRow, Error> {
        let query = || {
            self.statements
                .check_in()
                .bind(*asked.id.as_bytes())
                .bind(*asked.secret.as_bytes())
                .bind(asked.activity == Activity::Active)
        };
        let rows = self.repeatable_rows(CHECK_IN, query, end).await?;
        let rows = rows.map_err(|error| named(CHECK_IN, &self.schema, error));
        rows?
            .pop()
            .ok_or_else(|| Fault::of("answer").in_table(&self.table))
    }

    /// Nothing where it could not be settled so.
    async fn together(
        self: &Arc<Self>,
        asked: Asked,
        end: Instant,
    ) -> Result<Option<PgRow>, Error> {
        let answer = self
            .check_ins
            .ask(&self.runtime, self, asked, Self::all_together);
        let answer = timeout_at(end, answer).await;
        answer.unwrap_or_else(|_| Err(late(CHECK_IN, self.limit)))
    }

    async fn all_together(self: Arc<Self>, asked: Vec<Asked>) -> Result<Vec<Option<PgRow>>, Error> {
        let query = || {
            let ids: Vec<_> = asked.iter().map(|one| *one.id.as_bytes()).collect();
            let secrets: Vec<_> = asked.iter().map(|one| *one.secret.as_bytes()).collect();
            let active = asked.iter().map(|one| one.activity == Activity::Active);
            let query = self.statements.check_in_together();
            query
                .bind(ids)
                .bind(secrets)
                .bind(active.collect::<Vec<_>>())
        };
        let end = Instant::now() + self.limit;
        let mut answers = Vec::new();
        answers.resize_with(asked.len(), || None);
        match self.repeatable_rows(CHECK_IN, query, end).await? {
            Ok(rows) => {
                for row in rows {
                    self.put(row, &mut answers)?;
                }
            }
            // A damaged session among them is nobody else's fault.
            Err(sqlx::Error::Database(refused)) if is_of_data(&*refused) => {}
            Err(error) => return Err(named(CHECK_IN, &self.schema, error)),
        }
        Ok(answers)
    }

    fn put(&self, row: PgRow, answers: &mut [Option<PgRow>]) -> Result<(), Error> {
        let fault = || Fault::of("answer").in_table(&self.table);
        let place: i64 = row.try_get("place").map_err(|_| fault())?;
        let settled: Option<&[u8]> = row.try_get("answer").map_err(|_| fault())?;
        let place = usize::try_from(place - 1).map_err(|_| fault())?;
        let is_settled = settled.is_some();
        let answer = answers.get_mut(place).ok_or_else(fault)?;
        *answer = is_settled.then_some(row);
        Ok(())
    }

    fn judged(&self, packed: &Packed<'_>) -> Result<CheckIn, Error> {
        let unexpected = || unexpected(packed.verdict, &self.table);
        let stored = || packed.stored(&self.table)?.ok_or_else(unexpected);
        Ok(match packed.verdict {
            "live" => CheckIn::Live(stored()?.live(packed.now)),
            "due" => {
                let cause = packed.cause.ok_or_else(unexpected)?;
                let cause = codec::cause_from_text(cause).map_err(Fault::from);
                CheckIn::Due(cause.map_err(|fault| fault.in_table(&self.table))?)
            }
            "ended" => CheckIn::Ended(stored()?.tombstone().ok_or_else(unexpected)?),
            "outdated" => CheckIn::Outdated,
            "wrong" => CheckIn::WrongSecret,
            "unknown" => CheckIn::Unknown,
            _ => return Err(unexpected()),
        })
    }

    /// Whatever a function answers, it is never another session's.
    fn is_answer_to(&self, id: SessionId, check_in: &CheckIn) -> Result<(), Error> {
        let answered = match check_in {
            CheckIn::Live(live) => live.id,
            CheckIn::Ended(tombstone) => tombstone.id,
            CheckIn::Due(_) | CheckIn::Outdated | CheckIn::WrongSecret | CheckIn::Unknown => id,
        };
        if answered == id {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "asked for session {id}, the functions beside {} answered another one",
            self.table
        )))
    }

    pub(super) async fn recheck(
        &self,
        ids: Vec<SessionId>,
        activity: Activity,
    ) -> Result<Vec<Checked>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = self
            .statements
            .check()
            .bind(bytes(&ids))
            .bind(activity == Activity::Active);
        let rows = self.rows(CHECK, query).await?;
        let mut standing: HashMap<SessionId, Checked> = HashMap::with_capacity(rows.len());
        for row in &rows {
            let (id, checked) = checked(row).map_err(|fault| fault.in_table(&self.table))?;
            standing.insert(id, checked);
        }
        let answer = |id: &SessionId| standing.get(id).cloned().unwrap_or(Checked::Unknown);
        Ok(ids.iter().map(answer).collect())
    }
}

pub(super) fn bytes(ids: &[SessionId]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| id.as_bytes().to_vec()).collect()
}

fn checked(row: &PgRow) -> Result<(SessionId, Checked), Fault> {
    let id = SessionId::from_bytes(row.some_array("id")?);
    let reason = || -> Result<EndReason, Fault> {
        let cause = row.text("cause")?.ok_or_else(|| Fault::of("cause"))?;
        Ok(codec::cause_from_text(&cause)?.reason().clone())
    };
    let checked = match row.text("verdict")?.as_deref() {
        Some("live") => Checked::Live {
            due_in: Duration::from_millis(row.some_number("due_in")?),
        },
        Some("due") => Checked::Due(reason()?),
        Some("ended") => Checked::Ended(reason()?),
        _ => return Err(Fault::of("verdict")),
    };
    Ok((id, checked))
}

/// Whether it is about what is stored: a number out of range (class 22), or a page that is damaged (class XX).
fn is_of_data(refused: &dyn DatabaseError) -> bool {
    refused
        .code()
        .is_some_and(|code| code.starts_with("22") || code.starts_with("XX"))
}

/// How many check-ins go in one statement.
pub(super) const AT_ONCE: usize = 64;

/// How many such statements may be under way: when a connection hangs, the others still go on.
pub(super) const STATEMENTS: usize = 4;

const CHECK: &str = "check";
const CHECK_IN: &str = "check_in";
