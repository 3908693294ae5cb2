//! Files of JSON lines.

use crate::support::Site;
use adjourn::{
    Sessions,
    audit::{
        FaultKind, Format, Fsync, JsonLines, JsonLinesBuilder, Queue, Rotation, Verified, verify,
        verify_keyed,
    },
    reason::EndReason,
    session::StartError,
};
use serde_json::Value;
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

/// A folder of its own, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("adjourn-audit-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

const LONG: Duration = Duration::from_mins(1);

/// Lets sessions start and end while a file listens; afterwards the file is closed.
async fn live_a_little(file: JsonLinesBuilder, users: usize) {
    let queue = Queue::builder(file.open().unwrap()).start().unwrap();
    let listening = queue.clone();
    let site = Site::builder()
        .configure(move |builder| builder.add_audit_sink(listening))
        .open()
        .await;
    for user in 0..users {
        let browser = site.logged_in(&format!("user-{user}")).await;
        browser.post("/logout").await;
    }
    queue.close(LONG).await.unwrap();
    let stats = queue.stats();
    assert_eq!((stats.dropped, stats.failed), (0, 0));
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn verified(text: &[u8]) -> Verified {
    verify(text).unwrap()
}

#[tokio::test]
async fn each_line_is_one_event() {
    let folder = Folder::new("lines");
    let path = folder.path("audit.jsonl");
    live_a_little(JsonLines::at(&path), 2).await;
    let events: Vec<_> = lines(&path)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone())
        .collect();
    assert_eq!(
        events,
        [
            "session-started",
            "session-ended",
            "session-started",
            "session-ended"
        ]
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_private_and_a_link_is_not_followed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("private");
    let path = folder.path("audit.jsonl");
    drop(JsonLines::at(&path).open().unwrap());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let link = folder.path("link.jsonl");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let error = JsonLines::at(&link).open().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    names(&error, &link);
    let dangling = folder.path("dangling.jsonl");
    std::os::unix::fs::symlink(folder.path("elsewhere"), &dangling).unwrap();
    assert!(JsonLines::at(&dangling).open().is_err());
    assert!(!folder.path("elsewhere").exists());
}

#[test]
fn a_second_writer_is_refused() {
    let folder = Folder::new("second");
    let path = folder.path("audit.jsonl");
    let first = JsonLines::at(&path).open().unwrap();
    let error = JsonLines::at(&path).open().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    names(&error, &path);
    drop(first);
    drop(JsonLines::at(&path).open().unwrap());
}

#[test]
fn a_missing_folder_is_an_error_at_open() {
    let folder = Folder::new("missing");
    let path = folder.path("no/audit.jsonl");
    let error = JsonLines::at(&path).open().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    names(&error, &path);
}

/// Whoever opens several files must be told which it was, and once.
fn names(error: &io::Error, path: &Path) {
    let message = error.to_string();
    let path = path.display().to_string();
    assert_eq!(message.matches(&path).count(), 1, "{message}");
}

#[tokio::test]
async fn a_full_file_is_moved_on_and_the_oldest_deleted() {
    let folder = Folder::new("rotation");
    let path = folder.path("audit.jsonl");
    let rotation = Rotation {
        max_bytes: 700,
        keep: 2,
    };
    live_a_little(
        JsonLines::at(&path)
            .with_rotation(rotation)
            .with_fsync(Fsync::EachLine),
        10,
    )
    .await;
    let names = ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"];
    for name in names {
        let length = fs::metadata(folder.path(name)).unwrap().len();
        assert!((1..=700).contains(&length), "{name}: {length}");
    }
    assert!(!folder.path("audit.jsonl.3").exists());
}

#[tokio::test]
async fn the_chain_goes_on_over_rotation_and_restart() {
    let folder = Folder::new("chain");
    let path = folder.path("audit.jsonl");
    let rotation = Rotation {
        max_bytes: 1_500,
        keep: 50,
    };
    for format in [Format::Native, Format::Ocsf, Format::Owasp] {
        let file = JsonLines::at(&path)
            .with_format(format)
            .with_rotation(rotation)
            .with_chain();
        live_a_little(file, 3).await;
    }
    // A crash between moving the old file and making the new one.
    fs::rename(&path, folder.path("tmp")).unwrap();
    let mut files: Vec<_> = (1..50)
        .map(|n| folder.path(&format!("audit.jsonl.{n}")))
        .collect();
    files.retain(|path| path.exists());
    assert!(files.len() > 2, "it rotated");
    for (number, file) in files.iter().enumerate().rev() {
        fs::rename(file, folder.path(&format!("audit.jsonl.{}", number + 2))).unwrap();
    }
    fs::rename(folder.path("tmp"), folder.path("audit.jsonl.1")).unwrap();
    live_a_little(JsonLines::at(&path).with_chain(), 1).await;

    let mut whole = Vec::new();
    for number in (1..=files.len() + 1).rev() {
        let file = fs::File::open(folder.path(&format!("audit.jsonl.{number}")));
        file.unwrap().read_to_end(&mut whole).unwrap();
    }
    whole.extend(fs::read(&path).unwrap());
    let verified = verified(&whole);
    assert!(verified.is_intact(), "{verified:?}");
    assert_eq!((verified.first, verified.last), (Some(1), Some(20)));
    assert_eq!(verified.lines, 20);
}

#[tokio::test]
async fn whatever_is_done_to_a_chained_file_is_found() {
    let folder = Folder::new("tampered");
    let path = folder.path("audit.jsonl");
    live_a_little(JsonLines::at(&path).with_chain(), 3).await;
    let genuine = lines(&path);
    assert_eq!(genuine.len(), 6);
    let faults = |lines: &[String]| {
        let verified = verified((lines.join("\n") + "\n").as_bytes());
        let faults = verified.faults.iter();
        faults
            .map(|fault| (fault.line, fault.kind))
            .collect::<Vec<_>>()
    };
    assert_eq!(faults(&genuine), []);

    let mut changed = genuine.clone();
    changed[2] = changed[2].replace("user-1", "user-9");
    assert_eq!(faults(&changed), [(3, FaultKind::Changed)]);
    let mut last = genuine.clone();
    last[5] = last[5].replace("user-2", "user-9");
    assert_eq!(faults(&last), [(6, FaultKind::Changed)]);

    let mut removed = genuine.clone();
    removed.drain(1..3);
    assert_eq!(faults(&removed), [(2, FaultKind::Removed { lines: 2 })]);

    let mut moved = genuine.clone();
    moved.swap(1, 2);
    assert!(faults(&moved).contains(&(3, FaultKind::OutOfOrder)));

    let mut twice = genuine.clone();
    twice.insert(3, genuine[2].clone());
    assert!(faults(&twice).contains(&(4, FaultKind::OutOfOrder)));

    let mut cut = genuine.clone();
    cut[3].truncate(40);
    assert_eq!(faults(&cut)[0], (4, FaultKind::Malformed));

    let text = genuine.join("\n");
    let found = verified(text.as_bytes());
    assert_eq!(
        found.faults[0].kind,
        FaultKind::Malformed,
        "the last line is cut off"
    );

    // Somebody who knows how the chain works changes a line and its hash.
    let other = Folder::new("forged");
    let forged_path = other.path("audit.jsonl");
    live_a_little(JsonLines::at(&forged_path).with_chain(), 3).await;
    let mut forged = genuine.clone();
    forged[0].clone_from(&lines(&forged_path)[0]);
    assert_eq!(faults(&forged), [(2, FaultKind::Unlinked)]);
}

#[tokio::test]
async fn a_keyed_chain_needs_its_key() {
    let folder = Folder::new("keyed");
    let path = folder.path("audit.jsonl");
    live_a_little(JsonLines::at(&path).with_keyed_chain([5; 32]), 1).await;
    let text = fs::read(&path).unwrap();
    assert!(verify_keyed(&text[..], &[5; 32]).unwrap().is_intact());
    assert!(!verify_keyed(&text[..], &[6; 32]).unwrap().is_intact());
    assert!(!verified(&text).is_intact());
}

#[test]
fn nothing_and_garbage_are_not_intact() {
    assert!(!verified(b"").is_intact());
    for garbage in [&b"\n\n"[..], b"{}\n", b"\xff\xfe\n", &vec![b'x'; 3_000_000]] {
        assert!(!verified(garbage).is_intact());
    }
}

#[tokio::test]
async fn what_a_crash_cut_off_stays_and_the_chain_goes_on_behind_it() {
    let folder = Folder::new("crash");
    let path = folder.path("audit.jsonl");
    live_a_little(JsonLines::at(&path).with_chain(), 1).await;
    let mut text = fs::read(&path).unwrap();
    text.truncate(text.len() - 30);
    fs::write(&path, &text).unwrap();
    live_a_little(JsonLines::at(&path).with_chain(), 1).await;
    let found = verified(&fs::read(&path).unwrap());
    let faults: Vec<_> = found.faults.iter().map(|f| (f.line, f.kind)).collect();
    assert_eq!(faults, [(2, FaultKind::Malformed)]);
    assert_eq!(found.lines, 4);
}

/// A site whose trail is on a disk that is full.
#[cfg(target_os = "linux")]
async fn on_a_full_disk(fail_closed: bool) -> (Site, Queue) {
    let file = JsonLines::at("/dev/full").open().unwrap();
    let queue = Queue::builder(file);
    let queue = if fail_closed {
        queue.with_fail_closed()
    } else {
        queue
    };
    let queue = queue.start().unwrap();
    let listening = queue.clone();
    let site = Site::builder()
        .configure(move |builder| builder.add_audit_sink(listening))
        .open()
        .await;
    (site, queue)
}

// R-13-10
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_counted_and_stops_nothing() {
    let (site, queue) = on_a_full_disk(false).await;
    let browser = site.logged_in("alice").await;
    browser.post("/logout").await;
    queue.flush_within(LONG).await.unwrap();
    let stats = queue.stats();
    assert_eq!((stats.failed, stats.written, stats.failing), (2, 0, true));
    site.logged_in("bob").await;
}

// R-13-10
#[cfg(target_os = "linux")]
#[tokio::test]
async fn failing_closed_a_full_disk_stops_log_ins_and_no_ending() {
    let (site, queue) = on_a_full_disk(true).await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    // The log-in above is being tried again and again.
    while !queue.stats().failing {
        tokio::task::yield_now().await;
    }
    let refused = site.browser().post("/login?as=bob").await;
    assert_eq!(refused.status, 503);
    let ended = site.sessions.terminator().end(id, EndReason::Forced).await;
    assert_eq!(ended.unwrap().outcome(), adjourn::terminate::Outcome::Ended);
    assert!(!StartError::AuditUnavailable.to_string().is_empty());
    assert_eq!(site.events.count("start-refused"), 1);
    assert_eq!(queue.stats().failed, 0);
}

// R-13-10: here the sink sleeps forever.
#[tokio::test]
async fn a_log_out_is_answered_while_the_sink_is_stuck() {
    struct Stuck(std::sync::mpsc::Receiver<()>);
    impl adjourn::audit::BlockingSink for Stuck {
        fn write(&mut self, _: &adjourn::audit::Event) -> io::Result<()> {
            let _test_is_over = self.0.recv();
            Ok(())
        }
    }
    let (end_of_test, stuck) = std::sync::mpsc::channel();
    let queue = Queue::builder(Stuck(stuck))
        .with_capacity(4)
        .start()
        .unwrap();
    let listening = queue.clone();
    let site = Site::builder()
        .configure(move |builder| builder.add_audit_sink(listening))
        .open()
        .await;
    for _ in 0..5 {
        let browser = site.logged_in("alice").await;
        let before = std::time::Instant::now();
        let answer = browser.post("/logout").await;
        assert_eq!(answer.status, 303);
        assert!(before.elapsed() < Duration::from_secs(1));
        assert!(browser.get_api("/api/me").await.is_refused());
    }
    assert!(queue.stats().dropped > 0);
    drop(end_of_test);
}

#[tokio::test]
async fn a_graceful_shutdown_waits_for_the_file() {
    let folder = Folder::new("shutdown");
    let path = folder.path("audit.jsonl");
    let queue = Queue::builder(JsonLines::at(&path).open().unwrap());
    let queue = queue.start().unwrap();
    let site = Site::builder()
        .configure(move |builder| builder.add_audit_sink(queue))
        .open()
        .await;
    for user in 0..50 {
        site.logged_in(&format!("user-{user}")).await;
    }
    let sessions: Sessions = site.sessions.clone();
    let _left = sessions.shutdown().await;
    assert_eq!(lines(&path).len(), 50);
}
