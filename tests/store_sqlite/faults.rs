//! What can go wrong, each with an error that names it.

use crate::{
    mounted::Mounted,
    support::{File, SECRET, claimant, log_in},
};
use adjourn::{
    id::SessionId,
    reason::EndReason,
    record::{Activity, Scope},
    store::{CheckIn, End, Error, ErrorKind, SessionStore, SqliteStore},
};
use std::{fs, time::Duration};

fn shown(error: &Error) -> String {
    let first: &(dyn std::error::Error + 'static) = error;
    let levels = std::iter::successors(Some(first), |error| error.source());
    let levels: Vec<String> = levels.map(ToString::to_string).collect();
    levels.join(" | ")
}

fn expect(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let text = shown(error);
    assert_eq!(error.kind(), kind, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not named in: {text}");
    }
}

async fn corrupt(file: &File, sql: &'static str, named: &str) {
    let store = file.store().await;
    let (id, other) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    file.run(sql).await;
    let error = store
        .check_in(id, &SECRET, Activity::Active)
        .await
        .unwrap_err();
    expect(&error, ErrorKind::Corrupt, &[&id.to_string(), named]);
    let error = store
        .end(id, EndReason::Logout.into(), claimant())
        .await
        .unwrap_err();
    expect(&error, ErrorKind::Corrupt, &[named]);
    // Nobody else is harmed.
    let answer = store.check_in(other, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::Live(live) if live.id == other));
}

#[tokio::test]
async fn damaged_columns_are_named_and_are_no_session() {
    for (sql, named) in [
        (
            "update adjourn_session set secret = x'01' where subject = 'alice'",
            "\"secret\"",
        ),
        (
            "update adjourn_session set vals = x'00ff' where subject = 'alice'",
            "\"vals\"",
        ),
        (
            "update adjourn_session set last_seen = -1 where subject = 'alice'",
            "\"last_seen\"",
        ),
        (
            "update adjourn_session set client = '{}' where subject = 'alice'",
            "the client of a session",
        ),
        (
            "update adjourn_session set client = '{\"v\":2}' where subject = 'alice'",
            "newer version of adjourn",
        ),
    ] {
        corrupt(&File::default(), sql, named).await;
    }
}

/// P4: what one process cannot read, perhaps of a newer version, keeps nobody else alive.
#[tokio::test]
async fn a_sweep_leaves_what_it_cannot_read_alone() {
    let file = File::default();
    let store = file.store().await;
    let (newer, other) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    file.run(NEWER).await;
    file.clock.advance(Duration::from_hours(1));
    assert_eq!(swept(&store).await, [other]);
    file.run(SOUND).await;
    assert!(
        swept(&store).await.is_empty(),
        "looked at again in a minute"
    );
    file.clock.advance(Duration::from_mins(1));
    assert_eq!(swept(&store).await, [newer]);
}

/// P1: a cut is not forgotten while a session that it covers cannot be read.
#[tokio::test]
async fn a_cut_stays_until_the_last_session_that_it_covers_was_read() {
    let file = File::default();
    let store = file.store().await;
    let (newer, other) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    file.run(NEWER).await;
    let everyone = Scope::Everyone {
        created_before: None,
    };
    let cut = store.end_all(everyone, EndReason::Policy.into()).await;
    cut.unwrap();
    // The next cut is not held up by it.
    let carol = log_in(&store, "carol").await;
    let of_carol = Scope::Subject {
        subject: adjourn::id::Subject::new("carol").unwrap(),
        except: None,
    };
    store
        .end_all(of_carol, EndReason::Forced.into())
        .await
        .unwrap();
    assert_eq!(swept(&store).await, [other, carol]);
    // Longer than any ticket lives, and shorter than the session would.
    for _ in 0..12 {
        file.clock.advance(Duration::from_mins(1));
        assert!(swept(&store).await.is_empty());
    }
    file.run(SOUND).await;
    let found = store.check_in(newer, &SECRET, Activity::Passive).await;
    assert!(matches!(found.unwrap(), CheckIn::Due(cause) if *cause.reason() == EndReason::Policy));
    assert_eq!(swept(&store).await, [newer]);
}

#[tokio::test]
async fn work_that_cannot_be_read_keeps_nobody_from_the_rest() {
    let file = File::default();
    let store = file.store().await;
    for subject in ["alice", "bob"] {
        let id = log_in(&store, subject).await;
        let end = store.end(id, EndReason::Logout.into(), claimant()).await;
        assert!(matches!(end.unwrap(), End::First(_)));
    }
    file.run(NEWER).await;
    file.clock.advance(Duration::from_mins(1));
    let lease = Duration::from_secs(30);
    let taken = store.pending(10, lease).await.unwrap();
    let of: Vec<_> = taken
        .iter()
        .filter_map(|work| work.subject.as_ref())
        .collect();
    assert_eq!(of.iter().map(|of| of.as_str()).collect::<Vec<_>>(), ["bob"]);
    file.run(SOUND).await;
    file.clock.advance(lease);
    assert_eq!(store.pending(10, lease).await.unwrap().len(), 2);
}

const NEWER: &str = "update adjourn_session set client = '{\"v\":2}' where subject = 'alice'";
const SOUND: &str = "update adjourn_session set client = null where subject = 'alice'";

async fn swept(store: &SqliteStore) -> Vec<SessionId> {
    let ended = store.end_due(10, claimant()).await.unwrap();
    ended.into_iter().map(|ended| ended.id).collect()
}

#[tokio::test]
async fn a_session_under_a_foreign_id_is_not_answered() {
    let file = File::default();
    let store = file.store().await;
    log_in(&store, "alice").await;
    file.run("update adjourn_session set id = x'0102'").await;
    let subject = adjourn::id::Subject::new("alice").unwrap();
    let error = store.list(&subject).await.unwrap_err();
    expect(&error, ErrorKind::Corrupt, &["adjourn_session", "\"id\""]);
    let unknown = SessionId::from_bytes([1; 16]);
    let answer = store.check_in(unknown, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::Unknown));
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused_at_the_start() {
    let file = File::default();
    drop(file.store().await);
    file.run("update adjourn_meta set number = 9 where name = 'schema'")
        .await;
    let error = file.builder().await.open().await.unwrap_err();
    expect(&error, ErrorKind::Corrupt, &["version 9", "newer version"]);
}

#[tokio::test]
async fn foreign_tables_are_refused_at_the_start() {
    let file = File::default();
    file.run("create table adjourn_session (id integer)").await;
    let error = file.builder().await.open().await.unwrap_err();
    expect(&error, ErrorKind::Corrupt, &["migrate"]);
    let file = File::default();
    drop(file.store().await);
    file.run("alter table adjourn_session rename column secret to password")
        .await;
    let error = file.builder().await.open().await.unwrap_err();
    expect(
        &error,
        ErrorKind::Corrupt,
        &["not the one that adjourn made"],
    );
}

#[tokio::test]
async fn tables_made_by_the_application_are_taken() {
    let file = File::default();
    let pool = file.pool().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(SqliteStore::schema_sql()))
        .execute(&pool)
        .await
        .unwrap();
    let store = file.store().await;
    log_in(&store, "alice").await;
}

#[tokio::test]
async fn what_is_no_database_is_refused_at_the_start() {
    let file = File::default();
    fs::write(file.path(), [b'x'; 4_096]).unwrap();
    let error = SqliteStore::open(file.path()).await.unwrap_err();
    expect(&error, ErrorKind::Corrupt, &["not a SQLite database"]);
    let missing = file.folder().join("no/such/folder/sessions.db");
    let error = SqliteStore::open(missing).await.unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["cannot be opened"]);
}

#[tokio::test]
async fn a_pool_without_wal_is_refused_at_the_start() {
    let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
    let error = SqliteStore::builder(pool).open().await.unwrap_err();
    expect(
        &error,
        ErrorKind::Unavailable,
        &["journal_mode", "memory", "WAL"],
    );
}

#[tokio::test]
async fn what_fails_halfway_did_not_happen() {
    let file = File::default();
    let store = file.store().await;
    let id = log_in(&store, "alice").await;
    // The row has ended by then, and the notice of it fails.
    let pool = file.pool().await;
    let stop = "create trigger stop before insert on adjourn_notice begin \
         select raise(abort, 'stopped by a test'); end";
    sqlx::raw_sql(stop).execute(&pool).await.unwrap();
    let error = store
        .end(id, EndReason::Logout.into(), claimant())
        .await
        .unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["stopped by a test"]);
    sqlx::raw_sql("drop trigger stop")
        .execute(&pool)
        .await
        .unwrap();
    // All is as before, and the store goes on by itself.
    let answer = store.check_in(id, &SECRET, Activity::Passive).await;
    assert!(matches!(answer.unwrap(), CheckIn::Live(_)));
    let end = store.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
}

#[tokio::test]
async fn a_file_that_another_process_keeps_locked_is_unavailable_within_the_limit() {
    let file = File::default();
    let limit = Duration::from_millis(200);
    let builder = file.builder().await.with_time_limit(limit);
    let store = builder.open().await.unwrap();
    let id = log_in(&store, "alice").await;
    let pool = file.pool().await;
    let holder = pool.begin_with("begin immediate").await.unwrap();
    let error = store
        .end(id, EndReason::Logout.into(), claimant())
        .await
        .unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["end"]);
    // A request that writes nothing goes on.
    let answer = store.check_in(id, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::Live(_)));
    holder.rollback().await.unwrap();
    let end = store.end(id, EndReason::Logout.into(), claimant()).await;
    // The first attempt may have been under way when its caller was answered: it is over by now.
    assert!(end.is_ok(), "{end:?}");
}

#[tokio::test]
async fn a_file_that_may_only_be_read_is_named_at_the_start() {
    let file = File::default();
    drop(file.store().await);
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(file.path())
        .read_only(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let error = SqliteStore::builder(pool).open().await.unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["read-only"]);
}

/// On a file system of its own, where this user may mount one.
#[tokio::test]
async fn a_full_disk_is_named_and_ends_nothing() {
    let file = File::default();
    let Some(_mounted) = Mounted::new(file.folder(), "size=1m") else {
        eprintln!("skipped: only root may mount a file system to fill it");
        return;
    };
    let store = file.store().await;
    let id = log_in(&store, "alice").await;
    let filler = file.folder().join("filler");
    let _full = fs::write(&filler, vec![0; 8 << 20]);
    // What is in the write-ahead log already takes a few more.
    let mut error = None;
    for _ in 0..50 {
        error = fill(&store).await;
        if error.is_some() {
            break;
        }
    }
    let error = error.expect("a full disk takes no session");
    expect(
        &error,
        ErrorKind::Unavailable,
        &["the disk under the SQLite file is full"],
    );
    let error = store
        .end(id, EndReason::Logout.into(), claimant())
        .await
        .unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["end: the disk"]);
    let answer = store.check_in(id, &SECRET, Activity::Passive).await;
    assert!(
        matches!(answer.unwrap(), CheckIn::Live(_)),
        "it did not end"
    );
    fs::remove_file(&filler).unwrap();
    assert!(fill(&store).await.is_none(), "it goes on by itself");
    let end = store.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
}

/// Starts sessions until there is no room, or many were started.
async fn fill(store: &SqliteStore) -> Option<Error> {
    for _ in 0..20 {
        if let Err(error) = crate::support::try_log_in(store, "bob").await {
            return Some(error);
        }
    }
    None
}
