//! What a path spells once its percent escapes are read, and nothing that could be read twice.

use std::borrow::Cow;

/// Decodes a path once. `None` for what two readers could take for two different paths:
///
/// - a malformed escape, or bytes that are not UTF-8 in the end;
/// - an encoded `/` or `\`, or a plain `\`, which some take for `/`;
/// - an encoded `%`, which a second decoding would read again;
/// - control characters, and invisible ones (some file systems skip them in names).
///
/// Without an escape nothing is allocated.
pub(super) fn decode_path(path: &[u8]) -> Option<Cow<'_, str>> {
    let decoded = if path.contains(&b'%') {
        let mut decoded = Vec::with_capacity(path.len());
        let mut rest = path;
        while let Some((byte, encoded, after)) = next(rest)? {
            if encoded && matches!(byte, b'/' | b'\\' | b'%') {
                return None;
            }
            decoded.push(byte);
            rest = after;
        }
        Cow::Owned(String::from_utf8(decoded).ok()?)
    } else {
        Cow::Borrowed(std::str::from_utf8(path).ok()?)
    };
    let ambiguous = |c: char| c == '\\' || c.is_control() || is_invisible(c);
    (!decoded.contains(ambiguous)).then_some(decoded)
}

/// Whether every escape is well-formed and none is an ASCII control character.
///
/// For a query or a fragment, where `%2F` and even `%25` are ordinary.
pub(super) fn is_printable(text: &[u8]) -> bool {
    let mut rest = text;
    loop {
        match next(rest) {
            None => return false,
            Some(None) => return true,
            Some(Some((byte, _, _))) if byte.is_ascii_control() => return false,
            Some(Some((_, _, after))) => rest = after,
        }
    }
}

/// The next byte, whether it was encoded, and what follows. The outer `None` is a malformed
/// escape, the inner one the end.
#[expect(
    clippy::option_option,
    reason = "read at two places, both a few lines away"
)]
fn next(text: &[u8]) -> Option<Option<(u8, bool, &[u8])>> {
    match text {
        [] => Some(None),
        [b'%', high, low, rest @ ..] => {
            let byte = hex(*high)? << 4 | hex(*low)?;
            Some(Some((byte, true, rest)))
        }
        [b'%', ..] => None,
        [byte, rest @ ..] => Some(Some((*byte, false, rest))),
    }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Unicode 16 general categories Cf, Zl and Zp.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{600}'..='\u{605}'
            | '\u{61C}'
            | '\u{6DD}'
            | '\u{70F}'
            | '\u{890}'..='\u{891}'
            | '\u{8E2}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{110BD}'
            | '\u{110CD}'
            | '\u{13430}'..='\u{1343F}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0001}'
            | '\u{E0020}'..='\u{E007F}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_decoded_once() {
        for (path, decoded) in [
            ("/a/b", "/a/b"),
            ("/%61%2Dc", "/a-c"),
            ("/docs/%E2%82%AC", "/docs/€"),
            ("/\u{e9}", "/\u{e9}"),
        ] {
            assert_eq!(decode_path(path.as_bytes()).as_deref(), Some(decoded));
        }
    }

    #[test]
    fn what_can_be_read_twice_is_not_decoded() {
        for path in [
            "/%",
            "/%2",
            "/%zz",
            "/%u0061",
            "/a%2Fb",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/%2561",
            "/%25",
            "/%00",
            "/%0a",
            "/%7F",
            "/a\tb",
            "/%C2%85",
            "/%ff",
            "/%c0%af",
            "/%E2%80%AE",
            "/\u{200b}",
        ] {
            assert_eq!(decode_path(path.as_bytes()), None, "{path:?}");
        }
        assert_eq!(decode_path(b"/\xff"), None);
    }

    proptest! {
        #[test]
        fn encoding_every_byte_changes_nothing(name in "[^/\\\\%]{0,20}") {
            let encoded = name.bytes().fold(String::new(), |s, b| format!("{s}%{b:02x}"));
            prop_assert_eq!(decode_path(encoded.as_bytes()), decode_path(name.as_bytes()));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = (decode_path(&bytes), is_printable(&bytes));
        }
    }
}
