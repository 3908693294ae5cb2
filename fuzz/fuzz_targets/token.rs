//! The text of a token.

#![no_main]

use adjourn::id::Token;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Ok(token) = Token::parse(text) {
        assert_eq!(token.expose().as_bytes(), text);
    }
});
