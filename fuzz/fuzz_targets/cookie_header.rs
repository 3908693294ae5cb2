//! `Cookie` header lines: the first input line is a name, each other one a header line.

#![no_main]

use adjourn::carrier::fuzzing;
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let name = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        if is_name(name) {
            assert_eq!(fuzzing::cookie_values(line, name), naive(line, name));
        }
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, value);
        }
    }
    let tokens = fuzzing::presented(&headers).map_or(0, |(_, tokens)| tokens);
    let copies = headers
        .get_all(header::COOKIE)
        .iter()
        .map(|line| naive(line.as_bytes(), b"__Host-sid").len())
        .sum::<usize>();
    assert!(tokens <= copies.min(8));
});

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.iter().any(|byte| b"=; \t".contains(byte))
}

fn naive<'a>(line: &'a [u8], name: &[u8]) -> Vec<&'a [u8]> {
    line.split(|byte| *byte == b';')
        .filter_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            (trim(&pair[..equals]) == name).then(|| trim(&pair[equals + 1..]))
        })
        .collect()
}

fn trim(bytes: &[u8]) -> &[u8] {
    let full = |byte: &u8| !b" \t".contains(byte);
    match (bytes.iter().position(full), bytes.iter().rposition(full)) {
        (Some(start), Some(end)) => &bytes[start..=end],
        _ => &[],
    }
}
