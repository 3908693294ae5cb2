//! The rows of the requirements that no other topic covers, and the list of those that a test names.

use crate::support::{Browser, Got, Op, Site, When};
use adjourn::{
    Session,
    id::Subject,
    policy::Timeouts,
    reason::EndReason,
    session::{EndOthersError, StartError},
};
use axum::{Router, routing::post};
use http::{Method, StatusCode};
use std::{collections::BTreeSet, fs, path::Path, time::Duration};

const MINUTE: Duration = Duration::from_mins(1);

fn alice() -> Subject {
    Subject::new("alice").unwrap()
}

async fn is_in(browser: &Browser) -> bool {
    browser.get_api("/api/me").await.status == StatusCode::OK
}

async fn present(site: &Site, token: &str) -> Got {
    let ask = site.browser().fetch(Method::GET, "/api/me");
    ask.token(token).send().await
}

// R-1-4 R-2-7: what the client says of time and state is not consulted.
#[tokio::test]
async fn the_client_has_no_say_in_how_long_it_lives() {
    let site = Site::open().await;
    let token = site.logged_in("alice").await.token().unwrap();
    site.clock.advance(16 * MINUTE);
    let claims = "expires=9999999999999; last_seen=9999999999999; idle=0; subject=alice; \
                  authenticated=true";
    let got = site
        .browser()
        .fetch(Method::GET, "/api/me")
        .without_jar()
        .header("cookie", format!("{claims}; __Host-sid={token}; {claims}"))
        .header("date", "Thu, 01 Jan 1970 00:00:00 GMT")
        .header("x-last-seen", "9999999999999")
        .header("if-unmodified-since", "Thu, 01 Jan 2099 00:00:00 GMT")
        .send()
        .await;
    assert_eq!(got.reason(), "idle-timeout", "{got:?}");
    assert_eq!(present(&site, &token).await.reason(), "idle-timeout");
}

// R-1-7 R-2-3
#[tokio::test]
async fn authenticating_again_gives_a_new_token_and_ends_the_old_session() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let (s1, first) = (browser.token().unwrap(), site.session_of(&browser).await);
    let s2 = browser.log_in("alice").await;
    assert_ne!(s1, s2);
    assert_ne!(site.session_of(&browser).await, first);
    assert_eq!(site.events.reasons_of(first), [EndReason::Reauthenticated]);
    assert_eq!(present(&site, &s1).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(present(&site, &s2).await.status, StatusCode::OK);
}

// R-1-8 R-2-7
#[tokio::test]
async fn nobody_active_for_the_idle_timeout_has_to_log_in_again() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    let id = site.session_of(&browser).await;
    for _ in 0..4 {
        site.clock.advance(Duration::from_secs(15 * 60 - 1));
        assert!(
            is_in(&browser).await,
            "never early, and each request counts"
        );
    }
    let last = site.clock.clone();
    site.clock.advance(15 * MINUTE + Duration::from_secs(1));
    assert_eq!(browser.get_api("/api/me").await.reason(), "idle-timeout");
    assert_eq!(site.events.reasons_of(id), [EndReason::IdleTimeout]);
    // Also if the clock is set back.
    last.set(adjourn::time::Timestamp::from_unix_millis(0));
    assert_eq!(present(&site, &token).await.reason(), "idle-timeout");
    assert_eq!(site.events.reasons_of(id), [EndReason::IdleTimeout], "once");
}

// R-1-9
#[tokio::test]
async fn neither_activity_nor_a_rotation_moves_the_absolute_end() {
    let site = Site::builder()
        .configure(|builder| {
            let timeouts = Timeouts::new(15 * MINUTE, Duration::from_hours(2)).unwrap();
            builder.with_timeouts(timeouts)
        })
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    for minute in 0..119 {
        site.clock.advance(MINUTE);
        assert!(is_in(&browser).await, "minute {minute}");
        if minute % 30 == 0 {
            browser.post_api("/rotate").await;
        }
    }
    site.clock.advance(MINUTE + Duration::from_secs(1));
    assert_eq!(
        browser.get_api("/api/me").await.reason(),
        "absolute-timeout"
    );
    assert_eq!(site.events.reasons_of(id), [EndReason::AbsoluteTimeout]);
}

// R-1-10 R-2-6: the artefacts of a session are worth nothing anywhere after it.
#[tokio::test]
async fn after_a_log_out_every_route_refuses_every_token_the_session_ever_had() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let mut tokens = vec![browser.token().unwrap()];
    browser.post_api("/rotate").await;
    tokens.push(browser.token().unwrap());
    let thief = browser.stolen_copy();
    assert!(is_in(&thief).await);
    browser.post("/logout").await;
    assert!(!is_in(&thief).await);
    for token in &tokens {
        for (method, path) in [
            (Method::GET, "/me"),
            (Method::GET, "/api/me"),
            (Method::HEAD, "/api/me"),
            (Method::POST, "/me/x"),
            (Method::GET, "/me/%2e%2e/api/me"),
        ] {
            let got = site.browser().fetch(method, path).token(token).send().await;
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{path}: {got:?}");
        }
        // Where no session is needed, there is none: nothing can be written.
        let set = site
            .browser()
            .fetch(Method::POST, "/value/x?is=1")
            .token(token);
        assert!(set.send().await.text().contains("no live session"));
    }
    assert!(!is_in(&browser).await, "Back and reload");
}

// R-1-11
#[tokio::test]
async fn a_disabled_account_has_no_session_left() {
    let site = Site::open().await;
    let mut browsers = Vec::new();
    for _ in 0..3 {
        browsers.push(site.logged_in("alice").await);
    }
    let other = site.logged_in("bob").await;
    let ended = site
        .sessions
        .terminator()
        .end_subject(&alice(), None, EndReason::SubjectDisabled)
        .await
        .unwrap();
    assert_eq!(ended.concluded(), 3);
    for browser in browsers {
        let got = browser.get_api("/api/me").await;
        assert_eq!(got.reason(), "subject-disabled");
        assert!(got.removes_session());
    }
    assert!(is_in(&other).await);
}

// R-1-12 R-3-6
#[tokio::test]
async fn a_new_password_puts_all_others_out() {
    async fn change(session: Session) -> Result<(), EndOthersError> {
        let _ended = session.end_others(EndReason::CredentialChange).await?;
        session.rotate().unwrap();
        Ok(())
    }
    let site = Site::builder()
        .routes(Router::new().route("/password", post(change)))
        .open()
        .await;
    let (own, other) = (site.logged_in("alice").await, site.logged_in("alice").await);
    let before = own.token().unwrap();
    assert_eq!(own.post_api("/password").await.status, StatusCode::OK);
    assert_eq!(other.get_api("/api/me").await.reason(), "credential-change");
    assert!(is_in(&own).await);
    assert_ne!(own.token().unwrap(), before);
    assert_eq!(present(&site, &before).await.reason(), "outdated");
}

// R-3-6: a change of privileges is a rotation: the id stays, the old secret is worth nothing.
#[tokio::test]
async fn a_change_of_privileges_changes_the_secret() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let (before, id) = (browser.token().unwrap(), site.session_of(&browser).await);
    let got = browser.post_api("/rotate").await;
    assert!(!got.removes_session() && got.set_cookie("__Host-sid").is_some());
    assert_ne!(browser.token().unwrap(), before);
    assert_eq!(site.session_of(&browser).await, id);
    assert_eq!(
        present(&site, &before).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(
        is_in(&browser).await,
        "which the old secret does not disturb"
    );
}

// R-1-13
#[test]
fn the_log_out_of_every_example_is_a_form_that_posts() {
    let mut forms = 0;
    for (file, text) in texts("examples") {
        let text = text.replace("\\\"", "\"");
        for (at, _) in text.match_indices("/logout") {
            let before = &text[..at];
            let tag = before.rfind('<').map_or("", |start| &before[start..]);
            assert!(!tag.contains("href"), "{file}: a link logs out: {tag}");
            if tag.contains("action") {
                let tag = tag.replace('"', "").to_ascii_lowercase();
                assert!(
                    tag.starts_with("<form") && tag.contains("method=post"),
                    "{file}: {tag}"
                );
                forms += 1;
            }
        }
    }
    assert!(forms > 0, "some page shows how to log out");
}

// R-1-14
#[tokio::test]
async fn an_administrator_ends_everybodys_sessions_in_one_step() {
    let site = Site::open().await;
    let mut before = Vec::new();
    for subject in ["alice", "alice", "bob", "carol"] {
        before.push(site.logged_in(subject).await);
    }
    let cut = site.sessions.terminator();
    let ended = cut.end_everyone(None, EndReason::Forced).await.unwrap();
    assert_eq!(ended.concluded(), 4);
    assert_eq!(site.store.calls(Op::EndAll), 1);
    for browser in &before {
        assert_eq!(browser.get_api("/api/me").await.reason(), "forced");
    }
    let after = site.logged_in("alice").await;
    assert!(is_in(&after).await, "who logs in afterwards is in");
}

// R-2-5: neither an image nor a form of another site does anything.
#[tokio::test]
async fn what_another_site_makes_the_browser_send_ends_nothing_and_keeps_nothing_alive() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let foreign = |method, mode, dest| {
        browser
            .ask(method, "/logout")
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", mode)
            .header("sec-fetch-dest", dest)
            .header("origin", "https://evil.example")
    };
    for ask in [
        foreign(Method::GET, "no-cors", "image"),
        foreign(Method::POST, "navigate", "document"),
        foreign(Method::POST, "no-cors", "empty")
            .header("content-type", "text/plain")
            .body("{\"a\":1}"),
    ] {
        let got = ask.send().await;
        assert!(matches!(got.status.as_u16(), 403 | 405), "{got:?}");
    }
    assert!(is_in(&browser).await);
    // R-9-7
    site.clock.advance(10 * MINUTE);
    foreign(Method::GET, "no-cors", "image").send().await;
    site.clock.advance(10 * MINUTE);
    assert_eq!(browser.get_api("/api/me").await.reason(), "idle-timeout");
}

// R-3-8 R-2-7: both sides, and the server's is the one that counts.
#[tokio::test]
async fn an_ending_is_told_to_the_browser_and_holds_without_it() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let obstinate = browser.stolen_copy();
    let token = browser.token().unwrap();
    site.clock.advance(Duration::from_hours(9));
    assert_eq!(
        site.sessions.terminator().sweep().await.unwrap(),
        1,
        "without any request"
    );
    for _ in 0..3 {
        let got = present(&site, &token).await;
        assert!(got.removes_session(), "told each time: {got:?}");
        assert_eq!(got.reason(), "idle-timeout");
    }
    assert!(!is_in(&obstinate).await);
    assert!(obstinate.jar().value("__Host-sid").is_none());
}

// R-1-33 P8: the store fails.
#[tokio::test]
async fn an_unreadable_store_lets_nobody_in() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    site.store.fail(Op::CheckIn, When::Before);
    for path in ["/me", "/", "/session/signed-out"] {
        let got = browser.get(path).await;
        assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(got.set_cookies().is_empty(), "{path}: {got:?}");
        assert!(got.header("retry-after").is_some());
    }
    site.store.heal();
    assert!(is_in(&browser).await);
}

// R-2-3: an anonymous session is not the one that is logged in.
#[tokio::test]
async fn what_was_planted_before_the_log_in_is_worth_nothing_after_it() {
    async fn visit(session: Session) -> Result<(), StartError> {
        session.start().await.map(drop)
    }
    let site = Site::builder()
        .routes(Router::new().route("/visit", post(visit)))
        .open()
        .await;
    let attacker = site.browser();
    attacker.post_api("/visit").await;
    let planted = attacker.token().unwrap();
    attacker.post_api("/value/cart?is=bomb").await;
    let victim = site.browser();
    victim.plant(&format!("__Host-sid={planted}; Path=/; Secure"));
    let token = victim.log_in("alice").await;
    assert_ne!(token, planted);
    assert_eq!(
        present(&site, &planted).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        victim.get_api("/value/cart").await.text(),
        "null",
        "nor are its values"
    );
}

/// The rows that the issue lists, as areas and numbers.
fn listed() -> BTreeSet<(u32, u32)> {
    [
        (1, 4..=17),
        (1, 27..=27),
        (1, 30..=33),
        (2, 1..=7),
        (3, 2..=8),
        (5, 1..=20),
        (7, 1..=2),
        (7, 4..=4),
        (7, 7..=7),
        (8, 6..=6),
        (8, 8..=9),
        (9, 1..=4),
        (13, 1..=14),
        (14, 1..=11),
        (14, 16..=16),
    ]
    .into_iter()
    .flat_map(|(area, rows)| rows.map(move |row| (area, row)))
    .collect()
}

#[test]
fn every_listed_row_is_named_by_a_test() {
    let mut named = BTreeSet::new();
    for (_, text) in texts("src").into_iter().chain(texts("tests")) {
        for (at, _) in text.match_indices("R-") {
            named.extend(row(&text[at + 2..]));
        }
    }
    let missing: Vec<_> = listed()
        .difference(&named)
        .map(|(area, row)| format!("R-{area}-{row}"))
        .collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}

fn row(text: &str) -> Option<(u32, u32)> {
    let (area, rest) = text.split_once('-')?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit());
    let number = &rest[..digits.unwrap_or(rest.len())];
    Some((area.parse().ok()?, number.parse().ok()?))
}

/// The files of a folder of the repository, with their text.
fn texts(folder: &str) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                texts.push((path.display().to_string(), text));
            }
        }
    }
    texts
}
