//! Several nodes on one schema, and what the schema promises to its administrator.

use crate::support::{
    SECRET, Schema, claimant, hear_of_a_thousand_endings, hear_of_endings_and_cuts_once,
    know_nothing_of_each_other, log_in, next, plan,
};
use adjourn::{
    id::{SessionId, Subject},
    reason::{Cause, EndReason},
    record::{Activity, Scope},
    store::{
        AtLimit, CheckIn, Checked, Created, End, Limit, NewSession, Notice, PostgresStore,
        SessionStore, Update,
    },
    time::Timestamp,
};
use sqlx::{AssertSqlSafe, Row};
use std::{num::NonZeroU32, time::Duration};
use tokio::task::JoinSet;

const LEASE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn other_nodes_hear_of_endings_and_cuts_once() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let (one, two) = (schema.store().await, schema.store().await);
    hear_of_endings_and_cuts_once(&one, &two).await;
}

#[tokio::test]
async fn a_thousand_endings_at_once_are_all_told() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let (one, two) = (schema.store().await, schema.store().await);
    hear_of_a_thousand_endings(&one, &two).await;
}

#[tokio::test]
async fn a_lost_listener_is_a_gap_and_is_replaced() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let (one, two) = (schema.store().await, schema.store().await);
    let mut there = two.notices();
    schema
        .run(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where query = 'LISTEN \"@schema@_notices\"'",
        )
        .await;
    assert_eq!(next(&mut there).await, Notice::Silence);
    assert_eq!(next(&mut there).await, Notice::Gap);
    let id = log_in(&one, "alice").await;
    let end = one.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    assert!(matches!(next(&mut there).await, Notice::Ended { id: told, .. } if told == id));
}

#[tokio::test]
async fn a_message_that_is_not_understood_is_a_gap() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let mut notices = store.notices();
    for foreign in ["hello", "node what ever", "node ! {}"] {
        schema
            .run(&format!(
                "select pg_notify('@schema@_notices', '{foreign}')"
            ))
            .await;
        assert_eq!(next(&mut notices).await, Notice::Gap, "{foreign}");
    }
}

/// The server's own time: no node's clock, and it moves.
#[tokio::test]
async fn the_server_tells_the_time() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let before = store.begin_log_in(None).await.unwrap().issued_at;
    let server = schema
        .number("select (extract(epoch from clock_timestamp()) * 1000)::bigint")
        .await;
    let after = store.begin_log_in(None).await.unwrap().issued_at;
    let server = u64::try_from(server).unwrap();
    assert!(before.as_unix_millis() <= server + 1);
    assert!(server <= after.as_unix_millis() + 1);
}

#[tokio::test]
async fn migrating_twice_and_at_once_makes_one_schema() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let (one, two) = (schema.builder(), schema.builder());
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    first.unwrap();
    second.unwrap();
    one.migrate().await.unwrap();
    log_in(&two.open().await.unwrap(), "alice").await;
}

#[tokio::test]
async fn a_schema_made_by_hand_is_taken() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let sql = PostgresStore::schema_sql(&schema.name).unwrap();
    schema.run(&sql).await;
    log_in(&schema.builder().open().await.unwrap(), "alice").await;
}

#[tokio::test]
async fn two_schemas_know_nothing_of_each_other() {
    let (Some(one), Some(two)) = (Schema::of_a_test(), Schema::of_a_test()) else {
        return;
    };
    know_nothing_of_each_other(&one.store().await, &two.store().await).await;
}

/// A touch that had to wait for the row is judged by the time at which it got it.
#[tokio::test]
async fn a_touch_that_waited_beyond_the_deadline_is_too_late() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = adjourn::testing::StoreHarness::open(&schema).await;
    let id = log_in(&*store, "alice").await;
    schema.move_time(10 * 60_000).await;
    let mut holder = schema.pool().begin().await.unwrap();
    let lock = "select 1 from @schema@.session for update".replace("@schema@", &schema.name);
    let locked = sqlx::query(AssertSqlSafe(lock)).execute(&mut *holder);
    locked.await.unwrap();
    let touch = store.check_in(id, &SECRET, Activity::Active);
    let touch = tokio::spawn(async move { touch.await });
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
         and query like '%@schema@%check_in(%'";
    while schema.number(waiting).await == 0 {
        tokio::task::yield_now().await;
    }
    schema.move_time(6 * 60_000).await;
    holder.commit().await.unwrap();
    let answer = touch.await.unwrap().unwrap();
    assert!(
        matches!(&answer, CheckIn::Due(cause) if *cause.reason() == EndReason::IdleTimeout),
        "{answer:?}: it idled out while the touch waited"
    );
}

/// no operation walks the sessions, however many there are.
#[tokio::test]
async fn no_operation_walks_the_sessions() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    schema
        .run(
            "insert into @schema@.session (id, secret, generation, subject, created_at, \
             authenticated_at, idle_timeout, touch_interval, absolute_deadline, last_seen, look_at) \
             select decode(md5(n::text), 'hex'), decode(repeat('00', 32), 'hex'), n, 'user-' || n % 1000, n, n, 900000, \
             0, 4102444800000, 4102444800000, 4102444800000 from generate_series(1, 30000) n; \
             analyze @schema@.session; select setval('@schema@.generation', 30000)",
        )
        .await;
    let ids: Vec<SessionId> = (0..3)
        .map(|number| SessionId::from_bytes([number; 16]))
        .collect();
    each_single_operation(&store, ids[0]).await;
    let subject = Subject::new("user-7").unwrap();
    store.check(&ids, Activity::Active).await.unwrap();
    let forced = || Cause::from(EndReason::Forced);
    store.end_many(&ids, forced(), claimant()).await.unwrap();
    assert_eq!(store.list(&subject).await.unwrap().len(), 19);
    let page = store.page(None, 10).await.unwrap();
    store.page(page.next, 10).await.unwrap();
    store.pending(10, LEASE).await.unwrap();
    let (subject, except) = (subject, Some(page.sessions[0].id));
    let scope = Scope::Subject { subject, except };
    store.end_all(scope, forced()).await.unwrap();
    assert_eq!(store.end_due(500, claimant()).await.unwrap().len(), 19);
    let created_before = Some(Timestamp::from_unix_millis(5_000));
    let scope = Scope::Everyone { created_before };
    store.end_all(scope, forced()).await.unwrap();
    assert_eq!(store.end_due(100, claimant()).await.unwrap().len(), 100);
    drop(store);
    assert_eq!(
        schema.counted("seq_tup_read").await,
        0,
        "nothing walked the table"
    );
}

async fn each_single_operation(store: &PostgresStore, replaced: SessionId) {
    let subject = Subject::new("user-7").unwrap();
    for at_limit in [AtLimit::EndOldest, AtLimit::RefuseNew] {
        let max = NonZeroU32::new(20).unwrap();
        let limit = Some(Limit { max, at_limit });
        let ticket = store.begin_log_in(Some(&subject)).await.unwrap();
        let session = NewSession {
            limit,
            replaces: Some(replaced),
            ticket: Some(ticket),
            ..plan(store, "user-7").await
        };
        let id = session.id;
        let created = store.create(session).await.unwrap();
        assert!(matches!(created, Created::Created { .. }), "{created:?}");
        drop(store.check_in(id, &SECRET, Activity::Active).await.unwrap());
        drop(store.update(id, Update::default(), None).await.unwrap());
        drop(store.rotate(id, &SECRET, &SECRET, LEASE).await.unwrap());
        drop(store.tombstone(id).await.unwrap());
        drop(
            store
                .end(id, EndReason::Logout.into(), claimant())
                .await
                .unwrap(),
        );
        assert!(!store.acknowledge(id, 0).await.unwrap());
        assert!(!store.renew(id, 0, LEASE).await.unwrap());
    }
}

/// They share statements, and yet each is answered for itself.
#[tokio::test]
async fn acknowledgements_at_the_same_time_are_each_answered() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let mut ids = Vec::new();
    for number in 0..90 {
        ids.push(log_in(&store, &format!("user-{number}")).await);
    }
    let cause = Cause::from(EndReason::Logout);
    let ended = store.end_many(&ids, cause, claimant()).await.unwrap();
    // Every third says so with a claim that is not its own.
    let claims = ended.iter().enumerate().map(|(number, departed)| {
        let is_own = number % 3 > 0;
        let claim = if is_own { departed.claim } else { u64::MAX / 2 };
        (departed.id, claim, is_own)
    });
    let mut acknowledging: JoinSet<_> = claims
        .map(|(id, claim, is_own)| {
            let answer = store.acknowledge(id, claim);
            async move { (answer.await, is_own) }
        })
        .collect();
    while let Some(answered) = acknowledging.join_next().await {
        let (answer, is_own) = answered.unwrap();
        assert_eq!(answer.unwrap(), is_own);
    }
    let pending = "select count(*) from @schema@.session where claim is not null";
    assert_eq!(schema.number(pending).await, 30);
}

/// Nobody has to wait until it is known for ever that work is done: the work of a lost one is taken over. What is known
/// of the others is not touched by that.
#[tokio::test]
async fn only_acknowledgements_commit_without_waiting_for_the_disk() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let _migrated = schema.store().await;
    let waits = async |call: &str| {
        let pool = schema.pool();
        let mut transaction = pool.begin().await.unwrap();
        let call = call.replace("@schema@", &schema.name);
        let called = sqlx::raw_sql(AssertSqlSafe(call));
        called.execute(&mut *transaction).await.unwrap();
        let set = sqlx::query("select current_setting('synchronous_commit')");
        let set: String = Row::get(&set.fetch_one(&mut *transaction).await.unwrap(), 0);
        set != "off"
    };
    assert!(!waits("select @schema@.acknowledge('{}', '{}')").await);
    assert!(waits("select @schema@.end_sessions('{}', '', '', 1, '')").await);
    assert!(waits("select @schema@.end_due(1, 1, '', 1, '')").await);
    assert!(waits("select @schema@.pending(1, 1)").await);
}

/// Else each touch would write every index, and the table would swell.
#[tokio::test]
async fn touches_stay_in_their_page() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = adjourn::testing::StoreHarness::open(&schema).await;
    // So few that their page has room for every version.
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(log_in(&*store, &format!("user-{number}")).await);
    }
    for _ in 0..2 {
        schema.move_time(60_000).await;
        let answers = store.check(&ids[..2], Activity::Active).await.unwrap();
        assert!(matches!(
            answers[..],
            [Checked::Live { .. }, Checked::Live { .. }]
        ));
        for id in &ids[2..] {
            let answer = store.check_in(*id, &SECRET, Activity::Active).await;
            assert!(matches!(answer.unwrap(), CheckIn::Live(_)));
        }
    }
    assert_eq!(schema.counted("n_tup_upd").await, 8, "each touch was due");
    assert_eq!(
        schema.counted("n_tup_hot_upd").await,
        8,
        "none touched an index"
    );
}

/// One statement an operation, whatever it writes.
#[tokio::test]
async fn each_operation_is_one_statement() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = adjourn::testing::StoreHarness::open(&schema).await;
    schema
        .run("create extension if not exists pg_stat_statements schema public")
        .await;
    let count = "select coalesce(sum(calls), 0)::bigint from public.pg_stat_statements \
         where toplevel and query like '%\"@schema@\".%'";
    let id = log_in(&*store, "alice").await;
    let before = schema.number(count).await;
    for _ in 0..10 {
        schema.move_time(60_000).await;
        let answer = store.check_in(id, &SECRET, Activity::Active).await;
        assert!(matches!(answer.unwrap(), CheckIn::Live(_)), "touched");
    }
    assert_eq!(schema.number(count).await - before, 10, "check_in");
    log_in(&*store, "alice").await;
    drop(store.update(id, Update::default(), None).await.unwrap());
    store.check(&[id], Activity::Active).await.unwrap();
    let subject = Subject::new("alice").unwrap();
    assert_eq!(store.list(&subject).await.unwrap().len(), 2);
    let end = store.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    store.end_due(10, claimant()).await.unwrap();
    store.pending(10, Duration::from_secs(1)).await.unwrap();
    assert_eq!(schema.number(count).await - before, 17, "one each");
}
