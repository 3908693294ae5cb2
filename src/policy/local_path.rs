//! Which text may be sent to a browser as a place of this application to go to.
//!
//! A redirect is followed by a parser that is far more lenient than it looks (WHATWG URL): it
//! drops tabs and line breaks, takes `\` for `/`, strips blanks at both ends, and sends `//host`,
//! `/\host` and `https:host` to another site. So the judge is a grammar of bytes, of what is
//! plainly local, and what passes is used **unchanged**: it is never parsed and written anew, for
//! a parser may take `/.//evil.example` and write `//evil.example`. `http::Uri` is no judge
//! either: to it `//evil.example` is a path.
//!
//! A path that passes may still be the wrong place: the log-out, the log-in, a stream. That list
//! is the caller's.

use super::percent::{decode_path, is_printable};

/// The longest local path, in bytes.
pub const MAX_LOCAL_PATH: usize = 2048;

/// The text, if it is a path of this origin, perhaps with a query and a fragment.
///
/// 1. 1 to [`MAX_LOCAL_PATH`] bytes of printable ASCII without blank, `\`, `"`, `<`, `>`, `^`,
///    backtick, `{`, `}`, `|`.
/// 2. It starts with one `/`, and no `//` is in the path.
/// 3. Every `%` starts an escape. The path decodes to UTF-8 without control and invisible
///    characters, `/`, `\` and `%`.
/// 4. No segment of the decoded path is `.` or `..`, also before a `;`.
/// 5. Query and fragment decode to no control character.
///
/// It may hold `'` and `&`: escape it where it goes into HTML.
///
/// ```
/// use adjourn::policy::local_path;
///
/// assert_eq!(local_path(b"/a/b?x=%2F#top"), Some("/a/b?x=%2F#top"));
/// assert_eq!(local_path(b"//evil.example"), None);
/// assert_eq!(local_path(b"/\\evil.example"), None);
/// ```
pub fn local_path(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > MAX_LOCAL_PATH || !bytes.iter().copied().all(is_allowed) {
        return None;
    }
    let path_len = bytes
        .iter()
        .position(|byte| matches!(byte, b'?' | b'#'))
        .unwrap_or(bytes.len());
    let (path, rest) = bytes.split_at_checked(path_len)?;
    if !path.starts_with(b"/") || path.windows(2).any(|pair| pair == b"//") {
        return None;
    }
    if decode_path(path)?.split('/').any(is_dots) || !is_printable(rest) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

const fn is_allowed(byte: u8) -> bool {
    !matches!(
        byte,
        b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'}' | b'|'
    ) && byte.is_ascii_graphic()
}

fn is_dots(segment: &str) -> bool {
    matches!(segment.split(';').next(), Some("." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    const CORPUS: &[u8] = include_bytes!("../../tests/data/hostile-return-to.txt");

    /// Local paths that only the caller's list refuses: section E of the corpus.
    const ENDPOINTS: [&[u8]; 4] = [
        b"/auth/logout?next=/logout",
        b"/LOGOUT/",
        b"/ws",
        b"/events",
    ];

    /// The lines of the corpus, with `\xNN` read.
    fn hostile() -> Vec<Vec<u8>> {
        CORPUS
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
            .map(|line| decoded(line, b"\\x"))
            .collect()
    }

    fn decoded(text: &[u8], mark: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = text;
        while let [first, tail @ ..] = rest {
            let digits = rest.strip_prefix(mark).and_then(|after| after.get(..2));
            let byte = digits
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            out.push(byte.unwrap_or(*first));
            rest = if byte.is_some() {
                &rest[mark.len() + 2..]
            } else {
                tail
            };
        }
        out
    }

    fn encoded(text: &[u8]) -> Vec<u8> {
        text.iter()
            .flat_map(|byte| format!("%{byte:02X}").into_bytes())
            .collect()
    }

    fn assert_refused(value: &[u8]) {
        assert_eq!(
            local_path(value),
            None,
            "{:?}",
            String::from_utf8_lossy(value)
        );
    }

    // R-8-2
    #[test]
    fn every_hostile_value_is_refused_in_every_coding() {
        let hostile = hostile();
        assert_eq!(hostile.len(), 111);
        for value in hostile {
            if ENDPOINTS.contains(&&*value) {
                continue;
            }
            let once = decoded(&value, b"%");
            for value in [&value, &once, &decoded(&once, b"%"), &encoded(&value)] {
                assert_refused(value);
            }
            if let [b'/', rest @ ..] = &*value {
                assert_refused(&[b"/", &*encoded(rest)].concat());
                assert_refused(&[b"/", &*encoded(&encoded(rest))].concat());
            }
        }
    }

    // R-8-2
    #[test]
    fn ordinary_places_are_accepted_unchanged() {
        for value in [
            "/",
            "/account/",
            "/a/b.c?x=1&y=2",
            "/search?q=a%20b&r=%2Fx%2Fy",
            "/docs/%E2%82%AC",
            "/p#s-2",
            "/a;v=1/b",
            "/a:b/@c",
            "/q?next=https://app.example/x",
            "/a..b/...c",
            "/?utm=1",
            "/q?twice=%2520&back\u{5b}\u{5d}=//x",
        ] {
            assert_eq!(local_path(value.as_bytes()), Some(value));
        }
        let longest = format!("/{}", "a".repeat(MAX_LOCAL_PATH - 1));
        assert_eq!(local_path(longest.as_bytes()), Some(&*longest));
    }

    // R-8-2, R-8-5
    #[test]
    fn what_is_not_plainly_local_is_refused() {
        for value in [
            "",
            "a",
            "?x",
            "#x",
            "/a//b",
            "/a/..;/b",
            "/a/%2E;x/b",
            "/a/%2e.",
            "/a?x=%0a",
            "/a#%7f",
            "/a?%",
            "/a#%4",
            "/a?x y",
            "/a?\u{e9}",
            "/%E2%80%AEx",
            "/%C2%AD",
            "/%E2%80%A8y",
            "/a%25b",
            "/|",
            "/^",
            "/`",
            "/{x}",
            "/a\t",
            " /a",
            "/a ",
        ] {
            assert_refused(value.as_bytes());
        }
        assert_refused(format!("/{}", "a".repeat(MAX_LOCAL_PATH)).as_bytes());
    }

    /// Bytes of which redirects are made, with those that trick parsers in every second place.
    fn tricky() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(
                &[
                    "/", ".", "..", ";", "%2e", "%2F", "%5c", "%25", "\\", "\t", ":", "@"
                ][..]
            ),
            prop::sample::select(
                &[
                    "a",
                    "?",
                    "#",
                    "&",
                    "=",
                    "%20",
                    "%E2%82%AC",
                    "evil.example",
                    "'",
                    "~",
                    "[",
                    "]"
                ][..]
            ),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| "/".to_owned() + &pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        // R-8-2
        #[test]
        fn what_passes_stays_on_the_origin_with_the_same_path(
            value in prop_oneof![tricky(), "/[!-~]{0,12}", ".{0,8}"],
        ) {
            if let Some(local) = local_path(value.as_bytes()) {
                let base = Url::parse("https://app.example/auth/logout").unwrap();
                let target = base.join(local).unwrap();
                prop_assert_eq!(target.origin(), base.origin());
                let path = local.split(['?', '#']).next().unwrap();
                prop_assert_eq!(target.path(), path);
                prop_assert!(http::HeaderValue::from_str(local).is_ok());
            }
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = local_path(&bytes);
        }
    }
}
