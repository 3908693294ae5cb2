//! The statements, with the schema's name in them: made once.

use super::{connection::Sql, schema::SchemaName};
use sqlx::AssertSqlSafe;
use std::sync::Arc;

/// All of an answer: the verdict, and the session if there is one.
macro_rules! answers {
    ($function:literal) => {
        concat!(
            "select verdict, cause as due_cause, now, (s).id, (s).secret, (s).previous, ",
            "(s).previous_until, (s).generation, (s).subject, (s).created_at, ",
            "(s).authenticated_at, (s).idle_timeout, (s).touch_interval, (s).absolute_deadline, ",
            "(s).last_seen, (s).revision, (s).client, (s).value_names, (s).value_data, ",
            "(s).grant_names, (s).grant_until, (s).left_names, (s).left_data, (s).ended_at, ",
            "(s).cause, (s).cut, (s).due_at, (s).claim, (s).taken_over from @schema@.",
            $function
        )
    };
}

macro_rules! statements {
    ($($name:ident: $sql:expr,)+) => {
        pub(super) struct Statements {
            $($name: Arc<str>,)+
        }

        impl Statements {
            pub(super) fn new(schema: &SchemaName) -> Self {
                Self { $($name: schema.fill($sql).into(),)+ }
            }

            $(pub(super) fn $name(&self) -> Sql {
                sqlx::query(AssertSqlSafe(Arc::clone(&self.$name)))
            })+
        }
    };
}

/// Whether a session is plainly live, with nothing to be written. What is left out here, as which sessions an
/// "end everything" spares, the function `check_in` decides.
macro_rules! is_plainly_live {
    (secret: $secret:literal, is_active: $is_active:literal) => {
        concat!(
            "x.secret = ",
            $secret,
            " and coalesce(x.previous_until, 0) = 0 and x.ended_at is null \
             and t.n < x.absolute_deadline \
             and (x.idle_timeout is null or t.n < x.last_seen + x.idle_timeout + x.touch_interval) \
             and (not ",
            $is_active,
            " or t.n <= x.last_seen or t.n - x.last_seen < x.touch_interval) \
             and not exists (select from @schema@.cut k where k.subject is null and k.generation > x.generation) \
             and not exists (select from @schema@.cut k where k.subject = x.subject and k.generation > x.generation) \
             and not pg_is_in_recovery() and current_setting('transaction_isolation') = 'read committed'"
        )
    };
}

/// In one column, the composite type `answer` as it is sent: 30 columns cost both sides more.
///
/// The function `check_in` judges and writes, and most requests need neither: who is plainly live is answered
/// without calling it, which costs the server half. Everything is read at one moment, as in the function: a session that is
/// kept while others are cut gets its new generation and the cut is made at once.
const CHECK_IN: &str = concat!(
    "select record_send(case when ",
    is_plainly_live!(secret: "$2", is_active: "$3"),
    " then row('live', null, t.n, x)::@schema@.answer \
      else @schema@.check_in($1, $2, $3) end) as answer \
      from (select @schema@.now_ms() as n) t left join @schema@.session x on x.id = $1"
);

/// As [`CHECK_IN`] for many at once: which, and the answer, or NULL where the function must judge, write or refuse. It never
/// calls it, so that nobody waits for the lock on another one's session. Who knows no secret is refused here, so that guessing
/// costs no statement more.
const CHECK_IN_TOGETHER: &str = concat!(
    "select a.place, record_send(case when ",
    is_plainly_live!(secret: "a.secret", is_active: "a.is_active"),
    " then row('live', null, t.n, x)::@schema@.answer \
      when pg_is_in_recovery() or current_setting('transaction_isolation') <> 'read committed' then null \
      when x.id is null then row('unknown', null, t.n, null)::@schema@.answer \
      when x.secret <> a.secret and x.previous is distinct from a.secret \
      then row('wrong', null, t.n, null)::@schema@.answer end) as answer \
      from (select @schema@.now_ms() as n) t \
      cross join unnest($1::bytea[], $2::bytea[], $3::boolean[]) with ordinality a (id, secret, is_active, place) \
      left join lateral (select s.* from @schema@.session s where s.id = a.id offset 0) x on true"
);

statements! {
    acknowledge: "select id, claim from @schema@.acknowledge($1, $2)",
    begin_log_in: "select generation, now from @schema@.begin_log_in()",
    check: "select id, verdict, cause, due_in from @schema@.check_held($1, $2)",
    check_in: CHECK_IN,
    check_in_together: CHECK_IN_TOGETHER,
    create: answers!(
        "create_session($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
         $17, $18, $19)"
    ),
    end: answers!("end_sessions($1, $2, $3, $4, $5)"),
    end_all: "select @schema@.end_all($1, $2, $3, $4, $5, $6) as generation",
    end_due: answers!("end_due($1, $2, $3, $4, $5)"),
    list: answers!("list($1)"),
    page: answers!("page($1, $2)"),
    pending: answers!("pending($1, $2)"),
    renew: "select @schema@.renew($1, $2, $3) as done",
    rotate: answers!("rotate($1, $2, $3, $4)"),
    tombstone: answers!("tombstone($1)"),
    update: answers!("update_session($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"),
}
