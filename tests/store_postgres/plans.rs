//! What the server does for an operation, in its own words: `auto_explain` writes down the plan of
//! each statement inside the functions, with the rows that it came by.

use crate::{
    server::Server,
    support::{SECRET, Schema, claimant, log_in, plan},
};
use adjourn::{
    id::Subject,
    reason::EndReason,
    record::{Activity, Scope},
    store::{AtLimit, CheckIn, Claimant, Limit, NewSession, PostgresStore, SessionStore},
};
use futures_util::future::join_all;
use sqlx::postgres::PgPoolOptions;
use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

/// So many that the planner never walks the table for lack of rows.
#[tokio::test]
async fn every_operation_finds_its_rows_by_an_index() {
    on_so_many(50_000).await;
}

/// `cargo test --all-features --test store_postgres -- --ignored a_million`
#[tokio::test]
#[ignore = "a million rows: a minute or two"]
async fn every_operation_finds_its_rows_by_an_index_among_a_million() {
    on_so_many(1_000_000).await;
}

async fn on_so_many(sessions: u32) {
    let Some(server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options());
    schema.builder().migrate().await.unwrap();
    fill(&schema, sessions).await;
    let options = server.options().options([
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_nested_statements", "on"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_timing", "off"),
    ]);
    // One connection, so that its plans become generic ones.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(options);
    let store = schema.builder_on(pool).open().await.unwrap();
    let mut explained = Explained { server, read: 0 };
    // A plan is made for its arguments five times, and then for any.
    for round in 0..8 {
        single(&store, &mut explained).await;
        views(&store, &mut explained).await;
        sweeps(&store, &mut explained, round).await;
    }
}

/// Half of them tombstones; of a thousand subjects; a few of them due.
async fn fill(schema: &Schema, sessions: u32) {
    schema
        .run(&format!(
            "insert into @schema@.session (id, secret, generation, subject, created_at, \
             authenticated_at, idle_timeout, touch_interval, absolute_deadline, last_seen, look_at, \
             ended_at, cause, keep_until) \
             select decode(md5(n::text), 'hex'), decode(repeat('01', 32), 'hex'), n, \
               'user-' || n % 1000, n, n, 900000, 60000, far, \
               case when n <= 200 then 1 else far end, case when n <= 200 then 1 else far end, \
               case when n % 2 = 0 then 1 end, \
               case when n % 2 = 0 then '{{\"v\":1,\"reason\":\"logout\",\"by\":\"user\"}}' end, \
               case when n % 2 = 0 then case when n <= 4000 then 1 else far end end \
             from generate_series(1, {sessions}) n, (select 4102444800000 as far) f; \
             analyze @schema@.session; select setval('@schema@.generation', {sessions})"
        ))
        .await;
}

async fn single(store: &PostgresStore, explained: &mut Explained) {
    let subject = Subject::new("user-7").unwrap();
    let id = log_in(store, "user-7").await;
    explained.skip();
    let answer = store.check_in(id, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::Live(_)));
    explained.used("check_in", &["session_pkey"], 1);
    let asked = (0..50).map(|_| store.check_in(id, &SECRET, Activity::Active).into_future());
    for answer in join_all(asked).await {
        assert!(matches!(answer.unwrap(), CheckIn::Live(_)));
    }
    // One begins by itself, the others go in one statement.
    explained.used("check_in, together", &["session_pkey"], 49);
    store.check(&[id], Activity::Active).await.unwrap();
    explained.used("check", &["session_pkey"], 1);
    let max = NonZeroU32::new(10_000).unwrap();
    let at_limit = AtLimit::EndOldest;
    let session = NewSession {
        limit: Some(Limit { max, at_limit }),
        replaces: Some(id),
        ticket: Some(store.begin_log_in(Some(&subject)).await.unwrap()),
        ..plan(store, "user-7").await
    };
    explained.skip();
    drop(store.create(session).await.unwrap());
    explained.used("create", &["session_pkey", "session_subject"], OF_ONE);
    let end = store.end(id, EndReason::Logout.into(), claimant()).await;
    drop(end.unwrap());
    explained.used("end", &["session_pkey"], 1);
    drop(store.tombstone(id).await.unwrap());
    explained.used("tombstone", &["session_pkey"], 1);
}

async fn views(store: &PostgresStore, explained: &mut Explained) {
    let subject = Subject::new("user-7").unwrap();
    store.list(&subject).await.unwrap();
    explained.used("list", &["session_subject"], OF_ONE);
    let page = store.page(None, 100).await.unwrap();
    store.page(page.next, 100).await.unwrap();
    explained.used("page", &["session_live"], 100);
}

async fn sweeps(store: &PostgresStore, explained: &mut Explained, round: u32) {
    let leased_to_nobody = Claimant {
        lease: Duration::ZERO,
        ..claimant()
    };
    store.end_due(64, leased_to_nobody).await.unwrap();
    explained.used("end_due", &["session_keep", "session_look_at"], AT_ONCE);
    let taken_over = store.pending(64, Duration::ZERO).await.unwrap();
    assert!(!taken_over.is_empty());
    explained.used("pending", &["session_lease"], AT_ONCE);
    let scope = Scope::Subject {
        subject: Subject::new(format!("user-{}", 2 * round + 11)).unwrap(),
        except: None,
    };
    store
        .end_all(scope, EndReason::Forced.into())
        .await
        .unwrap();
    explained.skip();
    store.end_due(64, claimant()).await.unwrap();
    explained.used("end_due of a cut", &["session_subject"], AT_ONCE);
}

/// More rows than any of them looks at in one step.
const AT_ONCE: usize = 600;

/// More sessions than one subject has.
const OF_ONE: usize = 1_200;

/// What the server wrote down.
struct Explained {
    server: Server,
    read: usize,
}

impl Explained {
    fn skip(&mut self) {
        self.read = self.server.log().len();
    }

    /// What ran since came by its rows through these indexes, and no step came by more rows.
    fn used(&mut self, operation: &str, indexes: &[&str], most: usize) {
        let log = self.server.log();
        let plans = &log[self.read..];
        self.read = log.len();
        assert!(plans.contains("Query Text"), "{operation}: {plans}");
        let steps = plans.lines().filter(|line| line.contains("(actual rows="));
        let of_sessions: Vec<_> = steps.filter(|step| step.contains(" on session")).collect();
        let walks = of_sessions.iter().find(|step| step.contains("Seq Scan"));
        assert_eq!(walks, None, "{operation}");
        let used: BTreeSet<_> = of_sessions.iter().filter_map(|step| index(step)).collect();
        for index in indexes {
            assert!(used.contains(index), "{operation}: {index} of {used:?}");
        }
        let too_many = of_sessions.iter().find(|step| rows(step) > most);
        assert_eq!(too_many, None, "{operation}: at most {most} rows");
    }
}

/// `Index Scan using session_live on session x (cost=..) (actual rows=10 loops=1)`, or
/// `Bitmap Index Scan on session_live (..)`.
fn index(step: &str) -> Option<&str> {
    let (_, after) = step
        .split_once("Scan using ")
        .or_else(|| step.split_once("Bitmap Index Scan on "))?;
    after.split(' ').next()
}

/// All that the step came by, in all its loops.
fn rows(step: &str) -> usize {
    let number = |name: &str| {
        let (_, after) = step.split_once(name)?;
        let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<usize>().ok()
    };
    number("actual rows=").unwrap_or(0) * number("loops=").unwrap_or(1)
}
