//! Directories for tests, and what an administrator can do to them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// A directory of one test, removed with it.
pub(crate) struct Temp(PathBuf);

impl Temp {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("adjourn-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The directory of a session, as documented.
    pub(crate) fn of(&self, id: adjourn::id::SessionId) -> PathBuf {
        self.0.join("adjourn").join(id.to_string())
    }

    /// The names in the directory of the crate, without what is its own.
    pub(crate) fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.join("adjourn")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort_unstable();
        names
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _left_to_the_system = fs::remove_dir_all(&self.0);
    }
}

/// A small file system of its own.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// `None`, with the reason, where this user may not mount.
    pub(crate) fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        if run(
            "mount",
            &["-t", "tmpfs", "-o", options, "none", at.to_str()?],
        ) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("skipped: only root may mount a file system that is full, read-only or busy");
        None
    }

    pub(crate) fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(run("mount", &["-o", &options, self.0.to_str().unwrap()]));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Detached at once, whoever still has a file open in it.
        let _left_to_the_system = run("umount", &["-l", self.0.to_str().unwrap()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}
