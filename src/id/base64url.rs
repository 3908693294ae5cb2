//! base64url without padding (RFC 4648 section 5), strict: one text for each value.
//!
//! Hand-written because it parses hostile input on every request: no allocation, and neither a
//! branch nor a look-up that depends on a secret. All characters are mapped side by side, which
//! compilers turn into vector instructions, and eight of them are packed at once.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The most characters that are decoded, and the bytes that they make.
const MOST: usize = 64;
const MOST_BYTES: usize = 48;

/// Decodes exactly `N` bytes, at most 48.
///
/// `None` for any other length, any byte outside the alphabet, and for text whose unused low
/// bits are not zero: a value has one spelling.
pub(super) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    const { assert!(N <= MOST_BYTES) };
    if text.len() != encoded_len(N) {
        return None;
    }
    let (groups, bad) = groups_of(text);
    let mut bytes = [0; MOST_BYTES];
    let (sixes, _) = bytes.as_chunks_mut::<6>();
    for (group, six) in groups.iter().zip(sixes) {
        let [_, _, decoded @ ..] = group.to_be_bytes();
        *six = decoded;
    }
    let (decoded, unused) = bytes.split_first_chunk()?;
    let bad = unused.iter().fold(bad, |bad, byte| bad | byte);
    (bad == 0).then_some(*decoded)
}

/// Decodes 64 characters to 48 bytes, as twice three numbers with the first byte highest.
#[inline]
pub(super) fn decode_words(text: &[u8]) -> Option<[[u64; 3]; 2]> {
    if text.len() != MOST {
        return None;
    }
    let (groups, bad) = groups_of(text);
    let (halves, _) = groups.as_chunks::<4>();
    let [first, second] = halves else {
        return None;
    };
    (bad == 0).then(|| [joined(*first), joined(*second)])
}

/// The 192 bits of four groups.
const fn joined([one, two, three, four]: [u64; 4]) -> [u64; 3] {
    [
        one << 16 | two >> 32,
        two << 32 | three >> 16,
        three << 48 | four,
    ]
}

/// Eight times 48 bits, and whether a character is outside the alphabet: not 0. What the text
/// does not fill is zero, like its unused bits must be.
#[inline]
fn groups_of(text: &[u8]) -> ([u64; 8], u8) {
    let mut values = [0; MOST];
    for (value, byte) in values.iter_mut().zip(text) {
        *value = value_of(*byte);
    }
    let bad = values.iter().fold(0, |bad, value| bad | value) & INVALID;
    let mut groups = [0; 8];
    let (eights, _) = values.as_chunks::<8>();
    for (group, eight) in groups.iter_mut().zip(eights) {
        *group = packed(*eight);
    }
    (groups, bad)
}

/// The 6 bits of a character, or [`INVALID`].
const fn value_of(byte: u8) -> u8 {
    // The value + 1 within a range of the alphabet, and 0 outside.
    const fn within(byte: u8, first: u8, last: u8, value: u8) -> u8 {
        let inside = (byte.wrapping_sub(first) <= last - first) as u8;
        inside.wrapping_neg() & byte.wrapping_sub(first).wrapping_add(value + 1)
    }
    let one_more = within(byte, b'A', b'Z', 0)
        | within(byte, b'a', b'z', 26)
        | within(byte, b'0', b'9', 52)
        | within(byte, b'-', b'-', 62)
        | within(byte, b'_', b'_', 63);
    // 0 - 1 has the high bits.
    one_more.wrapping_sub(1)
}

/// Bits that no value of a character has.
const INVALID: u8 = 0xC0;

/// The 48 bits of eight characters: in pairs, pairs of pairs, and both halves.
const fn packed(values: [u8; 8]) -> u64 {
    let six = u64::from_be_bytes(values);
    let twelve = (six & 0x003F_003F_003F_003F) | ((six & 0x3F00_3F00_3F00_3F00) >> 2);
    let twenty_four = (twelve & 0x0000_0FFF_0000_0FFF) | ((twelve & 0x0FFF_0000_0FFF_0000) >> 4);
    (twenty_four & 0x00FF_FFFF) | ((twenty_four & 0x00FF_FFFF_0000_0000) >> 8)
}

/// Appends the text of `bytes`.
pub(super) fn encode(bytes: &[u8], into: &mut String) {
    into.reserve(encoded_len(bytes.len()));
    for group in bytes.chunks(3) {
        let mut bits = [0; 4];
        for (to, from) in bits.iter_mut().skip(1).zip(group) {
            *to = *from;
        }
        let bits = u32::from_be_bytes(bits);
        for place in 0..=group.len() {
            let value = (bits >> (18 - 6 * place)) & 0x3F;
            into.push(char_of(value));
        }
    }
}

/// Characters needed for `bytes` bytes.
pub(super) const fn encoded_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

#[expect(
    clippy::indexing_slicing,
    reason = "six bits are always inside a table of 64"
)]
fn char_of(value: u32) -> char {
    char::from(ALPHABET[(value & 0x3F) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    fn bytes_of(words: [[u64; 3]; 2]) -> Vec<u8> {
        words
            .as_flattened()
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect()
    }

    proptest! {
        #[test]
        fn agrees_with_the_base64_crate(bytes: [u8; 16], wide: [u8; 48]) {
            let mut text = String::new();
            encode(&bytes, &mut text);
            prop_assert_eq!(&text, &URL_SAFE_NO_PAD.encode(bytes));
            prop_assert_eq!(decode::<16>(text.as_bytes()), Some(bytes));

            let mut text = String::new();
            encode(&wide, &mut text);
            prop_assert_eq!(&text, &URL_SAFE_NO_PAD.encode(wide));
            prop_assert_eq!(decode::<48>(text.as_bytes()), Some(wide));
            let words = decode_words(text.as_bytes()).unwrap();
            prop_assert_eq!(bytes_of(words), wide.to_vec());
        }

        #[test]
        fn refuses_what_the_base64_crate_refuses(text in "[A-Za-z0-9_+/= -]{20,24}") {
            let expected = URL_SAFE_NO_PAD.decode(&text).ok().and_then(|b| b.try_into().ok());
            prop_assert_eq!(decode::<16>(text.as_bytes()), expected);
            let long = format!("{text}{}", "A".repeat(64 - text.len()));
            let expected = URL_SAFE_NO_PAD.decode(&long).ok();
            prop_assert_eq!(decode_words(long.as_bytes()).map(bytes_of), expected);
        }
    }

    #[test]
    fn a_value_has_one_spelling() {
        // 16 bytes leave four unused bits in the 22nd character: only zero is accepted.
        assert!(decode::<16>(b"AAAAAAAAAAAAAAAAAAAAAA").is_some());
        assert!(decode::<16>(b"AAAAAAAAAAAAAAAAAAAAAB").is_none());
    }

    #[test]
    fn every_byte_outside_the_alphabet_is_refused() {
        for byte in 0..=u8::MAX {
            let mut text = [b'A'; 64];
            text[17] = byte;
            assert_eq!(
                decode::<48>(&text).is_some(),
                ALPHABET.contains(&byte),
                "{byte:#04x}"
            );
            assert_eq!(
                decode_words(&text).is_some(),
                ALPHABET.contains(&byte),
                "{byte:#04x}"
            );
        }
    }
}
