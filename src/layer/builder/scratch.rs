//! Where scratch directories are.

use super::{BuildError, SessionsBuilder};
use crate::{id::SessionId, terminate::Root};
use std::path::PathBuf;

impl SessionsBuilder {
    /// Where the scratch directories of sessions are
    /// ([`Session::scratch_dir`](crate::Session::scratch_dir)). *Default:* nowhere; there are none.
    ///
    /// It must exist, be no symbolic link, and be writable for this user; `build` makes the
    /// directory `adjourn` in it, for this user alone (mode 0700), and refuses one that belongs to
    /// another. A full disk is no reason not to start: what a crash left may be what fills it.
    ///
    /// **Give each application a root of its own**, which nothing else cleans: not `/tmp`. At the
    /// start every directory of a session that the store says has ended is removed. One that the
    /// store does not know is removed only if no other process held the root: nodes on one machine
    /// may share it if they share their store. Names that are no session ids are left alone.
    ///
    /// On systems other than Unix the directories have the permissions that the root hands down.
    pub fn with_scratch_root(mut self, root: impl Into<PathBuf>) -> Self {
        self.road.scratch_root = Some(root.into());
        self
    }

    /// Opens the root, and lists what is in it. Touches the disk.
    pub(super) fn open_scratch(&self) -> Result<Option<(Root, Vec<SessionId>)>, BuildError> {
        let Some(path) = &self.road.scratch_root else {
            return Ok(None);
        };
        Root::open(path).map(Some).map_err(|source| {
            let path = path.clone();
            BuildError::ScratchRoot { path, source }
        })
    }
}
