//! Log-in: the ticket, the limit, and the only insert.

use super::{
    connection::{Inner, Synced, Write, fault, query_fault},
    rows::{self, Found},
};
use crate::{
    id::Subject,
    reason::EndReason,
    record::Departed,
    store::{
        AtLimit, Created, Error, Limit, NewSession, Ticket,
        change::record_of,
        sql::{self, instant},
        stored::Stored,
    },
};
use sqlx::{Row, sqlite::SqliteRow};
use std::{sync::Arc, time::Duration};

/// The sessions that must end for a new one.
#[derive(Default)]
struct Room {
    oldest: Vec<Found>,
    replaced: Option<Found>,
}

impl Inner {
    pub(super) async fn issue_ticket(&self, _subject: Option<Subject>) -> Result<Ticket, Error> {
        const GENERATION: &str = "select number from adjourn_meta where name = 'generation'";
        let mut reader = self.read(BEGIN_LOG_IN).await?;
        let row = sqlx::query(GENERATION).fetch_one(&mut *reader).await;
        let row = row.map_err(query_fault(BEGIN_LOG_IN))?;
        let number: i64 = row.try_get("number").map_err(fault)?;
        Ok(Ticket {
            generation: crate::record::Generation::new(u64::try_from(number).unwrap_or_default()),
            issued_at: self.clock.now(),
        })
    }

    pub(super) async fn create_session(&self, mut session: NewSession) -> Result<Created, Error> {
        clamp(&mut session);
        let mut write = self.write(CREATE, Synced::Disk).await?;
        let created = write.create(session).await?;
        write.commit(CREATE).await?;
        Ok(created)
    }
}

impl Write<'_> {
    async fn create(&mut self, session: NewSession) -> Result<Created, Error> {
        let now = self.now;
        if let Some(found) = rows::one(self.connection(), session.id, CREATE).await? {
            let same = *found.stored.record.secret_hash() == session.secret_hash;
            return Ok(if same && found.is_live(now) {
                let (live, ended) = (found.stored.live(now), Vec::new());
                Created::Created { live, ended }
            } else {
                Created::Conflict
            });
        }
        if let Some(ticket) = session.ticket
            && self.is_outdated(ticket, session.subject.as_ref()).await?
        {
            return Ok(Created::Outdated);
        }
        let room = match self.room_for(&session).await? {
            Ok(room) => room,
            Err(limit) => return Ok(Created::LimitReached(limit)),
        };
        let ended = self.make(room, &session).await?;
        let generation = self.next_generation(CREATE).await?;
        let stored = Stored {
            id: session.id,
            record: Arc::new(record_of(session, generation, now)),
            last_seen: now,
            gone: None,
        };
        self.insert(&stored, CREATE).await?;
        let live = stored.live(now);
        Ok(Created::Created { live, ended })
    }

    async fn is_outdated(
        &mut self,
        ticket: Ticket,
        subject: Option<&Subject>,
    ) -> Result<bool, Error> {
        const OUTDATED: &str = "select \
            (select number from adjourn_meta where name = 'forgotten') > ?1 or exists \
            (select 1 from adjourn_cut where generation > ?1 and (subject is null or subject = ?2) \
            and (created_before is null or ?3 < created_before)) as outdated";
        if self.now.saturating_since(ticket.issued_at) > Ticket::LIFETIME {
            return Ok(true);
        }
        let row = sqlx::query(OUTDATED)
            .bind(sql::number(ticket.generation.number()))
            .bind(subject.map(|subject| subject.as_str().to_owned()))
            .bind(instant(ticket.issued_at))
            .fetch_one(self.connection())
            .await
            .map_err(query_fault(CREATE))?;
        let read = |row: &SqliteRow| row.try_get::<bool, _>("outdated").map_err(fault);
        read(&row)
    }

    /// Which sessions must end, or the limit that refuses the new one. Changes nothing.
    async fn room_for(&mut self, session: &NewSession) -> Result<Result<Room, Limit>, Error> {
        let now = self.now;
        let Some(subject) = &session.subject else {
            return Ok(Ok(Room::default()));
        };
        if session.limit.is_none() && session.replaces.is_none() {
            return Ok(Ok(Room::default()));
        }
        let mut others = rows::of_subject(self.connection(), subject, CREATE).await?;
        others.retain(|found| found.is_live(now));
        let place = others
            .iter()
            .position(|found| Some(found.stored.id) == session.replaces);
        let replaced = place.map(|place| others.remove(place));
        let Some(limit) = session.limit else {
            let oldest = Vec::new();
            return Ok(Ok(Room { oldest, replaced }));
        };
        let max = usize::try_from(limit.max.get()).unwrap_or(usize::MAX);
        let surplus = (others.len() + 1).saturating_sub(max);
        if limit.at_limit == AtLimit::RefuseNew && surplus > 0 {
            return Ok(Err(limit));
        }
        // They are in the order of their generations.
        others.truncate(surplus);
        let oldest = others;
        Ok(Ok(Room { oldest, replaced }))
    }

    async fn make(&mut self, room: Room, session: &NewSession) -> Result<Vec<Departed>, Error> {
        let superseded = room
            .oldest
            .into_iter()
            .map(|found| (found, EndReason::Superseded));
        let replaced = room
            .replaced
            .map(|found| (found, EndReason::Reauthenticated));
        let mut ended = Vec::new();
        for (found, reason) in superseded.chain(replaced) {
            let departed = self
                .conclude(found, session.ending_for(reason), session.claimant, CREATE)
                .await?;
            ended.extend(departed);
        }
        Ok(ended)
    }
}

/// What is answered at once must be what is read back later.
fn clamp(session: &mut NewSession) {
    let clamped = |duration| Duration::from_millis(sql::millis(duration).unsigned_abs());
    session.idle_timeout = session.idle_timeout.map(clamped);
    session.touch_interval = clamped(session.touch_interval);
    session.absolute_timeout = clamped(session.absolute_timeout);
}

const BEGIN_LOG_IN: &str = "begin_log_in";
const CREATE: &str = "create";
