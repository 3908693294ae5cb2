//! The hot path: one call that reads, and writes only a touch that is due or the end of a grace.

use super::{connection::Inner, packed::Packed, rows::unexpected};
use crate::{
    id::{SecretHash, SessionId},
    reason::EndReason,
    record::Activity,
    store::{
        CheckIn, Checked, Error, codec,
        stored::{Columns, Fault},
    },
};
use sqlx::{Row, postgres::PgRow};
use std::{collections::HashMap, time::Duration};

impl Inner {
    pub(super) async fn validate(
        &self,
        id: SessionId,
        secret: SecretHash,
        activity: Activity,
    ) -> Result<CheckIn, Error> {
        let query = || {
            self.statements
                .check_in()
                .bind(id.as_bytes().to_vec())
                .bind(secret.as_bytes().to_vec())
                .bind(activity == Activity::Active)
        };
        let row = self.repeatable_row(CHECK_IN, query).await?;
        let packed = row.try_get(0).map_err(|_| Fault::of("answer"));
        let packed = packed.and_then(Packed::read);
        let packed = packed.map_err(|fault| fault.in_table(&self.table))?;
        let check_in = self.judged(&packed)?;
        self.is_answer_to(id, &check_in)?;
        Ok(check_in)
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

const CHECK: &str = "check";
const CHECK_IN: &str = "check_in";
