//! base64url without padding (RFC 4648 section 5), strict: one text for each value.
//!
//! Hand-written because it parses hostile input on every request: a table look-up per character,
//! no allocation, no branch that depends on a secret.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What a byte outside the alphabet decodes to: its high bits survive any `|`.
const INVALID: u8 = 0xFF;

/// The value of every byte, or [`INVALID`].
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where a panic is an error"
)]
const VALUES: [u8; 256] = {
    let mut values = [INVALID; 256];
    let mut value = 0;
    while value < 64 {
        values[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// Decodes exactly `N` bytes.
///
/// `None` for any other length, any byte outside the alphabet, and for text whose unused low
/// bits are not zero: a value has one spelling.
pub(super) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != encoded_len(N) {
        return None;
    }
    let mut bytes = [0; N];
    let mut bad = 0;
    for (group, out) in text.chunks(4).zip(bytes.chunks_mut(3)) {
        let mut bits = 0u32;
        for (place, byte) in group.iter().enumerate() {
            let value = value_of(*byte);
            bad |= value;
            bits |= u32::from(value & 0x3F) << (18 - 6 * place);
        }
        let [_, decoded @ ..] = bits.to_be_bytes();
        let (used, unused) = decoded.split_at(out.len());
        out.copy_from_slice(used);
        bad |= if unused.iter().all(|byte| *byte == 0) {
            0
        } else {
            INVALID
        };
    }
    (bad & 0xC0 == 0).then_some(bytes)
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
    reason = "a byte is always inside a table of 256"
)]
fn value_of(byte: u8) -> u8 {
    VALUES[usize::from(byte)]
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
        }

        #[test]
        fn refuses_what_the_base64_crate_refuses(text in "[A-Za-z0-9_+/= -]{20,24}") {
            let expected = URL_SAFE_NO_PAD.decode(&text).ok().and_then(|b| b.try_into().ok());
            prop_assert_eq!(decode::<16>(text.as_bytes()), expected);
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
        }
    }
}
