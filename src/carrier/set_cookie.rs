//! Keeps the inner service from setting cookies that are ours to set.

use super::cookie_header::trim;
use http::{HeaderMap, header};

/// Removes the `Set-Cookie` lines of those cookies that are ours, and leaves the others as they
/// are: separate lines, in their order.
///
/// Names are compared as bytes, case included, also behind a prefix: `__host-sid` is another
/// cookie than `__Host-sid` (no browser lets one replace the other), and we never read it.
pub(crate) fn strip_set_cookie(headers: &mut HeaderMap, is_ours: impl Fn(&[u8]) -> bool) {
    let lines = headers.get_all(header::SET_COOKIE);
    let ours = |line: &http::HeaderValue| is_ours(name_of(line.as_bytes()));
    if !lines.iter().any(ours) {
        return;
    }
    let others: Vec<_> = lines.iter().filter(|line| !ours(line)).cloned().collect();
    headers.remove(header::SET_COOKIE);
    for line in others {
        headers.append(header::SET_COOKIE, line);
    }
}

/// The name under which the cookie of a `Set-Cookie` line comes back in a request.
fn name_of(line: &[u8]) -> &[u8] {
    let pair = trim(until(b';', line));
    // A cookie without a name comes back as its bare value: `=sid=x` as `sid=x`.
    let pair = pair.strip_prefix(b"=").unwrap_or(pair);
    trim(until(b'=', pair))
}

fn until(end: u8, line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == end).next().unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn stripped(lines: &[&'static [u8]]) -> Vec<Vec<u8>> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for line in lines {
            headers.append(header::SET_COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        strip_set_cookie(&mut headers, |name| {
            name == b"__Host-sid" || name == b"theme"
        });
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        let left = headers.get_all(header::SET_COOKIE).iter();
        left.map(|line| line.as_bytes().to_vec()).collect()
    }

    // R-5-7, R-5-8
    #[test]
    fn our_lines_go_and_the_others_stay_apart_and_in_order() {
        let left = stripped(&[
            b"b=1; Path=/",
            b"__Host-sid=new; Path=/; Secure",
            b"a=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            b"theme=dark",
            b"a=3",
            b"__Host-sid=newer",
        ]);
        let kept: [&[u8]; 3] = [
            b"b=1; Path=/",
            b"a=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            b"a=3",
        ];
        assert_eq!(left, kept);
    }

    // R-5-7
    #[test]
    fn the_name_is_found_as_a_browser_finds_it() {
        for (case, line, ours) in [
            ("no value", &b"theme="[..], true),
            ("spaces and tabs", b" \ttheme \t= x", true),
            ("not ASCII", b"theme=\xFF; \xFF", true),
            ("nameless, comes back as ours", b"=theme=x", true),
            ("no equals sign, comes back without", b"theme2", false),
            ("value after the semicolon", b"a; theme=x", false),
            ("longer name", b"theme2=x", false),
            ("name as a value", b"a=theme", false),
            ("another cookie by its case", b"__host-sid=x", false),
            ("percent-encoded", b"%74heme=x", false),
            ("quoted", b"\"theme\"=x", false),
            ("empty", b"", false),
        ] {
            assert_eq!(stripped(&[line]).is_empty(), ours, "{case}");
        }
    }

    #[test]
    fn without_such_a_line_nothing_changes() {
        assert!(stripped(&[]).is_empty());
        assert_eq!(stripped(&[b"z=1", b"a=2"]), [b"z=1", b"a=2"]);
    }
}
