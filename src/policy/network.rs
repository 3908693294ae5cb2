//! A block of addresses: which proxies are trusted.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// A block of addresses in CIDR notation, or a single address.
///
/// IPv4 addresses that are written as IPv6 (`::ffff:10.0.0.1`, as a dual-stack listener shows
/// them) count as IPv4, on both sides of a comparison.
///
/// ```
/// use adjourn::policy::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse().unwrap()));
/// assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
/// assert!("10.1.2.3/8".parse::<Network>().unwrap_err().to_string().contains("10.0.0.0/8"));
/// # Ok::<(), adjourn::policy::InvalidNetwork>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the address is in the block.
    pub fn contains(&self, address: IpAddr) -> bool {
        first(address.to_canonical(), self.prefix) == self.first
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let first = address.to_canonical();
        Self {
            first,
            prefix: width(first),
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork::Address {
            network: text.into(),
        })?;
        let Some(prefix) = prefix else {
            return Ok(address.into());
        };
        let prefix = read_prefix(prefix, width(address)).ok_or_else(|| InvalidNetwork::Prefix {
            network: text.into(),
            at_most: width(address),
        })?;
        let network = Self {
            first: first(address, prefix),
            prefix,
        };
        if network.first == address {
            Ok(network.canonical())
        } else {
            Err(InvalidNetwork::HostBits {
                network: text.into(),
                meant: network,
            })
        }
    }
}

impl Network {
    /// A block of IPv4 addresses written as IPv6 is one of IPv4.
    fn canonical(self) -> Self {
        match (self.first.to_canonical(), self.prefix.checked_sub(96)) {
            (IpAddr::V4(first), Some(prefix)) if self.first.is_ipv6() => Self {
                first: first.into(),
                prefix,
            },
            _ => self,
        }
    }
}

/// Why a text is not a [`Network`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidNetwork {
    /// It does not begin with an address.
    #[error(
        "{network:?} is not a network: expected an address, as in \"10.0.0.0/8\" or \"fd00::/8\""
    )]
    Address {
        /// What was given.
        network: Box<str>,
    },
    /// The address is not the first of its block.
    #[error("the network {network:?} has bits beyond its prefix: did you mean \"{meant}\"?")]
    HostBits {
        /// What was given.
        network: Box<str>,
        /// The block that the address is in.
        meant: Network,
    },
    /// The prefix is not a number, or too long for the address.
    #[error("the network {network:?} has no valid prefix: expected 0 to {at_most} after the /")]
    Prefix {
        /// What was given.
        network: Box<str>,
        /// The width of the address.
        at_most: u8,
    },
}

/// Whether two addresses share so many leading bits: IPv4 written as IPv6 is IPv4, and the families
/// share none.
pub(super) fn in_one_network(one: IpAddr, other: IpAddr, ipv4: u8, ipv6: u8) -> bool {
    let (one, other) = (one.to_canonical(), other.to_canonical());
    let prefix = if one.is_ipv4() { ipv4 } else { ipv6 };
    one.is_ipv4() == other.is_ipv4() && first(one, prefix) == first(other, prefix)
}

/// The first address of the block that the address is in.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    let host_bits = u32::from(width(address).saturating_sub(prefix));
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn read_prefix(digits: &str, at_most: u8) -> Option<u8> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|prefix| *prefix <= at_most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_contains_its_block() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.168.1.0/24", "192.168.1.9", "192.168.2.9"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.8"),
            ("192.168.1.7/32", "::ffff:192.168.1.7", "::192.168.1.7"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.9.9.9"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::1", "::1", "::2"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
        ] {
            assert!(network(block).contains(address(inside)), "{block} {inside}");
            assert!(
                !network(block).contains(address(outside)),
                "{block} {outside}"
            );
        }
        assert_eq!(network("::ffff:10.0.0.0/104").to_string(), "10.0.0.0/8");
    }

    #[test]
    fn what_is_no_network_says_what_is_wrong() {
        for (text, said) in [
            ("", "expected an address"),
            ("proxy.internal", "expected an address"),
            ("10.0.0/8", "expected an address"),
            ("10.0.0.0/", "0 to 32"),
            ("10.0.0.0/33", "0 to 32"),
            ("10.0.0.0/+8", "0 to 32"),
            ("10.0.0.0/8/8", "0 to 32"),
            ("::/129", "0 to 128"),
            ("10.1.2.3/8", "did you mean \"10.0.0.0/8\"?"),
            ("fd00::1/8", "did you mean \"fd00::/8\"?"),
        ] {
            let message = text.parse::<Network>().unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
            assert!(message.contains(&format!("{text:?}")), "{message}");
        }
    }
}
