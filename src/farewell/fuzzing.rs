//! The readers and the judge, for the targets in `fuzz/`. Not part of the API: compiled with
//! `--cfg fuzzing` only.

use super::Marker;
use crate::policy::ReturnPaths;

/// What is written for a marker that was read from these bytes, and the path in it.
pub fn marker(value: &[u8]) -> Option<(String, Option<String>)> {
    let marker = Marker::parse(value)?;
    let path = marker.back.as_ref().map(|back| back.path.to_string());
    Some((marker.value(), path))
}

/// The path to which a user may be brought back.
pub fn return_path(path: &[u8]) -> Option<&str> {
    let returns = ReturnPaths::default().without_prefixes(["/session", "/ws"]);
    returns.ok()?.without_pages(["/login", "/"]).judge(path)
}
