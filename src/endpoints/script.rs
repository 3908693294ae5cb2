//! The client script, as it is served.
//!
//! The source is `client/adjourn.js`, which runs as it is. What is served is the same text without
//! comments and needless blanks and with short names for what is local, so that it stays below 4 KiB
//! when compressed: but for declarations that become one, and all `let`, statements stay as they are,
//! and no tool is needed to build it.

use super::short_names::renamed;
use std::{collections::BTreeMap, sync::LazyLock};

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
    "sha384-d3uSDeJorOa3l8wofQqf3cD3O8KU8j1B7XkD9PIVqpPQQZnAZPRVH7WlQVQSZVZ8";

/// The hash of [`client_module`], for the `integrity` of an import map.
pub const CLIENT_MODULE_INTEGRITY: &str =
    "sha384-1DDbNKheaGKTPX987UQOiesjBKNogKD+pL8Zm/Hl/pxn0mflEw1EnRc96vLpbsaJ";

const SOURCE: &str = include_str!("client/adjourn.js");

/// Without whole-line comments, indentation, what declares one thing after the other, and the blanks and
/// line breaks beside punctuation that mean nothing to a parser. Texts in quotes and backticks stay as
/// they are.
fn shortened(source: &str) -> String {
    let lines = joined(source);
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
            if is_mark(before) || is_mark(after) || is_sign(before) != is_sign(after) {
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

/// The lines that are no comments. Declarations of the same indentation that follow each other are one.
fn joined(source: &str) -> String {
    let mut lines = String::with_capacity(source.len());
    // By indentation: whether the statement that was the last there declares something.
    let mut begun = BTreeMap::new();
    for line in source.lines() {
        let mut text = line.trim();
        if text.is_empty() || text.starts_with("//") {
            continue;
        }
        if text.starts_with(['}', ')', ']']) {
            // What stands before a bracket that closes is a matter of style.
            if lines.ends_with(",\n") || lines.ends_with(";\n") {
                lines.truncate(lines.len() - 2);
            }
        } else {
            let rest = declared(text);
            let indentation = line.len() - line.trim_start().len();
            let last = begun.insert(indentation, rest.is_some());
            let joins = last == Some(true) && lines.ends_with(";\n");
            text = rest.map_or(text, |rest| begin_declaration(&mut lines, joins, rest));
        }
        lines.push_str(text);
        lines.push('\n');
    }
    lines
}

/// What a declaration declares.
fn declared(text: &str) -> Option<&str> {
    ["const ", "let "]
        .iter()
        .find_map(|keyword| text.strip_prefix(keyword))
}

/// Begins one, or goes on with the one before. Answers what is still to be written.
fn begin_declaration<'a>(lines: &mut String, joins: bool, rest: &'a str) -> &'a str {
    if joins {
        lines.truncate(lines.len() - 2);
        lines.push_str(",\n");
    } else {
        lines.push_str("let ");
    }
    rest
}

/// `+` and `-`: two of them are another operator, so the blank between stays.
const fn is_sign(letter: char) -> bool {
    matches!(letter, '+' | '-')
}

/// Beside which a blank means nothing. Not `/`, which may begin a regular expression.
const fn is_mark(letter: char) -> bool {
    matches!(
        letter,
        '=' | '*'
            | '<'
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
    use super::{
        super::short_names::{LOCAL, is_part_of_name, short_of},
        *,
    };
    use std::collections::BTreeSet;

    #[test]
    fn blanks_go_where_they_mean_nothing() {
        for (source, served) in [
            ("  // a\n\n  let a = 1;\n  // b\n", "let a=1;"),
            (
                "const f = (a, b) => {\n  return a ? b : -a;\n};\n",
                "let f=(a,b)=>{return a?b:-a};",
            ),
            ("a + +b - -c - d", "a+ +b- -c-d\n"),
            (
                "f()\n  .g()\nlet a = {}\nlet b",
                "f()\n.g()\nlet a={}\nlet b\n",
            ),
            (
                "const a = 1;\nconst f = () => {\n  const b = 2;\n};\n// c\nconst d = 3;\nlet e;\nf();\nlet g;\n",
                "let a=1,f=()=>{let b=2},d=3,e;f();let g;",
            ),
            (
                "x = \"a = b,  // c\" + `\n  d { e : f }\n`;",
                "x=\"a = b,  // c\"+`\nd { e : f }\n`;",
            ),
            ("return !x && \"y\" in z;\r\n", "return!x&&\"y\" in z;"),
        ] {
            assert_eq!(shortened(source), served);
        }
    }

    #[test]
    fn local_names_are_letters_and_nothing_else_is() {
        let [ask, asked, alarms, acted] =
            ["ask", "asked", "alarms", "acted"].map(|name| short_of(name).unwrap());
        for (source, served) in [
            ("ask();alarms(asked)", format!("{ask}();{alarms}({asked})")),
            ("it.ask(ask.ask)", format!("it.ask({ask}.ask)")),
            (
                "f(...acted,\"ask\",`ask`,tasks)",
                format!("f(...{acted},\"ask\",`ask`,tasks)"),
            ),
            (
                "for(const it of[true,false,Infinity])it.const=\"true\"",
                "for(let it of[!0,!1,1/0])it.const=\"true\"".to_owned(),
            ),
            ("\u{e9}?ask:0", format!("\u{e9}?{ask}:0")),
        ] {
            assert_eq!(renamed(source), served);
        }
    }

    #[test]
    fn no_two_groups_have_the_same_letter() {
        let short: BTreeSet<_> = local_names().filter_map(short_of).collect();
        assert_eq!(short.len(), LOCAL.len());
        let names: BTreeSet<_> = local_names().collect();
        assert_eq!(names.len(), local_names().count(), "one group for each");
    }

    #[test]
    fn names_that_share_a_letter_never_meet() {
        let statements = outermost_statements();
        let outermost: BTreeSet<_> = statements
            .iter()
            .flat_map(|text| declares(text))
            .chain(["own"])
            .collect();
        // The reader of declarations is not blind.
        assert!(
            ["base", "back", "gate", "acted", "attempt", "api", "heard"]
                .iter()
                .all(|name| outermost.contains(name))
        );
        for group in LOCAL {
            assert!(
                count(group, &outermost) < 2,
                "{group}: two for all the script"
            );
            for text in &statements {
                let outside = outside_of_quotes(text);
                assert!(count(group, &words(&outside)) < 2, "{group} meet in {text}");
            }
        }
    }

    #[test]
    fn a_local_name_means_one_thing() {
        let text = shortened(SOURCE);
        let outside = outside_of_quotes(&text);
        let words = words(&outside);
        for local in local_names() {
            assert!(words.contains(local), "{local} is not used");
            let property = format!("{local}:");
            let mut named = outside.match_indices(&property);
            assert!(
                !named.any(|(at, _)| !outside[..at].ends_with(is_part_of_name)),
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
        let of_patterns = ["f", "i", "p", "s", "u"];
        assert!(
            taken.iter().all(|word| of_patterns.contains(*word)),
            "{taken:?}: only {of_patterns:?} are of patterns"
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

    fn local_names() -> impl Iterator<Item = &'static str> {
        LOCAL.iter().flat_map(|group| group.split(' '))
    }

    /// What is declared or done at the outermost level of the script: there the source is indented by two.
    fn outermost_statements() -> Vec<String> {
        let mut statements: Vec<String> = Vec::new();
        let inside = |line: &&str| line.starts_with("  ") && !line.trim().starts_with("//");
        for line in SOURCE.lines().filter(inside) {
            if !line.starts_with("   ") && !line.trim().starts_with(['}', ')', ']']) {
                statements.push(String::new());
            }
            let statement = statements.last_mut().unwrap();
            *statement += line;
            *statement += "\n";
        }
        statements
    }

    /// The names that a statement declares.
    fn declares(statement: &str) -> Vec<&str> {
        let statement = statement.trim();
        let Some(rest) = declared(statement) else {
            return Vec::new();
        };
        // A list of `let` is one of names, with numbers at most.
        let many = statement.starts_with("let ");
        let names = rest.split(", ").take(if many { usize::MAX } else { 1 });
        let first_word = |text| str::split(text, |letter| !is_part_of_name(letter)).next();
        names.filter_map(first_word).collect()
    }

    fn count(group: &str, names: &BTreeSet<&str>) -> usize {
        let members = group.split(' ');
        members.filter(|member| names.contains(member)).count()
    }

    fn outside_of_quotes(text: &str) -> String {
        text.split(['"', '`']).step_by(2).collect()
    }

    fn words(text: &str) -> BTreeSet<&str> {
        text.split(|letter| !is_part_of_name(letter)).collect()
    }
}
