//! The session cookie on the wire: how it is set, how it is removed, which of several is believed.

use crate::support::{Browser, Got, Op, Site};
use adjourn::{
    Session, SessionsBuilder,
    audit::{EventKind, EventLimits},
    carrier::{CookieSpec, SameSite},
    id::Token,
    reason::EndReason,
    session::{LogIn, StartError},
    store::Rotated,
    terminate::EndError,
};
use axum::{
    Router,
    http::{HeaderName, StatusCode, header::SET_COOKIE},
    response::{AppendHeaders, IntoResponse},
    routing::{any, get, post},
};
use http::Method;

const REMOVAL: &str = "__Host-sid=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0; \
                       Expires=Thu, 01 Jan 1970 00:00:00 GMT";

/// A token that nobody issued.
const INVENTED: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

// R-1-20 R-2-2 R-4-10 R-7-2
#[tokio::test]
async fn the_cookie_is_set_with_every_guard_and_no_lifetime() {
    let site = Site::open().await;
    let browser = site.browser();
    let got = browser.post_api("/login").await;
    let token = browser.token().unwrap();
    assert_eq!(token.len(), 64);
    assert_eq!(
        got.set_cookies(),
        [format!(
            "__Host-sid={token}; Path=/; Secure; HttpOnly; SameSite=Lax"
        )]
    );
    assert_eq!(got.header("cache-control"), Some("no-store"));
}

// R-5-2 R-5-3 R-3-8 R-2-2
#[tokio::test]
async fn the_removal_is_exact_to_the_byte() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let got = browser.post_api("/logout").await;
    assert_eq!(got.set_cookie("__Host-sid"), Some(REMOVAL));
    assert!(browser.jar().is_signed_out(), "{:?}", browser.jar());
}

// R-5-1 R-5-6 R-5-18 R-5-19 R-2-2
#[tokio::test]
async fn whatever_the_cookie_is_its_removal_is_accepted() {
    let none = SameSite::None;
    for (spec, mark) in [
        (CookieSpec::session(), "Path=/; Secure; HttpOnly"),
        (
            CookieSpec::new("__Secure-sid").with_path("/app"),
            "Path=/app;",
        ),
        (
            CookieSpec::new("__Secure-sid").with_domain("example"),
            "Domain=example;",
        ),
        (
            CookieSpec::session().with_same_site(none),
            "Secure; HttpOnly; SameSite=None",
        ),
        (
            CookieSpec::session()
                .with_same_site(none)
                .with_partitioned(true),
            "Secure; HttpOnly; SameSite=None; Partitioned",
        ),
        (CookieSpec::new("__Host-Http-sid"), "Secure; HttpOnly"),
        (
            CookieSpec::new("__Http-sid").with_path("/app"),
            "Secure; HttpOnly",
        ),
        (
            CookieSpec::session().with_same_site(SameSite::Strict),
            "SameSite=Strict",
        ),
    ] {
        let (name, partitioned) = (spec.name().to_owned(), mark.contains("Partitioned"));
        let site = Site::builder()
            .configure(move |builder| builder.with_cookie(spec))
            .routes(below_app())
            .open()
            .await;
        let browser = site.browser();
        browser.post_api("/app/login").await;
        assert_eq!(browser.jar().names(), [&*name], "{mark}");
        assert_eq!(browser.get_api("/app/me").await.text(), "true", "{mark}");

        let got = browser.post_api("/app/logout").await;
        let line = got.set_cookie(&name).unwrap();
        assert!(
            line.contains(mark) && line.contains("; Max-Age=0;"),
            "{line}"
        );
        assert_eq!(line.contains("Partitioned"), partitioned, "{line}");
        assert!(browser.jar().is_signed_out(), "{mark}: {:?}", browser.jar());
    }
}

/// The pages of a site that knows its cookie below `/app` only.
fn below_app() -> Router {
    let log_in = |session: Session| async move { session.log_in("alice").await.map(drop) };
    let log_out = |session: Session| async move { session.log_out().await.map(drop) };
    Router::new()
        .route("/app/login", post(log_in))
        .route("/app/logout", post(log_out))
        .route(
            "/app/me",
            get(|session: Session| async move { session.is_live().to_string() }),
        )
}

// R-5-4
#[tokio::test]
async fn where_no_removal_can_arrive_the_session_ends_all_the_same() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();

    // On plain http nothing about a Secure cookie is heard.
    let plain = browser.clone().on_plain_http();
    let got = plain
        .navigate(Method::POST, "/logout")
        .header("cookie", format!("__Host-sid={token}"))
        .send()
        .await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.token(), Some(token), "the cookie is still there");
    assert!(browser.get("/me").await.is_refused());
    assert_eq!(browser.token(), None, "now it is gone");
}

// R-5-5
#[tokio::test]
async fn an_ending_in_a_frame_of_another_site_is_told_to_the_browser_later() {
    async fn end(session: Session) -> Result<(), EndError> {
        session.end(EndReason::IdentityProvider).await.map(drop)
    }
    let site = Site::builder()
        .routes(Router::new().route("/front-channel", get(end)))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let framed = browser
        .navigate(Method::GET, "/front-channel")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-dest", "iframe")
        .token(&browser.token().unwrap());
    assert_eq!(framed.send().await.status, StatusCode::OK);
    assert!(browser.token().is_some());

    let got = browser.get("/me").await;
    assert!(got.is_refused() && got.removes_session(), "{got:?}");
    assert_eq!(browser.token(), None);
}

// R-5-7 R-5-8
#[tokio::test]
async fn what_the_handler_says_of_our_cookies_is_not_sent() {
    async fn log_out(session: Session) -> impl IntoResponse {
        let _receipt = session.log_out().await.unwrap();
        lines([
            "b=1; Path=/",
            "__Host-sid=revived; Path=/; Secure",
            "a=2; Expires=Thu, 01 Jan 2099 00:00:00 GMT",
            "__Host-adjourn-ended=1.forced.AAAAAAAAAAAAAAAAAAAAAA; Path=/; Secure",
            "=__Host-sid=revived",
            "__Host-sid ; Path=/; Secure",
            "c=3",
        ])
    }
    async fn plant() -> impl IntoResponse {
        lines([
            "b=1",
            "__Host-sid=planted; Path=/; Secure",
            "__host-sid=kept",
        ])
    }
    let site = Site::builder()
        .routes(
            Router::new()
                .route("/bye", post(log_out))
                .route("/plant", get(plant)),
        )
        .open()
        .await;
    let browser = site.logged_in("alice").await;

    // While the session lives and without one, too: a handler that set it would replace it.
    let kept = ["b=1", "__host-sid=kept"];
    assert_eq!(browser.get_api("/plant").await.set_cookies(), kept);
    assert_eq!(site.browser().get_api("/plant").await.set_cookies(), kept);

    let got = browser.post_api("/bye").await;
    let (others, ours): (Vec<_>, Vec<_>) = got
        .set_cookies()
        .into_iter()
        .partition(|line| !line.contains("__Host-"));
    assert_eq!(
        others,
        [
            "b=1; Path=/",
            "a=2; Expires=Thu, 01 Jan 2099 00:00:00 GMT",
            "c=3"
        ],
        "kept as they were, apart and in order"
    );
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert_eq!(got.set_cookie("__Host-sid"), Some(REMOVAL));
    let marker = got.set_cookie("__Host-adjourn-ended").unwrap();
    assert!(
        marker.starts_with("__Host-adjourn-ended=1.") && marker.contains("; Path=/;"),
        "{marker}"
    );
}

fn lines<const N: usize>(
    lines: [&'static str; N],
) -> AppendHeaders<[(HeaderName, &'static str); N]> {
    AppendHeaders(lines.map(|line| (SET_COOKIE, line)))
}

// R-5-9
#[tokio::test]
async fn a_response_that_comes_after_the_ending_does_not_set_the_cookie_again() {
    for what in ["read", "write", "rotate", "log-in"] {
        let site = Site::open().await;
        let browser = site.logged_in("alice").await;
        let slow = browser
            .fetch(Method::POST, &format!("/held/{what}"))
            .spawn();
        site.gate.arrived().await;
        browser.post_api("/logout").await;
        assert!(browser.jar().is_signed_out());
        site.gate.open();
        let got = slow.await.unwrap();
        if what == "log-in" {
            continue; // a log-in is a new session, not the old one's return
        }
        assert!(got.removes_session(), "{what}: {got:?}");
        assert_eq!(browser.token(), None, "{what}");
    }
}

// R-5-10 R-3-3
#[tokio::test]
async fn only_the_exact_name_is_our_cookie() {
    let site = Site::open().await;
    let token = site.logged_in("alice").await.token().unwrap();
    let before = site.store.calls(Op::CheckIn);
    for name in [
        &b"%5F%5FHost-sid"[..],
        b"__Host%2Dsid",
        b"\xE2\x80\x80__Host-sid",
        b"\xC2\xA0__Host-sid",
        b"__Host-sid\xE2\x80\x80",
        b"__HOST-sid",
        b"__host-sid",
        b"__Host-SID",
        b"__Host-sid%20",
        b"__Host-sid%00",
        b"__Host-sid[]",
        b"__Host-sid.x",
        b"$Version=1; __Host_sid",
        b"Host-sid",
        b"a=\"b\", __Host-sid",
        b"\xFF__Host-sid",
        b"sid",
    ] {
        let cookie = [name, b"=", token.as_bytes()].concat();
        let got = api_me(&site.browser(), &[&cookie]).await;
        let name = String::from_utf8_lossy(name);
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{name}");
        assert!(got.set_cookies().is_empty(), "{name}: {got:?}");
    }
    assert_eq!(site.store.calls(Op::CheckIn), before, "nothing to ask for");
    assert_eq!(
        api_me(&site.browser(), &[&pair(&token)]).await.status,
        StatusCode::OK
    );
}

async fn api_me(browser: &Browser, lines: &[&[u8]]) -> Got {
    let mut ask = browser.fetch(Method::GET, "/api/me").without_jar();
    for line in lines {
        ask = ask.also("cookie", line);
    }
    ask.send().await
}

fn pair(token: &str) -> Vec<u8> {
    format!("__Host-sid={token}").into_bytes()
}

// R-5-11
#[tokio::test]
async fn a_bad_cookie_beside_it_hides_nothing() {
    for junk in [
        &b"x=\xFF; "[..],
        b"x=\xF0\x9F\x8D\xAA; \x80=\x80; ",
        b"=; ;; =x; ",
        b"x=\"; ",
        b"x=\t; ",
        b"a; b=; ",
        b"__Host-sid2=; ",
    ] {
        let site = Site::open().await;
        let browser = site.logged_in("alice").await;
        let token = browser.token().unwrap();
        let got = browser
            .fetch(Method::POST, "/logout")
            .without_jar()
            .header("cookie", [junk, &pair(&token)].concat())
            .send()
            .await;
        let shown = String::from_utf8_lossy(junk);
        assert_eq!(got.status, StatusCode::OK, "{shown}");
        assert_eq!(got.json()["reason"], "logout", "{shown}");
        assert!(browser.get_api("/api/me").await.is_refused(), "{shown}");
    }
}

// R-5-12
#[tokio::test]
async fn the_header_may_come_in_several_lines() {
    let site = Site::open().await;
    let token = site.logged_in("alice").await.token().unwrap();
    let ours = pair(&token);
    for lines in [
        &[&b"a=1"[..], &ours[..]][..],
        &[&ours, b"a=1"],
        &[b"a=1", b"", &ours, b"\xFF", b"b=2; c=3"],
    ] {
        let got = api_me(&site.browser(), lines).await;
        assert_eq!(got.status, StatusCode::OK, "{got:?}");
    }
    // Split apart, two halves are no token.
    let (start, end) = ours.split_at(40);
    assert!(api_me(&site.browser(), &[start, end]).await.is_refused());
}

// R-5-13 R-5-14
#[tokio::test]
async fn one_live_session_among_several_values_is_used_and_told() {
    let unlimited = EventLimits::default().with_events_per_source(u32::MAX);
    let site = Site::builder()
        .configure(move |sessions| sessions.with_event_limits(unlimited))
        .open()
        .await;
    let live = site.logged_in("alice").await.token().unwrap();
    let dead = {
        let browser = site.logged_in("bob").await;
        let token = browser.token().unwrap();
        browser.post_api("/logout").await;
        token
    };
    let wrong_secret = format!("{}{}", &live[..22], &INVENTED[22..]);
    for other in [&dead, INVENTED, "junk", "", &wrong_secret, &live] {
        let (live, other) = (pair(&live), pair(other));
        for lines in [
            vec![[&live[..], b"; ", &other].concat()],
            vec![[&other[..], b"; ", &live].concat()],
            vec![live.clone(), other.clone()],
            vec![other.clone(), b"a=1".to_vec(), live.clone()],
        ] {
            let told = site.events.count("duplicate-cookie");
            let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
            let got = api_me(&site.browser(), &lines).await;
            assert_eq!(got.status, StatusCode::OK, "{lines:?}");
            assert_eq!(got.json()["subject"], "alice");
            assert!(got.set_cookies().is_empty(), "the good one stays: {got:?}");
            assert_eq!(site.events.count("duplicate-cookie"), told + 1);
            assert_eq!(live_count(&site), Some(1));
        }
    }
}

/// How many sessions the last event of a duplicate counted.
fn live_count(site: &Site) -> Option<usize> {
    let events = site.events.all();
    events.into_iter().rev().find_map(|event| match event.kind {
        EventKind::DuplicateCookie { live } => Some(live),
        _ => None,
    })
}

// R-5-13 R-5-14
#[tokio::test]
async fn without_a_live_one_the_best_known_counts_in_any_order() {
    let site = Site::open().await;
    let dead = {
        let browser = site.logged_in("bob").await;
        let token = browser.token().unwrap();
        browser.post_api("/logout").await;
        token
    };
    let browser = site.logged_in("alice").await;
    let outdated = browser.token().unwrap();
    browser.post_api("/rotate").await;
    for (one, other, reason, removed) in [
        (&*dead, "junk", "logout", true),
        (&dead, INVENTED, "logout", true),
        ("junk", "", "no-session", true),
        // To remove it would remove the one that replaced it.
        (&outdated, "junk", "outdated", false),
        (&outdated, INVENTED, "outdated", false),
        (&outdated, &dead, "outdated", false),
    ] {
        let (one, other) = (pair(one), pair(other));
        for lines in [[&one[..], &other], [&other, &one]] {
            let got = api_me(&site.browser(), &lines).await;
            assert_eq!(got.reason(), reason, "{lines:?}");
            assert_eq!(got.removes_session(), removed, "{lines:?}: {got:?}");
            if reason != "no-session" {
                assert_eq!(live_count(&site), Some(0), "{lines:?}");
            }
        }
    }
    assert!(browser.get_api("/api/me").await.status.is_success());
}

// R-5-13: the old and the new secret of one session, while the old one is still good.
#[tokio::test]
async fn two_secrets_of_one_session_are_one_session() {
    for old_first in [true, false] {
        let site = Site::open().await;
        let old = site.logged_in("alice").await.token().unwrap();
        let known = Token::parse(old.as_bytes()).unwrap();
        let new = Token::new(known.id()).unwrap();
        let grace = std::time::Duration::from_mins(1);
        let store = site.store.store();
        let rotated = store
            .rotate(known.id(), &known.secret_hash(), &new.secret_hash(), grace)
            .await
            .unwrap();
        assert!(matches!(rotated, Rotated::Written));
        let (old, new) = (pair(&old), pair(&new.expose()));
        let mut lines = [&old[..], &new[..]];
        if !old_first {
            lines.reverse();
        }
        let got = api_me(&site.browser(), &lines).await;
        assert_eq!(got.status, StatusCode::OK, "{got:?}");
        assert_eq!(live_count(&site), Some(1));
    }
}

// R-5-13 R-5-14
#[tokio::test]
async fn of_two_live_sessions_neither_is_believed() {
    let site = Site::open().await;
    let (one, two) = (
        site.logged_in("alice").await,
        site.logged_in("mallory").await,
    );
    let (s1, s2) = (pair(&one.token().unwrap()), pair(&two.token().unwrap()));
    for both in [
        [&s1[..], b"; ", &s2].concat(),
        [&s2[..], b"; ", &s1].concat(),
    ] {
        let got = api_me(&site.browser(), &[&both]).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        assert_eq!(got.reason(), "no-session");
        assert_eq!(got.set_cookie("__Host-sid"), Some(REMOVAL));
        assert_eq!(live_count(&site), Some(2));
    }
    assert_eq!(site.events.count("duplicate-cookie"), 2);
    assert!(
        site.events.endings().is_empty(),
        "a planted cookie logs nobody out"
    );
    assert_eq!(one.get_api("/api/me").await.status, StatusCode::OK);
    assert_eq!(two.get_api("/api/me").await.status, StatusCode::OK);
}

// R-5-14
#[tokio::test]
async fn logging_out_ends_every_session_that_the_browser_presents() {
    let site = Site::open().await;
    let mut ids = Vec::new();
    let mut cookie = b"theme=dark".to_vec();
    for subject in ["alice", "mallory", "carol"] {
        let browser = site.logged_in(subject).await;
        ids.push(site.session_of(&browser).await);
        cookie.extend_from_slice(b"; ");
        cookie.extend_from_slice(&pair(&browser.token().unwrap()));
    }
    let got = site
        .browser()
        .fetch(Method::POST, "/logout")
        .header("cookie", cookie)
        .send()
        .await;
    assert_eq!(got.json()["reason"], "logout");
    assert_eq!(got.set_cookie("__Host-sid"), Some(REMOVAL));
    for id in ids {
        assert_eq!(site.events.reasons_of(id), [EndReason::Logout]);
    }
}

// R-5-14: hundreds of copies do not make us ask hundreds of times.
#[tokio::test]
async fn the_number_of_values_that_are_looked_up_is_bounded() {
    let site = Site::open().await;
    let before = site.store.calls(Op::CheckIn);
    let cookie: Vec<_> = (0..500)
        .map(|n| format!("__Host-sid={n:04}{}", &INVENTED[4..]))
        .collect();
    let got = api_me(&site.browser(), &[cookie.join("; ").as_bytes()]).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert!(site.store.calls(Op::CheckIn) - before <= 8);
}

// R-5-16
#[tokio::test]
async fn the_removal_goes_with_every_status() {
    async fn end(session: Session, path: axum::extract::Path<u16>) -> impl IntoResponse {
        let _receipt = session.end(EndReason::Policy).await.unwrap();
        let status = StatusCode::from_u16(path.0).unwrap();
        (status, [("location", "/")], "bye")
    }
    let site = Site::builder()
        .routes(Router::new().route("/end/{status}", any(end)))
        .open()
        .await;
    for status in [200, 201, 204, 303, 400, 401, 403, 404, 410, 500, 503] {
        let browser = site.logged_in("alice").await;
        let got = browser.get(&format!("/end/{status}")).await;
        assert_eq!(got.status.as_u16(), status);
        assert_eq!(got.set_cookie("__Host-sid"), Some(REMOVAL), "{status}");
        assert_eq!(got.header("cache-control"), Some("no-store"), "{status}");
    }
}

// R-5-17
#[tokio::test]
async fn a_cookie_that_is_gone_is_no_log_out() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    // The browser evicted it.
    let got = browser.fresh().get_api("/api/me").await;
    assert_eq!(got.reason(), "no-session");
    assert!(got.set_cookies().is_empty());
    assert!(site.events.endings().is_empty());
    assert_eq!(
        browser.get_api("/api/me").await.json()["session"],
        id.to_string()
    );
}

// R-2-3 R-3-4 R-1-5
#[tokio::test]
async fn an_id_that_we_did_not_issue_is_never_adopted() {
    let site = Site::open().await;
    let attacker = site.logged_in("mallory").await.token().unwrap();
    for (chosen, asked) in [
        (INVENTED, true),
        ("chosen", false),
        ("static-key", false),
        (&attacker, true),
    ] {
        let victim = site.browser();
        victim.plant(&format!("__Host-sid={chosen}; Path=/; Secure"));
        let before = site.store.calls(Op::CheckIn);
        let refused = victim.clone().fetch(Method::GET, "/value/x").send().await;
        assert_eq!(
            refused.status,
            StatusCode::OK,
            "public, and seen without a session"
        );
        assert_eq!(site.store.calls(Op::CheckIn) > before, asked);

        victim.plant(&format!("__Host-sid={chosen}; Path=/; Secure"));
        let token = victim.log_in("alice").await;
        assert_ne!(token, chosen);
        assert_ne!(
            &token[..22],
            &chosen[..22.min(chosen.len())],
            "not its id either"
        );
        let with_chosen = api_me(&site.browser(), &[&pair(chosen)]).await;
        assert_eq!(with_chosen.status, StatusCode::UNAUTHORIZED, "{chosen}");
        // The attacker's own session ended with the log-in, and its cookie was replaced by it.
        let replaced = chosen == attacker;
        assert_eq!(with_chosen.set_cookie("__Host-sid").is_none(), replaced);
    }
    let unknown = site.events.count("unknown-token");
    api_me(&site.browser(), &[&pair(INVENTED)]).await;
    assert_eq!(site.events.count("unknown-token"), unknown + 1);
}

// R-1-26 R-3-3 R-2-4
#[tokio::test]
async fn a_token_counts_nowhere_but_in_the_cookie() {
    let site = Site::open().await;
    let token = site.logged_in("alice").await.token().unwrap();
    let before = site.store.calls(Op::CheckIn);
    let browser = site.browser();
    for path in [
        format!("/api/me?sid={token}"),
        format!("/api/me?__Host-sid={token}"),
        format!("/api/me;jsessionid={token}"),
        format!("/api/me?access_token={token}"),
    ] {
        let got = browser.get_api(&path).await;
        assert_ne!(got.status, StatusCode::OK, "{path}");
    }
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("x-session-id", token.clone()),
        ("x-auth-token", token.clone()),
        ("cookie2", format!("__Host-sid={token}")),
        ("set-cookie", format!("__Host-sid={token}")),
    ] {
        let got = browser.fetch(Method::GET, "/api/me").header(name, value);
        assert_eq!(got.send().await.reason(), "no-session", "{name}");
    }
    let form = browser
        .fetch(Method::POST, "/api/me")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("__Host-sid={token}"));
    assert_eq!(form.send().await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        site.store.calls(Op::CheckIn),
        before,
        "it was not even looked for"
    );
}

// R-1-21
#[tokio::test]
async fn the_token_is_said_once_and_only_in_set_cookie() {
    let site = Site::open().await;
    let browser = site.browser();
    let mut answers = vec![browser.post_api("/login").await];
    let token = browser.token().unwrap();
    let secret = &token[22..];
    for path in [
        "/",
        "/me",
        "/api/me",
        "/value/x",
        "/session/signed-out",
        "/nowhere",
    ] {
        answers.push(browser.get(path).await);
        answers.push(browser.get_api(path).await);
    }
    answers.push(browser.post("/logout").await);
    answers.push(
        browser
            .fetch(Method::GET, "/api/me")
            .token(&token)
            .send()
            .await,
    );
    for (at, mut got) in answers.into_iter().enumerate() {
        if at == 0 {
            assert!(got.set_cookies().concat().contains(secret));
            got.headers.remove(SET_COOKIE);
        }
        assert!(!format!("{got:?}").contains(secret), "{got:?}");
    }
    for event in site.events.all() {
        assert!(!format!("{event:?}").contains(secret), "{event:?}");
    }
}

// R-3-7
#[tokio::test]
async fn a_log_out_clears_every_cookie_that_is_named() {
    async fn enter(session: Session) -> Result<impl IntoResponse, StartError> {
        session.log_in("alice").await?;
        Ok(lines([
            "theme=dark; Path=/app; Secure; HttpOnly",
            "__Secure-cart=7; Domain=example; Path=/; Secure; SameSite=None; Partitioned",
            "language=en; Path=/",
        ]))
    }
    let site = Site::builder()
        .configure(|builder| {
            builder
                .add_cookie_to_clear(CookieSpec::new("theme").with_path("/app"))
                .add_cookie_to_clear(
                    CookieSpec::new("__Secure-cart")
                        .with_domain("example")
                        .with_same_site(SameSite::None)
                        .with_partitioned(true),
                )
        })
        .routes(Router::new().route("/enter", post(enter)))
        .open()
        .await;
    let browser = site.browser();
    browser.post_api("/enter").await;
    assert_eq!(browser.jar().all().len(), 4);
    browser.post_api("/logout").await;
    assert_eq!(browser.jar().names(), ["language", "__Host-adjourn-ended"]);

    // Alone, the other cookies of the set are no session.
    let got = browser
        .fetch(Method::GET, "/api/me")
        .header("cookie", "theme=dark; __Secure-cart=7")
        .without_jar();
    assert_eq!(got.send().await.status, StatusCode::UNAUTHORIZED);
}

// R-5-4
#[tokio::test]
async fn that_a_browser_on_plain_http_does_not_hear_of_the_cookie_is_said_once() {
    let heard = Heard::default();
    let writer = heard.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    crate::support::ask_every_subscriber();
    let _guard = tracing::subscriber::set_default(subscriber);
    let site = Site::open().await;
    let said = || heard.text().matches("neither stores nor removes").count();
    for (origin, times) in [
        ("https://shop.example", 0),
        ("http://other.example", 0),
        ("http://shop.example", 1),
        ("http://shop.example", 1),
    ] {
        let request = format!(
            "POST /login?as=alice HTTP/1.1\r\nHost: shop.example\r\nOrigin: {origin}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let got = crate::support::raw(site.address, request).await;
        assert!(got.contains("__Host-sid="), "{got}");
        assert_eq!(said(), times, "{origin}: {}", heard.text());
    }
    assert!(
        heard.text().contains("cookie=\"__Host-sid\""),
        "{}",
        heard.text()
    );
}

// R-5-7 R-5-20
#[tokio::test]
async fn a_cookie_that_is_named_twice_is_removed_once_and_one_in_two_scopes_is_warned_of() {
    let heard = Heard::default();
    let writer = heard.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    crate::support::ask_every_subscriber();
    let site = tracing::subscriber::with_default(subscriber, || {
        Site::builder()
            .configure(|builder| {
                builder
                    .add_cookie_to_clear(CookieSpec::session())
                    .add_cookie_to_clear(CookieSpec::new("theme"))
                    .add_cookie_to_clear(CookieSpec::new("theme").with_http_only(false))
                    .add_cookie_to_clear(CookieSpec::new("old").with_domain("app.example"))
                    .add_cookie_to_clear(CookieSpec::new("old").with_domain("APP.example"))
                    .add_cookie_to_clear(CookieSpec::new("scoped"))
                    .add_cookie_to_clear(CookieSpec::new("scoped").with_path("/app"))
            })
            .sessions()
    });
    let warned = heard.text();
    assert_eq!(
        warned.matches("one name in two scopes").count(),
        1,
        "{warned}"
    );
    assert!(warned.contains("scoped"), "{warned}");

    let (sessions, _) = site;
    let app = Router::new()
        .route(
            "/login",
            post(|session: Session| async move { session.log_in("a").await.map(drop) }),
        )
        .route(
            "/logout",
            post(|session: Session| async move { session.log_out().await.map(drop) }),
        )
        .layer(sessions.layer());
    let (address, _server) = crate::support::serve(app).await;
    let browser = Browser::new(address);
    browser.post_api("/login").await;
    let got = browser.post_api("/logout").await;
    let mut names: Vec<_> = got
        .set_cookies()
        .into_iter()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "__Host-adjourn-ended",
            "__Host-sid",
            "old",
            "scoped",
            "scoped",
            "theme"
        ]
    );
}

/// What was written to the log.
#[derive(Clone, Default)]
struct Heard(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Heard {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl std::io::Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs a program in: the answer is its token.
pub(crate) async fn bearer_log_in(session: Session) -> Result<String, StartError> {
    let log_in = LogIn::new("robot".try_into()?).bearer();
    let receipt = session.log_in_with(log_in).await?;
    let token = receipt.token().map(|token| token.expose().to_string());
    Ok(token.unwrap_or_default())
}

/// A site that takes both a cookie and a bearer token.
async fn both_carriers() -> Site {
    Site::builder()
        .configure(SessionsBuilder::with_bearer)
        .routes(Router::new().route("/token", post(bearer_log_in)))
        .open()
        .await
}

#[tokio::test]
async fn a_bearer_token_wins_over_the_cookie_even_when_it_is_none() {
    let site = both_carriers().await;
    let browser = site.logged_in("alice").await;
    let bearer = site.browser().post_api("/token").await;
    assert!(bearer.set_cookies().is_empty(), "{bearer:?}");
    let bearer = bearer.text().to_owned();

    let both = browser.fetch(Method::GET, "/api/me").bearer(&bearer);
    assert_eq!(both.send().await.json()["subject"], "robot");
    for other in ["", "junk", INVENTED, "a b"] {
        let got = browser
            .fetch(Method::GET, "/api/me")
            .bearer(other)
            .send()
            .await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{other:?}");
        assert!(
            got.set_cookies().is_empty(),
            "the cookie is left alone: {got:?}"
        );
    }
    // Another scheme is not ours.
    let basic = browser
        .fetch(Method::GET, "/api/me")
        .header("authorization", "Basic YTpi");
    assert_eq!(basic.send().await.json()["subject"], "alice");
    assert!(browser.get_api("/api/me").await.status.is_success());
}

#[tokio::test]
async fn each_token_travels_by_either_carrier_and_ends_alone() {
    let site = both_carriers().await;
    let browser = site.logged_in("alice").await;
    let bearer = site.browser().post_api("/token").await.text().to_owned();
    // Presented as a cookie it is still only that session.
    let got = api_me(&site.browser(), &[&pair(&bearer)]).await;
    assert_eq!(got.json()["subject"], "robot");

    // The log-out of the bearer client that a browser carries along ends the bearer session.
    let got = browser
        .ask(Method::POST, "/logout")
        .bearer(&bearer)
        .send()
        .await;
    assert_eq!(got.json()["reason"], "logout");
    assert!(got.set_cookies().is_empty(), "{got:?}");
    assert!(browser.get_api("/api/me").await.status.is_success());
    let got = browser
        .ask(Method::GET, "/api/me")
        .bearer(&bearer)
        .send()
        .await;
    assert_eq!(got.reason(), "logout");
}
