//! The readers, for the targets in `fuzz/`. Not part of the API: compiled with `--cfg fuzzing`
//! only.

use super::{Carriers, Cookie, CookieSpec, Presented, Via, cookie_header::values};
use http::HeaderMap;

/// The values of every cookie called `name` in one `Cookie` line.
pub fn cookie_values<'a>(line: &'a [u8], name: &'a [u8]) -> Vec<&'a [u8]> {
    values([line].into_iter(), name).collect()
}

/// By which carrier, and how many tokens, the headers present; `None` if they name no session.
pub fn presented(headers: &HeaderMap) -> Option<(Via, usize)> {
    let carriers = Carriers {
        cookie: Cookie::for_session(&CookieSpec::session()).ok(),
        bearer: true,
    };
    match carriers.read(headers, &super::Sighted::of(headers)) {
        Presented::Malformed { via } => Some((via, 0)),
        Presented::Nothing => None,
        Presented::One { via, .. } => Some((via, 1)),
        Presented::Several { tokens, via } => Some((via, tokens.len())),
    }
}
