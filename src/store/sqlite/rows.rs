//! Rows: read back and judged by the one predicate.

use super::connection::{Write, fault, query_fault};
use crate::{
    id::{SessionId, Subject},
    reason::Cause,
    record::{Cut, Generation, Grants, Values},
    store::{
        Error, codec,
        sql::{instant, millis, number},
        stored::{Columns, Fault, Stored},
    },
    time::Timestamp,
};
use sqlx::{
    Row, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

/// All of a session, with the earliest cut that covers it.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select s.id, s.secret, s.previous, s.previous_until, s.generation, s.subject, ",
            "s.created_at, s.authenticated_at, s.idle_timeout, s.touch_interval, ",
            "s.absolute_deadline, s.last_seen, s.revision, s.client, s.vals, s.grants, ",
            "s.left_behind, s.ended_at, s.cause, s.cut, s.due_at, s.attempt, s.claim, s.taken_over, ",
            "c.generation as c_generation, c.cause as c_cause, c.at as c_at, ",
            "c.created_before as c_created_before ",
            "from adjourn_session s left join adjourn_cut c on c.generation = min(",
            // Two short looks into one index, however many other subjects were cut.
            "ifnull((select min(k.generation) from adjourn_cut k where k.subject is null ",
            "and k.generation > s.generation and (k.created_before is null ",
            "or s.created_at < k.created_before)), 9223372036854775807), ",
            "ifnull((select min(k.generation) from adjourn_cut k where k.subject = s.subject ",
            "and k.generation > s.generation), 9223372036854775807)) ",
            $rest
        )
    };
}

pub(super) const NO_SESSION: &str = select!("limit 0");
pub(super) const BY_ID: &str = select!("where s.id = ?");
/// The bind is a JSON list of ids in hexadecimal.
pub(super) const BY_IDS: &str =
    select!("where s.id in (select unhex(value) from json_each(?)) order by s.id");
pub(super) const OF_SUBJECT: &str =
    select!("where s.subject = ? and s.ended_at is null order by s.generation");
pub(super) const PAGE: &str =
    select!("where s.id > ? and s.ended_at is null order by s.id limit ?");
pub(super) const TO_LOOK_AT: &str =
    select!("where s.ended_at is null and s.look_at <= ? order by s.look_at limit ?");
pub(super) const CUT_OF_SUBJECT: &str = select!(
    "where s.subject = ? and s.generation < ? and s.ended_at is null order by s.generation limit ?"
);
pub(super) const CUT_OF_EVERYONE: &str = select!(
    "where s.generation < ? and s.created_at < ? and s.ended_at is null order by s.generation limit ?"
);
pub(super) const TO_TAKE_OVER: &str =
    select!("where s.claim is not null and s.lease_until <= ? order by s.lease_until limit ?");

pub(super) type Sql = Query<'static, Sqlite, SqliteArguments>;

/// A session, and the earliest cut that covers it.
pub(super) struct Found {
    pub(super) stored: Stored,
    cut: Option<Cut>,
}

/// Why a session is to end.
pub(super) struct Due {
    pub(super) at: Timestamp,
    pub(super) cause: Cause,
    pub(super) cut: Option<Generation>,
}

impl Found {
    fn read(row: &SqliteRow) -> Result<Self, Error> {
        Ok(Self {
            stored: Stored::read(row, "adjourn_session")?,
            cut: cut(row).map_err(|fault| fault.in_table("adjourn_cut"))?,
        })
    }

    /// The predicate; meant for sessions that have not ended.
    pub(super) fn due(&self, now: Timestamp) -> Option<Due> {
        let (record, last_seen) = (&self.stored.record, self.stored.last_seen);
        let cause = record.due(last_seen, self.cut.as_ref(), now)?;
        let cut = record.cut_by(last_seen, self.cut.as_ref(), now);
        let at = cut.map_or_else(|| record.deadline(last_seen), |cut| cut.at);
        Some(Due {
            at,
            cause,
            cut: cut.map(|cut| cut.generation),
        })
    }

    /// The first of its deadlines.
    pub(super) fn deadline(&self) -> Timestamp {
        self.stored.record.deadline(self.stored.last_seen)
    }

    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.stored.gone.is_none() && self.due(now).is_none()
    }

    pub(super) fn touch_is_due(&self, now: Timestamp) -> bool {
        self.stored.record.touch_is_due(self.stored.last_seen, now)
    }
}

pub(super) async fn one(
    connection: &mut SqliteConnection,
    id: SessionId,
    operation: &'static str,
) -> Result<Option<Found>, Error> {
    let query = sqlx::query(BY_ID).bind(id.as_bytes().to_vec());
    let row = query.fetch_optional(connection).await;
    let row = row.map_err(query_fault(operation))?;
    row.as_ref().map(Found::read).transpose()
}

pub(super) async fn all(
    connection: &mut SqliteConnection,
    query: Sql,
    operation: &'static str,
) -> Result<Vec<Found>, Error> {
    let rows = query.fetch_all(connection).await;
    let rows = rows.map_err(query_fault(operation))?;
    rows.iter().map(Found::read).collect()
}

/// Those that can be read, and of the others what stands for their id: one damaged row must not keep
/// the sweep from the rest.
pub(super) async fn readable(
    connection: &mut SqliteConnection,
    query: Sql,
    operation: &'static str,
) -> Result<(Vec<Found>, Vec<Unreadable>), Error> {
    let rows = query.fetch_all(connection).await;
    let rows = rows.map_err(query_fault(operation))?;
    let (mut found, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        match Found::read(row) {
            Ok(read) => found.push(read),
            Err(error) => unreadable.push(Unreadable {
                id: row.try_get("id").map_err(fault)?,
                error,
            }),
        }
    }
    Ok((found, unreadable))
}

/// A row that cannot be read, perhaps by this version only.
pub(super) struct Unreadable {
    pub(super) id: Vec<u8>,
    pub(super) error: Error,
}

impl Unreadable {
    pub(super) fn report(&self) {
        let error = &self.error;
        tracing::error!(target: "adjourn::store", %error, "a session cannot be read and is left alone");
    }
}

pub(super) async fn of_subject(
    connection: &mut SqliteConnection,
    subject: &Subject,
    operation: &'static str,
) -> Result<Vec<Found>, Error> {
    let query = sqlx::query(OF_SUBJECT).bind(subject.as_str().to_owned());
    all(connection, query, operation).await
}

pub(super) fn by_ids(ids: &[SessionId]) -> Sql {
    let hex = |id: &SessionId| {
        let digits = id.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        format!("\"{}\"", digits.collect::<String>())
    };
    let list: Vec<String> = ids.iter().map(hex).collect();
    sqlx::query(BY_IDS).bind(format!("[{}]", list.join(",")))
}

impl Write<'_> {
    /// Runs a change; answers how many rows it changed.
    pub(super) async fn change(
        &mut self,
        query: Sql,
        operation: &'static str,
    ) -> Result<u64, Error> {
        let changed = query.execute(self.connection()).await;
        Ok(changed.map_err(query_fault(operation))?.rows_affected())
    }

    /// Writes what a change of a live session can change, except when it was last seen.
    pub(super) async fn store(
        &mut self,
        stored: &Stored,
        operation: &'static str,
    ) -> Result<(), Error> {
        const STORE: &str = "update adjourn_session set secret = ?, previous = ?, \
            previous_until = ?, generation = ?, revision = ?, vals = ?, grants = ?, \
            left_behind = ? where id = ? and ended_at is null";
        let record = &stored.record;
        let previous = record.previous();
        let query = sqlx::query(STORE)
            .bind(record.secret_hash().as_bytes().to_vec())
            .bind(previous.map(|previous| previous.hash.as_bytes().to_vec()))
            .bind(previous.map(|previous| instant(previous.until)))
            .bind(number(record.generation().number()))
            .bind(number(record.revision()));
        let query = bind_values(query, stored).bind(stored.id.as_bytes().to_vec());
        self.change(query, operation).await.map(|_| ())
    }

    pub(super) async fn insert(
        &mut self,
        stored: &Stored,
        operation: &'static str,
    ) -> Result<(), Error> {
        const INSERT: &str = "insert into adjourn_session (id, secret, generation, subject, \
            created_at, authenticated_at, idle_timeout, touch_interval, absolute_deadline, \
            last_seen, look_at, revision, client, vals, grants, left_behind) \
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let record = &stored.record;
        let query = sqlx::query(INSERT)
            .bind(stored.id.as_bytes().to_vec())
            .bind(record.secret_hash().as_bytes().to_vec())
            .bind(number(record.generation().number()))
            .bind(record.subject().map(|subject| subject.as_str().to_owned()))
            .bind(instant(record.created_at()))
            .bind(instant(record.authenticated_at()))
            .bind(record.idle_timeout().map(millis))
            .bind(millis(record.touch_interval()))
            .bind(instant(record.absolute_deadline()))
            .bind(instant(stored.last_seen))
            .bind(instant(record.deadline(stored.last_seen)))
            .bind(number(record.revision()))
            .bind(record.client().map(|client| codec::client_to_text(client)));
        self.change(bind_values(query, stored), operation)
            .await
            .map(|_| ())
    }
}

fn bind_values(query: Sql, stored: &Stored) -> Sql {
    let packed = |values: &Values| (!values.is_empty()).then(|| values.as_packed().to_vec());
    let record = &stored.record;
    query
        .bind(packed(record.values()))
        .bind(
            record
                .grants()
                .map(codec::grants_to_packed)
                .and_then(|grants| packed(&grants)),
        )
        .bind(record.leave_behind().and_then(packed))
}

fn cut(row: &SqliteRow) -> Result<Option<Cut>, Fault> {
    let Some(generation) = row.unsigned("c_generation")? else {
        return Ok(None);
    };
    let cause = row.text("c_cause")?.ok_or_else(|| Fault::of("cause"))?;
    let created_before = row
        .unsigned("c_created_before")?
        .map(Timestamp::from_unix_millis);
    Ok(Some(Cut::new(
        Generation::new(generation),
        codec::cause_from_text(&cause)?,
        row.instant("c_at")?,
        created_before,
    )))
}

impl Columns for SqliteRow {
    fn bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, Fault> {
        self.try_get(column).map_err(|_| Fault::of(column))
    }

    fn number(&self, column: &'static str) -> Result<Option<i64>, Fault> {
        self.try_get(column).map_err(|_| Fault::of(column))
    }

    fn text(&self, column: &'static str) -> Result<Option<String>, Fault> {
        self.try_get(column).map_err(|_| Fault::of(column))
    }

    fn flag(&self, column: &'static str) -> Result<bool, Fault> {
        Ok(self.number(column)?.unwrap_or_default() != 0)
    }

    fn subject(&self, column: &'static str) -> Result<Option<Subject>, Fault> {
        let subject = self.text(column)?.map(Subject::new).transpose();
        subject.map_err(|_| Fault::of(column))
    }

    fn values(&self, column: &'static str) -> Result<Values, Fault> {
        let packed = self.bytes(column)?.unwrap_or_default();
        Values::from_packed(packed).map_err(|_| Fault::of(column))
    }

    fn grants(&self) -> Result<Grants, Fault> {
        Ok(codec::grants_from_packed(&self.values("grants")?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Connection;

    const QUERIES: [&str; 10] = [
        BY_ID,
        BY_IDS,
        OF_SUBJECT,
        PAGE,
        TO_LOOK_AT,
        CUT_OF_SUBJECT,
        CUT_OF_EVERYONE,
        TO_TAKE_OVER,
        super::super::sweep::HAS_WORK,
        super::super::sweep::TOMBSTONES,
    ];

    #[tokio::test]
    async fn every_query_finds_its_rows_by_an_index() {
        let memory = SqliteConnection::connect("sqlite::memory:").await;
        let mut connection = memory.unwrap();
        let migrated = super::super::schema::migrate(&mut connection).await;
        migrated.unwrap();
        uses_indexes(&mut connection).await;
        // Also when SQLite has looked at a full table: half of it tombstones, of a thousand subjects.
        for sql in [FULL, "analyze"] {
            let done = sqlx::query(sql).execute(&mut connection).await;
            done.unwrap();
        }
        uses_indexes(&mut connection).await;
    }

    const FULL: &str = "with recursive n(n) as (select 1 union all select n + 1 from n \
        where n < 20000) insert into adjourn_session (id, secret, generation, subject, created_at, \
        authenticated_at, touch_interval, absolute_deadline, last_seen, look_at, revision, \
        ended_at, cause, keep_until) select randomblob(16), zeroblob(32), n, 'user-' || n % 1000, \
        n, n, 0, 1 << 42, 1 << 42, 1 << 42, 0, iif(n % 2, null, 1), iif(n % 2, null, '{}'), \
        iif(n % 2, null, 1 << 42) from n";

    async fn uses_indexes(connection: &mut SqliteConnection) {
        for sql in QUERIES {
            let steps = plan(connection, sql).await;
            assert!(!steps.iter().any(|step| walks(step)), "{sql}: {steps:?}");
        }
    }

    async fn plan(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
        let explain = sqlx::AssertSqlSafe(format!("explain query plan {sql}"));
        let binds = sql.matches('?').count();
        let query = (0..binds).fold(sqlx::query(explain), |query, _| query.bind(1));
        let plan = query.fetch_all(connection).await.unwrap();
        plan.iter().map(|row| row.get("detail")).collect()
    }

    fn walks(step: &str) -> bool {
        // The oldest cut and notice are the first of their table.
        let short = ["json_each", "CONSTANT", "adjourn_cut", "adjourn_notice"];
        let is_short = short.iter().any(|short| step.contains(short));
        step.contains("TEMP B-TREE") || step.starts_with("SCAN ") && !is_short
    }
}
