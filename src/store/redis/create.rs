//! Log-in: the ticket, the limit, and the only insert.

use super::{
    call::{Call, Inner},
    keys::Shard,
    numbers::{instant, millis, number},
    rows::Answered,
};
use crate::{
    id::{SessionId, Subject},
    reason::EndReason,
    record::Generation,
    store::{AtLimit, Created, Error, NewSession, Ticket, codec},
};

/// The generation of a ticket that was read without a subject: it belongs to no shard, so its instant counts.
const NO_SHARD: Generation = Generation::new(u64::MAX);

impl Inner {
    pub(super) fn mint(&self, subject: Option<&Subject>) -> Result<SessionId, Error> {
        self.keys.mint(subject)
    }

    pub(super) async fn issue_ticket(&self, subject: Option<Subject>) -> Result<Ticket, Error> {
        const BEGIN_LOG_IN: &str = "begin_log_in";
        let answered = self.routed(BEGIN_LOG_IN, |routing| {
            let shard = match &subject {
                Some(subject) => self.keys.shard_of(subject),
                None => self.keys.shard(0),
            };
            let mut call = self.call_of(&self.scripts.begin_log_in, shard, []);
            call.args = call.args.text(&routing.print).flag(routing.adopt);
            Ok(call)
        });
        let answered = answered.await?;
        let generation = Generation::new(answered.number(0)?);
        Ok(Ticket {
            generation: subject.map_or(NO_SHARD, |_| generation),
            issued_at: answered.now,
        })
    }

    pub(super) async fn create_session(&self, session: NewSession) -> Result<Created, Error> {
        const CREATE: &str = "create";
        let ends = session.limit.is_some() || session.replaces.is_some();
        let answered = self.routed_how(CREATE, ends, |routing| {
            let shard = self.keys.shard_with(session.id);
            let minted = session.subject.as_ref();
            if minted.is_some_and(|subject| self.keys.shard_of(subject).number != shard.number) {
                return Err(Error::unavailable(
                    "create: the id was not minted for this subject by this store, or the store was emptied \
                     since: log in again",
                ));
            }
            let mut call = self.creation(&session, shard);
            call.args = call.args.text(&routing.print).flag(routing.adopt);
            Ok(call)
        });
        let answered = answered.await?;
        match (answered.verdict.as_str(), session.limit) {
            ("created", _) => self.created(&answered),
            ("conflict", _) => Ok(Created::Conflict),
            ("limit", Some(limit)) => Ok(Created::LimitReached(limit)),
            ("outdated", _) => Ok(Created::Outdated),
            _ => Err(answered.fault(self)),
        }
    }

    fn created(&self, answered: &Answered) -> Result<Created, Error> {
        let live = answered.row(self)?.live(answered.now);
        let ended = answered.rows(1)?;
        let ended: Result<_, _> = ended.iter().map(|row| row.departed(self)).collect();
        let ended = ended?;
        Ok(Created::Created { live, ended })
    }

    fn creation(&self, session: &NewSession, shard: Shard<'_>) -> Call<'_> {
        let subject = session.subject.as_ref();
        let index = subject.map(|subject| shard.subject(subject));
        let keys = [shard.session(session.id)].into_iter().chain(index);
        let refuse = session
            .limit
            .is_some_and(|limit| limit.at_limit == AtLimit::RefuseNew);
        // Elsewhere it is another subject's, and the caller's to end.
        let replaces = session
            .replaces
            .filter(|id| self.keys.shard_with(*id).number == shard.number);
        let ticket = session.ticket.map(|ticket| match ticket.generation {
            NO_SHARD => "?".to_owned(),
            generation => number(generation.number()).to_string(),
        });
        let issued = session.ticket.map(|ticket| instant(ticket.issued_at));
        let client = session.client.as_deref().map(codec::client_to_text);
        let mut call = self.call_of(&self.scripts.create, shard, keys);
        call.args = call
            .args
            .text(session.id)
            .bytes(session.secret_hash.as_bytes())
            .optional(subject)
            .optional(session.idle_timeout.map(|idle| millis(idle).max(1)))
            .text(millis(session.touch_interval))
            .text(millis(session.absolute_timeout))
            .optional(client)
            .bytes(session.values.as_packed())
            .optional(session.limit.map(|limit| limit.max.get()))
            .flag(refuse)
            .optional(replaces)
            .optional(ticket)
            .optional(issued)
            .bytes(session.claimant.attempt.as_bytes())
            .text(millis(session.claimant.lease))
            .text(codec::cause_to_text(
                &session.ending_for(EndReason::Superseded),
            ))
            .text(codec::cause_to_text(
                &session.ending_for(EndReason::Reauthenticated),
            ));
        call
    }
}

/// How a subject is routed now.
pub(super) struct Routing {
    /// Whether a shard that knows no key may take this one.
    pub(super) adopt: bool,
    pub(super) print: String,
}

impl Inner {
    /// A call for a subject. A shard that does not know the routing key has it looked up again first.
    pub(super) async fn routed<'a>(
        &'a self,
        operation: &'static str,
        call: impl Fn(Routing) -> Result<Call<'a>, Error>,
    ) -> Result<Answered, Error> {
        self.routed_how(operation, false, call).await
    }

    pub(super) async fn routed_how<'a>(
        &'a self,
        operation: &'static str,
        ends: bool,
        call: impl Fn(Routing) -> Result<Call<'a>, Error>,
    ) -> Result<Answered, Error> {
        for adopt in [false, true] {
            let print = self.keys.print();
            let call = call(Routing { adopt, print })?;
            let answered = if ends {
                self.ending_call(operation, call).await?
            } else {
                self.call(operation, call).await?
            };
            match answered.verdict.as_str() {
                "keyless" | "rekeyed" if !adopt => {
                    self.reread_routing_key(operation).await?;
                }
                "keyless" | "rekeyed" => break,
                _ => return Ok(answered),
            }
        }
        Err(Error::corrupt(format!(
            "{operation}: the sessions of this subject were routed by another key than {} now holds: restore \
             it, or empty the store",
            self.keys.routing_key()
        )))
    }

    async fn reread_routing_key(&self, operation: &'static str) -> Result<(), Error> {
        let (_, mut connection) = self.link.connection(operation).await?;
        let settled = self.link.settle(operation, &mut connection);
        let settled = tokio::time::timeout(self.limit, settled).await;
        settled.unwrap_or_else(|_| Err(super::fault::late(operation, self.limit)))?;
        Ok(())
    }
}
