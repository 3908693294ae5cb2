//! Reads `Authorization: Bearer <token>` (RFC 9110 section 11.4, RFC 6750 section 2.1).

use super::{Presented, Via, check::is_token_char, cookie_header::trim};
use crate::id::Token;
use http::{HeaderMap, header};

/// What the header presents; `None` if no line of it has the scheme `Bearer`.
///
/// A second `Authorization` line makes it malformed: which one counts would depend on who reads.
pub(super) fn read(headers: &HeaderMap) -> Option<Presented> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let first = lines.next()?;
    let text = match lines.next() {
        None => credentials(first.as_bytes())?,
        Some(second) => {
            let mut all = [first, second].into_iter().chain(lines);
            all.find_map(|line| credentials(line.as_bytes()))?;
            return Some(Presented::Malformed { via: Via::Bearer });
        }
    };
    Some(match Token::parse(text) {
        Ok(token) => Presented::One {
            token,
            via: Via::Bearer,
            strays: false,
        },
        Err(_) => Presented::Malformed { via: Via::Bearer },
    })
}

/// What follows the scheme `Bearer` (in any case) and spaces; empty if it is not set off so.
fn credentials(line: &[u8]) -> Option<&[u8]> {
    let line = trim(line);
    let end = line.iter().position(|byte| !is_token_char(*byte));
    let (scheme, mut rest) = line.split_at_checked(end.unwrap_or(line.len()))?;
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return None;
    }
    // At least one space, and nothing else (`Bearer\t..` stays with its tab and fails to parse).
    while let [b' ', after @ ..] = rest {
        rest = after;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;
    use http::HeaderValue;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(header::AUTHORIZATION, line);
        }
        headers
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_the_token_is_exact() {
        let token = Token::new(SessionId::random().unwrap()).unwrap();
        let text = token.expose();
        let text = text.as_str();
        for scheme in ["Bearer ", "bearer ", "BEARER ", "Bearer    ", " \tBearer "] {
            let read = read(&headers(&[&format!("{scheme}{text}")]));
            let Some(Presented::One {
                token: read,
                via: Via::Bearer,
                strays: false,
            }) = read
            else {
                panic!("{scheme:?}: {read:?}");
            };
            assert_eq!(read.secret_hash(), token.secret_hash(), "{scheme:?}");
        }
    }

    // R-3-5
    #[test]
    fn a_bearer_header_that_holds_no_token_is_malformed() {
        let token = Token::new(SessionId::random().unwrap()).unwrap();
        let text = token.expose();
        let text = text.as_str();
        let basic = "Basic dXNlcjpwYXNz".to_owned();
        let bearer = format!("Bearer {text}");
        for (case, lines) in [
            ("no token", vec!["Bearer".to_owned()]),
            ("empty token", vec!["Bearer  ".to_owned()]),
            ("a tab", vec![format!("Bearer\t{text}")]),
            ("a comma", vec![format!("Bearer,{text}")]),
            ("two tokens", vec![format!("Bearer {text} {text}")]),
            ("a parameter", vec![format!("Bearer {text}, realm=x")]),
            ("quotes", vec![format!("Bearer \"{text}\"")]),
            (
                "a JSON web token",
                vec!["Bearer eyJhbGciOiJub25lIn0.e30.".to_owned()],
            ),
            ("SQL", vec!["Bearer '; DROP TABLE session; --".to_owned()]),
            ("64 KiB", vec![format!("Bearer {}", "A".repeat(65_536))]),
            ("not ASCII", vec![format!("Bearer {}", "é".repeat(32))]),
            ("twice", vec![bearer.clone(), bearer.clone()]),
            ("beside another scheme", vec![basic.clone(), bearer.clone()]),
            ("before two others", vec![bearer, basic.clone(), basic]),
        ] {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let read = read(&headers(&lines));
            assert!(
                matches!(read, Some(Presented::Malformed { via: Via::Bearer })),
                "{case}"
            );
        }
    }

    #[test]
    fn other_schemes_are_not_ours() {
        for lines in [
            &[][..],
            &[""],
            &["Basic dXNlcjpwYXNz"],
            &["Basic dXNlcjpwYXNz", "Digest x"],
            &["BearerX abc"],
            &["Bearer-2 abc"],
            &["\"Bearer\" abc"],
        ] {
            assert!(read(&headers(lines)).is_none(), "{lines:?}");
        }
    }
}
