//! The value of the marker cookie.

#![no_main]

use adjourn::farewell::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let Some((written, path)) = fuzzing::marker(value) else {
        return;
    };
    // What was read is written such that it is read again, and nothing in it ends a cookie.
    assert_eq!(
        fuzzing::marker(written.as_bytes()),
        Some((written.clone(), path))
    );
    assert!(!written.contains([';', ',']));
});
