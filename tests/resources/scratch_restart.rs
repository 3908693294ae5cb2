//! What a restart finds of scratch directories, and what a crash leaves.

use crate::{
    support::{Events, Op, Spy, When},
    temp::{Mounted, Temp},
};
use adjourn::{
    Session, Sessions, id::SessionId, reason::EndReason, session::ScratchError, time::ManualClock,
};
use axum::{Router, body::Body, routing::post};
use http::{Request, StatusCode};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tower::ServiceExt;

/// A node without a network. What runs without requests starts with the first one, so that a test
/// may look at what is left over alone.
struct Node {
    sessions: Sessions,
}

impl Node {
    fn open(store: &Spy, root: Option<&Path>) -> Self {
        let mut builder = Sessions::builder(store.clone()).add_audit_sink(Events::default());
        if let Some(root) = root {
            builder = builder.with_scratch_root(root);
        }
        let sessions = builder.build().unwrap();
        Self { sessions }
    }

    fn app(&self) -> Router {
        Router::new()
            .route("/login", post(log_in))
            .route("/logout", post(log_out))
            .route("/scratch", post(scratch))
            .layer(self.sessions.layer())
    }

    /// Logs in and leaves a file: the session and its cookie.
    async fn with_file(&self) -> (SessionId, String) {
        let (id, cookie) = self.ask("/login", "").await;
        let (_, _) = self.ask("/scratch", &cookie).await;
        (id.parse().unwrap(), cookie)
    }

    /// The body of the answer, and the session cookie if one is set.
    async fn ask(&self, path: &str, cookie: &str) -> (String, String) {
        let request = Request::post(path)
            .header("cookie", cookie)
            .header("sec-fetch-site", "same-origin")
            .body(Body::empty())
            .unwrap();
        let response = self.app().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let set = response
            .headers()
            .get("set-cookie")
            .map(|line| line.to_str().unwrap());
        let cookie = set
            .and_then(|line| line.split(';').next())
            .unwrap_or_default()
            .to_owned();
        let body = axum::body::to_bytes(response.into_body(), 999)
            .await
            .unwrap();
        (String::from_utf8(body.to_vec()).unwrap(), cookie)
    }

    /// Stops as after a crash: no session has ended, and the hold on the root is gone.
    async fn stop(self) {
        let _left = self.sessions.shutdown().await;
    }
}

async fn log_in(session: Session) -> String {
    session.log_in("alice").await.unwrap().id().to_string()
}

async fn log_out(session: Session) {
    let _receipt = session.log_out().await.unwrap();
}

async fn scratch(session: Session) -> Result<String, ScratchError> {
    let scratch = session.scratch_dir().await?;
    let file = scratch.path().join("file");
    let before = fs::read_to_string(&file).unwrap_or_default();
    fs::create_dir_all(scratch.path().join("a/b")).unwrap();
    fs::write(file, format!("{before}x")).unwrap();
    Ok(before)
}

fn store() -> Spy {
    Spy::new(&ManualClock::default())
}

fn plant(temp: &Temp, outside: &Temp) -> [SessionId; 3] {
    let ids = [(); 3].map(|()| SessionId::random().unwrap());
    fs::create_dir_all(temp.of(ids[0]).join("a/b")).unwrap();
    fs::write(temp.of(ids[1]), "a file").unwrap();
    fs::write(outside.path().join("precious"), "").unwrap();
    symlink(outside.path(), temp.of(ids[2])).unwrap();
    for strange in [
        "not-a-session",
        "AAAAAAAAAAAAAAAAAAAAAAA",
        "\u{2603}",
        "..x",
    ] {
        fs::create_dir(temp.path().join("adjourn").join(strange)).unwrap();
    }
    ids
}

// R-14-16
#[tokio::test]
async fn a_restart_removes_what_belongs_to_no_live_session_and_keeps_what_does() {
    let (temp, outside, store) = (Temp::new(), Temp::new(), store());
    let before = Node::open(&store, Some(temp.path()));
    let (live, cookie) = before.with_file().await;
    let (ended, _) = before.with_file().await;
    before.stop().await;
    let elsewhere = Node::open(&store, None);
    let _receipt = elsewhere
        .sessions
        .terminator()
        .end(ended, EndReason::Forced)
        .await
        .unwrap();
    let [dir, file, link] = plant(&temp, &outside);
    assert!(
        [live, ended, dir, file]
            .map(|id| temp.of(id).exists())
            .iter()
            .all(|there| *there)
    );

    let after = Node::open(&store, Some(temp.path()));
    let swept = after.sessions.terminator().sweep_scratch().await.unwrap();
    assert_eq!((swept.removed, swept.kept, swept.failed), (4, 1, 0));
    for gone in [ended, dir, file, link] {
        assert!(fs::symlink_metadata(temp.of(gone)).is_err());
    }
    let left = [
        &live.to_string(),
        "AAAAAAAAAAAAAAAAAAAAAAA",
        "not-a-session",
        "\u{2603}",
    ];
    let mut left = left.map(str::to_owned);
    left.sort_unstable();
    assert_eq!(temp.left(), left);
    assert!(outside.path().join("precious").exists());

    // The live one finds its file again, and takes it along at its end.
    assert_eq!(after.ask("/scratch", &cookie).await.0, "x");
    let ended = after
        .sessions
        .terminator()
        .end(live, EndReason::Forced)
        .await
        .unwrap();
    assert_eq!(ended.hooks().len(), 1);
    assert!(!temp.of(live).exists());
}

// R-14-16
#[tokio::test]
async fn what_was_kept_at_the_start_goes_with_its_session_though_nobody_asked_for_it() {
    let (temp, store) = (Temp::new(), store());
    let before = Node::open(&store, Some(temp.path()));
    let (live, _) = before.with_file().await;
    before.stop().await;
    let after = Node::open(&store, Some(temp.path()));
    let terminator = after.sessions.terminator();
    assert_eq!(terminator.sweep_scratch().await.unwrap().kept, 1);
    let _receipt = terminator.end(live, EndReason::Forced).await.unwrap();
    assert!(temp.left().is_empty());
}

#[tokio::test]
async fn a_session_that_is_due_at_the_start_is_concluded() {
    let (temp, clock) = (Temp::new(), ManualClock::default());
    let store = Spy::new(&clock);
    let before = Node::open(&store, Some(temp.path()));
    let (id, _) = before.with_file().await;
    before.stop().await;
    clock.advance(Duration::from_hours(1));
    let after = Node::open(&store, Some(temp.path()));
    let swept = after.sessions.terminator().sweep_scratch().await.unwrap();
    assert_eq!(swept.removed, 1);
    assert!(temp.left().is_empty());
    let ended = after
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert_eq!(ended.ending().unwrap().reason(), &EndReason::IdleTimeout);
}

#[tokio::test]
async fn what_another_process_may_use_is_left_alone() {
    let (temp, outside, store) = (Temp::new(), Temp::new(), store());
    let first = Node::open(&store, Some(temp.path()));
    let (live, _) = first.with_file().await;
    let unknown = plant(&temp, &outside);

    // One of the same application and one of another, while the first holds the root.
    let (second, foreign) = (store.clone(), self::store());
    for (store, kept) in [(second, 4), (foreign, 4)] {
        let node = Node::open(&store, Some(temp.path()));
        let swept = node.sessions.terminator().sweep_scratch().await.unwrap();
        assert_eq!((swept.removed, swept.kept, swept.failed), (0, kept, 0));
        node.stop().await;
    }
    for id in unknown.into_iter().chain([live]) {
        assert!(fs::symlink_metadata(temp.of(id)).is_ok());
    }
}

#[tokio::test]
async fn a_store_that_fails_removes_nothing() {
    let (temp, store) = (Temp::new(), store());
    let before = Node::open(&store, Some(temp.path()));
    let (_live, _) = before.with_file().await;
    before.stop().await;
    let after = Node::open(&store, Some(temp.path()));
    store.fail(Op::Check, When::Before);
    assert!(after.sessions.terminator().sweep_scratch().await.is_err());
    assert_eq!(temp.left().len(), 1);
    store.heal();
    assert_eq!(
        after
            .sessions
            .terminator()
            .sweep_scratch()
            .await
            .unwrap()
            .kept,
        1
    );
}

/// What a killed process was doing: makes directories, writes, ends sessions, for ever.
#[tokio::test]
async fn child_of_the_crash_test() {
    let Some(root) = std::env::var_os("ADJOURN_CRASH_ROOT").map(PathBuf::from) else {
        return;
    };
    let node = Node::open(&store(), Some(&root));
    node.sessions.start();
    loop {
        let (kept, _) = node.with_file().await;
        let (_, cookie) = node.with_file().await;
        writeln!(std::io::stdout(), "made {kept}").unwrap();
        node.ask("/logout", &cookie).await;
    }
}

// R-14-16
#[tokio::test]
async fn nothing_is_left_when_the_process_is_killed_at_any_point_and_started_again() {
    for lines in 1..=8 {
        let temp = Temp::new();
        let child = "scratch_restart::child_of_the_crash_test";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", child, "--nocapture"])
            .env("ADJOURN_CRASH_ROOT", temp.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let made = output
            .lines()
            .map(Result::unwrap)
            .filter(|line| line.contains("made "));
        assert_eq!(made.take(lines).count(), lines, "the child ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(temp.left().len() >= lines, "{:?}", temp.left());

        let node = Node::open(&store(), Some(temp.path()));
        let swept = node.sessions.terminator().sweep_scratch().await.unwrap();
        assert_eq!((swept.kept, swept.failed), (0, 0));
        assert!(swept.removed >= lines);
        assert!(temp.left().is_empty(), "{:?}", temp.left());
    }
}

// R-14-16
#[tokio::test(start_paused = true)]
async fn the_background_removes_what_is_left_over_and_what_was_busy() {
    let temp = Temp::new();
    let first = store();
    let before = Node::open(&first, Some(temp.path()));
    before.with_file().await;
    before.stop().await;

    let clock = ManualClock::default();
    let store = Spy::new(&clock);
    let node = Node::open(&store, Some(temp.path()));
    node.sessions.start();
    gone(&temp).await;

    let (id, _) = node.with_file().await;
    let Some(busy) = Mounted::tmpfs(&temp.of(id).join("a"), "size=64k") else {
        return;
    };
    let _receipt = node
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(temp.left().len(), 1);
    drop(busy);
    gone(&temp).await;
    let _left = node.sessions.shutdown().await;
}

/// Lets paused time pass until nothing is left.
async fn gone(temp: &Temp) {
    for _ in 0..600 {
        if temp.left().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("left for ten minutes: {:?}", temp.left());
}
