//! Several nodes on one schema, and what the schema promises to its administrator.

use crate::support::{SECRET, Schema, claimant, log_in, plan};
use adjourn::{
    id::{SessionId, Subject},
    reason::{Cause, EndReason},
    record::{Activity, Scope, Values},
    store::{
        AtLimit, CheckIn, Checked, Created, End, Limit, NewSession, Notice, Notices, PostgresStore,
        SessionStore, Update,
    },
    time::Timestamp,
};
use std::{collections::HashSet, num::NonZeroU32, time::Duration};

const LEASE: Duration = Duration::from_secs(30);

async fn next(notices: &mut Notices) -> Notice {
    let told = tokio::time::timeout(Duration::from_secs(20), notices.recv()).await;
    told.expect("the server tells").expect("the store is open")
}

#[tokio::test]
async fn other_nodes_hear_of_endings_and_cuts_once() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let (one, two) = (schema.store().await, schema.store().await);
    let id = log_in(&one, "alice").await;
    let (mut here, mut there) = (one.notices(), two.notices());
    let end = one.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    let scope = Scope::Subject {
        subject: Subject::new("alice \u{7528}'\"\\").unwrap(),
        except: Some(id),
    };
    two.end_all(scope.clone(), EndReason::Policy.into())
        .await
        .unwrap();
    let reason = EndReason::Logout;
    let ended = Notice::Ended { id, reason };
    assert_eq!(next(&mut here).await, ended);
    assert_eq!(next(&mut here).await, Notice::Cut(scope.clone()));
    let mut told = [next(&mut there).await, next(&mut there).await];
    told.sort_by_key(|notice| matches!(notice, Notice::Cut(_)));
    assert_eq!(told, [ended, Notice::Cut(scope)]);
}

/// More than one message holds, and an own reason that is named like nothing else.
#[tokio::test]
async fn a_thousand_endings_at_once_are_all_told() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let (one, two) = (schema.store().await, schema.store().await);
    let mut ids = Vec::new();
    for number in 0..1_000 {
        ids.push(log_in(&one, &format!("user-{number}")).await);
    }
    let mut there = two.notices();
    let reason = EndReason::custom("incident").unwrap();
    let ended = one
        .end_many(&ids, Cause::from(reason.clone()), claimant())
        .await
        .unwrap();
    assert_eq!(ended.len(), 1_000);
    let mut missing: HashSet<_> = ids.into_iter().collect();
    while !missing.is_empty() {
        match next(&mut there).await {
            Notice::Ended { id, reason: told } if told == reason => {
                assert!(missing.remove(&id), "{id} once");
            }
            other => panic!("{other:?} did not happen"),
        }
    }
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

/// Two applications in one database, each in a schema of its own.
#[tokio::test]
async fn two_schemas_know_nothing_of_each_other() {
    let (Some(one), Some(two)) = (Schema::of_a_test(), Schema::of_a_test()) else {
        return;
    };
    let (here, there) = (one.store().await, two.store().await);
    let id = log_in(&here, "alice").await;
    let mut notices = there.notices();
    let answer = there.check_in(id, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::Unknown));
    let subject = Subject::new("alice").unwrap();
    assert!(there.list(&subject).await.unwrap().is_empty());
    let end = here.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    let own = log_in(&there, "alice").await;
    let end = there.end(own, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    assert!(matches!(next(&mut notices).await, Notice::Ended { id: told, .. } if told == own));
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
    let locked = sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *holder);
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

/// Bytes that no text column holds.
#[tokio::test]
async fn names_and_values_of_any_bytes_are_kept() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let id = log_in(&store, "alice").await;
    let mut update = Update::default();
    update.values = update
        .values
        .set("\0 \u{7528}'\"\\{},", [0, 255, b'"', b'\\']);
    update.values = update.values.set("", []);
    update.leave_behind = update.leave_behind.set("\0", [0]);
    drop(store.update(id, update, None).await.unwrap());
    let CheckIn::Live(live) = store
        .check_in(id, &SECRET, Activity::Passive)
        .await
        .unwrap()
    else {
        panic!("it lives")
    };
    let expected = [
        ("", b"".as_slice()),
        ("\0 \u{7528}'\"\\{},", &[0, 255, b'"', b'\\']),
        ("cart", b"[1]"),
    ];
    assert_eq!(*live.record.values(), Values::from_iter(expected));
    let cause = Cause::from(EndReason::Forced).with_note("\0'\"\\");
    let End::First(departed) = store.end(id, cause.clone(), claimant()).await.unwrap() else {
        panic!("nobody ended it before")
    };
    assert_eq!(*departed.ending.cause(), cause);
    assert_eq!(departed.leave_behind.get("\0"), Some([0].as_slice()));
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
        assert_eq!(answers, [Checked::Live, Checked::Live]);
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

#[tokio::test]
async fn a_create_that_was_answered_is_the_same_when_read_back() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let session = NewSession {
        idle_timeout: Some(Duration::MAX),
        touch_interval: Duration::MAX,
        absolute_timeout: Duration::MAX,
        ..plan(&store, "x").await
    };
    let Created::Created { live, .. } = store.create(session).await.unwrap() else {
        panic!("nothing stands in its way")
    };
    let again = store.check_in(live.id, &SECRET, Activity::Active).await;
    let CheckIn::Live(again) = again.unwrap() else {
        panic!("it lives for ever")
    };
    assert_eq!(format!("{:?}", again.record), format!("{:?}", live.record));
}
