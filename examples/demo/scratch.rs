//! Files that live as long as a session.

use crate::refused::Refused;
use adjourn::{LiveSession, session::ScratchError};
use axum::{Json, body::Bytes, http::StatusCode};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};
use tokio::task::spawn_blocking;

/// `POST /api/scratch`: keeps the body in a file, until the session ends.
pub(crate) async fn keep(session: LiveSession, body: Bytes) -> Result<Json<Value>, Refused> {
    let scratch = session.scratch_dir().await?;
    let written = spawn_blocking(move || write(scratch.path(), &body));
    let path = written.await.map_err(io::Error::other).flatten()?;
    Ok(Json(json!({ "path": path.to_string_lossy() })))
}

/// How many sessions have a directory: counted on the disk, which is what matters.
pub(crate) async fn count(root: PathBuf) -> io::Result<usize> {
    let count = spawn_blocking(move || {
        let mut count = 0;
        for entry in fs::read_dir(root.join("adjourn"))? {
            count += usize::from(entry?.file_type()?.is_dir());
        }
        Ok(count)
    });
    count.await.map_err(io::Error::other).flatten()
}

/// Under a name of our own: one that a client chooses could lead elsewhere.
fn write(folder: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    for number in 1..=MOST_FILES {
        let path = folder.join(format!("note-{number}"));
        match File::create_new(&path) {
            Ok(mut file) => return file.write_all(bytes).map(|()| path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::QuotaExceeded.into())
}

impl From<ScratchError> for Refused {
    fn from(error: ScratchError) -> Self {
        match error {
            ScratchError::NoRoot => {
                let why = "nothing is kept here: start the demo with --scratch DIR";
                Self::new(StatusCode::NOT_IMPLEMENTED, why)
            }
            ScratchError::NoSession => Self::new(StatusCode::UNAUTHORIZED, &error),
            ScratchError::Io(error) => error.into(),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }
}

const MOST_FILES: u32 = 100;
