//! Each client gets the answer that it understands, and nobody learns what is not theirs.

use crate::support::{Ask, Got, Op, Site, When, raw, serve};
use adjourn::{
    BuildError, Sessions, SessionsBuilder,
    carrier::{ConfigError, CookieSpec, SameSite},
    farewell::ExitTexts,
    reason::EndReason,
    store::MemoryStore,
};
use axum::{Router, routing::get};
use http::{Method, StatusCode};
use std::time::Duration;

// R-14-1
#[tokio::test]
async fn a_page_is_redirected_and_a_program_is_told() {
    let site = Site::open().await;
    let browser = site.browser();
    let html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let plain = |method, accept: &str| browser.ask(method, "/me").header("accept", accept);
    for (case, ask, is_page) in [
        ("a link", browser.navigate(Method::GET, "/me"), true),
        ("a form", browser.navigate(Method::POST, "/me"), true),
        (
            "a frame",
            browser
                .navigate(Method::GET, "/me")
                .header("sec-fetch-dest", "iframe"),
            true,
        ),
        (
            "a HEAD of a page",
            browser.navigate(Method::HEAD, "/me"),
            true,
        ),
        ("an old browser", plain(Method::GET, html), true),
        ("an old browser's form", plain(Method::POST, html), true),
        ("a fetch", browser.fetch(Method::GET, "/me"), false),
        (
            "a fetch that prefers HTML",
            browser.fetch(Method::GET, "/me").header("accept", html),
            false,
        ),
        (
            "JSON first",
            plain(Method::GET, "application/json, text/html"),
            false,
        ),
        (
            "JSON of a kind",
            plain(Method::GET, "application/ld+json"),
            false,
        ),
        ("anything", plain(Method::GET, "*/*"), false),
        ("nothing", browser.ask(Method::GET, "/me"), false),
        (
            "an event stream",
            plain(Method::GET, "text/event-stream"),
            false,
        ),
        (
            "an image",
            browser
                .fetch(Method::GET, "/me")
                .header("sec-fetch-mode", "no-cors"),
            false,
        ),
        ("a PUT", plain(Method::PUT, html), false),
    ] {
        let head = case == "a HEAD of a page";
        let got = ask.send().await;
        if is_page {
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{case}: {got:?}");
            assert_eq!(got.header("location"), Some("/login"), "{case}");
            assert!(got.body.is_empty(), "{case}");
        } else {
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{case}: {got:?}");
            assert_eq!(got.header("location"), None, "{case}");
            assert!(head || got.reason() == "no-session", "{case}");
        }
        assert_eq!(got.header("cache-control"), Some("no-store"), "{case}");
    }
}

// R-14-1: with no page to go to, a page is told as well.
#[tokio::test]
async fn without_a_log_in_page_everybody_is_told() {
    let sessions = Sessions::builder(MemoryStore::new())
        .with_public(["/"])
        .build()
        .unwrap();
    let app = Router::new()
        .route("/me", get(|| async { "SECRET" }))
        .layer(sessions.layer());
    let (address, _server) = serve(app).await;
    let browser = crate::support::Browser::new(address);
    let got = browser.get_api("/me").await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert_eq!(got.reason(), "no-session");
    // Somebody reads this.
    let got = browser.get("/me").await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert_page(&got, "There is no active session in this browser.");
    assert!(got.header("www-authenticate").is_some());
}

/// A page to read, which nobody may keep, frame or fill with scripts.
fn assert_page(got: &Got, text: &str) {
    assert_eq!(
        got.header("content-type"),
        Some("text/html; charset=utf-8"),
        "{got:?}"
    );
    assert!(got.text().contains(text), "{got:?}");
    assert_eq!(got.header("cache-control"), Some("no-store"));
    let policy = got.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(policy.contains("frame-ancestors 'none'"));
}

// R-14-1 R-14-11: the same decision as for every other answer.
#[tokio::test]
async fn who_reads_gets_a_page_while_the_store_is_down() {
    let site = Site::builder()
        .configure(|builder| {
            let german = ExitTexts::new("de").with_unavailable("Moment", "Gleich noch einmal.");
            builder
                .add_exit_texts(ExitTexts::new("en"))
                .add_exit_texts(german)
        })
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    site.store.fail(Op::CheckIn, When::Before);
    let html = "text/html,application/xhtml+xml";
    for (page, ask) in [
        (true, browser.navigate(Method::GET, "/me")),
        (true, browser.navigate(Method::POST, "/me")),
        (true, browser.ask(Method::GET, "/me").header("accept", html)),
        (
            true,
            browser
                .fetch(Method::GET, "/me")
                .header("turbo-frame", "cart"),
        ),
        (false, browser.fetch(Method::GET, "/me")),
        (
            false,
            browser.fetch(Method::GET, "/me").header("accept", html),
        ),
        (
            false,
            browser
                .fetch(Method::GET, "/me")
                .header("hx-request", "true"),
        ),
        (false, browser.ask(Method::GET, "/me").bearer(&token)),
        (
            false,
            browser
                .ask(Method::GET, "/me")
                .header("accept", "text/event-stream"),
        ),
        (false, browser.ask(Method::GET, "/me")),
    ] {
        let got = ask.send().await;
        assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{got:?}");
        assert_eq!(got.header("retry-after"), Some("5"));
        assert!(got.header("vary").unwrap().contains("Accept-Language"));
        assert!(got.set_cookies().is_empty(), "{got:?}");
        if page {
            assert_page(&got, "Your session cannot be checked now.");
        } else {
            assert_eq!(got.reason(), "store-unavailable");
        }
    }
    let ask = browser.navigate(Method::GET, "/me");
    let got = ask.header("accept-language", "de").send().await;
    assert_page(&got, "Gleich noch einmal.");
    let got = browser.navigate(Method::HEAD, "/me").send().await;
    assert!(got.body.is_empty());
}

// R-14-2
#[tokio::test]
async fn every_401_has_a_challenge_that_opens_no_dialog() {
    for bearer in [false, true] {
        let site = Site::builder()
            .configure(move |builder| {
                if bearer {
                    builder.with_bearer()
                } else {
                    builder
                }
            })
            .open()
            .await;
        let browser = site.logged_in("alice").await;
        let old = browser.token().unwrap();
        browser.post_api("/rotate").await;
        let now = browser.token().unwrap();
        browser.post_api("/logout").await;
        let unknown = "A".repeat(64);
        for token in ["", "junk", &unknown, &old, &now] {
            for ask in [
                browser.fetch(Method::GET, "/api/me"),
                browser.fetch(Method::POST, "/api/me"),
                browser.fetch(Method::HEAD, "/api/me"),
                browser.fetch(Method::DELETE, "/api/me"),
                browser.ask(Method::GET, "/me"),
                browser
                    .ask(Method::GET, "/api/me")
                    .header("accept", "text/event-stream"),
                upgrade(browser.ask(Method::GET, "/api/me")),
            ] {
                let got = ask.token(token).send().await;
                assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{got:?}");
                let challenges: Vec<_> = got.headers.get_all("www-authenticate").iter().collect();
                let both = ["Bearer realm=\"session\"", "Cookie realm=\"session\""];
                let expected = if bearer { &both[..] } else { &both[1..] };
                assert_eq!(challenges, expected, "{got:?}");
            }
        }
    }
}

fn upgrade(ask: Ask) -> Ask {
    ask.header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

// R-14-2 R-14-6
#[tokio::test]
async fn a_socket_is_not_opened_for_a_session_that_is_over() {
    async fn echo(
        _: adjourn::LiveSession,
        up: axum::extract::WebSocketUpgrade,
    ) -> axum::response::Response {
        up.on_upgrade(|socket| async move { drop(socket) })
    }
    let site = Site::builder()
        .configure(|builder| builder.with_sensitive(["/gated"]))
        .routes(
            Router::new()
                .route("/ws", get(echo))
                .route("/gated/ws", get(echo)),
        )
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    for path in ["/ws", "/gated/ws"] {
        let response = upgrade(browser.ask(Method::GET, path)).open().await;
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    }
    browser.post_api("/logout").await;
    for path in ["/ws", "/gated/ws"] {
        // As a browser would: with a mode of its own, or with none at all and HTML accepted.
        for (name, value) in [("sec-fetch-mode", "websocket"), ("accept", "text/html")] {
            let ask = upgrade(browser.ask(Method::GET, path)).header(name, value);
            let got = ask.token(&token).send().await;
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{path}: {got:?}");
            assert_eq!(got.reason(), "logout");
            assert!(got.header("www-authenticate").is_some());
            assert!(got.removes_session());
        }
    }
}

// R-14-3
#[tokio::test]
async fn a_bearer_challenge_says_invalid_only_of_a_token_that_was_sent() {
    let site = Site::builder()
        .configure(|builder| builder.without_cookie().with_bearer())
        .open()
        .await;
    let browser = site.browser();
    let got = browser.get_api("/api/me").await;
    assert_eq!(
        got.header("www-authenticate"),
        Some("Bearer realm=\"session\"")
    );
    let unknown = "A".repeat(64);
    for token in ["junk", &unknown] {
        let got = browser
            .fetch(Method::GET, "/api/me")
            .bearer(token)
            .send()
            .await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            got.header("www-authenticate"),
            Some("Bearer realm=\"session\", error=\"invalid_token\"")
        );
    }
    // A cookie means nothing here.
    let got = browser
        .fetch(Method::GET, "/api/me")
        .token(&unknown)
        .send()
        .await;
    assert_eq!(
        got.header("www-authenticate"),
        Some("Bearer realm=\"session\"")
    );
    assert!(got.set_cookies().is_empty());
}

// R-14-4
#[tokio::test]
async fn a_problem_has_a_stable_reason_and_names_nobody() {
    for reason in [
        EndReason::Logout,
        EndReason::Forced,
        EndReason::Policy,
        EndReason::CredentialChange,
        EndReason::IdentityProvider,
        EndReason::SubjectDisabled,
        EndReason::custom("account-closed").unwrap(),
    ] {
        let site = Site::open().await;
        let browser = site.logged_in("alice").await;
        let id = site.session_of(&browser).await;
        let _receipt = site
            .sessions
            .terminator()
            .end(id, reason.clone())
            .await
            .unwrap();
        let got = browser.get_api("/api/me").await;
        let code = reason.code();
        assert_eq!(
            got.json(),
            serde_json::json!({
                "type": format!("urn:adjourn:problem/{code}"),
                "title": "The session has ended",
                "status": 401,
                "reason": code,
            })
        );
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
        let shown = format!("{got:?}");
        let own = shown.replace(&format!("1.{code}.{id}"), "");
        assert!(
            !own.contains("alice") && !own.contains(&id.to_string()),
            "{shown}"
        );
    }
}

async fn without_date(site: &Site, target: &str, headers: &str) -> String {
    let wire =
        format!("GET {target} HTTP/1.1\r\nhost: app.example\r\n{headers}connection: close\r\n\r\n");
    let answer = raw(site.address, wire).await;
    let lines = answer.lines().filter(|line| !line.starts_with("date:"));
    lines.collect::<Vec<_>>().join("\n")
}

// R-14-4 R-1-4
#[tokio::test]
async fn who_does_not_hold_the_secret_learns_nothing() {
    let site = Site::open().await;
    let secret = "A".repeat(42);
    let with_other_secret = |token: String| format!("{}{secret}", &token[..22]);
    let live = with_other_secret(site.logged_in("alice").await.token().unwrap());
    let browser = site.logged_in("bob").await;
    let right = browser.token().unwrap();
    browser.post_api("/logout").await;
    let dead = with_other_secret(right.clone());
    let due = site.logged_in("carol").await.token().unwrap();
    let never = "A".repeat(64);
    let expired = with_other_secret(due.clone());
    let kinds = ["accept: */*\r\n", "accept: text/html\r\n"];
    for (at, kind) in kinds.into_iter().enumerate() {
        for target in ["/api/me", "/", "/session/signed-out"] {
            let with = |token: &str| format!("{kind}cookie: __Host-sid={token}\r\n");
            let unknown = without_date(&site, target, &with(&never)).await;
            for token in [&live, &dead, &expired, "junk"] {
                let got = without_date(&site, target, &with(token)).await;
                assert_eq!(got, unknown, "{target} {token}");
            }
            let known = without_date(&site, target, &with(&right)).await;
            assert_ne!(known, unknown, "{target}: its own user is told");
        }
        if at == 0 {
            // Past the idle timeout, and not swept yet.
            site.clock.advance(Duration::from_mins(16));
        }
    }
    assert_eq!(
        site.events.endings().len(),
        1,
        "and nothing was ended by it"
    );
    let got = site
        .browser()
        .fetch(Method::GET, "/api/me")
        .token(&due)
        .send()
        .await;
    assert_eq!(got.reason(), "idle-timeout");
}

// R-14-4: once it is forgotten, a dead session is like one that never was.
#[tokio::test]
async fn a_session_that_is_forgotten_is_unknown() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    browser.post_api("/logout").await;
    site.clock.advance(Duration::from_hours(10));
    site.sessions.terminator().sweep().await.unwrap();
    let with = |token: &str| format!("cookie: __Host-sid={token}\r\n");
    assert_eq!(
        without_date(&site, "/api/me", &with(&token)).await,
        without_date(&site, "/api/me", &with(&"A".repeat(64))).await
    );
}

// R-14-10
#[tokio::test]
async fn an_event_source_that_comes_back_is_not_redirected() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    browser.post_api("/logout").await;
    let stream = |ask: Ask| ask.header("accept", "text/event-stream").token(&token);
    for ask in [
        stream(browser.fetch(Method::GET, "/api/me")),
        stream(browser.fetch(Method::GET, "/api/me")).header("last-event-id", "7"),
        stream(browser.ask(Method::GET, "/api/me")),
        stream(browser.ask(Method::GET, "/me")).header("sec-fetch-mode", "cors"),
    ] {
        let got = ask.send().await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{got:?}");
        assert_eq!(got.reason(), "logout");
    }
}

// R-14-14
#[tokio::test]
async fn a_head_is_answered_like_a_get_without_a_body() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    let mut before = Vec::new();
    for (path, page) in [
        ("/api/me", false),
        ("/me", true),
        ("/", true),
        ("/nowhere", false),
    ] {
        before.push((path, page, token.clone()));
    }
    browser.post_api("/logout").await;
    for (path, page, token) in before {
        let ask = |method| {
            if page {
                browser.navigate(method, path)
            } else {
                browser.fetch(method, path)
            }
        };
        for token in ["junk", &token] {
            let get = ask(Method::GET).token(token).send().await;
            let head = ask(Method::HEAD).token(token).send().await;
            assert_eq!(head.status, get.status, "{path}");
            assert!(head.body.is_empty() && !head.broken);
            let names = |got: &Got| -> Vec<String> {
                let names = got
                    .headers
                    .iter()
                    .filter(|(name, _)| *name != "content-length" && *name != "date");
                names
                    .map(|(name, value)| format!("{name}: {value:?}"))
                    .collect()
            };
            assert_eq!(names(&head), names(&get), "{path}");
        }
    }
}

// R-14-5
#[tokio::test]
async fn a_missing_session_is_401_and_a_forbidden_act_is_403() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let forged = browser
        .fetch(Method::POST, "/logout")
        .header("sec-fetch-site", "cross-site");
    assert_eq!(forged.send().await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        browser.fresh().get_api("/me").await.status,
        StatusCode::UNAUTHORIZED
    );
}

type Change = Box<dyn FnOnce(SessionsBuilder) -> SessionsBuilder>;

/// A configuration that cannot work says which setting is wrong.
// R-1-20 R-5-15
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_mistake_in_the_configuration_is_named() {
    let mistakes: Vec<(&str, Change)> = vec![
        ("without_cookie", Box::new(SessionsBuilder::without_cookie)),
        ("`sid`", Box::new(|b| b.with_cookie(CookieSpec::new("sid")))),
        (
            "HttpOnly",
            Box::new(|b| b.with_cookie(CookieSpec::session().with_http_only(false))),
        ),
        (
            "Path=/",
            Box::new(|b| b.with_cookie(CookieSpec::session().with_path("/app"))),
        ),
        (
            "Domain",
            Box::new(|b| b.with_cookie(CookieSpec::session().with_domain("a.example"))),
        ),
        (
            "Secure",
            Box::new(|b| b.with_cookie(CookieSpec::session().with_insecure_no_secure_attribute())),
        ),
        (
            "4097",
            Box::new(|b| b.with_cookie(CookieSpec::new("n".repeat(4097)))),
        ),
        (
            "`a b`",
            Box::new(|b| b.add_cookie_to_clear(CookieSpec::new("a b"))),
        ),
        (
            "SameSite=None",
            Box::new(|b| b.add_cookie_to_clear(CookieSpec::new("a").with_partitioned(true))),
        ),
        (
            "Secure",
            Box::new(|b| {
                let spec = CookieSpec::new("a").with_same_site(SameSite::None);
                b.add_cookie_to_clear(spec.with_insecure_no_secure_attribute())
            }),
        ),
        (
            "with_trusted_proxies",
            Box::new(|b| b.with_trusted_proxies(["10.0.0.0/33"])),
        ),
        (
            "with_trusted_proxies",
            Box::new(|b| b.with_trusted_proxies(["proxy.example"])),
        ),
        ("with_origin", Box::new(|b| b.with_origin("app.example"))),
        (
            "with_origin",
            Box::new(|b| b.with_origin("https://app.example/path")),
        ),
        ("with_origin", Box::new(|b| b.with_origin("*"))),
        (
            "add_exit_origin",
            Box::new(|b| b.add_exit_origin("https://*.example")),
        ),
        (
            "with_log_in_page",
            Box::new(|b| b.with_log_in_page("login")),
        ),
        (
            "with_log_in_page",
            Box::new(|b| b.with_log_in_page("https://idp.example/login")),
        ),
        (
            "with_log_in_page",
            Box::new(|b| b.with_log_in_page("//evil.example")),
        ),
        (
            "with_exit_page",
            Box::new(|b| b.with_exit_page(EndReason::Forced, "/a b")),
        ),
        (
            "with_exit_page",
            Box::new(|b| b.with_exit_page(EndReason::Forced, "/a\r\nx: y")),
        ),
        (
            "with_default_exit_page",
            Box::new(|b| b.with_default_exit_page("bye")),
        ),
        (
            "with_endpoints_at",
            Box::new(|b| b.with_endpoints_at("session")),
        ),
        (
            "with_endpoints_at",
            Box::new(|b| b.with_endpoints_at("//evil.example")),
        ),
        ("with_endpoints_at", Box::new(|b| b.with_endpoints_at(""))),
        // All below the endpoints is public.
        (
            "with_endpoints_at",
            Box::new(|b| b.with_public(["/login"]).with_endpoints_at("/")),
        ),
        (
            "with_endpoints_at",
            Box::new(|b| b.with_endpoints_at("/session?x")),
        ),
        (
            "with_endpoints_at",
            Box::new(|b| {
                b.with_endpoints_at("session")
                    .with_default_exit_page("/bye")
            }),
        ),
        ("with_public", Box::new(|b| b.with_public(["login"]))),
        ("with_public", Box::new(|b| b.with_public(["/static*"]))),
        (
            "with_sensitive",
            Box::new(|b| b.with_sensitive(["/account/{id}"])),
        ),
        (
            "with_log_in_page",
            Box::new(|b| b.with_public(["/"]).with_log_in_page("/login")),
        ),
        (
            "with_log_in_page",
            Box::new(|b| b.with_sensitive(["/"]).with_log_in_page("/login")),
        ),
        (
            "with_exit_page",
            Box::new(|b| {
                b.with_sensitive(["/account"])
                    .with_exit_page(EndReason::Forced, "/account/bye?x")
            }),
        ),
        (
            "with_default_exit_page",
            Box::new(|b| b.with_public(["/"]).with_default_exit_page("/bye#x")),
        ),
        ("with_lease", Box::new(|b| b.with_lease(Duration::ZERO))),
        (
            "with_hook_time_limit",
            Box::new(|b| b.with_hook_time_limit(Duration::from_micros(1))),
        ),
        (
            "with_shutdown_limit",
            Box::new(|b| b.with_shutdown_limit(Duration::ZERO)),
        ),
    ];
    for (at, (named, configure)) in mistakes.into_iter().enumerate() {
        let built = configure(Sessions::builder(MemoryStore::new())).build();
        let message = built.map_or_else(|error| error.to_string(), |_| "nothing wrong".to_owned());
        assert!(
            message.contains(named),
            "{at}: {named} is not in {message:?}"
        );
    }
    let unprefixed = Sessions::builder(MemoryStore::new()).with_cookie(CookieSpec::new("sid"));
    assert!(matches!(
        unprefixed.build(),
        Err(BuildError::Cookie {
            setting: "with_cookie",
            source: ConfigError::SessionNeedsPrefix { .. }
        })
    ));
}

#[test]
fn what_differs_only_in_taste_is_no_mistake() {
    let good: Vec<Change> = vec![
        Box::new(|b| b),
        Box::new(|b| b.without_cookie().with_bearer()),
        Box::new(|b| b.with_endpoints_at("/auth/session/")),
        Box::new(|b| b.with_public(["/"]).with_default_exit_page("/?bye")),
        Box::new(|b| {
            b.with_public(["/", "/login"])
                .with_log_in_page("/login?x=1#form")
        }),
        Box::new(|b| {
            b.with_sensitive(["/"])
                .with_public(Vec::<String>::new())
                .with_endpoints_at("/s")
        }),
        Box::new(|b| b.with_origin("http://localhost:3000")),
        Box::new(|b| b.with_trusted_proxies(["::1", "10.0.0.0/8"])),
    ];
    for (at, configure) in good.into_iter().enumerate() {
        let built = configure(Sessions::builder(MemoryStore::new())).build();
        let built = built.map(drop).map_err(|error| error.to_string());
        // Everything sensitive leaves no page to land on: that is one.
        assert_eq!(built.is_ok(), at != 5, "{at}: {built:?}");
    }
}
