//! The built-in exit page: its words, its languages, what it needs.

use crate::support::Site;
use adjourn::{farewell::ExitTexts, id::SessionId, policy::Timeouts, reason::EndReason};
use http::Method;
use std::time::Duration;

const SIGNED_OUT: &str = "/session/signed-out";

async fn page(site: &Site, code: &str, language: &str) -> crate::support::Got {
    let id = SessionId::random().unwrap();
    site.browser()
        .navigate(Method::GET, SIGNED_OUT)
        .header("cookie", format!("__Host-adjourn-ended=1.{code}.{id}"))
        .header("accept-language", language)
        .send()
        .await
}

/// A site that speaks British English, German and Hebrew.
async fn of_several_languages() -> Site {
    Site::builder()
        .configure(|builder| {
            let german = ExitTexts::new("de")
                .with_reason(
                    EndReason::IdleTimeout,
                    "Abgemeldet",
                    "Nach {idle} ohne <Tat>.",
                )
                .with_other_reasons("Beendet", "Die Sitzung ist zu Ende.")
                .with_no_session("Nicht angemeldet", "Hier ist niemand angemeldet.")
                .with_signed_in("Angemeldet", "Hier ist jemand angemeldet.")
                .with_durations(|idle| format!("{} Minuten", idle.as_secs() / 60))
                .with_log_in_link("Wieder anmelden");
            let hebrew = ExitTexts::new("he").right_to_left();
            builder
                .add_exit_texts(ExitTexts::new("en-GB"))
                .add_exit_texts(german)
                .add_exit_texts(hebrew)
        })
        .open()
        .await
}

#[tokio::test]
async fn the_words_are_the_sites_own_in_the_language_that_is_asked_for() {
    let site = of_several_languages().await;
    for (code, language, lang, text) in [
        (
            "idle-timeout",
            "de-AT, en;q=0.5",
            "lang=\"de\"",
            "Nach 15 Minuten ohne &lt;Tat&gt;.",
        ),
        ("forced", "de", "lang=\"de\"", "Die Sitzung ist zu Ende."),
        (
            "forced",
            "fr",
            "lang=\"en-GB\"",
            "You were signed out by an administrator.",
        ),
        (
            "forced",
            "he",
            "lang=\"he\" dir=\"rtl\"",
            "by an administrator",
        ),
        ("junk.", "de", "lang=\"de\"", "Hier ist niemand angemeldet."),
    ] {
        let got = page(&site, code, language).await;
        assert!(
            got.text().contains(lang) && got.text().contains(text),
            "{code}: {got:?}"
        );
        // R-9-8: what it depends on.
        let on = "Accept-Language, Cookie, Sec-Fetch-Site";
        assert_eq!(got.header("vary"), Some(on));
    }
    let german = page(&site, "forced", "de").await;
    assert!(
        german
            .text()
            .contains("<a href=\"/login\">Wieder anmelden</a>")
    );
    let browser = site.logged_in("alice").await;
    let live = browser
        .navigate(Method::GET, SIGNED_OUT)
        .header("accept-language", "de");
    let live = live.send().await;
    assert!(live.text().contains("Hier ist jemand angemeldet.") && !live.text().contains("<a "));
}

// R-12-4
#[tokio::test]
async fn the_page_names_the_configured_idle_timeout() {
    for (seconds, words) in [
        (900, "15 minutes"),
        (3, "3 seconds"),
        (5_400, "1 hour 30 minutes"),
    ] {
        let site = Site::builder()
            .configure(move |builder| {
                let idle = Duration::from_secs(seconds);
                builder.with_timeouts(Timeouts::new(idle, Duration::from_hours(8)).unwrap())
            })
            .open()
            .await;
        let browser = site.logged_in("alice").await;
        site.clock.advance(Duration::from_secs(seconds));
        browser.get("/me").await;
        let page = browser.get(SIGNED_OUT).await;
        let text = format!("You were signed out after {words} without activity.");
        assert!(page.text().contains(&text), "{page:?}");
        assert_eq!(page.header("vary"), Some("Cookie, Sec-Fetch-Site"));
    }
}

// Of several tabs the marker tells the first alone; the others say it in their address.
#[tokio::test]
async fn a_page_of_this_site_may_say_the_reason_in_the_address_and_nothing_else() {
    let site = Site::open().await;
    let browser = site.browser();
    let forced = "signed out by an administrator";
    let nothing = "There is no active session";
    for (from, query, text) in [
        ("same-origin", "?reason=forced", forced),
        ("none", "?reason=forced", nothing),
        ("same-site", "?reason=forced", nothing),
        ("cross-site", "?reason=forced", nothing),
        ("same-origin", "?reason=no-session", nothing),
        ("same-origin", "?reason=Your+bank+calls:+555", nothing),
        ("same-origin", "?reason=%3Cscript%3E", nothing),
        ("same-origin", "?x=1&reason=forced", nothing),
        ("same-origin", "?reason=made-up", "Your session has ended."),
        ("same-origin", "", nothing),
    ] {
        let path = format!("{SIGNED_OUT}{query}");
        let ask = browser.navigate(Method::GET, &path);
        let got = ask.header("sec-fetch-site", from).send().await;
        let shown = got.text();
        assert!(shown.contains(text), "{from} {query}: {shown}");
        assert!(!shown.contains("555") && !shown.contains("made-up"));
        assert!(got.header("clear-site-data").is_none(), "{got:?}");
    }
    // An old browser does not say where the page came from.
    let path = format!("{SIGNED_OUT}?reason=forced");
    let ask = browser
        .ask(Method::GET, &path)
        .header("accept", "text/html");
    assert!(ask.send().await.text().contains(nothing));
    // What the server knows is worth more, and a live session most.
    let id = SessionId::random().unwrap();
    let marker = format!("__Host-adjourn-ended=1.superseded.{id}");
    let ask = browser
        .navigate(Method::GET, &path)
        .header("sec-fetch-site", "same-origin");
    let got = ask.header("cookie", marker).send().await;
    assert!(got.text().contains("the session limit"), "{got:?}");
    let alice = site.logged_in("alice").await;
    let ask = alice
        .navigate(Method::GET, &path)
        .header("sec-fetch-site", "same-origin");
    assert!(ask.send().await.text().contains("You are signed in"));
}

// A screen reader says the title first, then the part of the page that gets the focus, with its
// name and its description.
#[tokio::test]
async fn the_reason_is_announced() {
    let site = Site::open().await;
    let page = page(&site, "forced", "en").await;
    for part in [
        "<title>You were signed out: You were signed out by an administrator.</title>",
        "autofocus aria-labelledby=\"title\" aria-describedby=\"why\">",
        "<h1 id=\"title\">You were signed out</h1>",
        "<p id=\"why\" role=\"status\">You were signed out by an administrator.</p>",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
        "prefers-color-scheme: dark",
    ] {
        assert!(page.text().contains(part), "{part}: {page:?}");
    }
}
