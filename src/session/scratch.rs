//! Files that live as long as a session.

use super::Session;
use crate::{id::SessionId, terminate::NotMade};
use std::{
    io,
    path::{Path, PathBuf},
};

impl Session {
    /// The scratch directory of the live session on this node: for uploads, exports and whatever
    /// else must not outlive it. Made when it is first asked for, for this user alone (mode 0700);
    /// it keeps its name when the secret rotates.
    ///
    /// It is removed with all that is in it when the session ends, whatever caused that and on
    /// whichever node: before the hooks run, which never see it. How that came out stands in the
    /// [receipt](crate::terminate::Ended::hooks) and the audit record, under the name `scratch`.
    /// What cannot be removed is tried again: twice at once, then in the background; what a crash
    /// left is removed at the next start. A directory that is asked for while the session ends does
    /// not stay.
    ///
    /// Do not make the directory itself anew (`create_dir_all`): a handler that is still at work
    /// when the session ends would bring it back for some minutes. And join no name that a client
    /// chose: `..` leads out of it.
    ///
    /// Cost: two system calls on a thread that may block.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use adjourn::{LiveSession, session::ScratchError};
    ///
    /// async fn export(session: LiveSession) -> Result<String, ScratchError> {
    ///     let scratch = session.scratch_dir().await?;
    ///     let path = scratch.path().join("export.csv"); // gone with the session
    ///     Ok(format!("writing {}", path.display()))
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// There is no live session (any more), no
    /// [scratch root](crate::SessionsBuilder::with_scratch_root), or the system refuses: the disk is
    /// full or read-only, the root is gone.
    ///
    /// # Cancel safety
    /// Dropped, the directory may have been made; it goes with the session all the same.
    pub async fn scratch_dir(&self) -> Result<ScratchDir, ScratchError> {
        let id = self.id().ok_or(ScratchError::NoSession)?;
        let made = self.context().road.make_scratch(id, self.0.mark).await;
        made.map(|path| ScratchDir { id, path })
            .map_err(|error| match error {
                NotMade::Ended => ScratchError::NoSession,
                NotMade::Io(source) => ScratchError::Io(source),
                NotMade::NoRoot => ScratchError::NoRoot,
            })
    }
}

/// The scratch directory of a session; from [`Session::scratch_dir`]. Dropping it removes nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScratchDir {
    id: SessionId,
    path: PathBuf,
}

impl ScratchDir {
    /// Where it is: an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose it is.
    pub const fn session_id(&self) -> SessionId {
        self.id
    }
}

impl AsRef<Path> for ScratchDir {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// There is no scratch directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScratchError {
    /// The system refuses.
    #[error("the scratch directory of the session was not made")]
    Io(#[from] io::Error),
    /// No root was configured.
    #[error("there is no scratch root: with_scratch_root")]
    NoRoot,
    /// There is no live session (any more).
    #[error("there is no live session for a scratch directory")]
    NoSession,
}
