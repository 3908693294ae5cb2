//! Bringing a user back to the page from which a timeout threw them out, and nobody else, nowhere
//! else.

use crate::support::{Ask, Browser, Got, Op, Site, SiteBuilder, When, raw};
use adjourn::{
    BuildError, LiveSession, Session, Sessions,
    id::SessionId,
    reason::EndReason,
    session::{LogIn, StartError},
    store::MemoryStore,
    time::Clock,
};
use axum::{
    Router,
    extract::{OriginalUri, Query},
    response::Redirect,
    routing::{get, post},
};
use http::{Method, StatusCode};
use std::{collections::HashMap, time::Duration};

const MARKER: &str = "__Host-adjourn-ended";
const SIGNED_OUT: &str = "/session/signed-out";
const HOME: &str = "/home";

/// Logs in and redirects to where the session says, else home.
async fn enter(
    session: Session,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Redirect, StartError> {
    assert_eq!(session.return_to(), None, "not before it is known who asks");
    let subject = query.get("as").map_or("alice", String::as_str);
    let receipt = if query.contains_key("bearer") {
        let log_in = LogIn::new(subject.try_into()?).bearer();
        session.log_in_with(log_in).await?
    } else {
        session.log_in(subject).await?
    };
    let _new = receipt.id();
    Ok(Redirect::to(session.return_to().as_deref().unwrap_or(HOME)))
}

async fn visit(session: Session) -> Result<&'static str, StartError> {
    session.start().await?;
    Ok("a visitor")
}

/// Which page it is, for who has a session.
async fn page(_: LiveSession, OriginalUri(uri): OriginalUri) -> String {
    format!("Private page at {uri}")
}

fn routes() -> Router {
    Router::new()
        .route("/enter", post(enter))
        .route("/visit", post(visit))
        .route("/private", get(page).post(page))
        .nest("/nested", Router::new().route("/private", get(page)))
}

/// A site that brings users back: everything but a few pages needs a session.
fn returning() -> SiteBuilder {
    Site::builder().routes(routes()).configure(|builder| {
        builder
            .with_public(["/", "/login", "/logout", "/enter", "/visit"])
            .with_return_to()
            .add_no_return(["/ws", "/events"])
    })
}

/// A browser whose session has timed out, and still holds its cookie.
async fn timed_out(site: &Site) -> Browser {
    let browser = site.logged_in("alice").await;
    site.clock.advance(Duration::from_mins(15));
    browser
}

/// Where a log-in leads.
async fn entered(browser: &Browser, subject: &str) -> String {
    let got = browser.post(&format!("/enter?as={subject}")).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{got:?}");
    assert!(got.set_cookie("__Host-sid").is_some(), "{got:?}");
    got.header("location").unwrap().to_owned()
}

fn marker_of(browser: &Browser) -> Option<String> {
    browser.jar().value(MARKER)
}

/// Whether the marker names a page.
fn remembers(got: &Got) -> bool {
    let line = got.set_cookie(MARKER).unwrap_or_default();
    line.contains('/') && line.contains('|')
}

// R-12-5 R-8-3
#[tokio::test]
async fn who_timed_out_and_logs_in_again_is_brought_back_once() {
    let site = returning().open().await;
    let browser = timed_out(&site).await;
    let got = browser.get("/me?tab=2&x=%2Fy").await;
    // P6: not to the page itself, and nothing of it in the address.
    assert_eq!(got.header("location"), Some(SIGNED_OUT), "{got:?}");
    assert!(got.removes_session() && remembers(&got), "{got:?}");
    assert!(got.header("clear-site-data").is_some());
    let line = got.set_cookie(MARKER).unwrap();
    assert!(
        line.contains("./me?tab=2&x=%2Fy|") && line.contains("HttpOnly; SameSite=Lax; Max-Age=600"),
        "{line}"
    );

    // The landing clears once and keeps the marker for the path alone.
    let page = browser.get(SIGNED_OUT).await;
    assert!(page.header("clear-site-data").is_some(), "{page:?}");
    assert!(marker_of(&browser).unwrap().ends_with("|cleared"));
    let again = browser.get(SIGNED_OUT).await;
    assert!(again.header("clear-site-data").is_none(), "{again:?}");
    assert!(again.set_cookies().is_empty(), "{again:?}");

    assert_eq!(entered(&browser, "alice").await, "/me?tab=2&x=%2Fy");
    assert_eq!(
        browser.jar().names(),
        ["__Host-sid"],
        "the marker is used up"
    );
    let back = browser.get("/me?tab=2&x=%2Fy").await;
    assert_eq!(back.text(), "Private page of alice");
    assert_eq!(entered(&browser, "alice").await, HOME, "a second time");
    assert_eq!(site.events.count("redirect-refused"), 0);
}

#[tokio::test]
async fn it_works_with_a_store_that_answers_later_and_at_the_absolute_timeout() {
    let site = returning().later().open().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(Duration::from_hours(9));
    browser.get("/me").await;
    assert!(marker_of(&browser).unwrap().starts_with("1."));
    assert_eq!(entered(&browser, "alice").await, "/me");
}

// R-8-1
#[tokio::test]
async fn it_is_off_by_default() {
    let site = Site::builder().routes(routes()).open().await;
    let browser = timed_out(&site).await;
    let got = browser.get("/me").await;
    assert!(!remembers(&got), "{got:?}");
    // Neither a marker of before nor a parameter moves anybody.
    let id = site.events.endings()[0].0;
    browser.plant(&format!(
        "{MARKER}=1.idle-timeout.{id}./me|{}; Path=/; Secure",
        soon(&site)
    ));
    let got = browser.post("/enter?as=alice&next=/me&return_to=/me").await;
    assert_eq!(got.header("location"), Some(HOME));
    // One look, whose storage the browser has: the marker says that it has not cleared.
    assert_eq!(site.store.calls(Op::Tombstone), 1);
}

// R-8-11
#[tokio::test]
async fn another_user_is_not_brought_to_it_and_drops_it() {
    let site = returning().open().await;
    let browser = timed_out(&site).await;
    browser.get("/me?account=alice").await;
    let got = browser.post("/enter?as=bob").await;
    assert_eq!(got.header("location"), Some(HOME));
    assert!(!format!("{got:?}").contains("account=alice"));
    assert_eq!(browser.jar().names(), ["__Host-sid"]);
    browser.post("/logout").await;
    assert_eq!(entered(&browser, "alice").await, HOME, "dropped for good");
}

// R-8-11
#[tokio::test]
async fn only_a_timeout_is_a_reason_to_come_back() {
    let site = returning().open().await;
    for reason in [
        EndReason::Logout,
        EndReason::Forced,
        EndReason::Policy,
        EndReason::CredentialChange,
        EndReason::SubjectDisabled,
        EndReason::IdentityProvider,
        EndReason::Superseded,
        EndReason::custom("account-closed").unwrap(),
    ] {
        let browser = site.logged_in("alice").await;
        let token = browser.token().unwrap();
        let id = site.session_of(&browser).await;
        if reason == EndReason::Logout {
            browser.post("/logout").await;
        } else {
            site.end(id, reason.clone()).await;
        }
        let with_dead_cookie = browser.navigate(Method::GET, "/me").token(&token);
        let got = with_dead_cookie.send().await;
        assert!(!remembers(&got), "{reason}: {got:?}");
        let got = browser.get("/me").await;
        assert!(!remembers(&got), "{reason}: {got:?}");
        // The store knows better than a marker that says otherwise.
        let until = soon(&site);
        let forged = format!("{MARKER}=1.idle-timeout.{id}./me|{until}");
        browser.plant(&format!("{forged}; Path=/; Secure"));
        assert_eq!(entered(&browser, "alice").await, HOME, "{reason}");
    }
}

// R-8-11
#[tokio::test]
async fn only_the_navigation_to_a_document_is_remembered() {
    let site = returning().open().await;
    let browser = timed_out(&site).await;
    let token = browser.token().unwrap();
    let open = |method, path| browser.navigate(method, path);
    let cases: Vec<(&str, Ask)> = vec![
        ("a form", open(Method::POST, "/private")),
        ("a HEAD", open(Method::HEAD, "/private")),
        (
            "a frame",
            open(Method::GET, "/private").header("sec-fetch-dest", "iframe"),
        ),
        (
            "a prefetch",
            open(Method::GET, "/private").header("sec-purpose", "prefetch"),
        ),
        (
            "another site's link",
            open(Method::GET, "/private").header("sec-fetch-site", "cross-site"),
        ),
        ("a fetch", browser.fetch(Method::GET, "/private")),
        (
            "a fetch that prefers HTML",
            browser
                .fetch(Method::GET, "/private")
                .header("accept", "text/html"),
        ),
        ("a program", browser.ask(Method::GET, "/private")),
        (
            "an event stream",
            browser
                .ask(Method::GET, "/private")
                .header("accept", "text/event-stream"),
        ),
        (
            "htmx",
            browser
                .ask(Method::GET, "/private")
                .header("accept", "text/html")
                .header("hx-request", "true"),
        ),
        (
            "a WebSocket",
            browser
                .ask(Method::GET, "/private")
                .header("accept", "text/html")
                .header("upgrade", "websocket"),
        ),
        ("a public page", open(Method::GET, "/")),
        ("the log-in page", open(Method::GET, "/login")),
        ("the landing", open(Method::GET, SIGNED_OUT)),
    ];
    for (case, ask) in cases {
        let got = ask.token(&token).send().await;
        assert!(got.removes_session(), "{case}: {got:?}");
        assert!(!remembers(&got), "{case}: {got:?}");
    }
    let got = open(Method::GET, "/private").token(&token).send().await;
    assert!(remembers(&got), "{got:?}");
}

// The routes' own gates, and a page below a prefix that the router strips.
#[tokio::test]
async fn a_page_that_its_route_guards_is_remembered_as_it_was_asked_for() {
    let site = Site::builder()
        .routes(routes())
        .configure(adjourn::SessionsBuilder::with_return_to)
        .open()
        .await;
    for path in ["/private?a=1", "/nested/private?b=2"] {
        let browser = timed_out(&site).await;
        browser.get(path).await;
        assert_eq!(entered(&browser, "alice").await, path);
        let page = browser.get(path).await;
        assert_eq!(page.text(), format!("Private page at {path}"));
    }
}

// A script's poll finds the session dead first, and takes the cookie away.
#[tokio::test]
async fn a_page_opened_after_a_background_request_is_remembered() {
    let site = returning().open().await;
    let browser = timed_out(&site).await;
    let got = browser.get_api("/api/me").await;
    assert_eq!(got.reason(), "idle-timeout");
    assert!(marker_of(&browser).is_some() && !remembers(&got));
    // Nobody has told the user why yet.
    let got = browser.get("/private?first").await;
    assert_eq!(got.header("location"), Some(SIGNED_OUT));
    assert!(
        remembers(&got) && got.header("clear-site-data").is_none(),
        "{got:?}"
    );
    // What the user wants last counts, and the landing still clears once.
    assert!(remembers(&browser.get("/private?second").await));
    let page = browser.get("/login").await;
    assert!(page.header("clear-site-data").is_some(), "{page:?}");
    let got = browser.get("/private?third").await;
    assert!(remembers(&got), "{got:?}");
    assert!(
        browser
            .get("/login")
            .await
            .header("clear-site-data")
            .is_none()
    );
    assert_eq!(entered(&browser, "alice").await, "/private?third");
}

// An exit page that links to the page, as if to continue, does not lead in a circle.
#[tokio::test]
async fn who_asks_for_the_same_page_again_is_sent_to_the_log_in() {
    let site = returning().open().await;
    let browser = timed_out(&site).await;
    browser.get_api("/api/me").await;
    let leads_to = async |path: &str| {
        let got = browser.get(path).await;
        got.header("location").unwrap().to_owned()
    };
    assert_eq!(leads_to("/private?a").await, SIGNED_OUT);
    assert_eq!(leads_to("/private?a").await, "/login");
    let page = browser.get(SIGNED_OUT).await;
    assert!(page.text().contains("without activity"), "{page:?}");
    assert_eq!(leads_to("/private?a").await, "/login");
    // The page of another tab is told in that tab.
    assert_eq!(leads_to("/private?b").await, SIGNED_OUT);
    assert_eq!(leads_to("/private?b").await, "/login");
    assert_eq!(entered(&browser, "alice").await, "/private?b");
}

// RFC 9112 section 3.2.2: as to a proxy.
#[tokio::test]
async fn an_address_with_a_host_is_not_remembered() {
    let site = returning().open().await;
    for host in ["evil.example", "app.example"] {
        let token = timed_out(&site).await.token().unwrap();
        let target = format!("GET http://{host}/private?x HTTP/1.1");
        let cookie = format!("cookie: __Host-sid={token}");
        let answer = send(&site, &[target.as_bytes(), cookie.as_bytes()]).await;
        assert!(
            answer.contains(&format!("location: {SIGNED_OUT}\r\n")),
            "{answer}"
        );
        assert!(answer.contains(MARKER) && !answer.contains('|'), "{answer}");
    }
}

// R-8-11: what the script of a page needs to know before it asks for its page once more.
#[tokio::test]
async fn a_page_is_told_that_its_user_may_be_brought_back_to_it() {
    let said = |got: &Got| got.header("server-timing") == Some("adjourn-return");
    let site = returning().open().await;
    let browser = site.logged_in("alice").await;
    let open = |method, path| browser.navigate(method, path);
    for (may, what, ask) in [
        (true, "a page", open(Method::GET, "/private?x=1")),
        (false, "an answer to a form", open(Method::POST, "/private")),
        (false, "a public page", open(Method::GET, "/")),
        (false, "the log-in page", open(Method::GET, "/login")),
        (false, "the exit page", open(Method::GET, SIGNED_OUT)),
        (
            false,
            "no place to return to",
            open(Method::GET, "/ws/page"),
        ),
        (
            false,
            "a frame",
            open(Method::GET, "/private").header("sec-fetch-dest", "iframe"),
        ),
        (false, "a fetch", browser.fetch(Method::GET, "/private")),
        (
            false,
            "a page without a session",
            site.browser().navigate(Method::GET, "/private"),
        ),
    ] {
        let got = ask.send().await;
        assert_eq!(said(&got), may, "{what}: {got:?}");
    }
    // The routes have gates of their own.
    let site = Site::builder()
        .routes(routes())
        .configure(adjourn::SessionsBuilder::with_return_to)
        .open()
        .await;
    let got = site.logged_in("alice").await.get("/private").await;
    assert!(said(&got), "{got:?}");
    let off = Site::builder().routes(routes()).open().await;
    let got = off.logged_in("alice").await.get("/private").await;
    assert!(!said(&got), "{got:?}");
}

// Without a log-in page the refusal is the page on which the user lands.
#[tokio::test]
async fn a_refusal_that_is_no_redirect_clears_and_remembers() {
    let (sessions, clock) = {
        let clock = adjourn::time::ManualClock::default();
        let builder = Sessions::builder(MemoryStore::with_clock(clock.clone()));
        let builder = builder.with_clock(clock.clone()).with_return_to();
        (builder.with_public(["/enter"]).build().unwrap(), clock)
    };
    let app = routes().layer(sessions.layer());
    let (address, _server) = crate::support::serve(app).await;
    let browser = Browser::new(address);
    entered(&browser, "alice").await;
    clock.advance(Duration::from_mins(15));
    browser.get_api("/private").await;
    let got = browser.get("/private").await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    // And the one that tells why.
    assert!(got.text().contains("without activity"), "{got:?}");
    assert!(
        got.header("clear-site-data").is_some() && remembers(&got),
        "{got:?}"
    );
    assert!(marker_of(&browser).unwrap().ends_with("|cleared"));
    assert_eq!(entered(&browser, "alice").await, "/private");
}

#[tokio::test]
async fn after_ten_minutes_it_is_forgotten_whatever_the_browser_keeps() {
    let site = returning().open().await;
    for (wait, remembered) in [
        (Duration::from_secs(599), true),
        (Duration::from_mins(10), false),
    ] {
        let browser = timed_out(&site).await;
        browser.get("/private").await;
        site.clock.advance(wait);
        // To set the marker anew, without its bit, is not to remember anew.
        browser.get(SIGNED_OUT).await;
        let expected = if remembered { "/private" } else { HOME };
        assert_eq!(entered(&browser, "alice").await, expected, "{wait:?}");
    }
    assert_eq!(
        site.events.count("redirect-refused"),
        0,
        "too old is not hostile"
    );
}

// R-8-11
#[tokio::test]
async fn a_marker_that_is_written_by_hand_gets_no_more_time() {
    let site = returning().open().await;
    let browser = timed_out(&site).await;
    browser.get("/private").await;
    let id = site.events.endings()[0].0;
    let soon = soon(&site);
    for (until, believed) in [
        (soon - 600, false),
        (soon - 599, true),
        (soon, true),
        // Of a node whose clock is ahead of this one's.
        (soon + 60, true),
        (soon + 61, false),
        (soon + 3_600, false),
        (u64::MAX / 1_000, false),
    ] {
        let marker = format!("1.idle-timeout.{id}./private|{until}");
        let page = planted(&site, &marker);
        let expected = if believed { "/private" } else { HOME };
        assert_eq!(entered(&page, "alice").await, expected, "{until}");
        // Nor does the landing, which sets the marker anew.
        let page = planted(&site, &marker);
        let landing = page.get(SIGNED_OUT).await;
        assert_eq!(remembers(&landing), believed, "{until}: {landing:?}");
    }
}

// R-8-11: the bound that SECURITY.md names. Before the log-in nobody knows who is at the browser.
#[tokio::test]
async fn who_is_at_the_browser_in_between_chooses_a_page_of_this_site_at_most() {
    let site = returning().open().await;
    let alices = timed_out(&site).await;
    alices.get("/me").await;
    let in_between = || async {
        alices.get("/private?chosen=by-another").await;
        alices.stolen_copy()
    };
    let again = in_between().await;
    assert_eq!(entered(&again, "bob").await, HOME, "to nobody else's");
    let again = in_between().await;
    assert_eq!(entered(&again, "alice").await, "/private?chosen=by-another");
    let again = in_between().await;
    site.clock.advance(Duration::from_mins(10));
    assert_eq!(entered(&again, "alice").await, HOME, "ten minutes");
}

#[tokio::test]
async fn a_session_of_a_visitor_drops_it() {
    let site = returning().open().await;
    let browser = timed_out(&site).await;
    browser.get("/private").await;
    browser.post_api("/visit").await;
    // What is left says only that the storage is not the visitor's.
    let marker = browser.jar().value("__Host-adjourn-ended").unwrap();
    assert!(
        !marker.contains('/') && marker.ends_with(".uncleared"),
        "{marker}"
    );
    assert_eq!(entered(&browser, "alice").await, HOME);
}

#[tokio::test]
async fn a_bearer_log_in_is_another_client() {
    let site = returning()
        .configure(adjourn::SessionsBuilder::with_bearer)
        .open()
        .await;
    let browser = timed_out(&site).await;
    browser.get("/private").await;
    let got = browser.post("/enter?as=alice&bearer").await;
    assert_eq!(got.header("location"), Some(HOME));
    assert_eq!(entered(&browser, "alice").await, "/private", "not used up");
}

// The log-in is worth more than the way back.
#[tokio::test]
async fn a_store_that_fails_costs_the_way_back_alone() {
    let site = returning().open().await;
    let browser = timed_out(&site).await;
    browser.get("/private").await;
    site.store.fail(Op::Tombstone, When::Before);
    assert_eq!(entered(&browser, "alice").await, HOME);
    assert_eq!(site.events.count("store-failed"), 1);
    assert_eq!(browser.get("/me").await.text(), "Private page of alice");
}

#[tokio::test]
async fn a_live_session_is_not_touched_and_nothing_is_remembered() {
    let site = returning().open().await;
    let browser = site.logged_in("alice").await;
    for path in ["/me", "/private?x", "/", SIGNED_OUT] {
        let got = browser.get(path).await;
        assert!(got.set_cookies().is_empty(), "{path}: {got:?}");
    }
    // Nor for somebody who never had one.
    let stranger = site.browser();
    let got = stranger.get("/private").await;
    assert_eq!(got.header("location"), Some("/login"));
    assert!(got.set_cookies().is_empty(), "{got:?}");
}

// R-8-12
#[tokio::test]
async fn nobody_is_brought_back_to_where_sessions_begin_and_end() {
    let site = returning()
        .configure(|builder| {
            builder
                .with_exit_page(EndReason::IdleTimeout, "/login?timed-out")
                .with_exit_page(EndReason::Policy, "/")
        })
        .open()
        .await;
    for path in [
        "/auth/logout?next=/logout",
        "/LOGOUT/",
        "/ws",
        "/Ws/",
        "/%77s/7",
        "/events",
        "/Session/end",
        "/%73ession/status",
        "/Login",
        "/x/sign-in",
    ] {
        let browser = timed_out(&site).await;
        let got = browser.get(path).await;
        assert_eq!(got.header("location"), Some("/login?timed-out"), "{path}");
        assert!(!remembers(&got), "{path}: {got:?}");
        assert_eq!(entered(&browser, "alice").await, HOME, "{path}");
        let id = site.events.endings().last().unwrap().0;
        let until = soon(&site);
        let forged = planted(&site, &format!("1.idle-timeout.{id}.{path}|{until}"));
        assert_eq!(entered(&forged, "alice").await, HOME, "{path}");
    }
}

/// Until when a marker that is written now may say that its path holds, in Unix seconds.
fn soon(site: &Site) -> u64 {
    let until = site.clock.now().saturating_add(Duration::from_mins(10));
    until.as_unix_millis() / 1000
}

fn planted(site: &Site, marker: &str) -> Browser {
    let browser = site.browser();
    browser.plant(&format!("{MARKER}={marker}; Path=/; Secure"));
    browser
}

/// The lines of the corpus, with `\xNN` read.
fn corpus() -> Vec<Vec<u8>> {
    let lines = include_bytes!("../data/hostile-return-to.txt").split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.map(|line| decoded(line, b"\\x")).collect()
}

fn decoded(text: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let digits = rest.strip_prefix(mark).and_then(|after| after.get(..2));
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() {
            &rest[mark.len() + 2..]
        } else {
            tail
        };
    }
    out
}

fn encoded(text: &[u8]) -> Vec<u8> {
    let escapes = text.iter().map(|byte| format!("%{byte:02X}"));
    escapes.collect::<String>().into_bytes()
}

/// Every hostile value as it is, percent-encoded, and percent-encoded behind a slash.
fn hostile() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for line in corpus() {
        all.push(encoded(&line));
        if let Some(rest) = line.strip_prefix(b"/") {
            all.push([b"/", &*encoded(rest)].concat());
        }
        all.push(line);
    }
    all
}

/// Sends these bytes and answers head and body; no client in between takes offence.
async fn send(site: &Site, lines: &[&[u8]]) -> String {
    let mut wire = lines.join(&b"\r\n"[..]);
    wire.extend_from_slice(
        b"\r\nhost: app.example\r\naccept: text/html\r\nsec-fetch-site: same-origin\r\n\
          sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\ncontent-length: 0\r\n\
          connection: close\r\n\r\n",
    );
    raw(site.address, wire).await
}

// R-8-2 R-8-4 R-8-5 R-8-6: the sink that reads the address of the request.
#[tokio::test]
async fn no_hostile_address_is_remembered() {
    let site = returning().open().await;
    let token = timed_out(&site).await.token().unwrap();
    let cookie = format!("cookie: __Host-sid={token}");
    let (mut asked, mut malformed) = (0, 0);
    for value in hostile() {
        let target = [b"GET ", &*value, b" HTTP/1.1"].concat();
        let shown = String::from_utf8_lossy(&value).into_owned();
        let answer = send(&site, &[&target, cookie.as_bytes()]).await;
        assert!(
            !answer.to_lowercase().contains("x-injected"),
            "{shown}: {answer}"
        );
        if answer.starts_with("HTTP/1.1 4") || answer.is_empty() {
            malformed += 1;
            continue;
        }
        asked += 1;
        // A whole URL is asked for as with a proxy, and leads where its path does: nothing of it stays.
        if shown.contains("://") {
            assert!(
                !answer.contains(&shown) && !answer.contains('|'),
                "{shown}: {answer}"
            );
            continue;
        }
        assert!(
            answer.contains(&format!("location: {SIGNED_OUT}\r\n")),
            "{shown}: {answer}"
        );
        let marker = answer.lines().find(|line| line.contains(MARKER)).unwrap();
        assert!(!marker.contains('|'), "{shown}: {answer}");
    }
    assert!(asked > 60 && malformed > 60, "{asked} and {malformed}");
}

// R-8-2 R-8-13 R-8-14: the sink that reads the marker, in case it was forged at this browser.
#[tokio::test]
async fn no_hostile_marker_moves_anybody() {
    let site = returning().open().await;
    let browser = timed_out(&site).await;
    browser.get_api("/api/me").await;
    let id: SessionId = site.events.endings()[0].0;
    let until = format!("|{}", soon(&site));
    let refused = || site.events.count("redirect-refused");
    let mut reported = 0;
    for value in hostile() {
        let shown = String::from_utf8_lossy(&value).into_owned();
        let start = format!("cookie: {MARKER}=1.idle-timeout.{id}.");
        let marker = [start.as_bytes(), &*value, until.as_bytes()].concat();
        let before = refused();
        let answer = send(&site, &[b"POST /enter?as=alice HTTP/1.1", &marker]).await;
        reported += refused() - before;
        assert!(refused() - before <= 1, "{shown}");
        if answer.starts_with("HTTP/1.1 4") || answer.is_empty() {
            continue; // the line breaks the request
        }
        assert!(
            answer.contains(&format!("\r\nlocation: {HOME}\r\n")),
            "{shown}: {answer}"
        );
        assert!(
            !answer.to_lowercase().contains("x-injected"),
            "{shown}: {answer}"
        );
    }
    assert!(reported >= 20, "until the limit of events: {reported}");
    // The same marker with an honest path is believed, so it is the path that was refused.
    let honest = planted(&site, &format!("1.idle-timeout.{id}./private{until}"));
    assert_eq!(entered(&honest, "alice").await, "/private");
    for event in site.events.all() {
        let adjourn::audit::EventKind::RedirectRefused { target } = &event.kind else {
            continue;
        };
        assert!(target.len() <= 4 * 128, "{target}");
        assert!(
            target
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' '),
            "{target}"
        );
    }
}

// R-8-3: what the router lets through and the grammar does, comes back byte for byte.
#[tokio::test]
async fn what_is_remembered_comes_back_unchanged() {
    let site = returning().open().await;
    for path in [
        "/account/",
        "/a/b.c?x=1&y=2",
        "/search?q=a%20b&r=%2Fx%2Fy",
        "/docs/%E2%82%AC",
        "/a;v=1/b,c;d",
        "/a:b/@c",
        "/q?next=https://app.example/x",
        "/a..b/...c",
        "/x?'=~!$*()[]",
        "/x?a=%2520;b,c",
    ] {
        let browser = timed_out(&site).await;
        assert!(remembers(&browser.get(path).await), "{path}");
        assert_eq!(entered(&browser, "alice").await, path);
    }
}

#[test]
fn a_configuration_that_cannot_bring_anybody_back_is_named() {
    let builder = || Sessions::builder(MemoryStore::new()).with_return_to();
    let error = builder()
        .without_cookie()
        .with_bearer()
        .build()
        .unwrap_err();
    assert!(matches!(error, BuildError::ReturnWithoutCookie));
    assert!(error.to_string().contains("with_return_to"));
    let error = builder().add_no_return(["ws"]).build().unwrap_err();
    assert!(error.to_string().contains("add_no_return"), "{error}");
}
