//! The client script, as it is served.
//!
//! The source is `client/adjourn.js`, which runs as it is. What is served is the same text without
//! comments and needless blanks and with short names for what is local, so that it stays below 4 KiB
//! when compressed: statements stay as they are, and no tool is needed to build it.

use std::sync::LazyLock;

/// The client script, to be loaded by `<script src>`: it starts by itself and reads its settings
/// from the `data-` attributes of its element.
///
/// [`Endpoints`](super::Endpoints) serve it as `adjourn.js`; this is for those who serve it from
/// elsewhere (then with `data-endpoints`). `docs/guides/browser-script.md` in the repository is its
/// manual, and `src/endpoints/client/adjourn.d.ts` its types.
///
/// ```
/// assert!(adjourn::endpoints::client_script().starts_with("globalThis.adjourn"));
/// ```
pub fn client_script() -> &'static str {
    static SCRIPT: LazyLock<String> = LazyLock::new(|| renamed(&shortened(SOURCE)));
    &SCRIPT
}

/// The client script as a module, whose default export is what the classic script leaves as
/// `adjourn`. It does nothing until its `start` is called.
///
/// [`Endpoints`](super::Endpoints) serve it as `adjourn.mjs`. A page that loads both forms has one
/// `adjourn`: the first.
pub fn client_module() -> &'static str {
    static MODULE: LazyLock<String> = LazyLock::new(|| {
        let module = client_script().replace("document.currentScript", "import.meta");
        module + "export default adjourn;\n"
    });
    &MODULE
}

/// The hash of [`client_script`] for the attribute `integrity` (W3C Subresource Integrity): a browser
/// runs this very script or none.
///
/// ```
/// use adjourn::endpoints::CLIENT_SCRIPT_INTEGRITY;
///
/// let tag = format!(
///     r#"<script src="/session/adjourn.js" integrity="{CLIENT_SCRIPT_INTEGRITY}" defer></script>"#
/// );
/// # assert!(tag.contains("sha384-"));
/// ```
pub const CLIENT_SCRIPT_INTEGRITY: &str =
    "sha384-jld4PytjBbwpvGgx5OLpvm/6ns05Mz/PTMDBHj+qQTp9RNvHmkv8g5ctHlgMpdXo";

/// The hash of [`client_module`], for the `integrity` of an import map.
pub const CLIENT_MODULE_INTEGRITY: &str =
    "sha384-1msS2vQMv+3Czwq63U2D7+e1sHlDsMSt4lk+ldrpxKorGn4FDn/SBkr3mwYyH4jz";

const SOURCE: &str = include_str!("client/adjourn.js");

/// Without whole-line comments, indentation, and the blanks and line breaks beside punctuation that
/// mean nothing to a parser. Texts in quotes and backticks stay as they are.
fn shortened(source: &str) -> String {
    let mut lines = String::with_capacity(source.len());
    for line in source.lines().map(str::trim) {
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        // What stands before a bracket that closes is a matter of style.
        if line.starts_with(['}', ')', ']']) && (lines.ends_with(",\n") || lines.ends_with(";\n")) {
            lines.truncate(lines.len() - 2);
        }
        lines.push_str(line);
        lines.push('\n');
    }
    let mut out = String::with_capacity(lines.len());
    let (mut quote, mut before) = (None, '\n');
    let mut letters = lines.chars().peekable();
    while let Some(letter) = letters.next() {
        if quote.is_some() {
            quote = quote.filter(|open| *open != letter);
        } else if matches!(letter, '"' | '`') {
            quote = Some(letter);
        } else if letter == ' ' {
            let after = letters.peek().copied().unwrap_or('\n');
            if is_mark(before) || is_mark(after) {
                continue;
            }
        } else if letter == '\n' && "{;,([=&|?:>".contains(before) {
            // Never after `}` or `)`, where a line break may stand for a semicolon.
            continue;
        }
        out.push(letter);
        before = letter;
    }
    out
}

/// Beside which a blank means nothing. Not `+` and `-`, of which two are another operator, and not
/// `/`, which may begin a regular expression.
const fn is_mark(letter: char) -> bool {
    matches!(
        letter,
        '=' | '<'
            | '>'
            | '!'
            | '&'
            | '|'
            | '?'
            | ':'
            | ','
            | ';'
            | '('
            | ')'
            | '{'
            | '}'
            | '['
            | ']'
            | '\n'
    )
}

/// With a letter for each of [`LOCAL`]. Texts in quotes and names of properties stay as they are.
fn renamed(text: &str) -> String {
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
        let letter = letter_of(word).filter(|_| quote.is_none() && !is_property);
        match letter {
            Some(letter) => out.push(letter),
            None => out.push_str(word),
        }
    }
    out
}

fn letter_of(word: &str) -> Option<char> {
    let at = LOCAL.iter().position(|local| *local == word)?;
    ('a'..='z').chain('A'..='Z').nth(at)
}

const fn is_part_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$')
}

/// Names of variables of the script that are no names of properties besides: at most one for each
/// letter.
const LOCAL: [&str; 42] = [
    "accept",
    "acted",
    "alarm",
    "ask",
    "asked",
    "attempt",
    "attributes",
    "build",
    "builtIn",
    "busy",
    "check",
    "clock",
    "deletion",
    "element",
    "exchange",
    "fails",
    "farewell",
    "finish",
    "frozen",
    "gate",
    "handler",
    "hear",
    "heard",
    "jobs",
    "later",
    "lead",
    "make",
    "mark",
    "postpone",
    "purge",
    "request",
    "seconds",
    "settings",
    "shadow",
    "sheet",
    "step",
    "tell",
    "timer",
    "turn",
    "veil",
    "warned",
    "whole",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_where_they_mean_nothing() {
        for (source, served) in [
            ("  // a\n\n  let a = 1;\n  // b\n", "let a=1;"),
            (
                "const f = (a, b) => {\n  return a ? b : -a;\n};\n",
                "const f=(a,b)=>{return a?b:-a};",
            ),
            ("a + +b - -c", "a + +b - -c\n"),
            (
                "f()\n  .g()\nlet a = {}\nlet b",
                "f()\n.g()\nlet a={}\nlet b\n",
            ),
            (
                "x = \"a = b,  // c\" + `\n  d { e : f }\n`;",
                "x=\"a = b,  // c\" + `\nd { e : f }\n`;",
            ),
            ("return !x && \"y\" in z;\r\n", "return!x&&\"y\" in z;"),
        ] {
            assert_eq!(shortened(source), served);
        }
    }

    #[test]
    fn local_names_are_letters_and_nothing_else_is() {
        for (source, served) in [
            ("ask();alarm(asked)", "d();c(e)"),
            ("it.ask(ask.ask)", "it.ask(d.ask)"),
            (
                "f(...acted,\"ask\",`ask`,tasks)",
                "f(...b,\"ask\",`ask`,tasks)",
            ),
            ("\u{e9}?ask:0", "\u{e9}?d:0"),
        ] {
            assert_eq!(renamed(source), served);
        }
    }

    #[test]
    fn a_local_name_means_one_thing() {
        let text = shortened(SOURCE);
        let outside: String = text.split(['"', '`']).step_by(2).collect();
        let words: Vec<_> = outside.split(|letter| !is_part_of_name(letter)).collect();
        for local in LOCAL {
            assert!(words.contains(&local), "{local} is not used");
            assert!(
                !outside.contains(&format!("{local}:")),
                "{local} is a property"
            );
            let before: Vec<_> = outside.split(&format!(".{local}")).collect();
            for (left, right) in before.iter().zip(before.iter().skip(1)) {
                let whole = !right.starts_with(is_part_of_name);
                assert!(!whole || left.ends_with(".."), "{local} is a property");
            }
        }
        let letters = words.iter().filter(|word| word.len() == 1);
        let taken: Vec<_> = letters
            .filter(|word| word.starts_with(char::is_alphabetic))
            .collect();
        assert!(
            taken.iter().all(|word| **word == "s"),
            "{taken:?}: `s` is of a pattern"
        );
        assert!(!text.contains("${"), "what is in backticks is not renamed");
    }

    #[test]
    fn the_source_keeps_to_what_the_shortening_understands() {
        assert!(!client_script().contains('\''), "one kind of quotes");
        assert!(!SOURCE.contains("/*"), "one kind of comments");
        for line in SOURCE.lines().map(str::trim) {
            assert!(
                line.starts_with("//") || !line.contains(" // "),
                "comments have lines of their own: {line}"
            );
        }
        assert!(!client_script().contains("//"));
    }

    #[test]
    fn the_module_is_the_script_with_an_export() {
        assert_eq!(client_script().matches("document.currentScript").count(), 1);
        assert!(client_module().contains("(import.meta??{});"));
        assert!(client_module().ends_with("export default adjourn;\n"));
    }
}
