//! The client script, as it is served.
//!
//! The source is `client/adjourn.js`, which runs as it is. What is served is the same text without
//! comments and needless blanks, so that it stays below 4 KiB when compressed: names and statements
//! stay readable in the browser, and no tool is needed to build it.

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
    static SCRIPT: LazyLock<String> = LazyLock::new(|| shortened(SOURCE));
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
    "sha384-ulkCOncSFuA6L1p/V/RB9ttWRm/nrQgsdbjQEcpHy4JJAQKONxMbOVU1p0Wqkv8i";

/// The hash of [`client_module`], for the `integrity` of an import map.
pub const CLIENT_MODULE_INTEGRITY: &str =
    "sha384-WFcIr5k7Q7+L8HKwbQWUkLrxRnI8bcXxPJZgFSFqFwDGTeNheEyl5mbLy3CKsHPm";

const SOURCE: &str = include_str!("client/adjourn.js");

/// Without whole-line comments, indentation, and the blanks and line breaks beside punctuation that
/// mean nothing to a parser. Texts in quotes and backticks stay as they are.
fn shortened(source: &str) -> String {
    let mut lines = String::with_capacity(source.len());
    for line in source.lines().map(str::trim) {
        if !line.is_empty() && !line.starts_with("//") {
            lines.push_str(line);
            lines.push('\n');
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_where_they_mean_nothing() {
        for (source, served) in [
            ("  // a\n\n  let a = 1;\n  // b\n", "let a=1;"),
            (
                "const f = (a, b) => {\n  return a ? b : -a;\n};\n",
                "const f=(a,b)=>{return a?b:-a;};",
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
