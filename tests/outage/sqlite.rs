//! SQLite: locked by another process, full, damaged, gone.

use crate::{
    file::File,
    mounted::Mounted,
    open::{Users, assert_unavailable, site},
};
use adjourn::{reason::EndReason, store::SqliteStore};
use http::StatusCode;
use std::{fs, io::Write, time::Duration};

/// With the default time limit.
async fn begin(file: &File) -> Users {
    Users::of(site(file.store().await, Duration::MAX).await).await
}

// P8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_takes_no_ending_and_claims_none() {
    let file = File::default();
    let users = begin(&file).await;
    let mut open = users.connect().await;
    // What is asked for now may happen when the file is free: each of them of a session of its own.
    let erin = users.site.logged_in("erin").await;
    let frank = users.site.logged_in("frank").await;
    let frank = users.site.session_of(&frank).await;
    let holder = file
        .pool()
        .await
        .begin_with("begin immediate")
        .await
        .unwrap();
    let visitor = users.alice.fresh();
    let terminator = users.site.sessions.terminator();
    let (page, log_in, log_out, end) = tokio::join!(
        users.alice.get("/me"),
        visitor.post("/login?as=carol"),
        erin.post("/logout"),
        terminator.end(frank, EndReason::Forced),
    );
    assert_eq!(page.text(), "Private page of alice", "it writes nothing");
    assert_unavailable(&log_in, "locked", "log-in");
    assert_unavailable(&log_out, "locked", "log-out");
    assert!(log_out.removes_session() && !log_out.text().contains("signed out"));
    assert!(end.is_err());
    assert!(
        users
            .failures()
            .iter()
            .any(|failure| failure.contains("2s"))
    );
    holder.rollback().await.unwrap();
    users.goes_on("free").await;
    open.are_open("free").await;
    visitor.log_in("carol").await;
    users.logs_out("free").await;
}

/// On a file system of its own, where this user may mount one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_keeps_nobody_logged_in_beyond_their_time() {
    let file = File::default();
    let Some(_mounted) = Mounted::new(file.folder(), "size=1m") else {
        eprintln!("skipped: only root may mount a file system to fill it");
        return;
    };
    let users = begin(&file).await;
    let open = users.connect().await;
    let filler = file.folder().join("filler");
    let _full = fs::write(&filler, vec![0; 8 << 20]);
    let visitor = users.alice.fresh();
    let mut refused = None;
    for _ in 0..500 {
        let got = visitor.fresh().post("/login?as=carol").await;
        if got.status != StatusCode::OK {
            refused = Some(got);
            break;
        }
    }
    assert_unavailable(&refused.expect("no room"), "full", "log-in");
    let copy = users.alice.stolen_copy();
    assert_eq!(copy.get("/me").await.text(), "Private page of alice");
    assert_unavailable(&copy.post("/logout").await, "full", "log-out");
    assert_eq!(
        users.alice.get("/me").await.status,
        StatusCode::OK,
        "it was not claimed"
    );

    file.clock.advance(Duration::from_mins(17));
    // Its ending cannot be written, and it is over.
    open.are_ended("idle-timeout").await;
    assert_unavailable(
        &users.alice.get_api("/api/me").await,
        "full",
        "a due session",
    );
    fs::remove_file(&filler).unwrap();
    let got = users.answers("room").await;
    assert_ne!(got.status, StatusCode::OK);
    let reason = users.site.events.wait_for_ending(users.id).await;
    assert_eq!(reason, EndReason::IdleTimeout);
}

/// A damaged file is no reason to believe that nobody is logged in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_unavailable_and_logs_nobody_out() {
    let file = File::default();
    let users = begin(&file).await;
    let pool = file.pool().await;
    let all = sqlx::query("pragma wal_checkpoint(truncate)")
        .execute(&pool)
        .await;
    all.unwrap();
    let path = file.path();
    let whole = fs::read(&path).unwrap();
    let mut damaged = fs::OpenOptions::new().write(true).open(&path).unwrap();
    // All but the first page, which says that it is a database.
    std::io::Seek::seek(&mut damaged, std::io::SeekFrom::Start(4_096)).unwrap();
    damaged.write_all(&vec![0xFF; whole.len() - 4_096]).unwrap();
    // A process that has pages in memory may go on; one that starts now sees the damage.
    let other = SqliteStore::builder(file.pool().await).with_clock(file.clock.clone());
    if let Ok(store) = other.open().await {
        let there = site(store, Duration::MAX).await;
        let token = users.alice.token().unwrap();
        let ask = there
            .browser()
            .ask(http::Method::GET, "/api/me")
            .token(&token);
        let got = ask.send().await;
        assert_unavailable(&got, "damaged", "check_in");
        assert!(!got.removes_session(), "{got:?}");
    }
    fs::write(&path, whole).unwrap();
}

/// Somebody removed the file: what ended does not come back, nor does anybody become somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_gone_gives_nobody_back() {
    let file = File::default();
    let users = begin(&file).await;
    let (token, copy) = (users.alice.token().unwrap(), users.alice.stolen_copy());
    for name in ["sessions.db", "sessions.db-wal", "sessions.db-shm"] {
        let _may_be_missing = fs::remove_file(file.folder().join(name));
    }
    // This process has the file still; or is refused.
    let got = users.alice.post_api("/logout").await;
    if got.status == StatusCode::OK {
        assert_eq!(
            copy.get_api("/api/me").await.status,
            StatusCode::UNAUTHORIZED
        );
    } else {
        assert_unavailable(&got, "gone", "log-out");
    }
    // The next process finds an empty one.
    let next = site(file.store().await, Duration::MAX).await;
    let ask = next
        .browser()
        .ask(http::Method::GET, "/api/me")
        .token(&token);
    assert_eq!(ask.send().await.status, StatusCode::UNAUTHORIZED);
}
