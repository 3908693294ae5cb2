//! Which address a request comes from, as far as trusted proxies tell.

use super::Network;
use http::{HeaderMap, HeaderValue};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of the client; `None` if the peer is not known.
///
/// 1. Without trusted proxies: the peer of the connection. Headers are what a client wrote.
/// 2. With them, and only if the peer is one: `X-Forwarded-For` or `Forwarded` (RFC 7239) is
///    walked from the right, where the nearest proxy wrote, over trusted addresses to the first
///    that is not. What stands left of it is hearsay and is not read.
/// 3. A malformed, hidden (`unknown`, `_name`) or missing entry ends the walk at the last trusted
///    proxy: an address that is known beats one that is claimed.
/// 4. If a request carries both headers, they must agree, else the answer is the peer: a proxy
///    that writes one of them passes on what the client wrote in the other. Let the proxy remove
///    the header that it does not write.
///
/// ```
/// use adjourn::policy::{Network, client_address};
/// use http::HeaderMap;
///
/// let trusted: [Network; 1] = ["10.0.0.0/8".parse()?];
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.2".parse().unwrap());
/// let proxy = Some([10, 0, 0, 1].into());
/// let client = Some([203, 0, 113, 9].into());
/// assert_eq!(client_address(proxy, &headers, &trusted), client);
/// assert_eq!(client_address(proxy, &headers, &[]), proxy);
/// # Ok::<(), adjourn::policy::InvalidNetwork>(())
/// ```
#[inline]
pub fn client_address(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    trusted: &[Network],
) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    if !is_trusted(peer, trusted) {
        return Some(peer);
    }
    Some(behind(peer, headers, trusted))
}

/// Whom the proxy says that it speaks for.
fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let x_forwarded_for = headers.contains_key(X_FORWARDED_FOR).then(|| {
        walk(
            peer,
            entries(headers, X_FORWARDED_FOR).map(read_node),
            trusted,
        )
    });
    let forwarded = headers
        .contains_key(FORWARDED)
        .then(|| walk(peer, entries(headers, FORWARDED).map(read_element), trusted));
    match (x_forwarded_for, forwarded) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(client), _) | (None, Some(client)) => client,
        (None, None) => peer,
    }
}

/// Each hop is an address, or `None` where it cannot be read.
fn walk(peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>, trusted: &[Network]) -> IpAddr {
    let mut nearest = peer;
    for hop in hops.take(MAX_HOPS) {
        match hop {
            Some(address) if is_trusted(address, trusted) => nearest = address,
            Some(address) => return address,
            None => return nearest,
        }
    }
    nearest
}

fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// The entries of all lines of a header, the last first.
///
/// A comma always separates: no address holds one, and a quote that a client left open must not
/// swallow what the proxies wrote after it.
fn entries<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .into_iter()
        .rev()
        .map(HeaderValue::as_bytes)
        .flat_map(|line| line.rsplit(|byte| *byte == b','))
}

/// `for=192.0.2.60;proto=http;by=203.0.113.43`
fn read_element(element: &[u8]) -> Option<IpAddr> {
    let mut nodes = element
        .split(|byte| *byte == b';')
        .filter_map(|pair| strip_for(pair.trim_ascii()));
    let node = nodes.next()?;
    if nodes.next().is_some() {
        return None;
    }
    match node {
        [b'"', node @ .., b'"'] => read_node(node),
        _ => read_node(node),
    }
}

fn strip_for(pair: &[u8]) -> Option<&[u8]> {
    let (name, node) = pair.split_at_checked(4)?;
    name.eq_ignore_ascii_case(b"for=").then_some(node)
}

/// An address with or without a port, IPv6 with or without brackets.
fn read_node(node: &[u8]) -> Option<IpAddr> {
    let node = std::str::from_utf8(node.trim_ascii()).ok()?;
    let (address, port): (IpAddr, &str) = if let Some(node) = node.strip_prefix('[') {
        let (address, port) = node.split_once(']')?;
        (address.parse::<Ipv6Addr>().ok()?.into(), port)
    } else if let Ok(address) = node.parse() {
        (address, "")
    } else {
        let (address, port) = node.split_at_checked(node.find(':')?)?;
        (address.parse::<Ipv4Addr>().ok()?.into(), port)
    };
    is_port(port).then(|| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
        None => text.is_empty(),
    }
}

const FORWARDED: &str = "forwarded";
const X_FORWARDED_FOR: &str = "x-forwarded-for";
const MAX_HOPS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let peer = peer.parse().unwrap();
        client_address(Some(peer), &headers, &trusted)
            .unwrap()
            .to_string()
    }

    fn x_forwarded_for(value: &str) -> String {
        found("10.0.0.1", &[("x-forwarded-for", value)])
    }

    fn forwarded(value: &str) -> String {
        found("10.0.0.1", &[("forwarded", value)])
    }

    #[test]
    fn headers_of_an_untrusted_peer_are_not_read() {
        let lines = [
            ("x-forwarded-for", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9"),
        ];
        assert_eq!(found("192.0.2.1", &lines), "192.0.2.1");
        assert_eq!(found("::ffff:192.0.2.1", &lines), "192.0.2.1");
        assert_eq!(client_address(None, &HeaderMap::new(), &[]), None);
    }

    #[test]
    fn the_first_untrusted_address_from_the_right_is_the_client() {
        for (value, client) in [
            ("203.0.113.9", "203.0.113.9"),
            ("1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("10.9.9.9, 203.0.113.9, 10.0.0.2,10.0.0.3", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443, fd00::2", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("10.0.0.9, 10.0.0.8", "10.0.0.9"),
        ] {
            assert_eq!(x_forwarded_for(value), client, "{value}");
        }
        assert_eq!(found("10.0.0.1", &[]), "10.0.0.1");
        let lines = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "203.0.113.9, 10.0.0.2"),
        ];
        assert_eq!(found("10.0.0.1", &lines), "203.0.113.9");
        assert_eq!(found("fd00::1", &lines), "203.0.113.9");
    }

    #[test]
    fn a_malformed_entry_ends_the_walk_at_the_last_trusted_proxy() {
        for value in [
            "203.0.113.9, ",
            "",
            "1.1.1.1, unknown",
            "1.1.1.1, 203.0.113",
            "203.0.113.9:",
            "203.0.113.9:x",
            "203.0.113.9:99999",
            "[203.0.113.9]",
            "[2001:db8::1",
            "[2001:db8::1]443",
            "fe80::1%eth0",
            "\"203.0.113.9\"",
            "203.0.113.9;",
            "unix:",
            "203.0.113.9 10.0.0.2",
            "\u{e9}",
            ":80",
        ] {
            assert_eq!(x_forwarded_for(value), "10.0.0.1", "{value:?}");
            let trusted_first = format!("{value}, 10.0.0.7");
            assert_eq!(
                x_forwarded_for(&trusted_first),
                "10.0.0.7",
                "{trusted_first:?}"
            );
        }
    }

    #[test]
    fn forwarded_is_read_as_well() {
        for (value, client) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("For=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9"),
            (
                "for=1.1.1.1, proto=https; for=\"203.0.113.9:4711\", for=10.0.0.2",
                "203.0.113.9",
            ),
            ("for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=\"[2001:db8::1]\"", "2001:db8::1"),
            ("for=\"a, for=203.0.113.9", "203.0.113.9"),
            ("for=1.1.1.1, for=unknown", "10.0.0.1"),
            ("for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
            ("for=203.0.113.9;for=1.1.1.1", "10.0.0.1"),
            ("for=\"203.0.113.9", "10.0.0.1"),
            ("for=\"", "10.0.0.1"),
            ("for=203.0.113.9:_port", "10.0.0.1"),
        ] {
            assert_eq!(forwarded(value), client, "{value}");
        }
    }

    #[test]
    fn of_two_headers_that_differ_neither_is_believed() {
        let both = |one, other| {
            found(
                "10.0.0.1",
                &[("x-forwarded-for", one), ("forwarded", other)],
            )
        };
        assert_eq!(both("203.0.113.9", "for=203.0.113.9"), "203.0.113.9");
        assert_eq!(both("203.0.113.9", "for=1.1.1.1"), "10.0.0.1");
        assert_eq!(both("1.1.1.1", "for=203.0.113.9, for=10.0.0.2"), "10.0.0.1");
        assert_eq!(both("203.0.113.9", "junk"), "10.0.0.1");
    }

    #[test]
    fn the_walk_is_bounded() {
        let long = format!("203.0.113.9{}", ", 10.0.0.2".repeat(MAX_HOPS));
        assert_eq!(x_forwarded_for(&long), "10.0.0.2");
        let fitting = format!("203.0.113.9{}", ", 10.0.0.2".repeat(MAX_HOPS - 1));
        assert_eq!(x_forwarded_for(&fitting), "203.0.113.9");
    }

    proptest! {
        #[test]
        fn what_a_client_writes_never_hides_what_the_proxy_saw(spoof in "[ -~]{0,40}") {
            let seen = format!("{spoof}, 203.0.113.9");
            prop_assert_eq!(x_forwarded_for(&seen), "203.0.113.9");
            prop_assert_eq!(forwarded(&format!("{spoof}, for=203.0.113.9")), "203.0.113.9");
        }
    }
}
