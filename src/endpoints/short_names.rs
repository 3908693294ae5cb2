//! Short names for what is local to the client script.

/// With a short name for each of [`LOCAL`], and shorter words for some others. Texts in quotes and names
/// of properties stay as they are.
pub(super) fn renamed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|letter| !is_part_of_name(letter));
        let (word, after) = rest.split_at(length.unwrap_or(rest.len()).max(first.len_utf8()));
        rest = after;
        if quote.is_some() {
            quote = quote.filter(|open| *open != first);
        } else if matches!(first, '"' | '`') {
            quote = Some(first);
        }
        let is_property = out.ends_with('.') && !out.ends_with("...");
        let short = short_of(word).or_else(|| same_as(word).map(String::from));
        let short = short.filter(|_| quote.is_none() && !is_property);
        out.push_str(short.as_deref().unwrap_or(word));
    }
    out
}

/// A letter for the first of them, a letter and a digit for the others.
pub(super) fn short_of(word: &str) -> Option<String> {
    let at = LOCAL.iter().position(|local| *local == word)?;
    let letters = || ('a'..='z').chain('A'..='Z').chain(['$', '_']);
    let one = letters().map(String::from);
    one.chain(letters().map(|it| format!("{it}0"))).nth(at)
}

/// What means the same in fewer letters. (Nothing sets a `const`: the source would throw.)
fn same_as(word: &str) -> Option<&'static str> {
    match word {
        "Infinity" => Some("1/0"),
        "const" => Some("let"),
        "false" => Some("!1"),
        "true" => Some("!0"),
        _ => None,
    }
}

pub(super) const fn is_part_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$')
}

/// Names of variables of the script that are no names of properties besides. Which has which letter is what
/// compresses best of many orders that were tried: it makes a difference of a hundred bytes.
pub(super) const LOCAL: [&str; 100] = [
    "settings",
    "script",
    "event",
    "warned",
    "api",
    "veil",
    "host",
    "request",
    "base",
    "heard",
    "socket",
    "bus",
    "builtIn",
    "fails",
    "due",
    "later",
    "found",
    "STYLE",
    "live",
    "said",
    "farewell",
    "own",
    "page",
    "back",
    "asked",
    "call",
    "deletion",
    "given",
    "sockets",
    "web",
    "step",
    "lost",
    "busy",
    "veiled",
    "make",
    "here",
    "guest",
    "local",
    "acted",
    "root",
    "drop",
    "handler",
    "timer",
    "element",
    "parts",
    "path",
    "span",
    "alarms",
    "mark",
    "gate",
    "absolute",
    "jobs",
    "channel",
    "form",
    "frozen",
    "turn",
    "index",
    "whole",
    "more",
    "news",
    "check",
    "worker",
    "clear",
    "accept",
    "listen",
    "wish",
    "init",
    "job",
    "seconds",
    "date",
    "guessed",
    "kept",
    "exchange",
    "renew",
    "learn",
    "clock",
    "finish",
    "locale",
    "idle",
    "reply",
    "storage",
    "item",
    "postpone",
    "ask",
    "build",
    "lead",
    "anew",
    "hear",
    "gap",
    "emit",
    "isPublic",
    "value",
    "attempt",
    "tell",
    "list",
    "attributes",
    "done",
    "purge",
    "shadow",
    "kind",
];
