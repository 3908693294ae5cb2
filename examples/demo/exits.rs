//! What people read when their session is over, on the page that comes with adjourn.

use adjourn::{farewell::ExitTexts, reason::EndReason};
use std::time::Duration;

/// The words, by language. The first is for browsers that ask for none of them; a browser that asks for
/// German reads German, also where the bank itself has no German pages yet.
pub(crate) fn texts() -> [ExitTexts; 2] {
    // What is not said here stays as it comes: each reason has a sentence.
    let english = ExitTexts::new("en").with_reason(
        EndReason::Forced,
        "You were signed out",
        "You were signed out by an administrator of Fernhill Bank. Was this a surprise? Call us, \
         with the number on your card.",
    );
    // A language has no sentences but these, so the last one is for all other reasons.
    let german = ExitTexts::new("de")
        .with_reason(
            EndReason::Logout,
            "Abgemeldet",
            "Sie haben sich abgemeldet. Ihre Sitzung ist beendet.",
        )
        .with_reason(
            EndReason::IdleTimeout,
            "Sie wurden abgemeldet",
            "{idle} lang war niemand da. Darum ist Ihre Sitzung beendet.",
        )
        .with_reason(
            EndReason::Forced,
            "Sie wurden abgemeldet",
            "Die Bank hat Ihre Sitzung beendet. Kam das überraschend? Rufen Sie uns an: Die Nummer \
             steht auf Ihrer Karte.",
        )
        .with_other_reasons("Sie wurden abgemeldet", "Ihre Sitzung ist beendet.")
        .with_no_session(
            "Sie sind abgemeldet",
            "In diesem Browser läuft keine Sitzung.",
        )
        .with_signed_in(
            "Sie sind angemeldet",
            "In diesem Browser läuft eine Sitzung.",
        )
        .with_unavailable(
            "Bitte versuchen Sie es gleich noch einmal",
            "Ihre Sitzung lässt sich gerade nicht prüfen.",
        )
        .with_durations(in_german)
        .with_log_in_link("Wieder anmelden");
    [english, german]
}

/// What `{idle}` becomes.
fn in_german(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (number, one, many) = match seconds {
        0..120 => (seconds, "Sekunde", "Sekunden"),
        120..7_200 => (seconds / 60, "Minute", "Minuten"),
        _ => (seconds / 3_600, "Stunde", "Stunden"),
    };
    format!("{number} {}", if number == 1 { one } else { many })
}
