//! Reads the values of one cookie from the `Cookie` header lines of a request.
//!
//! Hand-written because the common readers fail where it matters here: they percent-decode
//! names, trim Unicode spaces, and drop a whole header for one byte that is not ASCII. RFC
//! 6265bis section 5.8.3 says what browsers send: `name=value` joined by `"; "`, the value as it
//! was set. Nothing is allocated, and the bytes are looked at once, whatever they are.

use http::{HeaderMap, HeaderValue, header};

/// The values of every cookie called `name`, as they were sent, in the order of the request.
///
/// Quotes around a value are part of it: browsers send back what was set, and no token is set
/// with quotes.
pub(crate) fn candidates<'a>(
    headers: &'a HeaderMap,
    name: &'a [u8],
) -> impl Iterator<Item = &'a [u8]> {
    // HTTP/2 may split the header into several lines (RFC 9113 section 8.2.3).
    let lines = headers.get_all(header::COOKIE).iter();
    values(lines.map(HeaderValue::as_bytes), name)
}

/// The values of every cookie called `name` in `lines`. A `name` is not empty and holds neither
/// `=`, `;`, space nor tab.
pub(super) fn values<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    name: &'a [u8],
) -> impl Iterator<Item = &'a [u8]> {
    Pairs { lines, rest: None }.filter_map(move |pair| value_of(pair, name))
}

/// `pair` without space and tab around it.
#[inline]
pub(super) fn trim(mut pair: &[u8]) -> &[u8] {
    pair = trim_start(pair);
    while let [start @ .., b' ' | b'\t'] = pair {
        pair = start;
    }
    pair
}

#[inline]
fn trim_start(mut pair: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = pair {
        pair = rest;
    }
    pair
}

#[inline]
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let after_name = trim_start(pair).strip_prefix(name)?;
    let value = trim_start(after_name).strip_prefix(b"=")?;
    Some(trim(value))
}

/// The parts of all lines between semicolons.
struct Pairs<'a, L> {
    lines: L,
    /// What is left of the current line.
    rest: Option<&'a [u8]>,
}

impl<'a, L: Iterator<Item = &'a [u8]>> Iterator for Pairs<'a, L> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = match self.rest {
            Some(rest) => rest,
            None => self.lines.next()?,
        };
        let cut = memchr::memchr(b';', line).and_then(|at| line.split_at_checked(at));
        let (pair, rest) = match cut {
            Some((pair, [_, rest @ ..])) => (pair, Some(rest)),
            Some((_, [])) | None => (line, None),
        };
        self.rest = rest;
        Some(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &[u8] = b"__Host-sid";

    fn read(lines: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        candidates(&headers, NAME).map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn finds_the_cookie_and_nothing_else() {
        let none: &[&str] = &[];
        let one: &[&str] = &["S1"];
        for (case, lines, expected) in [
            ("alone", &[&b"__Host-sid=S1"[..]][..], one),
            ("between others", &[b"a=1; __Host-sid=S1; b=2"], one),
            ("no space", &[b"a=1;__Host-sid=S1;b=2"], one),
            ("spaces and tabs", &[b" \t __Host-sid \t= \tS1\t ; b"], one),
            ("empty parts", &[b";;; ;__Host-sid=S1;;"], one),
            ("empty value", &[b"__Host-sid="], &[""]),
            ("value with =", &[b"__Host-sid==S=1="], &["=S=1="]),
            ("quotes stay", &[b"__Host-sid=\"S1\""], &["\"S1\""]),
            ("percent stays", &[b"__Host-sid=S%31"], &["S%31"]),
            ("longer name", &[b"__Host-sid2=S1"], none),
            ("shorter name", &[b"__Host-si=S1"], none),
            ("name as a value", &[b"a=__Host-sid=S1"], none),
            ("nameless", &[b"__Host-sid", b"=S1", b"S1"], none),
            ("comma does not separate", &[b"a=1, __Host-sid=S1"], none),
            (
                "quotes do not protect",
                &[b"a=\"x; __Host-sid=S1\""],
                &["S1\""],
            ),
            ("no line", &[], none),
            ("empty line", &[b""], none),
            // R-5-10
            ("percent-encoded name", &[b"%5F%5FHost-sid=S1"], none),
            ("Unicode space", &[b"\xE2\x80\x80__Host-sid=S1"], none),
            ("non-breaking space", &[b"\xA0__Host-sid=S1"], none),
            ("other case", &[b"__HOST-sid=S1"], none),
            ("encoded space", &[b"__Host-sid%20=S1"], none),
            ("quoted name", &[b"\"__Host-sid\"=S1"], none),
            // R-5-11
            ("bad byte before", &[b"x=\xFF; __Host-sid=S1"], one),
            (
                "bad byte in another line",
                &[b"\xFF\xFE", b"__Host-sid=S1"],
                one,
            ),
            ("bad byte after", &[b"__Host-sid=S1; \xFF"], one),
            // R-5-12
            ("several lines", &[b"a=1", b"__Host-sid=S1", b"b=2"], one),
            // R-5-13, R-5-14
            (
                "duplicates",
                &[b"__Host-sid=S1; __Host-sid=S2"],
                &["S1", "S2"],
            ),
            (
                "duplicates in lines",
                &[b"__Host-sid=S2", b"__Host-sid=S1"],
                &["S2", "S1"],
            ),
            (
                "junk beside",
                &[b"__Host-sid=\xFF; __Host-sid"],
                &["\u{FFFD}"],
            ),
        ] {
            let values = read(lines);
            let shown: Vec<_> = values.iter().map(|v| String::from_utf8_lossy(v)).collect();
            assert_eq!(shown, expected, "{case}");
        }
    }

    /// What the reader means, written for the reader of this file.
    fn model(line: &[u8], name: &[u8]) -> Vec<Vec<u8>> {
        let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
        let trimmed = |bytes: &[u8]| {
            let start = bytes.iter().take_while(|byte| blank(byte)).count();
            let end = bytes.iter().rev().take_while(|byte| blank(byte)).count();
            bytes[start..bytes.len().saturating_sub(end).max(start)].to_vec()
        };
        let mut values = Vec::new();
        for pair in line.split(|byte| *byte == b';') {
            if let Some(equals) = pair.iter().position(|byte| *byte == b'=')
                && trimmed(&pair[..equals]) == name
            {
                values.push(trimmed(&pair[equals + 1..]));
            }
        }
        values
    }

    /// Arbitrary bytes, and lines made of what the reader looks for.
    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(NAME.to_vec()),
            Just(b"=".to_vec()),
            Just(b";".to_vec()),
            Just(b" ".to_vec()),
            Just(b"\t".to_vec()),
            Just(b"__Host-".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..4),
        ];
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn agrees_with_the_model_on_any_bytes(line in lines()) {
            let values: Vec<_> = values([&line[..]].into_iter(), NAME).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(values, model(&line, NAME));
        }
    }
}
