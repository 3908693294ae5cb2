//! A file of JSON lines.

mod ascii;
mod chain;
mod file;
mod names;
mod ocsf;
mod owasp;

pub(super) use chain::{Chain, Link};

use super::{BlockingSink, Event, native::Native};
use file::LogFile;
use names::Names;
use serde_json::Value;
use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// A file with one JSON object on each line, for a [`Queue`](super::Queue).
///
/// Lines are printable ASCII, everything else is escaped: no text that a client sends can begin a
/// line or reach a terminal. The file is opened to append only, made with mode 0600 on Unix, never
/// through a symbolic link, and locked against a second writer.
///
/// A line that could not be written whole is taken back before the next. What a crash cut off
/// stays, on a line of its own.
///
/// ```
/// use adjourn::audit::{Format, Fsync, JsonLines, Queue, Rotation};
///
/// # let folder = std::env::temp_dir().join(format!("adjourn-doc-lines-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("audit.jsonl");
/// let file = JsonLines::at(path)
///     .with_format(Format::Ocsf)
///     .with_service("shop")
///     .with_rotation(Rotation { max_bytes: 50_000_000, keep: 20 })
///     .with_fsync(Fsync::EachLine)
///     .with_chain()
///     .open()?;
/// let queue = Queue::builder(file).start()?;
/// # drop(queue);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct JsonLines {
    lines: Lines,
    file: LogFile,
    fsync: Fsync,
    /// The object that was written last, without its chain, if it could not be brought to the disk.
    unsynced: Option<Vec<u8>>,
}

/// A file before it is opened.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened before `open`"]
pub struct JsonLinesBuilder {
    path: PathBuf,
    lines: Lines,
    rotation: Rotation,
    fsync: Fsync,
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// One flat object with the fields of [`TracingSink`](super::TracingSink).
    #[default]
    Native,
    /// OCSF 1.3, class Authentication (3002): starts are `Logon`, endings `Logoff`, all else
    /// `Other` with the event's code as the message. What the class has no attribute for is in
    /// `unmapped`.
    Ocsf,
    /// The OWASP Logging Vocabulary: `session_logout:user-17,<session>`. Reasons are its three
    /// words (`logout`, `timeout`, `revoked`), the description has the exact one. Colons, commas
    /// and percent signs within a user id are percent-encoded. Events that it has no word for begin
    /// with `adjourn_`. The vocabulary names the session in few events; each line of one has it as
    /// the member `session_id`, by which one that says `redelivered` is matched with its original.
    Owasp,
}

/// When the operating system is asked to bring the file to the disk.
///
/// Without it, a crash of the process loses nothing that was written, but one of the machine may
/// lose about the last half minute.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fsync {
    /// When the queue is empty for the moment, and after every 256 events. Cheap under load.
    #[default]
    EachBatch,
    /// After every line.
    EachLine,
    /// Never.
    Never,
}

/// When a new file is begun.
///
/// `audit.jsonl` becomes `audit.jsonl.1`, that `audit.jsonl.2`, and so on. Do not rotate with
/// another program: the open file would move along.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "two settings, written by name")]
pub struct Rotation {
    /// Begin a new file before this one would become longer.
    pub max_bytes: u64,
    /// How many old files are kept; the oldest is deleted.
    pub keep: u32,
}

impl Default for Rotation {
    /// 100 megabytes, 10 old files.
    fn default() -> Self {
        Self {
            max_bytes: 100_000_000,
            keep: 10,
        }
    }
}

impl JsonLines {
    /// Starts with the path of the file. Its folder must exist.
    pub fn at(path: impl AsRef<Path>) -> JsonLinesBuilder {
        JsonLinesBuilder {
            path: path.as_ref().to_owned(),
            lines: Lines::default(),
            rotation: Rotation::default(),
            fsync: Fsync::default(),
        }
    }
}

impl JsonLinesBuilder {
    /// What a line looks like. *Default:* [`Format::Native`].
    pub const fn with_format(mut self, format: Format) -> Self {
        self.lines.format = format;
        self
    }

    /// The name of the application: OCSF's `service.name`, OWASP's `appid`. *Default:* `adjourn`.
    pub fn with_service(mut self, name: impl Into<String>) -> Self {
        self.lines.place.service = name.into();
        self
    }

    /// The name of this machine: OWASP's `hostname`. *Default:* absent.
    pub fn with_host(mut self, name: impl Into<String>) -> Self {
        self.lines.place.host = Some(name.into());
        self
    }

    /// The region of this machine: OWASP's `region`. *Default:* absent.
    pub fn with_region(mut self, name: impl Into<String>) -> Self {
        self.lines.place.region = Some(name.into());
        self
    }

    /// Names sessions by a keyed hash of their public id. *Default:* by the public id itself, which
    /// proves nothing.
    ///
    /// For trails that leave the deployment: who reads them cannot connect its sessions with those
    /// of another. The same key gives the same names; keep it as long as the files.
    pub const fn with_session_key(mut self, key: [u8; 32]) -> Self {
        self.lines.names.key = Some(key);
        self
    }

    /// When a new file is begun. *Default:* after 100 megabytes, with 10 old files.
    pub const fn with_rotation(mut self, rotation: Rotation) -> Self {
        self.rotation = rotation;
        self
    }

    /// When the file is brought to the disk. *Default:* [`Fsync::EachBatch`].
    pub const fn with_fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// Ties each line to the one before by a hash, also over rotations and restarts, so that
    /// [`verify`](super::verify) finds what was changed, removed or moved. *Default:* not.
    pub fn with_chain(mut self) -> Self {
        self.lines.chain = Some(Chain::new(None));
        self
    }

    /// [`with_chain`](Self::with_chain), with a key that whoever can write the file does not have:
    /// without it nobody can write lines that
    /// [`verify_keyed`](super::verify_keyed) takes for genuine.
    pub fn with_keyed_chain(mut self, key: [u8; 32]) -> Self {
        self.lines.chain = Some(Chain::new(Some(key)));
        self
    }

    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// It cannot be opened to append, is a symbolic link, or another writer has it open
    /// ([`WouldBlock`](io::ErrorKind::WouldBlock)). The error names the file, and keeps the kind.
    pub fn open(self) -> io::Result<JsonLines> {
        let path = self.path.clone();
        self.try_open()
            .map_err(|source| io::Error::new(source.kind(), NotOpened { path, source }))
    }

    fn try_open(mut self) -> io::Result<JsonLines> {
        let file = LogFile::open(self.path, self.rotation)?;
        if let Some(chain) = &mut self.lines.chain {
            chain.resume(&file.tail()?);
        }
        Ok(JsonLines {
            lines: self.lines,
            file,
            fsync: self.fsync,
            unsynced: None,
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the audit file \"{}\": {source}", .path.display())]
struct NotOpened {
    path: PathBuf,
    source: io::Error,
}

impl BlockingSink for JsonLines {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let (object, braces) = self.lines.open_object(event)?;
        // The same again is in the file: only the disk is missing.
        if self.unsynced.as_ref() != Some(&object) {
            let (line, chain) = self.lines.close(object.clone(), braces);
            self.file.append(&line)?;
            self.lines.chain = chain;
        }
        self.unsynced = None;
        if self.fsync == Fsync::EachLine
            && let Err(error) = self.file.sync()
        {
            self.unsynced = Some(object);
            return Err(error);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.fsync {
            Fsync::EachBatch => self.file.sync(),
            Fsync::EachLine | Fsync::Never => Ok(()),
        }
    }
}

/// Where this is, as lines say it.
#[derive(Clone, Debug)]
struct Place {
    service: String,
    host: Option<String>,
    region: Option<String>,
}

/// Makes lines of events.
#[derive(Clone, Debug)]
struct Lines {
    format: Format,
    place: Place,
    names: Names,
    chain: Option<Chain>,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            format: Format::default(),
            place: Place {
                service: "adjourn".to_owned(),
                host: None,
                region: None,
            },
            names: Names::default(),
            chain: None,
        }
    }
}

impl Lines {
    /// A line with its line break, and the chain as it is once the line is written.
    fn close(&self, mut line: Vec<u8>, braces: &str) -> (Vec<u8>, Option<Chain>) {
        let chain = self.chain.as_ref();
        let chain = chain.map(|chain| chain.close(&mut line, braces));
        if chain.is_none() {
            line.extend_from_slice(braces.as_bytes());
        }
        line.push(b'\n');
        (line, chain)
    }

    /// The object without its closing braces, and those.
    fn open_object(&self, event: &Event) -> io::Result<(Vec<u8>, &'static str)> {
        let name = |id: &crate::id::SessionId| self.names.session(id);
        let mut line = match self.format {
            Format::Native => ascii::to_ascii_json(&Native { event, name: &name })?,
            Format::Owasp => {
                ascii::to_ascii_json(&owasp::Line::new(event, &self.place, &self.names))?
            }
            Format::Ocsf => {
                let (document, unmapped) = ocsf::document(event, &self.place, &self.names);
                let mut line = ascii::to_ascii_json(&Value::Object(document))?;
                line.pop();
                line.extend_from_slice(br#","unmapped":"#);
                line.extend_from_slice(&ascii::to_ascii_json(&Value::Object(unmapped))?);
                line.pop();
                return Ok((line, "}}"));
            }
        };
        line.pop();
        Ok((line, "}"))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Native => "native",
            Self::Ocsf => "ocsf",
            Self::Owasp => "owasp",
        })
    }
}

#[cfg(test)]
mod tests;
