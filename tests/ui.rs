//! What must not compile: each case in `tests/ui` marks the lines at which it fails, with the code of
//! the error or the name of the lint (`//~ E0277`). The compiler's words do not matter.
//!
//! Compiled against the library as these tests use it, by the compiler alone, which takes a moment.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use serde_json::Value;
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Lines and codes.
type Faults = BTreeSet<(u64, String)>;

#[test]
fn misuse_does_not_compile() {
    let library = library();
    let mut cases = 0;
    for entry in fs::read_dir("tests/ui").unwrap() {
        let case = entry.unwrap().path();
        let (marked, found) = (marked(&case), faults(&case, &library));
        assert_eq!(found, marked, "{}", case.display());
        let compiles = case.ends_with("what_is_meant_compiles.rs");
        assert_eq!(marked.is_empty(), compiles, "{}", case.display());
        cases += 1;
    }
    assert_eq!(cases, 8);
}

/// Where a case says that it fails.
fn marked(case: &Path) -> Faults {
    let text = fs::read_to_string(case).unwrap();
    let of_line = |(number, line): (u64, &str)| {
        let (_, codes) = line.split_once("//~")?;
        let codes: Vec<_> = codes.split_whitespace().map(str::to_owned).collect();
        Some(codes.into_iter().map(move |code| (number, code)))
    };
    (1..)
        .zip(text.lines())
        .filter_map(of_line)
        .flatten()
        .collect()
}

/// Where the compiler says that it fails.
fn faults(case: &Path, library: &Path) -> Faults {
    let mut external = std::ffi::OsString::from("adjourn=");
    external.push(library);
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--crate-type=bin", "--error-format=json"])
        .args(["--emit=metadata", "-o"])
        .arg(out_file(case))
        .arg("--extern")
        .arg(external)
        .arg("-L")
        .arg(library.parent().unwrap())
        .arg(case)
        .output()
        .expect("the compiler");
    let told = String::from_utf8(output.stderr).unwrap();
    let messages = told.lines().map(|line| serde_json::from_str(line).unwrap());
    let errors: Vec<Value> = messages
        .filter(|message: &Value| message["level"] == "error")
        .collect();
    assert_eq!(output.status.success(), errors.is_empty(), "{told}");
    errors.iter().filter_map(fault).collect()
}

/// `None` for the line that counts the errors.
fn fault(error: &Value) -> Option<(u64, String)> {
    let spans = error["spans"].as_array().unwrap();
    let place = spans.iter().find(|span| span["is_primary"] == true)?;
    let code = error.pointer("/code/code").and_then(Value::as_str);
    let code = code.unwrap_or_else(|| panic!("an error without a code: {error}"));
    Some((place["line_start"].as_u64().unwrap(), code.to_owned()))
}

/// The library that was built for these tests. When several are there, of other features, the newest
/// is of the newest sources: cargo has built these tests' own after the sources last changed.
fn library() -> PathBuf {
    let program = env::current_exe().unwrap();
    let built = fs::read_dir(program.parent().unwrap()).unwrap();
    let libraries = built.map(|entry| entry.unwrap()).filter(|entry| {
        let path = entry.path();
        let name = path.file_stem().and_then(|stem| stem.to_str());
        name.is_some_and(|name| name.starts_with("libadjourn-"))
            && path
                .extension()
                .is_some_and(|extension| extension == "rlib")
    });
    let newest = libraries.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
    newest.expect("a library beside its tests").path()
}

fn out_file(case: &Path) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(case.with_extension("rmeta").file_name().unwrap())
}
