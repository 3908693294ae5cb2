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

/// A letter for the first groups, a letter and a digit for the others.
pub(super) fn short_of(word: &str) -> Option<String> {
    let mut groups = LOCAL.iter();
    let at = groups.position(|group| group.split(' ').any(|local| local == word))?;
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

/// Names of variables of the script that are no names of properties besides, in groups that share a letter:
/// those of a group never meet. No statement of the script's outermost level has two of them, and at most
/// one of them belongs to that level, so that each statement has its own meaning for the letter. Which has
/// which letter is what compresses best of many ways that were tried: it makes a difference of two hundred
/// bytes.
pub(super) const LOCAL: [&str; 68] = [
    "kind parts said",
    "clear",
    "attribute due idle setting socket storage time value",
    "deletion reached reply shadow warned",
    "element jobs known listen sentence wish",
    "veil",
    "exchange purge",
    "farewell handler learn list",
    "asked",
    "heard",
    "absolute attributes goal index init more pressed seconds",
    "base done",
    "drop given host",
    "back script",
    "settings",
    "found guessed mark request worker",
    "sockets",
    "api item job",
    "live",
    "event form gap hide locale path step tag",
    "STYLE",
    "fails",
    "news",
    "postpone",
    "kept modal",
    "lead",
    "lost",
    "span",
    "bus",
    "later",
    "emit",
    "depart",
    "accept",
    "make",
    "timer",
    "here",
    "finish",
    "local",
    "own",
    "root",
    "veiled",
    "anew",
    "busy",
    "attempt",
    "channel",
    "builtIn",
    "gate",
    "remind",
    "page",
    "finished",
    "renew",
    "acted",
    "guest",
    "frozen",
    "turn",
    "build",
    "whole",
    "call",
    "proceed",
    "alarms",
    "tell web",
    "hear",
    "date",
    "remaining",
    "clock",
    "isPublic",
    "ask",
    "check",
];
