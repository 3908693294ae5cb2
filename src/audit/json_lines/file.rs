//! A file that only grows, and is replaced when it is long enough.

use super::Rotation;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// An open file of lines.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    /// Whether it is a file that can be measured, cut and renamed: not a device or a pipe.
    regular: bool,
    /// Up to where whole lines reach.
    len: u64,
    /// Whether something that is no whole line may follow them.
    ragged: bool,
    /// How many times the disk is to fail.
    #[cfg(test)]
    pub(super) failing_syncs: std::cell::Cell<u32>,
}

impl LogFile {
    pub(super) fn open(path: PathBuf, rotation: Rotation) -> io::Result<Self> {
        let file = open_to_append(&path)?;
        let (regular, len) = measure(&file)?;
        let mut opened = Self {
            path,
            rotation,
            file,
            regular,
            len,
            ragged: false,
            #[cfg(test)]
            failing_syncs: std::cell::Cell::default(),
        };
        if regular
            && tail_of(&opened.path)?
                .last()
                .is_some_and(|last| *last != b'\n')
        {
            // Cut off by a crash: kept, as evidence, on a line of its own.
            opened.put(b"\n")?;
        }
        Ok(opened)
    }

    /// Appends a line, in a new file if this one would become too long.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.ragged {
            self.repair()?;
        }
        let length = self.len.saturating_add(line.len() as u64);
        let too_long = self.regular && self.len > 0 && length > self.rotation.max_bytes;
        if too_long && let Err(error) = self.rotate() {
            // A long file is better than a lost line.
            tracing::error!(target: "adjourn", %error, "the audit file cannot be rotated");
        }
        self.put(line)
    }

    /// Brings what was written to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(left) = self.failing_syncs.get().checked_sub(1) {
            self.failing_syncs.set(left);
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.regular {
            self.file.sync_data()
        } else {
            Ok(())
        }
    }

    /// The last lines that were written, with those of the file before if this one is short: all that
    /// is in a new one may be what a crash left of its first line.
    pub(super) fn tail(&self) -> io::Result<Vec<u8>> {
        if !self.regular {
            return Ok(Vec::new());
        }
        let tail = tail_of(&self.path)?;
        if tail.len() as u64 >= TAIL {
            return Ok(tail);
        }
        match tail_of(&self.old(1)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(tail),
            before => Ok([before?, tail].concat()),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.len = self.len.saturating_add(bytes.len() as u64);
                Ok(())
            }
            Err(error) => {
                self.ragged = true;
                Err(error)
            }
        }
    }

    /// Takes back what was written of a line that could not be written whole.
    fn repair(&mut self) -> io::Result<()> {
        if self.regular && self.file.set_len(self.len).is_ok() {
            self.ragged = false;
            return Ok(());
        }
        self.put(b"\n")?;
        self.ragged = false;
        Ok(())
    }

    /// Moves this file and the older ones on, and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        self.sync()?;
        if self.rotation.keep == 0 {
            fs::remove_file(&self.path)?;
        } else {
            for number in (1..self.rotation.keep).rev() {
                ignore_missing(fs::rename(self.old(number), self.old(number + 1)))?;
            }
            fs::rename(&self.path, self.old(1))?;
        }
        let file = match open_to_append(&self.path) {
            Ok(file) => file,
            Err(error) => {
                // Back under its name; if that fails too, lines go on into the renamed file.
                let _still_open = fs::rename(self.old(1), &self.path);
                return Err(error);
            }
        };
        (self.regular, self.len) = measure(&file)?;
        self.file = file;
        sync_folder(&self.path);
        Ok(())
    }

    /// The path of an old file: a higher number is older.
    fn old(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

fn tail_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    Ok(tail)
}

fn measure(file: &File) -> io::Result<(bool, u64)> {
    let metadata = file.metadata()?;
    let regular = metadata.is_file();
    Ok((regular, if regular { metadata.len() } else { 0 }))
}

/// Opens or makes a file, not through a symbolic link, and locks it.
fn open_to_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    // Making a file never follows a link.
    let file = match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            open_existing(&options, path)?
        }
        opened => opened?,
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::WouldBlock,
            "the audit file is open in another writer",
        )),
        // Not every file can be locked.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(file),
    }
}

fn open_existing(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let named = fs::symlink_metadata(path)?;
    if named.is_symlink() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the audit file is a symbolic link",
        ));
    }
    let file = options.open(path)?;
    if is_same(&named, &file.metadata()?) {
        Ok(file)
    } else {
        Err(io::Error::other(
            "the audit file was replaced while it was opened",
        ))
    }
}

/// Whether what was opened is what the name stood for: not a link that was put there meanwhile.
#[cfg(unix)]
fn is_same(named: &fs::Metadata, opened: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (named.dev(), named.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// Makes renamings last, where folders can be opened.
fn sync_folder(path: &Path) {
    if let Some(Ok(folder)) = path.parent().map(File::open) {
        // Without it a crash of the machine may undo the renaming, nothing else.
        let _kept = folder.sync_all();
    }
}

fn ignore_missing(renamed: io::Result<()>) -> io::Result<()> {
    match renamed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

/// How much of the end of a file is read to go on with its chain: more than the longest line.
const TAIL: u64 = 64 * 1024;
