//! What can be wrong with the server, the schema and the rows: each with an error that names it.

use crate::{
    server::Server,
    support::{SECRET, Schema, claimant, log_in},
};
use adjourn::{
    id::{SecretHash, SessionId, Subject},
    reason::EndReason,
    record::{Activity, Scope},
    store::{CheckIn, Error, ErrorKind, PostgresStore, Rotated, SessionStore},
};
use futures_util::{
    future::join_all,
    stream::{FuturesUnordered, StreamExt as _},
};
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{net::TcpListener, time::Duration};

pub(crate) fn expect(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let first: &(dyn std::error::Error + 'static) = error;
    let levels = std::iter::successors(Some(first), |error| error.source());
    let levels: Vec<String> = levels.map(ToString::to_string).collect();
    let text = levels.join(" | ");
    assert_eq!(error.kind(), kind, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not named in: {text}");
    }
}

/// What opening on other connections fails with.
async fn refused(schema: &Schema, options: PgConnectOptions) -> Error {
    let pool = PgPoolOptions::new()
        .acquire_timeout(Duration::from_secs(20))
        .connect_lazy_with(options);
    schema.builder_on(pool).open().await.unwrap_err()
}

#[tokio::test]
async fn a_missing_schema_says_what_to_run() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let error = schema.builder().open().await.unwrap_err();
    expect(&error, ErrorKind::Corrupt, &[&schema.name, "migrate()"]);
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    schema.store().await;
    schema
        .run("update @schema@.meta set number = 9 where name = 'schema'")
        .await;
    for error in [
        schema.builder().open().await.unwrap_err(),
        schema.builder().migrate().await.unwrap_err(),
    ] {
        expect(&error, ErrorKind::Corrupt, &["version 9", "newer version"]);
    }
}

#[tokio::test]
async fn a_foreign_schema_is_named_and_not_touched() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    schema
        .run("create schema @schema@; create table @schema@.session (id bigint)")
        .await;
    let error = schema.builder().migrate().await.unwrap_err();
    expect(&error, ErrorKind::Corrupt, &[&schema.name, "not the one"]);
    let columns = "select count(*) from information_schema.columns where table_schema = '@schema@'";
    assert_eq!(
        schema.number(columns).await,
        1,
        "a migration is whole or nothing"
    );
}

#[tokio::test]
async fn a_schema_that_goes_away_is_named() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let id = log_in(&store, "alice").await;
    schema.run("drop schema @schema@ cascade").await;
    let error = store
        .check_in(id, &SECRET, Activity::Active)
        .await
        .unwrap_err();
    expect(&error, ErrorKind::Corrupt, &[&schema.name]);
    let error = store
        .end(id, EndReason::Logout.into(), claimant())
        .await
        .unwrap_err();
    expect(&error, ErrorKind::Corrupt, &[&schema.name]);
}

#[tokio::test]
async fn another_isolation_is_named() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    schema.store().await;
    for level in ["repeatable read", "serializable"] {
        let setting = [("default_transaction_isolation", level)];
        let error = refused(&schema, schema.options.clone().options(setting)).await;
        expect(&error, ErrorKind::Unavailable, &["read committed", level]);
    }
}

#[tokio::test]
async fn a_read_only_server_is_named() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    schema.store().await;
    let setting = [("default_transaction_read_only", "on")];
    let error = refused(&schema, schema.options.clone().options(setting)).await;
    expect(&error, ErrorKind::Unavailable, &["read-only"]);
}

/// A replica is behind: what ended would live on there for a moment.
#[tokio::test]
async fn a_replica_is_refused_at_the_start_and_later() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options());
    let id = log_in(&schema.store().await, "alice").await;
    let started = tokio::task::spawn_blocking(move || {
        let replica = server.replicate();
        (server, replica)
    });
    let (_server, replica) = started.await.unwrap();
    let error = refused(&schema, replica.clone()).await;
    expect(&error, ErrorKind::Unavailable, &["replica", "primary"]);

    // As when the pool finds a replica where the primary was.
    let pool = PgPoolOptions::new().connect_lazy_with(replica);
    let there = "select count(*) from @schema@.session".replace("@schema@", &schema.name);
    let rows = sqlx::query(AssertSqlSafe(there)).fetch_one(&pool).await;
    assert_eq!(
        sqlx::Row::get::<i64, _>(&rows.unwrap(), 0),
        1,
        "it is there"
    );
    for call in [
        format!(
            "check_in('\\x{}', '\\x{}', false)",
            hex(id),
            "01".repeat(32)
        ),
        format!("check_held(array['\\x{}'::bytea], false)", hex(id)),
        String::from("list('alice')"),
        String::from("page('\\x', 10)"),
        format!("tombstone('\\x{}')", hex(id)),
        String::from("begin_log_in()"),
    ] {
        let sql = format!("select * from {}.{call}", schema.name);
        let answer = sqlx::query(AssertSqlSafe(sql)).fetch_all(&pool).await;
        let error = answer.unwrap_err().to_string();
        assert!(
            error.contains("this server is a replica"),
            "{call}: {error}"
        );
    }
}

#[tokio::test]
async fn a_database_of_another_encoding_is_named() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let name = format!("latin_{}", schema.name);
    schema
        .run(&format!(
            "create database {name} encoding 'LATIN1' locale 'C' template template0"
        ))
        .await;
    let schema = Schema::on(schema.options.clone().database(&name));
    let builder = schema.builder();
    builder.migrate().await.unwrap();
    let error = builder.open().await.unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["LATIN1", "UTF8"]);
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_privilege_are_named() {
    let Some(server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options());
    schema.store().await;
    schema
        .run("create role locked login password 'right'; create role guest login")
        .await;
    let error = refused(
        &schema,
        server
            .options()
            .username("locked")
            .password("wrong-password"),
    )
    .await;
    expect(&error, ErrorKind::Unavailable, &["password"]);
    assert!(!format!("{error:?}").contains("wrong-password"));
    let error = refused(&schema, server.options().username("guest")).await;
    expect(&error, ErrorKind::Unavailable, &["privilege"]);
}

#[tokio::test]
async fn damaged_rows_are_named_and_are_no_session() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let bob = log_in(&store, "bob").await;
    for (set, named) in [
        (
            "secret = '\\x01', previous = '\\x0101010101010101010101010101010101010101010101010101010101010101', previous_until = 9000000000000",
            "\"secret\"",
        ),
        (
            "last_seen = 9000000000000, created_at = -1",
            "\"created_at\"",
        ),
        ("client = '{}'", "the client of a session"),
        ("client = '{\"v\":2}'", "newer version of adjourn"),
        ("value_data = '{}'", "\"vals\""),
        ("value_names = array['\\xff'::bytea]", "\"value_names\""),
        (
            "grant_names = array['\\x61'::bytea], grant_until = array[-1]",
            "\"grant_until\"",
        ),
        ("subject = ''", "\"subject\""),
        ("ended_at = 1, cause = 'no cause'", "the cause of an ending"),
        (
            "ended_at = 1, cause = '{\"v\":7}'",
            "newer version of adjourn",
        ),
    ] {
        let id = log_in(&store, "alice").await;
        schema
            .run(&format!(
                "update @schema@.session set {set} where subject = 'alice'"
            ))
            .await;
        let error = store
            .check_in(id, &SECRET, Activity::Passive)
            .await
            .unwrap_err();
        expect(&error, ErrorKind::Corrupt, &[&id.to_string(), named]);
        let answer = store.check_in(bob, &SECRET, Activity::Active).await;
        assert!(matches!(answer.unwrap(), CheckIn::Live(live) if live.id == bob));
        schema
            .run(&format!(
                "delete from @schema@.session where id = '\\x{}'",
                hex(id)
            ))
            .await;
    }
}

/// P4: what one node cannot read, perhaps of a newer one, keeps nobody else's ending from its work.
#[tokio::test]
async fn a_sweep_leaves_what_it_cannot_read_alone() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    schema.stop_time().await;
    let newer = log_in(&store, "alice").await;
    let other = log_in(&store, "bob").await;
    let set = async |client: &str| {
        let set = "update @schema@.session set client =";
        schema
            .run(&format!("{set} {client} where subject = 'alice'"))
            .await;
    };
    set("'{\"v\":2}'").await;
    schema.move_time(3_600_000).await;
    let ended = store.end_due(10, claimant()).await.unwrap();
    assert_eq!(ended.iter().map(|it| it.id).collect::<Vec<_>>(), [other]);
    let taken = async || {
        schema.move_time(31_000).await;
        let taken = store.pending(10, Duration::from_secs(30)).await.unwrap();
        let mut taken: Vec<_> = taken.into_iter().map(|it| it.id).collect();
        taken.sort_unstable();
        taken
    };
    assert_eq!(taken().await, [other]);
    set("null").await;
    let mut both = [newer, other];
    both.sort_unstable();
    assert_eq!(taken().await, both);
}

/// Somebody replaced a function: its answer is not believed.
#[tokio::test]
async fn an_answer_of_another_session_is_refused() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let (alice, bob) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    schema
        .run(&format!(
            "create or replace function @schema@.check_in(p_id bytea, p_secret bytea, \
             p_active boolean) returns @schema@.answer language sql as \
             $$ select row('live', null, 1, x)::@schema@.answer from @schema@.session x \
             where x.id = '\\x{}' $$",
            hex(bob)
        ))
        .await;
    // Of whom the statement cannot say itself that she is plainly live.
    let error = store
        .check_in(alice, &SecretHash::from_bytes([0; 32]), Activity::Active)
        .await
        .unwrap_err();
    expect(
        &error,
        ErrorKind::Corrupt,
        &[&alice.to_string(), "another one"],
    );
}

/// Half of what a check-in costs the server is the function: it is called only where it has something to say.
#[tokio::test]
async fn the_function_is_not_called_for_a_session_that_is_plainly_live() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    schema.stop_time().await;
    let (alice, bob) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    schema
        .run(
            "create or replace function @schema@.check_in(p_id bytea, p_secret bytea, \
             p_active boolean) returns @schema@.answer language plpgsql as \
             $$ begin raise exception 'called'; end $$",
        )
        .await;
    let is_called =
        async |id, secret, activity| store.check_in(id, &secret, activity).await.is_err();
    let wrong = SecretHash::from_bytes([0; 32]);
    assert!(!is_called(alice, SECRET, Activity::Active).await);
    assert!(is_called(alice, wrong, Activity::Active).await);
    let unknown = SessionId::from_bytes([0; 16]);
    assert!(is_called(unknown, SECRET, Activity::Active).await);
    let rotated = store.rotate(bob, &SECRET, &wrong, Duration::from_secs(9));
    assert!(matches!(rotated.await.unwrap(), Rotated::Written));
    assert!(
        is_called(bob, wrong, Activity::Active).await,
        "the grace ends"
    );
    assert!(is_called(bob, SECRET, Activity::Active).await, "in grace");
    // The touch interval of the tests' sessions is a minute, their idle timeout a quarter of an hour.
    schema.move_time(59_999).await;
    assert!(!is_called(alice, SECRET, Activity::Active).await);
    schema.move_time(1).await;
    assert!(is_called(alice, SECRET, Activity::Active).await, "a touch");
    assert!(
        !is_called(alice, SECRET, Activity::Passive).await,
        "no touch"
    );
    schema.move_time(15 * 60_000 - 1).await;
    assert!(!is_called(alice, SECRET, Activity::Passive).await);
    schema.move_time(1).await;
    assert!(is_called(alice, SECRET, Activity::Passive).await, "due");
}

/// Nor for those of one moment, who are asked for in one statement; that one calls it for nobody.
#[tokio::test]
async fn check_ins_of_one_moment_share_a_statement() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(log_in(&store, &format!("user-{number}")).await);
    }
    let live = async |ids: &[SessionId]| {
        let asked = ids
            .iter()
            .map(|id| store.check_in(*id, &SECRET, Activity::Active).into_future());
        let answers = join_all(asked).await.into_iter().zip(ids);
        answers
            .filter(|(answer, id)| matches!(answer, Ok(CheckIn::Live(live)) if live.id == **id))
            .count()
    };
    assert_eq!(live(&ids).await, 40);

    // Out of range in the midst of a statement that others share.
    schema
        .run(&format!(
            "update @schema@.session set last_seen = 9223372036854775807 where id = '\\x{}'",
            hex(ids[20])
        ))
        .await;
    assert_eq!(
        live(&ids).await,
        39,
        "nobody pays for a damaged row of another"
    );

    // Somebody holds the lock that a touch needs: only who needs it waits.
    let slow = format!("where id = '\\x{}'", hex(ids[30]));
    schema
        .run(&format!(
            "update @schema@.session set last_seen = last_seen - 61000 {slow}"
        ))
        .await;
    let mut held = schema.pool().begin().await.unwrap();
    let lock = sqlx::raw_sql(AssertSqlSafe(format!(
        "select from {}.session {slow} for update",
        schema.name
    )));
    lock.execute(&mut *held).await.unwrap();
    let well = ids.iter().filter(|id| **id != ids[20]);
    let asked = well.map(|id| store.check_in(*id, &SECRET, Activity::Active).into_future());
    let mut asked: FuturesUnordered<_> = asked.collect();
    for _ in 0..38 {
        let answer = asked.next().await.unwrap().unwrap();
        assert!(matches!(answer, CheckIn::Live(live) if live.id != ids[30]));
    }
    assert!(futures_util::poll!(asked.next()).is_pending());
    held.rollback().await.unwrap();
    let touched = asked.next().await.unwrap().unwrap();
    assert!(matches!(touched, CheckIn::Live(live) if live.id == ids[30]));
}

/// Somebody cut off one user, or everybody, is never answered as plainly live.
#[tokio::test]
async fn the_function_judges_whom_a_cut_may_cover() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    let store = schema.store().await;
    let (alice, bob) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    let verdict = async |id| store.check_in(id, &SECRET, Activity::Active).await.unwrap();
    let of_alice = Scope::Subject {
        subject: Subject::new("alice").unwrap(),
        except: None,
    };
    store
        .end_all(of_alice, EndReason::Forced.into())
        .await
        .unwrap();
    assert!(matches!(verdict(alice).await, CheckIn::Due(_)));
    assert!(matches!(verdict(bob).await, CheckIn::Live(_)));
    let everybody = Scope::Everyone {
        created_before: None,
    };
    store
        .end_all(everybody, EndReason::Forced.into())
        .await
        .unwrap();
    assert!(matches!(verdict(bob).await, CheckIn::Due(_)));
}

fn hex(id: SessionId) -> String {
    let digits = id.as_bytes().iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

/// These tests are built without TLS, as an application is that chose no feature for it.
#[tokio::test]
async fn an_address_that_demands_tls_names_the_feature_that_is_missing() {
    // It would be asked for TLS if anybody could ask.
    let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    for mode in ["require", "verify-ca", "verify-full"] {
        let address = format!("postgres://shop@127.0.0.1:{port}/shop?sslmode={mode}");
        let pool = PgPool::connect_lazy(&address).unwrap();
        let refused = PostgresStore::builder(pool).open().await.unwrap_err();
        let named = ["sslmode", "needs a feature of sqlx", "tls-rustls"];
        expect(&refused, ErrorKind::Unavailable, &named);
    }
}
