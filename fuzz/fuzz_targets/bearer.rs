//! `Authorization` header lines: each input line is one.

#![no_main]

use adjourn::carrier::{Via, fuzzing};
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::AUTHORIZATION, value);
        }
    }
    match fuzzing::presented(&headers) {
        None => {}
        Some((Via::Bearer, 0)) => {}
        Some((Via::Bearer, 1)) => assert_eq!(headers.len(), 1),
        Some(other) => panic!("no cookie and one credential at most: {other:?}"),
    }
});
