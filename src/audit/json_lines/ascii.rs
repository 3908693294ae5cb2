//! JSON in printable ASCII.

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io;

/// JSON in printable ASCII without line breaks.
///
/// Everything else is escaped, also where JSON would not demand it: separators of lines
/// (`U+2028`, `U+0085`) that some readers split at, delete, and marks that turn the direction of
/// text around on a screen.
pub(super) fn to_ascii_json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut json = Vec::with_capacity(512);
    value.serialize(&mut Serializer::with_formatter(&mut json, Ascii))?;
    Ok(json)
}

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        for piece in fragment.split_inclusive(|c| !is_plain(c)) {
            let last = piece.chars().next_back().filter(|c| !is_plain(*c));
            let plain = piece.len() - last.map_or(0, char::len_utf8);
            writer.write_all(piece.as_bytes().get(..plain).unwrap_or_default())?;
            for unit in last
                .iter()
                .flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec())
            {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-13-9, R-1-32
    #[test]
    fn every_text_stays_on_one_line_of_printable_ascii_and_reads_back() {
        for text in [
            "a\r\nb",
            "\u{7f}\u{85}\u{2028}\u{2029}\u{202e}",
            "é😀 \"quoted\" \\ back",
            "\0\u{1b}[31m",
            "",
        ] {
            let json = to_ascii_json(&text).unwrap();
            assert!(json.iter().all(|b| (0x20..0x7f).contains(b)), "{json:?}");
            assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        }
    }
}
