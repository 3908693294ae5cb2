//! What the built-in pages say unless they are told otherwise.

use super::texts::Text;
use crate::reason::EndReason;
use std::time::Duration;

/// Why the session ended.
pub(super) fn of_reason(reason: &EndReason) -> Text {
    let text = match reason {
        EndReason::Logout | EndReason::Reauthenticated => {
            return Text::new("You signed out", "Your session has ended.");
        }
        EndReason::LogoutElsewhere => "You signed out on another device.",
        EndReason::IdleTimeout => "You were signed out after {idle} without activity.",
        EndReason::AbsoluteTimeout => "Your session reached its maximum length.",
        EndReason::Forced => "You were signed out by an administrator.",
        EndReason::CredentialChange => "Your sign-in details were changed.",
        EndReason::IdentityProvider => "Your identity provider ended your session.",
        EndReason::Superseded => {
            "You signed in on another device, and the session limit was reached."
        }
        EndReason::SubjectDisabled => "This account is not active any more.",
        EndReason::Policy => "Your session was ended for security reasons.",
        EndReason::Custom(_) | EndReason::Lost | EndReason::Undelivered => {
            "Your session has ended."
        }
    };
    Text::new("You were signed out", text)
}

/// "15 minutes", "1 hour 30 minutes": in whole seconds.
pub(super) fn in_english(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3_600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let words: Vec<_> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if words.is_empty() {
        return "less than a second".to_owned();
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_said_in_words() {
        for (seconds, words) in [
            (0, "less than a second"),
            (1, "1 second"),
            (3, "3 seconds"),
            (60, "1 minute"),
            (900, "15 minutes"),
            (5_400, "1 hour 30 minutes"),
            (90_061, "1 day 1 hour 1 minute 1 second"),
            (172_800, "2 days"),
        ] {
            assert_eq!(in_english(Duration::from_secs(seconds)), words);
        }
    }
}
