//! The house rules that a compiler does not check: modules use lower levels only, files stay short.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Every module of the crate root and its level. A module uses modules of lower levels only; the
/// crate root itself re-exports what it likes.
const LEVELS: [(&str, usize); 15] = [
    ("id", 0),
    ("reason", 0),
    ("time", 0),
    ("carrier", 1),
    ("record", 1),
    ("audit", 2),
    ("live", 2),
    ("policy", 2),
    ("store", 2),
    ("terminate", 3),
    ("session", 4),
    ("farewell", 5),
    ("layer", 6),
    ("endpoints", 7),
    ("testing", 7),
];

/// Uses within one level, each with its reason. Together they must form no circle.
const SAME_LEVEL: [(&str, &str, &str); 3] = [
    (
        "reason",
        "id",
        "who wanted an ending is named by a subject id",
    ),
    ("reason", "time", "an ending happened at an instant"),
    (
        "policy",
        "store",
        "the report on the policy in force shows the limit that stores enforce",
    ),
];

const MOST_LINES: usize = 400;

#[test]
fn modules_use_lower_levels_only() {
    let mut broken = Vec::new();
    for file in sources() {
        let Some(module) = module_of(&file) else {
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        for used in uses(&without_comments(&text), depth_of(&file)) {
            if let Some(fault) = fault(&module, &used) {
                broken.push(format!("{}: {fault}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_levels_name_every_module() {
    let root = fs::read_to_string(source_dir().join("lib.rs")).unwrap();
    let declared: BTreeSet<_> = without_comments(&root)
        .lines()
        .filter_map(|line| {
            let line = line.trim_start_matches("pub ").strip_prefix("mod ")?;
            line.strip_suffix(';').map(str::to_owned)
        })
        .collect();
    let known = LEVELS.map(|(name, _)| name.to_owned()).into();
    assert_eq!(declared, known);
}

#[test]
fn uses_within_a_level_are_in_use_and_form_no_circle() {
    for (user, used, _) in SAME_LEVEL {
        assert_eq!(level(user), level(used), "{user} -> {used}");
        assert!(
            !SAME_LEVEL
                .iter()
                .any(|other| (other.0, other.1) == (used, user)),
            "{user} <-> {used}"
        );
        let is_used = sources().iter().any(|file| {
            module_of(file).as_deref() == Some(user)
                && uses(
                    &without_comments(&fs::read_to_string(file).unwrap()),
                    depth_of(file),
                )
                .contains(used)
        });
        assert!(
            is_used,
            "{user} does not use {used} any more: strike it off"
        );
    }
}

#[test]
fn files_stay_short() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter_map(|file| {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            (lines > MOST_LINES).then(|| format!("{}: {lines} lines", file.display()))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_scanner_sees_what_it_should() {
    let text = "use crate::{\n  audit::{Event, Sink},\n  id::SessionId, time, };\n\
                // crate::layer::Core\n\
                /// [`x`](crate::endpoints)\n\
                fn f(a: crate::store::Error) { \"https://x\"; super::super::live::x(); \
                super::policy::y(); $crate::record::z(); crate::__a_macro!(); }";
    let found: Vec<_> = uses(&without_comments(text), 2).into_iter().collect();
    assert_eq!(found, ["audit", "id", "live", "record", "store", "time"]);
    assert!(fault("store", "layer").is_some());
    assert!(fault("store", "live").is_some());
    assert!(fault("layer", "store").is_none());
    assert!(fault("policy", "store").is_none());
    assert!(
        fault("store", "Sessions").is_some(),
        "a re-export hides the level"
    );
}

/// What is wrong with `module` using `used`.
fn fault(module: &str, used: &str) -> Option<String> {
    if module == used {
        return None;
    }
    let Some(theirs) = level(used) else {
        return Some(format!("uses crate::{used}: name the module it comes from"));
    };
    let own = level(module).unwrap_or_else(|| panic!("{module} has no level"));
    let allowed = SAME_LEVEL
        .iter()
        .any(|known| (known.0, known.1) == (module, used));
    (theirs >= own && !allowed)
        .then(|| format!("{module} (level {own}) uses {used} (level {theirs})"))
}

fn level(module: &str) -> Option<usize> {
    LEVELS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, level)| *level)
}

/// The modules of the crate root that a text names: by `crate::`, or by climbing up to the root.
fn uses(text: &str, depth: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        found.extend(heads(&text[at + "crate::".len()..]));
    }
    let root = "super::".repeat(depth);
    for (at, _) in text.match_indices(&root) {
        let names = heads(text[at + root.len()..].trim_start_matches("super::"));
        found.extend(names.into_iter().filter(|name| level(name).is_some()));
    }
    // What a macro exports has its place in the root, whichever module defines it.
    found.retain(|name| !name.starts_with("__"));
    found
}

/// The first names of a path, or of each path of a `{..}` list.
fn heads(rest: &str) -> Vec<String> {
    let Some(list) = rest.strip_prefix('{') else {
        return vec![name(rest)];
    };
    let (mut depth, mut start, mut heads) = (0_usize, 0, Vec::new());
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                heads.push(name(list[start..at].trim()));
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    heads.retain(|name| !name.is_empty());
    heads
}

fn name(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .collect()
}

/// Without line comments, of which documentation is one kind. A `//` inside a string is kept apart
/// by the colon of its URL.
fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| {
            let comment = line
                .match_indices("//")
                .find(|(at, _)| !line[..*at].ends_with(':'));
            comment.map_or(line, |(at, _)| &line[..at])
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The module of the crate root to which a file belongs; none for the root itself.
fn module_of(file: &Path) -> Option<String> {
    let inner = file.strip_prefix(source_dir()).unwrap();
    let first = inner.components().next()?.as_os_str().to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (module != "lib").then(|| module.to_owned())
}

/// How many modules deep a file lies below the crate root.
fn depth_of(file: &Path) -> usize {
    let inner = file.strip_prefix(source_dir()).unwrap();
    let parts = inner.components().count();
    if inner.ends_with("mod.rs") {
        parts - 1
    } else {
        parts
    }
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![source_dir()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn source_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
