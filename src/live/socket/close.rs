//! What a socket is told when its session ends.

use crate::reason::EndReason;
use std::time::Duration;

/// The Close frame of a WebSocket whose session ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Close {
    code: u16,
    reason: EndReason,
    unavailable: bool,
}

impl Close {
    /// 1008 ("Policy Violation"), for clients that know the codes of RFC 6455 only: see
    /// [`with_default_close_code`](crate::SessionsBuilder::with_default_close_code).
    pub const POLICY_VIOLATION: u16 = 1008;
    /// 3008 ("Timeout" in the registry of IANA), for the timeouts: see
    /// [`with_close_code`](crate::SessionsBuilder::with_close_code).
    pub const TIMEOUT: u16 = 3008;
    /// 3000 ("Unauthorized" in the registry of IANA), the default.
    pub const UNAUTHORIZED: u16 = 3000;

    /// The status code: 3000 unless configured otherwise; 1013 ("Try Again Later") when the session
    /// could not be verified and may go on.
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// Why the session ended; [`Lost`](EndReason::Lost) also when the store could not say for too
    /// long whether it has.
    pub const fn reason(&self) -> &EndReason {
        &self.reason
    }

    /// The text of the frame: the [code](EndReason::code) of the reason, at most 32 of the 123
    /// bytes that there is room for (RFC 6455, 5.5). It names nobody. `store-unavailable` when the
    /// session may go on.
    pub fn text(&self) -> &str {
        if self.unavailable {
            return "store-unavailable";
        }
        self.reason.code()
    }
}

/// Which code goes with which reason, and how long a peer has to answer.
#[derive(Clone, Debug)]
pub(crate) struct CloseRules {
    pub(crate) usual: u16,
    /// The last one of a reason counts.
    pub(crate) by_reason: Vec<(EndReason, u16)>,
    pub(crate) grace: Duration,
}

impl CloseRules {
    pub(super) fn close(&self, reason: EndReason) -> Close {
        let special = self.by_reason.iter().rev().find(|(of, _)| *of == reason);
        let code = special.map_or(self.usual, |(_, code)| *code);
        Close {
            code,
            reason,
            unavailable: false,
        }
    }

    /// For a session that may go on.
    pub(super) const fn unavailable() -> Close {
        Close {
            code: TRY_AGAIN_LATER,
            reason: EndReason::Lost,
            unavailable: true,
        }
    }

    /// Every code that may be sent, with the setting that says so.
    pub(crate) fn codes(&self) -> impl Iterator<Item = (&'static str, u16)> {
        let special = self.by_reason.iter();
        let special = special.map(|(_, code)| ("with_close_code", *code));
        std::iter::once(("with_default_close_code", self.usual)).chain(special)
    }
}

impl Default for CloseRules {
    /// "Unauthorized", two seconds.
    fn default() -> Self {
        Self {
            usual: Close::UNAUTHORIZED,
            by_reason: Vec::new(),
            grace: Duration::from_secs(2),
        }
    }
}

/// In the registry of IANA.
const TRY_AGAIN_LATER: u16 = 1013;

/// Whether a server may send this code: defined or registered, not one of those that only a
/// library reports (1005, 1006, 1015) or only a client sends (1010). RFC 6455, 7.4.
pub(crate) const fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1009 | 1011..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-14-8
    #[test]
    fn the_last_code_of_a_reason_counts_and_its_text_fits_the_frame() {
        let longest = EndReason::custom("x".repeat(32)).unwrap();
        let rules = CloseRules {
            by_reason: vec![
                (EndReason::IdleTimeout, 1008),
                (EndReason::IdleTimeout, 3008),
            ],
            ..CloseRules::default()
        };
        assert_eq!(rules.close(EndReason::IdleTimeout).code(), 3008);
        assert_eq!(rules.close(EndReason::Logout).code(), 3000);
        assert_eq!(rules.close(EndReason::Logout).text(), "logout");
        assert!(rules.close(longest).text().len() <= 123);
        assert!(rules.codes().map(|(_, code)| code).eq([3000, 1008, 3008]));
    }

    // R-14-8
    #[test]
    fn codes_that_never_travel_are_known() {
        for code in [
            0, 999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000, 65535,
        ] {
            assert!(!is_sendable(code), "{code}");
        }
        for code in [1000, 1008, 1011, 1014, 3000, 3003, 3008, 4000, 4999] {
            assert!(is_sendable(code), "{code}");
        }
    }
}
