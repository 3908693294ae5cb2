//! What a request presents.

use super::{
    Cookie, Sighted, bearer,
    cookie_header::{candidates, values},
    sighted::CookieLines,
};
use crate::id::Token;
use http::HeaderMap;
use std::iter;

/// The ways by which tokens are accepted.
#[derive(Clone, Debug)]
pub(crate) struct Carriers {
    /// The session cookie, unless this is an interface without cookies.
    pub(crate) cookie: Option<Cookie>,
    /// Whether `Authorization: Bearer` is accepted.
    pub(crate) bearer: bool,
}

impl Carriers {
    /// What the headers of a request present, by the rules of the [module](super).
    #[inline]
    pub(crate) fn read(&self, headers: &HeaderMap, sighted: &Sighted<'_>) -> Presented {
        if sighted.has_credentials() {
            self.read_credentials(headers, sighted)
        } else {
            Presented::Nothing
        }
    }

    fn read_credentials(&self, headers: &HeaderMap, sighted: &Sighted<'_>) -> Presented {
        if self.bearer
            && sighted.has_authorization()
            && let Some(presented) = bearer::read(headers)
        {
            return presented;
        }
        let Some(cookie) = &self.cookie else {
            return Presented::Nothing;
        };
        let name = cookie.name().as_bytes();
        match sighted.cookies() {
            CookieLines::None => Presented::Nothing,
            CookieLines::One(line) => judge(values(iter::once(line.as_bytes()), name)),
            CookieLines::Several => judge(candidates(headers, name)),
        }
    }
}

/// What a request presents.
///
/// A token that is well-formed: whether it was ever issued, only the store knows.
#[derive(Debug)]
pub(crate) enum Presented {
    /// Something stands where a token belongs, and none of it is one.
    Malformed { via: Via },
    /// The request names no session.
    Nothing,
    /// One token. `strays`: its cookie name came more than once, with junk or the same value.
    One {
        token: Token,
        via: Via,
        strays: bool,
    },
    /// Different tokens under one name, at most [`MAX_TOKENS`]: the first ones.
    Several { tokens: Vec<Token>, via: Via },
}

/// By which carrier a token came.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Via {
    /// `Authorization: Bearer`, which a program adds on purpose.
    Bearer,
    /// The session cookie, which a browser adds by itself.
    Cookie,
}

fn judge<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Presented {
    let Some(first) = values.next() else {
        return Presented::Nothing;
    };
    if let Some(second) = values.next() {
        return judge_duplicates([first, second].into_iter().chain(values));
    }
    match Token::parse(first) {
        Ok(token) => Presented::One {
            token,
            via: Via::Cookie,
            strays: false,
        },
        Err(_) => Presented::Malformed { via: Via::Cookie },
    }
}

/// Two values or more: rare, and a sign of a cookie planted by another host or path.
#[cold]
fn judge_duplicates<'a>(values: impl Iterator<Item = &'a [u8]>) -> Presented {
    let via = Via::Cookie;
    // A token has one spelling, so that texts differ exactly if tokens do.
    let mut texts = Vec::new();
    let mut tokens = Vec::new();
    for text in values {
        if tokens.len() < MAX_TOKENS
            && !texts.contains(&text)
            && let Ok(token) = Token::parse(text)
        {
            texts.push(text);
            tokens.push(token);
        }
    }
    if tokens.len() > 1 {
        return Presented::Several { tokens, via };
    }
    match tokens.pop() {
        Some(token) => Presented::One {
            token,
            via,
            strays: true,
        },
        None => Presented::Malformed { via },
    }
}

/// The most tokens that one request can make us look up.
const MAX_TOKENS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{carrier::CookieSpec, id::SessionId};
    use http::{HeaderName, HeaderValue, Request, header};

    fn token() -> String {
        let token = Token::new(SessionId::random().unwrap()).unwrap();
        token.expose().to_string()
    }

    fn read(bearer: bool, lines: &[(HeaderName, &[u8])]) -> Presented {
        let cookie = Cookie::for_session(&CookieSpec::session()).unwrap();
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(name, HeaderValue::from_bytes(line).unwrap());
        }
        let carriers = Carriers {
            cookie: Some(cookie),
            bearer,
        };
        carriers.read(&headers, &Sighted::of(&headers))
    }

    fn read_cookies(line: &[u8]) -> Presented {
        read(true, &[(header::COOKIE, line)])
    }

    /// What is presented, in short: the ids of the tokens, and what else there is to say.
    fn shown(presented: &Presented) -> String {
        match presented {
            Presented::Malformed { via } => format!("malformed {via:?}"),
            Presented::Nothing => "nothing".to_owned(),
            Presented::One { token, via, strays } => {
                let strays = if *strays { " strays" } else { "" };
                format!("{via:?} {}{strays}", token.id())
            }
            Presented::Several { tokens, via } => {
                let ids: Vec<_> = tokens.iter().map(|token| token.id().to_string()).collect();
                format!("several {via:?} {}", ids.join(" "))
            }
        }
    }

    fn id(token: &str) -> SessionId {
        Token::parse(token.as_bytes()).unwrap().id()
    }

    // R-5-13, R-5-14
    #[test]
    fn every_copy_of_the_cookie_counts_in_any_order() {
        let (s1, s2) = (token(), token());
        let (id1, id2) = (id(&s1), id(&s2));
        for (case, values, expected) in [
            ("one", vec![&s1[..]], format!("Cookie {id1}")),
            ("two", vec![&s1, &s2], format!("several Cookie {id1} {id2}")),
            (
                "two, the other way",
                vec![&s2, &s1],
                format!("several Cookie {id2} {id1}"),
            ),
            (
                "junk before",
                vec!["junk", &s1],
                format!("Cookie {id1} strays"),
            ),
            ("junk after", vec![&s1, ""], format!("Cookie {id1} strays")),
            (
                "an equal copy",
                vec![&s1, &s1],
                format!("Cookie {id1} strays"),
            ),
            (
                "copies of two",
                vec![&s1, &s2, &s1],
                format!("several Cookie {id1} {id2}"),
            ),
            (
                "only junk",
                vec!["junk", "more"],
                "malformed Cookie".to_owned(),
            ),
            ("empty", vec![""], "malformed Cookie".to_owned()),
            ("none", vec![], "nothing".to_owned()),
        ] {
            let pairs: Vec<_> = values.iter().map(|v| format!("__Host-sid={v}")).collect();
            let read = read_cookies(pairs.join("; ").as_bytes());
            assert_eq!(shown(&read), expected, "{case}");
        }
    }

    #[test]
    fn one_request_presents_at_most_eight_tokens() {
        let pairs: Vec<_> = (0..20).map(|_| format!("__Host-sid={}", token())).collect();
        let Presented::Several { tokens, .. } = read_cookies(pairs.join(";").as_bytes()) else {
            panic!("twenty tokens are several");
        };
        assert_eq!(tokens.len(), MAX_TOKENS);
    }

    // R-2-1, R-3-5: refused by length and alphabet, before any store.
    #[test]
    fn what_is_no_token_is_malformed() {
        for (case, value) in [
            ("64 KiB", vec![b'A'; 65_536]),
            ("4 KiB", vec![b'A'; 4096]),
            ("SQL", b"' OR 1=1 -- DROP TABLE session".to_vec()),
            ("not UTF-8", vec![0xFF; 64]),
            ("quoted", format!("\"{}\"", token()).into_bytes()),
            (
                "percent-encoded",
                token()
                    .replacen(char::is_alphanumeric, "%41", 1)
                    .into_bytes(),
            ),
            ("one short", token().into_bytes()[1..].to_vec()),
            (
                "a space inside",
                [&token().into_bytes()[..32], b" ", &[b'A'; 31]].concat(),
            ),
        ] {
            let read = read_cookies(&[&b"__Host-sid="[..], &value].concat());
            assert_eq!(shown(&read), "malformed Cookie", "{case}");
        }
        assert!(
            HeaderValue::from_bytes(b"__Host-sid=\0").is_err(),
            "NUL does not arrive"
        );
    }

    // R-5-10, R-5-11
    #[test]
    fn names_are_bytes_and_bad_bytes_hide_nothing() {
        let s1 = token();
        for other in [
            "%5F%5FHost-sid",
            "\u{2000}__Host-sid",
            "__HOST-sid",
            "__Host-sid%20",
        ] {
            let read = read_cookies(format!("{other}={s1}").as_bytes());
            assert_eq!(shown(&read), "nothing", "{other}");
        }
        let read = read_cookies(format!("x=\u{FF}; __Host-sid={s1}").as_bytes());
        assert_eq!(shown(&read), format!("Cookie {}", id(&s1)));
    }

    #[test]
    fn the_explicit_credential_wins() {
        let (s1, s2) = (token(), token());
        let cookie = format!("__Host-sid={s1}");
        let bearer = format!("Bearer {s2}");
        let by_cookie = format!("Cookie {}", id(&s1));
        for (case, bearer_on, authorization, expected) in [
            (
                "well-formed",
                true,
                &bearer[..],
                format!("Bearer {}", id(&s2)),
            ),
            (
                "malformed",
                true,
                "Bearer nonsense",
                "malformed Bearer".to_owned(),
            ),
            (
                "another scheme",
                true,
                "Basic dXNlcjpwYXNz",
                by_cookie.clone(),
            ),
            ("bearer not accepted", false, &bearer, by_cookie),
        ] {
            let lines = [
                (header::COOKIE, cookie.as_bytes()),
                (header::AUTHORIZATION, authorization.as_bytes()),
            ];
            assert_eq!(shown(&read(bearer_on, &lines)), expected, "{case}");
        }
    }

    // R-1-26, R-3-3
    #[test]
    fn no_other_part_of_a_request_carries_a_token() {
        let s1 = token();
        let request = Request::builder()
            .uri(format!(
                "/me;jsessionid={s1}?sid={s1}&__Host-sid={s1}&access_token={s1}"
            ))
            .header("x-session-id", &s1)
            .header("__host-sid", &s1)
            .header("set-cookie", format!("__Host-sid={s1}"))
            .header("proxy-authorization", format!("Bearer {s1}"))
            .header("referer", format!("https://a.example/?__Host-sid={s1}"))
            .body(format!("access_token={s1}"))
            .unwrap();
        let cookie = Cookie::for_session(&CookieSpec::session()).unwrap();
        let carriers = Carriers {
            cookie: Some(cookie),
            bearer: true,
        };
        assert_eq!(
            shown(&carriers.read(request.headers(), &Sighted::of(request.headers()))),
            "nothing"
        );
    }

    #[test]
    fn without_the_cookie_carrier_cookies_are_not_read() {
        let carriers = Carriers {
            cookie: None,
            bearer: true,
        };
        let mut headers = HeaderMap::new();
        let line = HeaderValue::try_from(format!("__Host-sid={}", token())).unwrap();
        headers.insert(header::COOKIE, line);
        assert_eq!(
            shown(&carriers.read(&headers, &Sighted::of(&headers))),
            "nothing"
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let s1 = token();
        let debug = format!("{:?}", read_cookies(format!("__Host-sid={s1}").as_bytes()));
        assert!(
            debug.contains(&s1[..21]) && !debug.contains(&s1[22..]),
            "{debug}"
        );
    }
}
