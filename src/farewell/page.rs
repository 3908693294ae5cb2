//! The built-in signed-out page: readable without scripts, styles inside, no external assets.

use crate::reason::EndReason;

/// The page as HTML. `log_in` is the path of the log-in page, if there is one.
pub(crate) fn signed_out(reason: Option<&EndReason>, log_in: Option<&str>) -> String {
    let (title, text) = texts(reason);
    let link = log_in.map_or_else(String::new, |path| {
        format!("<p><a href=\"{}\">Sign in again</a></p>", escaped(path))
    });
    page(title, text, &link)
}

/// The same page for somebody who opens it while a session lives: nobody is told that they are
/// signed out when they are not.
pub(crate) fn still_signed_in() -> String {
    let text = "There is an active session in this browser.";
    page("You are signed in", text, "")
}

fn page(title: &str, text: &str, link: &str) -> String {
    PAGE.replace("[[title]]", title)
        .replace("[[text]]", text)
        .replace("[[link]]", link)
}

const fn texts(reason: Option<&EndReason>) -> (&'static str, &'static str) {
    match reason {
        None => (
            "You are signed out",
            "There is no active session in this browser.",
        ),
        Some(reason) => match reason {
            EndReason::Logout | EndReason::Reauthenticated => {
                ("You signed out", "Your session has ended.")
            }
            EndReason::IdleTimeout => (
                "You were signed out",
                "Nobody was active for a while, so your session was ended.",
            ),
            EndReason::AbsoluteTimeout => (
                "You were signed out",
                "Your session reached its maximum length.",
            ),
            EndReason::Forced => (
                "You were signed out",
                "An administrator ended your session.",
            ),
            EndReason::CredentialChange => {
                ("You were signed out", "Your sign-in details were changed.")
            }
            EndReason::IdentityProvider => (
                "You were signed out",
                "Your identity provider ended your session.",
            ),
            EndReason::Superseded => (
                "You were signed out",
                "You signed in on another device, and the number of sessions is limited.",
            ),
            EndReason::SubjectDisabled => (
                "You were signed out",
                "This account is not active any more.",
            ),
            EndReason::Policy => (
                "You were signed out",
                "Your session was ended for security reasons.",
            ),
            EndReason::Custom(_) | EndReason::Lost | EndReason::Undelivered => {
                ("You were signed out", "Your session has ended.")
            }
        },
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const PAGE: &str = include_str!("signed_out.html");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_and_where_to_go() {
        let page = signed_out(Some(&EndReason::IdleTimeout), Some("/login?a=1&b=\"2\""));
        assert!(page.contains("Nobody was active"));
        assert!(page.contains("href=\"/login?a=1&amp;b=&quot;2&quot;\""));
        assert!(!page.contains("[["), "every place is filled: {page}");
    }
}
