//! The client script: its size, its hash, and its own tests in `tests/client`, which `node` runs
//! with a browser in small. They are run on what is served, not on the source.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

use adjourn::{
    endpoints::{CLIENT_MODULE_INTEGRITY, CLIENT_SCRIPT_INTEGRITY, client_module, client_script},
    policy::local_path,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use sha2::{Digest, Sha384};
use std::{
    env, fs,
    io::{ErrorKind, Write, stderr},
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn the_script_is_below_4_kib_compressed() {
    for text in [client_script(), client_module()] {
        // What servers do unless they are told otherwise.
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        let bytes = gzip.finish().unwrap().len();
        assert!(bytes < 4096, "{bytes} bytes");
    }
}

#[test]
fn the_hashes_are_those_of_the_files_in_code_and_manual() {
    let manual = fs::read_to_string(root().join("docs/guides/browser-script.md")).unwrap();
    for (text, integrity) in [
        (client_script(), CLIENT_SCRIPT_INTEGRITY),
        (client_module(), CLIENT_MODULE_INTEGRITY),
    ] {
        let hash = BASE64_STANDARD.encode(Sha384::digest(text));
        assert_eq!(integrity, format!("sha384-{hash}"));
        assert!(manual.contains(integrity), "the manual lacks {integrity}");
    }
}

#[test]
fn the_tests_of_the_script_pass() {
    let served = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (script, module) = (served.join("adjourn.js"), served.join("adjourn.mjs"));
    fs::write(&script, client_script()).unwrap();
    fs::write(&module, client_module()).unwrap();
    let verdicts = served.join("verdicts.json");
    fs::write(&verdicts, server_verdicts().to_string()).unwrap();

    let mut files: Vec<_> = fs::read_dir(root().join("tests/client"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    assert!(files.len() >= 6, "{files:?}");

    let run = Command::new("node")
        // A limit, so that a test that hangs fails by name.
        .args(["--test", "--test-timeout=120000"])
        .args(&files)
        .env("ADJOURN_JS", &script)
        .env("ADJOURN_MJS", &module)
        .env("ADJOURN_VERDICTS", &verdicts)
        .output();
    match run {
        Ok(run) => assert!(
            run.status.success(),
            "{}{}",
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr)
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            is_missing("node", "nodejs", "the tests");
        }
        Err(error) => panic!("node does not start: {error}"),
    }
}

/// What the server's validator says of paths, of which the script's check has to say the same: each pair of
/// pieces that a parser may stumble over, each byte and each escape, in the path and behind it.
fn server_verdicts() -> Value {
    let mut paths: Vec<_> = ["", "/", "x", "?", "#x", "/a/../b"]
        .map(String::from)
        .into();
    for first in PIECES {
        paths.extend(PIECES.map(|second| format!("/{first}{second}")));
        paths.push(format!("/a?{first}x"));
        paths.push(format!("/a#{first}"));
    }
    for byte in 0..=u8::MAX {
        let escape = format!("%{byte:02x}");
        let plain = char::from(byte).to_string();
        paths.extend([&escape, &plain].map(|text| format!("/a{text}b")));
        paths.extend([&escape, &plain].map(|text| format!("/a?b{text}c")));
    }
    for length in [2047, 2048] {
        paths.push(format!("/{}", "a".repeat(length)));
        paths.push(format!("/?{}", "a".repeat(length - 1)));
    }
    let verdict = |path: String| {
        let accepted = local_path(path.as_bytes()).is_some();
        (path, Value::from(accepted))
    };
    Value::Object(paths.into_iter().map(verdict).collect())
}

const PIECES: [&str; 48] = [
    "",
    "/",
    ".",
    "..",
    "...",
    ";",
    ":",
    "@",
    "?",
    "#",
    "a",
    "~",
    "[",
    "]",
    "'",
    "&",
    "=",
    "\\",
    "\"",
    "<",
    "|",
    "^",
    "`",
    "{",
    " ",
    "\t",
    "\u{e9}",
    "\u{2028}",
    "%",
    "%2",
    "%zz",
    "%2e",
    "%2E%2e",
    "%2F",
    "%2f",
    "%5c",
    "%25",
    "%3B",
    "%3F",
    "%20",
    "%C3%A9",
    "%c0%af",
    "%E2%80%8B",
    "%E2%80%A8",
    "%E2%80%A9",
    "%C2%AD",
    "%C2%85",
    "%EF%BB%BF",
];

#[test]
fn the_types_say_what_may_be_done_and_what_not() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("types");
    fs::create_dir_all(&folder).unwrap();
    for (from, to) in [
        ("src/endpoints/client/adjourn.d.ts", "adjourn.d.ts"),
        ("tests/client/types.ts", "types.ts"),
    ] {
        fs::copy(root().join(from), folder.join(to)).unwrap();
    }
    let run = Command::new("tsc")
        .args(["--noEmit", "--strict", "--lib", "es2022,dom"])
        .args(["--target", "es2022", "--module", "es2022"])
        .arg("types.ts")
        .current_dir(&folder)
        .output();
    match run {
        Ok(run) => assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stdout)
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            is_missing("tsc", "node-typescript", "the test of its types");
        }
        Err(error) => panic!("tsc does not start: {error}"),
    }
}

/// Not the macros, whose output a passing test hides.
fn is_missing(program: &str, package: &str, tests: &str) {
    assert!(
        env::var_os("CI").is_none_or(|ci| ci.is_empty() || ci == "false"),
        "{program} is missing: {tests} of the client script need it (Debian: apt-get install {package})"
    );
    let _ = writeln!(
        stderr(),
        "\nNOT RUN: {tests} of the client script, because {program} is missing. \
         scripts/test installs it.\n"
    );
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
