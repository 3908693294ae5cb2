//! Log-in: the ticket, the limit, and the only insert.

use super::{
    connection::{Inner, Sql},
    rows::{Answered, pairs},
};
use crate::{
    id::Subject,
    reason::EndReason,
    record::Generation,
    store::{
        AtLimit, Created, Error, NewSession, Ticket, codec,
        sql::{instant, millis, number},
        stored::Columns,
    },
};

impl Inner {
    pub(super) async fn issue_ticket(&self, _subject: Option<Subject>) -> Result<Ticket, Error> {
        let query = self.statements.begin_log_in();
        let row = self.row("begin_log_in", query).await?;
        let fault = |fault: crate::store::stored::Fault| fault.in_table(&self.table);
        Ok(Ticket {
            generation: Generation::new(row.some_number("generation").map_err(fault)?),
            issued_at: row.instant("now").map_err(fault)?,
        })
    }

    pub(super) async fn create_session(&self, session: NewSession) -> Result<Created, Error> {
        let limit = session.limit;
        let rows = self.ending_rows("create", self.creation(session)).await?;
        let (mut live, mut ended) = (None, Vec::new());
        for row in &rows {
            let answered = Answered::read(row, self)?;
            match (answered.verdict.as_str(), limit) {
                ("created", _) => live = Some(answered.live()?),
                ("ended", _) => ended.push(answered.departed(self)?),
                ("conflict", _) => return Ok(Created::Conflict),
                ("limit", Some(limit)) => return Ok(Created::LimitReached(limit)),
                ("outdated", _) => return Ok(Created::Outdated),
                (_, _) => return Err(answered.unexpected()),
            }
        }
        let live = live.ok_or_else(|| {
            Error::corrupt(format!(
                "the functions beside {} created nothing and said nothing",
                self.table
            ))
        })?;
        Ok(Created::Created { live, ended })
    }

    fn creation(&self, session: NewSession) -> Sql {
        let (names, data) = pairs(&session.values);
        let some = |list: Vec<Vec<u8>>| (!list.is_empty()).then_some(list);
        let refuse = session
            .limit
            .is_some_and(|limit| limit.at_limit == AtLimit::RefuseNew);
        let ticket = session.ticket;
        let ends_for = [EndReason::Superseded, EndReason::Reauthenticated];
        let [superseded, reauthenticated] =
            ends_for.map(|reason| codec::cause_to_text(&session.ending_for(reason)));
        self.statements
            .create()
            .bind(session.id.as_bytes().to_vec())
            .bind(session.secret_hash.as_bytes().to_vec())
            .bind(session.subject.map(|subject| subject.as_str().to_owned()))
            .bind(session.idle_timeout.map(|idle| millis(idle).max(1)))
            .bind(millis(session.touch_interval))
            .bind(millis(session.absolute_timeout))
            .bind(session.client.map(|client| codec::client_to_text(&client)))
            .bind(some(names))
            .bind(some(data))
            .bind(session.limit.map(|limit| i64::from(limit.max.get())))
            .bind(refuse)
            .bind(session.replaces.map(|id| id.as_bytes().to_vec()))
            .bind(ticket.map(|ticket| number(ticket.generation.number())))
            .bind(ticket.map(|ticket| instant(ticket.issued_at)))
            .bind(session.claimant.attempt.as_bytes().to_vec())
            .bind(millis(session.claimant.lease))
            .bind(superseded)
            .bind(reauthenticated)
            .bind(self.node.clone())
    }
}
