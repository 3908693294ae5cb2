//! One source that tries many tokens.

use std::{net::IpAddr, time::Duration};

/// When the tokens from one source look like guessing.
///
/// Counted are well-formed tokens that name no session or have a wrong secret, each different from
/// the last few of its source: a client that repeats one forgotten token guesses nothing. A source
/// is an address, of IPv6 the first 64 bits; all clients without a known address are one source. Counted
/// in bounded memory: of the last 20,000 sources.
///
/// Nothing is blocked: behind one address there may be many honest users, and 256 bits are not
/// guessed. See [`on_guessing`](crate::SessionsBuilder::on_guessing).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a threshold does nothing until it is given to the builder"]
pub struct Guessing {
    pub(crate) threshold: u32,
    pub(crate) window: Duration,
}

impl Guessing {
    /// 100 tokens within ten minutes.
    pub const fn new() -> Self {
        Self {
            threshold: 100,
            window: Duration::from_mins(10),
        }
    }

    /// How many tokens. *Default:* 100; at least 1.
    pub const fn with_threshold(mut self, tokens: u32) -> Self {
        self.threshold = tokens;
        self
    }

    /// Within which time. *Default:* ten minutes, counted from the first.
    pub const fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }
}

impl Default for Guessing {
    fn default() -> Self {
        Self::new()
    }
}

/// One source presented so many tokens that were never issued. Told once for each window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Guesses {
    /// Which; `None` for clients whose address is not known.
    pub source: Option<IpAddr>,
    /// How many in this window so far.
    pub count: u32,
}

impl Guesses {
    pub(crate) const fn new(source: Option<IpAddr>, count: u32) -> Self {
        Self { source, count }
    }
}
