//! Scratch directories: how they come, and how every ending takes them away.

use crate::{
    causes::{self, Cause},
    support::{Browser, Gate, Site, SiteBuilder},
    temp::{Mounted, Temp},
};
use adjourn::{
    LiveSession, Session, audit::EventKind, id::SessionId, reason::EndReason, record::Departed,
    session::ScratchError, terminate::HookOutcome,
};
use axum::{Extension, Router, routing::post};
use http::{Method, StatusCode};
use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tokio::sync::mpsc;

fn routes(gate: &Gate) -> Router {
    Router::new()
        .route("/scratch", post(scratch))
        .route("/late-scratch", post(late_scratch))
        .layer(Extension(gate.clone()))
}

async fn scratch(session: Session) -> Result<String, ScratchError> {
    let scratch = session.scratch_dir().await?;
    assert_eq!(Some(scratch.session_id()), session.id());
    Ok(scratch.path().to_str().unwrap().to_owned())
}

async fn late_scratch(
    session: Session,
    Extension(gate): Extension<Gate>,
) -> Result<String, ScratchError> {
    gate.pass().await;
    scratch(session).await
}

pub(crate) fn site_on(root: &Path) -> SiteBuilder {
    let (root, builder) = (root.to_owned(), causes::site());
    let routes = routes(&builder.gate);
    builder
        .routes(routes)
        .configure(|builder| builder.with_scratch_root(root))
}

/// A browser, its session, and its scratch directory with something in it.
async fn with_files(site: &Site, temp: &Temp) -> (Browser, SessionId, PathBuf) {
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let path = PathBuf::from(browser.post_api("/scratch").await.text());
    assert_eq!(path, fs::canonicalize(temp.of(id)).unwrap());
    fs::create_dir_all(path.join("a/b/c")).unwrap();
    fs::write(path.join("a/b/report.csv"), "secret").unwrap();
    (browser, id, path)
}

fn failed_hooks(site: &Site, id: SessionId) -> Vec<String> {
    let of_it = site
        .events
        .all()
        .into_iter()
        .filter(|event| event.session_id == Some(id));
    let failed = of_it.filter_map(|event| match event.kind {
        EventKind::Ended { failed_hooks, .. } => Some(failed_hooks),
        _ => None,
    });
    failed.flatten().map(|hook| hook.name.to_owned()).collect()
}

// R-14-16 R-1-27 P2
#[tokio::test]
async fn the_directory_is_gone_whatever_ends_the_session_before_the_hooks_run() {
    for cause in Cause::ALL {
        let temp = Temp::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (hooks_see, root) = (Arc::clone(&seen), temp.path().join("adjourn"));
        let hook = move |ended: Arc<Departed>| {
            let there = root.join(ended.id.to_string()).exists();
            hooks_see.lock().unwrap().push((ended.id, there));
            std::future::ready(Ok::<(), io::Error>(()))
        };
        let site = site_on(temp.path())
            .configure(|b| b.on_end("looks", hook))
            .open()
            .await;
        let (browser, id, path) = with_files(&site, &temp).await;

        cause.happen(&site, &browser, id).await;

        assert!(!path.exists(), "{cause:?}");
        assert!(seen.lock().unwrap().contains(&(id, false)), "{cause:?}");
        assert!(failed_hooks(&site, id).is_empty(), "{cause:?}");
    }
}

#[tokio::test]
async fn the_directory_is_for_this_user_alone_and_its_name_is_no_secret() {
    let temp = Temp::new();
    let site = site_on(temp.path()).open().await;
    let (browser, id, path) = with_files(&site, &temp).await;
    for dir in [&path, path.parent().unwrap()] {
        let mode = fs::metadata(dir).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{}", dir.display());
    }
    let token = browser.token().unwrap();
    let secret = &token[22..];
    assert!(!path.to_str().unwrap().contains(secret));
    assert!(path.is_absolute());

    // The same for every request, at once too, and after a rotation.
    browser.post_api("/rotate").await;
    let asked: Vec<_> = (0..20)
        .map(|_| browser.fetch(Method::POST, "/scratch").spawn())
        .collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap().text(), path.to_str().unwrap());
    }
    assert_eq!(fs::read(path.join("a/b/report.csv")).unwrap(), b"secret");
    assert_eq!(temp.left(), [id.to_string()]);
}

// R-14-16
#[tokio::test]
async fn the_receipt_names_the_removal_only_where_there_was_something() {
    let temp = Temp::new();
    let site = site_on(temp.path()).open().await;
    let (_alice, id, _) = with_files(&site, &temp).await;
    let bob = site.logged_in("bob").await;
    let without = site.session_of(&bob).await;
    let terminator = site.sessions.terminator();

    let ended = terminator.end(id, EndReason::Forced).await.unwrap();
    let [report] = ended.hooks() else {
        panic!("{ended:?}");
    };
    assert_eq!(
        (report.name, &report.outcome, report.attempts),
        ("scratch", &HookOutcome::Done, 1)
    );
    let ended = terminator.end(without, EndReason::Forced).await.unwrap();
    assert!(ended.hooks().is_empty());
}

// R-14-16 P1
#[tokio::test]
async fn symbolic_links_are_removed_and_not_followed() {
    let (temp, outside) = (Temp::new(), Temp::new());
    fs::write(outside.path().join("precious"), "").unwrap();
    let site = site_on(temp.path()).open().await;
    let (_browser, id, path) = with_files(&site, &temp).await;
    symlink(outside.path(), path.join("link")).unwrap();
    symlink(outside.path().join("precious"), path.join("a/link")).unwrap();
    symlink("/nowhere/at/all", path.join("dangling")).unwrap();

    let _receipt = site
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert!(!path.exists());
    assert!(outside.path().join("precious").exists());

    // A link in the place of the directory itself.
    let browser = site.logged_in("bob").await;
    let id = site.session_of(&browser).await;
    symlink(outside.path(), temp.of(id)).unwrap();
    let got = browser.post_api("/scratch").await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR, "{got:?}");
    let _receipt = site
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert!(temp.left().is_empty());
    assert!(outside.path().join("precious").exists());
}

// P1 P4
#[tokio::test]
async fn another_node_that_ends_the_session_takes_the_directory_away_here() {
    let temp = Temp::new();
    let here = site_on(temp.path()).open().await;
    let there = Site::builder().beside(&here).open().await;
    let (browser, id, path) = with_files(&here, &temp).await;
    let (sender, mut told) = mpsc::unbounded_channel();
    let says = here.sessions.local::<SaysWhenDropped>(1);
    let keep = move |session: LiveSession| {
        let (says, sender) = (says.clone(), sender.clone());
        async move { drop(says.insert(&session, SaysWhenDropped(sender))) }
    };
    let app = Router::new()
        .route("/told", post(keep))
        .layer(here.sessions.layer());
    let (address, server) = crate::support::serve(app).await;
    let ask = Browser::new(address).fetch(Method::POST, "/told");
    let got = ask.token(&browser.token().unwrap()).send().await;
    assert_eq!(got.status, StatusCode::OK);

    let _receipt = there
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    told.recv().await.unwrap();
    let _left = here.sessions.shutdown().await;
    assert!(!path.exists());
    server.abort();
}

struct SaysWhenDropped(mpsc::UnboundedSender<()>);

impl Drop for SaysWhenDropped {
    fn drop(&mut self) {
        let _nobody_listens = self.0.send(());
    }
}

// P1
#[tokio::test]
async fn a_directory_that_is_asked_for_while_the_session_ends_does_not_stay() {
    let temp = Temp::new();
    let site = site_on(temp.path()).open().await;
    for first in [false, true] {
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        if first {
            browser.post_api("/scratch").await;
        }
        let late = browser.fetch(Method::POST, "/late-scratch").spawn();
        site.gate.arrived().await;
        let _receipt = site
            .sessions
            .terminator()
            .end(id, EndReason::Forced)
            .await
            .unwrap();
        site.gate.open();
        assert_eq!(late.await.unwrap().reason(), "forced");
        assert!(temp.left().is_empty(), "{:?}", temp.left());
    }
}

// P1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_when_directories_are_made_while_their_sessions_end() {
    let temp = Temp::new();
    let site = site_on(temp.path()).open().await;
    for round in 0..100 {
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        let asked: Vec<_> = (0..3)
            .map(|_| browser.fetch(Method::POST, "/scratch").spawn())
            .collect();
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        let _receipt = site
            .sessions
            .terminator()
            .end(id, EndReason::Forced)
            .await
            .unwrap();
        for asked in asked {
            let _either = asked.await.unwrap();
        }
    }
    let _left = site.sessions.shutdown().await;
    assert!(temp.left().is_empty(), "{:?}", temp.left());
}

#[tokio::test]
async fn nobody_gets_a_directory_without_a_session_or_a_root() {
    let temp = Temp::new();
    let site = site_on(temp.path()).open().await;
    assert_eq!(
        site.browser().post_api("/scratch").await.reason(),
        "no-session"
    );
    assert!(temp.left().is_empty());

    let gate = Gate::default();
    let site = Site::builder().routes(routes(&gate)).open().await;
    let browser = site.logged_in("alice").await;
    let got = browser.post_api("/scratch").await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
    let swept = site.sessions.terminator().sweep_scratch().await.unwrap();
    assert_eq!((swept.removed, swept.kept, swept.failed), (0, 0, 0));
}

// R-14-16
#[tokio::test]
async fn a_busy_directory_is_reported_and_removed_later() {
    let temp = Temp::new();
    let site = site_on(temp.path()).open().await;
    let (browser, id, path) = with_files(&site, &temp).await;
    let token = browser.token().unwrap();
    let Some(busy) = Mounted::tmpfs(&path.join("a"), "size=64k") else {
        return;
    };
    let terminator = site.sessions.terminator();
    let ended = terminator.end(id, EndReason::Forced).await.unwrap();
    let [report] = ended.hooks() else {
        panic!("{ended:?}");
    };
    let expected = HookOutcome::Failed("resource busy".to_owned());
    assert_eq!(
        (report.name, &report.outcome, report.attempts),
        ("scratch", &expected, 3)
    );
    assert_eq!(failed_hooks(&site, id), ["scratch"]);
    let dead = browser.fetch(Method::GET, "/api/me").token(&token);
    assert_eq!(dead.send().await.reason(), "forced", "the ending stands");

    let swept = terminator.sweep_scratch().await.unwrap();
    assert_eq!((swept.removed, swept.failed), (0, 1));
    drop(busy);
    let swept = terminator.sweep_scratch().await.unwrap();
    assert_eq!((swept.removed, swept.failed), (1, 0));
    assert!(temp.left().is_empty());
}

#[tokio::test]
async fn what_a_handler_makes_again_after_the_ending_is_removed_later() {
    let temp = Temp::new();
    let site = site_on(temp.path()).open().await;
    let (_browser, id, path) = with_files(&site, &temp).await;
    let terminator = site.sessions.terminator();
    let _receipt = terminator.end(id, EndReason::Forced).await.unwrap();
    fs::create_dir_all(path.join("again")).unwrap();
    assert_eq!(terminator.sweep_scratch().await.unwrap().removed, 1);
    assert!(temp.left().is_empty());
}

#[tokio::test]
async fn a_full_disk_refuses_new_directories_and_removes_old_ones() {
    let temp = Temp::new();
    let Some(disk) = Mounted::tmpfs(temp.path(), "size=64k,nr_inodes=12") else {
        return;
    };
    let site = site_on(temp.path()).open().await;
    let (_browser, id, path) = with_files(&site, &temp).await;
    let mut filled = 0;
    while fs::write(path.join(format!("file-{filled}")), "x").is_ok() {
        filled += 1;
    }
    let bob = site.logged_in("bob").await;
    let got = bob.post_api("/scratch").await;
    assert_eq!(got.status, StatusCode::INSUFFICIENT_STORAGE, "{got:?}");
    assert_eq!(got.reason(), "storage-full");
    assert_eq!(bob.get_api("/api/me").await.status, StatusCode::OK);

    // Who starts now starts: what is there may be what fills the disk.
    let (sessions, _) = site_on(temp.path()).beside(&site).sessions();
    drop(sessions);

    let ended = site
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert_eq!(ended.failed_hooks().count(), 0);
    assert_eq!(bob.post_api("/scratch").await.status, StatusCode::OK);
    drop(disk);
}

#[tokio::test]
async fn a_root_that_vanishes_fails_the_request_and_not_the_ending() {
    let temp = Temp::new();
    let site = site_on(temp.path()).open().await;
    let (_browser, id, _) = with_files(&site, &temp).await;
    fs::remove_dir_all(temp.path().join("adjourn")).unwrap();
    let bob = site.logged_in("bob").await;
    let got = bob.post_api("/scratch").await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
    let ended = site
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert_eq!(
        ended.failed_hooks().count(),
        0,
        "nothing is there to remove"
    );
    assert_eq!(bob.post_api("/logout").await.status, StatusCode::OK);
}
