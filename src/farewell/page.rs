//! The built-in pages, of which the signed-out page is the first: readable without scripts, styles
//! inside, no external assets.
//!
//! The reason is in the title, which a screen reader says first, and the text is what describes
//! the part of the page that gets the focus.

use super::{ExitTexts, FarewellConfig, Refusal, no_store, reply::varying, texts::Text};
use crate::{policy::FetchSite, reason::EndReason, session::Session};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY},
};

/// The page, for a request with these headers: why the session ended, as the marker or the dead
/// token says, else the page that was left. Who opens it while a session lives is not told that
/// they are signed out.
pub(crate) fn exit_page(
    config: &FarewellConfig,
    session: Option<&Session>,
    headers: &HeaderMap,
    query: &str,
) -> Response<Bytes> {
    let accepted = headers.get(ACCEPT_LANGUAGE).map(HeaderValue::as_bytes);
    let texts = config.texts.choose(accepted.unwrap_or_default());
    let lives = session.is_some_and(Session::is_live);
    let text = if lives {
        texts.signed_in()
    } else {
        let marker = config.marker_of(headers);
        let reason = marker
            .map(|marker| marker.reason)
            .or_else(|| session.and_then(Session::end_reason))
            .or_else(|| reason_of(session?, query));
        texts.signed_out(reason.as_ref(), config.texts.idle())
    };
    let log_in = config.exits.log_in.as_deref().filter(|_| !lives);
    let link = log_in.map_or_else(String::new, |path| {
        let (path, label) = (escaped(path), escaped(texts.log_in_link()));
        format!("<p><a href=\"{path}\">{label}</a></p>")
    });
    let response = document(StatusCode::OK, texts, &text, &link);
    let on = if config.texts.are_several() {
        "Accept-Language, Cookie, Sec-Fetch-Site"
    } else {
        "Cookie, Sec-Fetch-Site"
    };
    varying(response, on)
}

/// What a person reads in place of a page that is refused, where no other page tells it. `untold`:
/// why the session ended, if this is the first to say so.
pub(super) fn refusal_page(
    config: &FarewellConfig,
    refusal: &Refusal,
    untold: Option<&EndReason>,
    language: &[u8],
) -> Response<Bytes> {
    let texts = config.texts.choose(language);
    let signed_out = |reason| texts.signed_out(reason, config.texts.idle());
    let (status, text) = match refusal {
        Refusal::Ended(reason) => (StatusCode::UNAUTHORIZED, signed_out(Some(reason))),
        Refusal::Ambiguous | Refusal::NoSession => (StatusCode::UNAUTHORIZED, signed_out(untold)),
        Refusal::NotFresh { .. } => (StatusCode::UNAUTHORIZED, texts.log_in_again()),
        Refusal::Outdated => (StatusCode::UNAUTHORIZED, texts.outdated()),
        Refusal::Unavailable | Refusal::Unjudged => {
            (StatusCode::SERVICE_UNAVAILABLE, texts.unavailable())
        }
    };
    document(status, texts, &text, "")
}

fn document(status: StatusCode, texts: &ExitTexts, text: &Text, link: &str) -> Response<Bytes> {
    let direction = if texts.is_right_to_left() {
        " dir=\"rtl\""
    } else {
        ""
    };
    let page = filled(text, texts.language(), direction, link);
    let mut response = Response::new(Bytes::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    no_store(headers);
    response
}

/// The reason that a page of this site gives when it is left: the marker tells the first of several
/// tabs alone. It chooses among the texts of the site, and a link from elsewhere chooses nothing.
fn reason_of(session: &Session, query: &str) -> Option<EndReason> {
    if session.facts().site() != FetchSite::SameOrigin {
        return None;
    }
    let code = query.strip_prefix("reason=")?;
    EndReason::from_code(code)
        .ok()
        .filter(|_| code != "no-session")
}

/// Fills the places one after the other, so that no text is taken for a place.
fn filled(text: &Text, language: &str, direction: &str, link: &str) -> String {
    let (title, text) = (escaped(&text.title), escaped(&text.text));
    let language = escaped(language);
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + 512);
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("[[") {
        page.push_str(before);
        let (place, after) = after.split_once("]]").unwrap_or((after, ""));
        page.push_str(match place {
            "direction" => direction,
            "language" => &language,
            "link" => link,
            "style" => STYLE,
            "text" => &text,
            _ => &title,
        });
        rest = after;
    }
    page.push_str(rest);
    page
}

/// Text as HTML, in an element or in a double-quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

const PAGE: &str = include_str!("signed_out.html");
const STYLE: &str = include_str!("signed_out.css");

/// The page needs nothing but its own styles, named by their hash, and nobody may frame it.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; \
             style-src 'sha256-jc8eaKsjmlHyOUFi4JeyJjR0RSszqISrEoTd4nhxoyI='; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_STANDARD};
    use sha2::{Digest, Sha256};
    use std::time::Duration;

    #[test]
    fn the_policy_allows_the_style_of_the_page_and_no_other() {
        let text = ExitTexts::new("en").signed_out(None, None);
        let page = filled(&text, "en", "", "");
        let style = page.split_once("<style>").unwrap().1;
        let style = style.split_once("</style>").unwrap().0;
        let hash = BASE64_STANDARD.encode(Sha256::digest(style));
        let [_, _, (_, policy)] = HEADERS;
        let policy = policy.to_str().unwrap();
        assert!(
            policy.contains(&format!("style-src 'sha256-{hash}';")),
            "the style was changed: its hash is {hash}"
        );
        assert!(!page.contains("style=") && !policy.contains("unsafe"));
    }

    #[test]
    fn no_text_breaks_out_of_its_place() {
        let hostile = "\"><script>[[title]]</script>[[style]]&'{idle}";
        let texts = ExitTexts::new(hostile).with_reason(EndReason::Forced, hostile, hostile);
        let text = texts.signed_out(Some(&EndReason::Forced), Some(Duration::from_mins(1)));
        let page = filled(&text, texts.language(), "", "");
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("color-scheme: dark").count(), 1);
        assert!(page.contains("&lt;script&gt;[[title]]&lt;/script&gt;[[style]]&amp;&#39;1 minute"));
    }
}
