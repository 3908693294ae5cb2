//! The path to which a user may be brought back: what passes stays on the site, byte for byte.

#![no_main]

use adjourn::farewell::fuzzing;
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|path: &[u8]| {
    let Some(passed) = fuzzing::return_path(path) else {
        return;
    };
    assert_eq!(passed.as_bytes(), path);
    let base = Url::parse("https://app.example/auth/login").unwrap();
    let target = base.join(passed).unwrap();
    assert_eq!(target.origin(), base.origin());
    assert_eq!(
        target.path(),
        passed.split(['?', '#']).next().unwrap_or_default()
    );
    let header = http::HeaderValue::from_bytes(path).unwrap();
    assert!(header.to_str().is_ok());
    let lower = target.path().to_ascii_lowercase();
    assert!(!lower.starts_with("/session/") && lower != "/ws" && lower != "/login");
});
