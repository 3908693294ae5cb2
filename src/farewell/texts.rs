//! The words of the built-in pages.

use super::english::{in_english, of_reason};
use crate::reason::EndReason;
use std::{fmt, sync::Arc, time::Duration};

/// The words of the built-in pages in one language: of the exit page, and of what a person reads where
/// a page is refused and there is no page to log in, or the session cannot be checked.
///
/// Everything that is not replaced is English. A text is plain text: it is escaped where it goes
/// into the page. `{idle}` in it becomes the idle timeout of
/// [`with_timeouts`](crate::SessionsBuilder::with_timeouts) in words; where log-ins have timeouts
/// of their own ([`LogIn::with_timeouts`](crate::session::LogIn::with_timeouts)), write a text
/// without it.
///
/// ```
/// use adjourn::{Sessions, farewell::ExitTexts, reason::EndReason, store::MemoryStore};
///
/// let german = ExitTexts::new("de")
///     .with_reason(EndReason::Logout, "Abgemeldet", "Sie haben sich abgemeldet.")
///     .with_reason(
///         EndReason::IdleTimeout,
///         "Sie wurden abgemeldet",
///         "Sie wurden nach {idle} ohne Aktivität abgemeldet.",
///     )
///     .with_other_reasons("Sie wurden abgemeldet", "Ihre Sitzung ist beendet.")
///     .with_durations(|idle| format!("{} Minuten", idle.as_secs() / 60))
///     .with_log_in_link("Wieder anmelden");
/// let sessions = Sessions::builder(MemoryStore::new())
///     .add_exit_texts(ExitTexts::new("en")) // the first is the one for who asks for neither
///     .add_exit_texts(german)
///     .build()?;
/// # let _ = sessions;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use = "texts do nothing until they are given to add_exit_texts"]
pub struct ExitTexts {
    language: Box<str>,
    right_to_left: bool,
    reasons: Vec<(EndReason, Text)>,
    other: Option<Text>,
    no_session: Text,
    signed_in: Text,
    log_in_again: Text,
    outdated: Text,
    unavailable: Text,
    log_in_link: Box<str>,
    durations: Durations,
}

/// A heading and a sentence.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) title: Box<str>,
    pub(crate) text: Box<str>,
}

type Durations = Arc<dyn Fn(Duration) -> String + Send + Sync>;

impl ExitTexts {
    /// The English texts, for a language tag (RFC 5646: `en`, `de-CH`), by which `Accept-Language`
    /// chooses.
    pub fn new(language: impl Into<Box<str>>) -> Self {
        Self {
            language: language.into(),
            right_to_left: false,
            reasons: Vec::new(),
            other: None,
            no_session: Text::new(
                "You are signed out",
                "There is no active session in this browser.",
            ),
            signed_in: Text::new(
                "You are signed in",
                "There is an active session in this browser.",
            ),
            log_in_again: Text::new("Please sign in again", "This needs a recent sign-in."),
            outdated: Text::new(
                "Please load this page again",
                "Your session was renewed by another request.",
            ),
            unavailable: Text::new(
                "Please try again in a moment",
                "Your session cannot be checked now.",
            ),
            log_in_link: "Sign in again".into(),
            durations: Arc::new(in_english),
        }
    }

    /// The language is written from right to left.
    pub const fn right_to_left(mut self) -> Self {
        self.right_to_left = true;
        self
    }

    /// What to say after an ending for this reason: a heading and a sentence.
    pub fn with_reason(mut self, reason: EndReason, title: &str, text: &str) -> Self {
        self.reasons.retain(|(known, _)| *known != reason);
        self.reasons.push((reason, Text::new(title, text)));
        self
    }

    /// What to say after an ending for any reason that has no text of its own here.
    pub fn with_other_reasons(mut self, title: &str, text: &str) -> Self {
        self.other = Some(Text::new(title, text));
        self
    }

    /// What to say to who opens the page without a session that ended.
    pub fn with_no_session(mut self, title: &str, text: &str) -> Self {
        self.no_session = Text::new(title, text);
        self
    }

    /// What to say to who opens the page while a session lives.
    pub fn with_signed_in(mut self, title: &str, text: &str) -> Self {
        self.signed_in = Text::new(title, text);
        self
    }

    /// What to say to whose log-in is too old for a page, where there is no log-in page.
    pub fn with_log_in_again(mut self, title: &str, text: &str) -> Self {
        self.log_in_again = Text::new(title, text);
        self
    }

    /// What to say to whose session was renewed by another request meanwhile, where there is no
    /// log-in page.
    pub fn with_outdated(mut self, title: &str, text: &str) -> Self {
        self.outdated = Text::new(title, text);
        self
    }

    /// What to say while the session cannot be checked.
    pub fn with_unavailable(mut self, title: &str, text: &str) -> Self {
        self.unavailable = Text::new(title, text);
        self
    }

    /// The label of the link to the log-in page.
    pub fn with_log_in_link(mut self, label: &str) -> Self {
        self.log_in_link = label.into();
        self
    }

    /// How `{idle}` is written. *Default:* in English, "15 minutes", "1 hour 30 minutes".
    pub fn with_durations(
        mut self,
        write: impl Fn(Duration) -> String + Send + Sync + 'static,
    ) -> Self {
        self.durations = Arc::new(write);
        self
    }

    pub(super) fn language(&self) -> &str {
        &self.language
    }

    pub(super) const fn is_right_to_left(&self) -> bool {
        self.right_to_left
    }

    pub(super) fn log_in_link(&self) -> &str {
        &self.log_in_link
    }

    pub(super) fn signed_in(&self) -> Text {
        self.signed_in.clone()
    }

    pub(super) fn log_in_again(&self) -> Text {
        self.log_in_again.clone()
    }

    pub(super) fn outdated(&self) -> Text {
        self.outdated.clone()
    }

    pub(super) fn unavailable(&self) -> Text {
        self.unavailable.clone()
    }

    pub(super) fn signed_out(&self, reason: Option<&EndReason>, idle: Option<Duration>) -> Text {
        let Some(reason) = reason else {
            return self.no_session.clone();
        };
        let own = self.reasons.iter().find(|(known, _)| known == reason);
        let own = own.map(|(_, text)| text).or(self.other.as_ref());
        let text = own.cloned().unwrap_or_else(|| of_reason(reason));
        if !text.title.contains(IDLE) && !text.text.contains(IDLE) {
            return text;
        }
        let idle = idle.map_or_else(|| "a while".to_owned(), |idle| (self.durations)(idle));
        Text::new(
            &text.title.replace(IDLE, &idle),
            &text.text.replace(IDLE, &idle),
        )
    }
}

impl fmt::Debug for ExitTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitTexts")
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

impl Text {
    pub(super) fn new(title: &str, text: &str) -> Self {
        Self {
            title: title.into(),
            text: text.into(),
        }
    }
}

/// The texts of a site: the first language is the one for who asks for none of them.
#[derive(Debug)]
pub(crate) struct PageTexts {
    languages: Vec<ExitTexts>,
    fallback: ExitTexts,
    idle: Option<Duration>,
}

impl PageTexts {
    pub(crate) fn new(languages: Vec<ExitTexts>, idle: Option<Duration>) -> Self {
        let fallback = languages.first().cloned();
        Self {
            languages,
            fallback: fallback.unwrap_or_else(|| ExitTexts::new("en")),
            idle,
        }
    }

    pub(super) const fn idle(&self) -> Option<Duration> {
        self.idle
    }

    /// Whether `Accept-Language` chooses.
    pub(super) const fn are_several(&self) -> bool {
        self.languages.len() > 1
    }

    /// The best of what `Accept-Language` asks for: by weight, then by order; `de-CH` is content
    /// with `de` (RFC 4647 section 3.4).
    pub(super) fn choose(&self, accepted: &[u8]) -> &ExitTexts {
        let mut best: Option<(u16, &ExitTexts)> = None;
        for range in accepted.split(|byte| *byte == b',').take(MOST_RANGES) {
            let mut parts = range.split(|byte| *byte == b';');
            let tag = parts.next().unwrap_or_default().trim_ascii();
            let weight = weight(parts.next());
            if weight > best.map_or(0, |(weight, _)| weight)
                && let Some(texts) = self.of(tag)
            {
                best = Some((weight, texts));
            }
        }
        best.map_or(&self.fallback, |(_, texts)| texts)
    }

    fn of(&self, tag: &[u8]) -> Option<&ExitTexts> {
        let mut tag = tag;
        loop {
            let is = |texts: &&ExitTexts| texts.language.as_bytes().eq_ignore_ascii_case(tag);
            if let Some(texts) = self.languages.iter().find(is) {
                return Some(texts);
            }
            let shorter = tag.iter().rposition(|byte| *byte == b'-')?;
            tag = tag.get(..shorter)?;
        }
    }
}

/// `q=0.8` in thousandths; what is not a weight counts as the least.
fn weight(parameter: Option<&[u8]>) -> u16 {
    let Some(parameter) = parameter else {
        return 1000;
    };
    let text = std::str::from_utf8(parameter.trim_ascii()).unwrap_or_default();
    let number = text.strip_prefix("q=").or_else(|| text.strip_prefix("Q="));
    match number.map(str::as_bytes) {
        Some([b'1', ..]) => 1000,
        Some([b'0', b'.', digits @ ..]) if digits.len() <= 3 => {
            let digit = |at: usize| digits.get(at).map_or(0, |byte| byte.saturating_sub(b'0'));
            100 * u16::from(digit(0)) + 10 * u16::from(digit(1)) + u16::from(digit(2))
        }
        _ => 0,
    }
}

const IDLE: &str = "{idle}";

/// Who asks for more languages than that asks for none of ours.
const MOST_RANGES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_best_that_is_asked_for() {
        let texts = ["en", "de", "pt-BR", "de-AT"].map(ExitTexts::new);
        let texts = PageTexts::new(texts.into(), None);
        for (accepted, language) in [
            ("", "en"),
            ("*", "en"),
            ("fr", "en"),
            ("de", "de"),
            ("DE-ch", "de"),
            ("de-AT", "de-AT"),
            ("de-at-1996", "de-AT"),
            ("pt", "en"),
            ("pt-br, en;q=0.5", "pt-BR"),
            ("fr, de;q=0.5, en;q=0.7", "en"),
            ("fr, de;q=0.75, en;q=0.7", "de"),
            ("de;q=0, pt-BR;q=0.001", "pt-BR"),
            ("de;q=x, en-GB", "en"),
            ("de;q=1.0", "de"),
            ("-, --, ;q, ,", "en"),
        ] {
            let chosen = texts.choose(accepted.as_bytes());
            assert_eq!(chosen.language(), language, "{accepted}");
        }
        let none = PageTexts::new(Vec::new(), None);
        assert_eq!(none.choose(b"de").language(), "en");
        let only = PageTexts::new(vec![ExitTexts::new("de")], None);
        assert_eq!(only.choose(b"fr").language(), "de");
    }

    #[test]
    fn what_is_not_replaced_is_english_or_what_stands_for_the_others() {
        let idle = Some(Duration::from_mins(15));
        let own = ExitTexts::new("x").with_reason(EndReason::Forced, "A", "after {idle}: {idle}");
        assert_eq!(
            &*own.signed_out(Some(&EndReason::Forced), idle).text,
            "after 15 minutes: 15 minutes"
        );
        let english = own.signed_out(Some(&EndReason::IdleTimeout), idle);
        assert_eq!(
            &*english.text,
            "You were signed out after 15 minutes without activity."
        );
        let others = own.with_other_reasons("B", "b");
        assert_eq!(
            &*others.signed_out(Some(&EndReason::Logout), idle).title,
            "B"
        );
        assert_eq!(
            &*others.signed_out(Some(&EndReason::Forced), idle).title,
            "A"
        );
        let none = others.signed_out(None, idle);
        assert_eq!(&*none.title, "You are signed out");
    }
}
