//! A small file system that a test can fill.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Mounted until it is dropped.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// `None` where this user may not mount.
    pub(crate) fn new(at: &Path, options: &str) -> Option<Self> {
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(at)
            .output();
        let mounted = done.is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _left_to_the_system = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
