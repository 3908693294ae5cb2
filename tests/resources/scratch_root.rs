//! The root of scratch directories: what is refused.

use crate::{
    scratch::site_on,
    temp::{Mounted, Temp},
};
use adjourn::{BuildError, Sessions, store::MemoryStore, terminate::ScratchRootError};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
};

fn refused(root: &Path) -> (ScratchRootError, String) {
    let built = Sessions::builder(MemoryStore::new())
        .with_scratch_root(root)
        .build();
    let error = built.unwrap_err();
    let text = error.to_string();
    match error {
        BuildError::ScratchRoot { path, source } => {
            assert_eq!(path, root);
            (source, text)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_root_that_is_missing_a_file_or_a_link_is_refused() {
    let temp = Temp::new();
    let root = temp.path().join("root");
    let (error, text) = refused(&root);
    assert!(matches!(error, ScratchRootError::Missing));
    assert!(
        text.starts_with("with_scratch_root: \"") && text.contains("no such directory"),
        "{text}"
    );

    fs::write(&root, "").unwrap();
    assert!(matches!(refused(&root).0, ScratchRootError::NotADirectory));

    let (real, link) = (temp.path().join("real"), temp.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    assert!(matches!(refused(&link).0, ScratchRootError::SymbolicLink));
    assert_eq!(fs::read_dir(&real).unwrap().count(), 0, "untouched");

    // And what is in it.
    let other = temp.path().join("other");
    fs::create_dir(&other).unwrap();
    symlink(&other, real.join("adjourn")).unwrap();
    assert!(matches!(refused(&real).0, ScratchRootError::SymbolicLink));
    fs::remove_file(real.join("adjourn")).unwrap();
    fs::write(real.join("adjourn"), "").unwrap();
    assert!(matches!(refused(&real).0, ScratchRootError::NotADirectory));
}

#[test]
fn a_directory_that_others_may_enter_is_closed_and_one_of_another_user_refused() {
    let temp = Temp::new();
    let dir = temp.path().join("adjourn");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    let open = || {
        Sessions::builder(MemoryStore::new())
            .with_scratch_root(temp.path())
            .build()
    };
    drop(open().unwrap());
    assert_eq!(
        fs::metadata(&dir).unwrap().permissions().mode() & 0o7777,
        0o700
    );

    if chown(&dir, Some(65_534), None).is_err() {
        eprintln!("skipped: only root may give a directory away");
        return;
    }
    assert!(matches!(refused(temp.path()).0, ScratchRootError::NotOurs));
}

#[test]
fn a_root_that_is_read_only_is_refused() {
    let temp = Temp::new();
    let Some(disk) = Mounted::tmpfs(temp.path(), "size=64k") else {
        return;
    };
    fs::create_dir(temp.path().join("adjourn")).unwrap();
    disk.remount("ro");
    let (error, text) = refused(temp.path());
    assert!(matches!(error, ScratchRootError::Io(_)), "{error:?}");
    assert!(text.contains("Read-only"), "{text}");
    disk.remount("rw");
    fs::remove_dir(temp.path().join("adjourn")).unwrap();
    disk.remount("ro");
    assert!(matches!(refused(temp.path()).0, ScratchRootError::Io(_)));
}

#[tokio::test]
async fn a_site_says_nothing_of_the_path_in_its_errors() {
    let temp = Temp::new();
    let site = site_on(temp.path()).open().await;
    let browser = site.logged_in("alice").await;
    fs::remove_dir_all(temp.path().join("adjourn")).unwrap();
    let got = browser.post_api("/scratch").await;
    assert!(!got.text().contains("adjourn-test"), "{got:?}");
}
