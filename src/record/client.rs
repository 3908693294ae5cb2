//! What was known of the client when the session started.

use std::{net::IpAddr, sync::Arc};

/// What was known of the client when the session started: for session lists and audit records.
///
/// Both are what the client or its network said, not proofs. The user agent is cut to
/// [`Client::MAX_USER_AGENT`] bytes and its control characters are replaced.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Client {
    address: Option<IpAddr>,
    user_agent: Option<Arc<str>>,
}

impl Client {
    /// The longest user agent kept, in bytes.
    pub const MAX_USER_AGENT: usize = 256;

    /// Takes the facts; `user_agent` is read as UTF-8 with replacement characters.
    pub fn new(address: Option<IpAddr>, user_agent: Option<&[u8]>) -> Self {
        Self {
            address,
            user_agent: user_agent.map(shown),
        }
    }

    /// The client that a store wrote down: `user_agent` is what [`Client::user_agent`] gave.
    ///
    /// Made harmless again, in case that somebody else wrote it.
    pub fn from_stored(address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        // A replacement character takes three bytes where the one it stands for took one.
        let longest = 3 * Self::MAX_USER_AGENT;
        let user_agent = user_agent.map(|text| {
            let kept = text.get(..text.floor_char_boundary(longest));
            harmless(kept.unwrap_or_default())
        });
        Self {
            address,
            user_agent,
        }
    }

    /// The address of the client, as far as the trusted proxies tell.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The `User-Agent` header, made harmless to print.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// Whether this is the user agent of a request. Allocates only for one that is not plain text.
    pub(crate) fn has_user_agent(&self, presented: Option<&[u8]>) -> bool {
        match (&self.user_agent, presented) {
            (None, None) => true,
            (Some(known), Some(presented)) => {
                let kept = kept(presented);
                let plain = kept.iter().all(|byte| matches!(byte, b' '..=b'~'));
                if plain {
                    known.as_bytes() == kept
                } else {
                    **known == *shown(presented)
                }
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

fn kept(user_agent: &[u8]) -> &[u8] {
    let kept = user_agent.get(..Client::MAX_USER_AGENT);
    kept.unwrap_or(user_agent)
}

fn shown(user_agent: &[u8]) -> Arc<str> {
    harmless(&String::from_utf8_lossy(kept(user_agent)))
}

fn harmless(text: &str) -> Arc<str> {
    text.chars()
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_user_agent_is_harmless() {
        let client = Client::new(None, Some(b"a\r\nb\x1b[31m\xff"));
        assert_eq!(
            client.user_agent(),
            Some("a\u{FFFD}\u{FFFD}b\u{FFFD}[31m\u{FFFD}")
        );
        let long = Client::new(None, Some(&[b'x'; 10_000]));
        assert_eq!(
            long.user_agent().map(str::len),
            Some(Client::MAX_USER_AGENT)
        );
    }

    #[test]
    fn what_a_store_gives_back_is_the_same_client_and_harmless() {
        let client = Client::new(Some([10, 0, 0, 1].into()), Some(&[b'\r'; 300]));
        assert_eq!(
            Client::from_stored(client.address(), client.user_agent()),
            client
        );
        let foreign = Client::from_stored(None, Some("a\nb"));
        assert_eq!(foreign.user_agent(), Some("a\u{FFFD}b"));
        let long = Client::from_stored(None, Some(&"é".repeat(10_000)));
        assert_eq!(long.user_agent().map(str::len), Some(768));
    }

    #[test]
    fn a_user_agent_is_recognised_as_it_was_kept() {
        let huge = [b'x'; 10_000];
        let cut_inside = "é".repeat(200);
        let presented: [&[u8]; 6] = [
            b"",
            b"plain/1.0 (X11)",
            b"a\r\nb\x1b\xff",
            "日本".as_bytes(),
            &huge,
            &cut_inside.as_bytes()[1..],
        ];
        for (number, agent) in presented.iter().enumerate() {
            let client = Client::new(None, Some(agent));
            for (other, presented) in presented.iter().enumerate() {
                let same = client.has_user_agent(Some(presented));
                assert_eq!(same, number == other, "{agent:?} {presented:?}");
            }
            assert!(!client.has_user_agent(None), "{agent:?}");
        }
        let without = Client::new(None, None);
        assert!(without.has_user_agent(None) && !without.has_user_agent(Some(b"")));
    }
}
