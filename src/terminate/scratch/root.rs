//! The directory in which the scratch directories are: what is done on disk, and nothing else.
//!
//! Everything here blocks.

use crate::id::SessionId;
use std::{
    ffi::OsString,
    fmt,
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// The directory of this crate in the configured root, and the hold on it.
pub(crate) struct Root {
    dir: PathBuf,
    /// Whether nobody else held it when it was opened: what it contained then was left over.
    alone: bool,
    /// Says to others that somebody is here. The system drops it with the process, killed or not.
    hold: Option<File>,
}

impl Root {
    /// Makes it where needed, checks that it can be trusted, takes a hold on it, and lists the
    /// directories that were there before.
    pub(crate) fn open(root: &Path) -> Result<(Self, Vec<SessionId>), ScratchRootError> {
        let found = fs::symlink_metadata(root).map_err(|error| match error.kind() {
            ErrorKind::NotFound => ScratchRootError::Missing,
            _ => ScratchRootError::Io(error),
        })?;
        check_directory(&found)?;
        let dir = fs::canonicalize(root)?.join(DIRECTORY);
        match private_directory().create(&dir) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        check_directory(&fs::symlink_metadata(&dir)?)?;
        check_owner(&dir)?;
        let (hold, alone, names) = hold(&dir)?;
        let root = Self { dir, alone, hold };
        let left_over = root.ids(names);
        Ok((root, left_over))
    }

    pub(super) const fn was_alone(&self) -> bool {
        self.alone
    }

    /// Where the directory of a session is: named after its public id, which is no secret.
    pub(super) fn path_of(&self, id: SessionId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    /// Makes the directory of a session, for this user alone; one that is there is used again.
    pub(super) fn create(&self, id: SessionId) -> io::Result<()> {
        let path = self.path_of(id);
        match private_directory().create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if fs::symlink_metadata(path)?.is_dir() {
                    Ok(())
                } else {
                    Err(ErrorKind::NotADirectory.into())
                }
            }
            made => made,
        }
    }

    /// Removes the directory of a session with all that is in it. None is no error.
    ///
    /// Symbolic links are removed, never followed: [`fs::remove_dir_all`] opens each directory
    /// relative to the one above it and without following links (on Unix; CVE-2022-21658).
    pub(super) fn remove(&self, id: SessionId) -> io::Result<()> {
        let path = self.path_of(id);
        let removed = fs::symlink_metadata(&path).and_then(|found| {
            if found.is_dir() {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            }
        });
        match removed {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// The sessions that have a directory here.
    pub(super) fn list(&self) -> io::Result<Vec<SessionId>> {
        Ok(self.ids(names(&self.dir)?))
    }

    /// The session ids among these names; what else there is was put there by somebody else.
    fn ids(&self, names: Vec<OsString>) -> Vec<SessionId> {
        let id = |name: &OsString| name.to_str()?.parse().ok();
        let (ids, strange): (Vec<_>, Vec<_>) = names
            .into_iter()
            .filter(|name| name != HOLD && name != PROBE)
            .map(|name| (id(&name), name))
            .partition(|(id, _)| id.is_some());
        if let Some((_, first)) = strange.first() {
            tracing::warn!(
                target: "adjourn",
                directory = ?self.dir,
                count = strange.len(),
                ?first,
                "the scratch root contains what is not ours, which is left alone"
            );
        }
        ids.into_iter().filter_map(|(id, _)| id).collect()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if let Some(hold) = &self.hold {
            // Closing is not enough while a process that is being forked has a copy of the file.
            let _closed_soon = hold.unlock();
        }
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root")
            .field("dir", &self.dir)
            .field("alone", &self.alone)
            .finish_non_exhaustive()
    }
}

/// The scratch root cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScratchRootError {
    /// The system says no: it is read-only, belongs to somebody else, is full.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is none. It is not made: a root that is missing may be a disk that is not mounted.
    #[error("there is no such directory: make it, for this user alone")]
    Missing,
    /// It is something else.
    #[error("it is not a directory: name one, for this user alone")]
    NotADirectory,
    /// The directory of this crate in it belongs to another user, who could read everything.
    #[error(
        "the directory \"{DIRECTORY}\" in it belongs to another user: give each application a root of its own"
    )]
    NotOurs,
    /// It is a symbolic link: who may change the link decides what is removed.
    #[error("it, or \"{DIRECTORY}\" in it, is a symbolic link: name the directory it leads to")]
    SymbolicLink,
}

fn check_directory(found: &Metadata) -> Result<(), ScratchRootError> {
    if found.is_symlink() {
        Err(ScratchRootError::SymbolicLink)
    } else if found.is_dir() {
        Ok(())
    } else {
        Err(ScratchRootError::NotADirectory)
    }
}

/// Checks that the directory belongs to this user, by what a new file in it belongs to, and closes
/// it to all others. A full disk does not matter here: what is left over may be what fills it.
fn check_owner(dir: &Path) -> Result<(), ScratchRootError> {
    let probe = dir.join(PROBE);
    match fs::remove_file(&probe) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    match private_file().create_new(true).open(&probe) {
        Ok(file) => {
            let ours = same_owner(&file.metadata()?, &fs::symlink_metadata(dir)?);
            fs::remove_file(probe)?;
            if !ours {
                return Err(ScratchRootError::NotOurs);
            }
        }
        // Another node that starts now is the same user.
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists) => {}
        Err(error) if is_full(&error) => {
            tracing::warn!(target: "adjourn", %error, "nothing can be written to the scratch root");
        }
        Err(error) => return Err(error.into()),
    }
    close_to_others(dir)?;
    Ok(())
}

/// Takes a hold, and lists what was there before this process made anything: whether nobody else
/// was there is known only while all others are kept out.
fn hold(dir: &Path) -> Result<(Option<File>, bool, Vec<OsString>), ScratchRootError> {
    let file = match private_file().create(true).open(dir.join(HOLD)) {
        Ok(file) => file,
        Err(error) if is_full(&error) => return Ok((None, false, names(dir)?)),
        Err(error) => return Err(error.into()),
    };
    let alone = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => {
            tracing::warn!(
                target: "adjourn",
                %error,
                "the scratch root cannot be locked: directories of sessions that the store does not \
                 know are left alone"
            );
            return Ok((None, false, names(dir)?));
        }
    };
    let names = names(dir)?;
    if alone {
        // Not changed in place, which systems differ about. Who comes between finds nothing of ours.
        file.unlock()?;
    }
    // Waits for another node that starts, and only lists.
    file.lock_shared()?;
    Ok((Some(file), alone, names))
}

fn names(dir: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(dir)?
        .map(|entry| Ok(entry?.file_name()))
        .collect()
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

fn private_directory() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there are no modes"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file() -> OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn same_owner(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.uid() == other.uid()
}

#[cfg(not(unix))]
fn same_owner(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn close_to_others(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) -> io::Result<()> {
    Ok(())
}

const DIRECTORY: &str = "adjourn";
const HOLD: &str = ".hold";
const PROBE: &str = ".probe";
