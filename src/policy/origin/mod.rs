//! The origin of a web application: scheme, host and port, nothing else.

mod error;

pub use error::InvalidOrigin;

use error::Fault;
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The origin under which browsers see the application, e.g. `https://app.example`.
///
/// Lower-cased, without the default port. Compared as scheme, host and port, never as text.
///
/// ```
/// use adjourn::policy::Origin;
///
/// let origin = Origin::parse("HTTPS://App.Example:443")?;
/// assert_eq!(origin.as_str(), "https://app.example");
/// assert!(origin.matches(b"https://app.example"));
/// assert!(!origin.matches(b"https://app.example.evil.example"));
/// assert!(Origin::parse("https://app.example/app").is_err());
/// # Ok::<(), adjourn::policy::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin(Box<str>);

impl Origin {
    /// Checks and normalises `scheme://host[:port]`.
    ///
    /// # Errors
    /// It is something else, or more: see [`InvalidOrigin`].
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        match Parts::read(text.as_bytes()) {
            Ok(parts) => Ok(Self(parts.to_string().into())),
            Err(fault) => Err(fault.with_text(text)),
        }
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the value of an `Origin` header is this origin.
    pub fn matches(&self, header: &[u8]) -> bool {
        match (Parts::read(self.0.as_bytes()), Parts::read(header)) {
            (Ok(own), Ok(theirs)) => own == theirs,
            _ => false,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Whether the value of an `Origin` header is a loopback origin, and the host asked is the same.
///
/// No page of another machine has such an origin, so this needs no configuration.
pub(super) fn is_own_loopback(header: &[u8], host: &[u8]) -> bool {
    let Ok(theirs) = Parts::read(header) else {
        return false;
    };
    theirs.host.is_loopback()
        && Parts::read_authority(theirs.scheme, host).is_ok_and(|own| own == theirs)
}

/// Whether the value of an `Origin` header is that of a page of the host asked which came over plain
/// http, where browsers neither store nor remove a `Secure` cookie. On localhost they do.
pub(super) fn is_own_plain_http(header: &[u8], host: &[u8]) -> bool {
    let Ok(theirs) = Parts::read(header) else {
        return false;
    };
    theirs.scheme == Scheme::Http
        && !theirs.host.is_loopback()
        && Parts::read_authority(theirs.scheme, host).is_ok_and(|own| own == theirs)
}

#[derive(Eq, PartialEq)]
struct Parts<'a> {
    scheme: Scheme,
    host: Host<'a>,
    port: u16,
}

impl<'a> Parts<'a> {
    fn read(origin: &'a [u8]) -> Result<Self, Fault> {
        let (scheme, authority) = [Scheme::Http, Scheme::Https]
            .into_iter()
            .find_map(|scheme| Some((scheme, scheme.strip(origin)?)))
            .ok_or(Fault::Scheme)?;
        Self::read_authority(scheme, authority)
    }

    fn read_authority(scheme: Scheme, authority: &'a [u8]) -> Result<Self, Fault> {
        if authority.contains(&b'@') {
            return Err(Fault::UserInfo);
        }
        if authority
            .iter()
            .any(|byte| matches!(byte, b'/' | b'\\' | b'?' | b'#'))
        {
            return Err(Fault::Path);
        }
        let host_len = match authority {
            [b'[', ..] => authority
                .iter()
                .position(|byte| *byte == b']')
                .map(|at| at + 1),
            _ => authority.iter().position(|byte| *byte == b':'),
        };
        let (host, port) = authority
            .split_at_checked(host_len.unwrap_or(authority.len()))
            .ok_or(Fault::Host)?;
        Ok(Self {
            scheme,
            host: Host::read(host).ok_or(Fault::Host)?,
            port: match port {
                [] => scheme.default_port(),
                [b':', digits @ ..] => read_port(digits).ok_or(Fault::Port)?,
                _ => return Err(Fault::Host),
            },
        })
    }
}

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.scheme.prefix(), self.host)?;
        if self.port == self.scheme.default_port() {
            return Ok(());
        }
        write!(f, ":{}", self.port)
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn strip(self, origin: &[u8]) -> Option<&[u8]> {
        let (start, rest) = origin.split_at_checked(self.prefix().len())?;
        start
            .eq_ignore_ascii_case(self.prefix().as_bytes())
            .then_some(rest)
    }
}

enum Host<'a> {
    /// Also of IPv4: browsers write its address in one way only.
    Name(&'a [u8]),
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    fn read(host: &'a [u8]) -> Option<Self> {
        if let [b'[', address @ .., b']'] = host {
            return std::str::from_utf8(address)
                .ok()?
                .parse()
                .ok()
                .map(Self::V6);
        }
        let mut labels = host.split(|byte| *byte == b'.');
        let last_is_number = labels.clone().next_back()?.iter().all(u8::is_ascii_digit);
        if last_is_number && ipv4(host).is_none() {
            return None;
        }
        labels.all(is_label).then_some(Self::Name(host))
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => {
                name.eq_ignore_ascii_case(b"localhost")
                    || ipv4(name).is_some_and(|address| address.is_loopback())
            }
            Self::V6(address) => address.is_loopback(),
        }
    }
}

impl Eq for Host<'_> {}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one.eq_ignore_ascii_case(other),
            (Self::V6(one), Self::V6(other)) => one == other,
            (Self::Name(_), Self::V6(_)) | (Self::V6(_), Self::Name(_)) => false,
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(&String::from_utf8_lossy(name).to_ascii_lowercase()),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

fn is_label(label: &[u8]) -> bool {
    !label.is_empty()
        && label
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn ipv4(host: &[u8]) -> Option<Ipv4Addr> {
    std::str::from_utf8(host).ok()?.parse().ok()
}

fn read_port(digits: &[u8]) -> Option<u16> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let port = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (port > 0).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_origin_is_normalised() {
        for (text, normal) in [
            ("https://app.example", "https://app.example"),
            ("HTTPS://APP.Example:443", "https://app.example"),
            ("http://app.example:80", "http://app.example"),
            ("http://app.example:443", "http://app.example:443"),
            ("https://app.example:08443", "https://app.example:8443"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[0:0::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), normal);
        }
    }

    #[test]
    fn what_is_no_origin_says_what_is_wrong() {
        for (text, said) in [
            ("app.example", "does not begin with"),
            ("ftp://app.example", "does not begin with"),
            ("https:app.example", "does not begin with"),
            ("null", "does not begin with"),
            ("https://app.example/", "goes on after its host"),
            ("https://app.example?x", "goes on after its host"),
            ("https://app.example\\", "goes on after its host"),
            ("https://", "no valid host"),
            ("https://app..example", "no valid host"),
            ("https://app.example.", "no valid host"),
            ("https://bücher.example", "no valid host"),
            ("https:// app.example", "no valid host"),
            ("https://127.1", "no valid host"),
            ("https://[::1", "no valid host"),
            ("https://[::1]x", "no valid host"),
            ("https://app.example:", "no valid port"),
            ("https://app.example:0", "no valid port"),
            ("https://app.example:+80", "no valid port"),
            ("https://app.example:65536", "no valid port"),
            ("https://user:secret@app.example", "user name or password"),
        ] {
            let message = Origin::parse(text).unwrap_err().to_string();
            assert!(message.contains(said), "{text}: {message}");
            assert!(!message.contains("secret"));
        }
    }

    // R-9-3
    #[test]
    fn lookalikes_do_not_match() {
        let own = Origin::parse("https://app.example").unwrap();
        for header in [
            "https://app.example",
            "https://app.example:443",
            "https://APP.example",
        ] {
            assert!(own.matches(header.as_bytes()), "{header}");
        }
        for header in [
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil.example",
            "https://evil-app.example",
            "https://evil.app.example",
            "https://app.examplefake.test",
            "https://app.exampl",
            "https://app.example.",
            "https://app.example/",
            "https://app.example@evil.example",
            "https://app.example https://evil.example",
            "null",
            "",
        ] {
            assert!(!own.matches(header.as_bytes()), "{header}");
        }
    }

    proptest! {
        #[test]
        fn what_is_normal_reads_back(text in "https?://[a-zA-Z0-9.:\\[\\]-]{1,20}", junk: Vec<u8>) {
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert!(origin.matches(text.as_bytes()));
                prop_assert_eq!(Origin::parse(origin.as_str()), Ok(origin));
            }
            prop_assert!(!is_own_loopback(&junk, &junk));
        }
    }
}
