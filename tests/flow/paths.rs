//! The gate to sensitive pages: in the routes, and by path as the net below (decision 17, A5).

use crate::support::{Browser, Site, raw, serve};
use adjourn::{
    LiveSession, Session, Sessions, SessionsBuilder, require_session, session::StartError,
    store::MemoryStore,
};
use axum::{
    Router,
    routing::{any, get, post},
};
use http::{Method, StatusCode};
use std::{fs, net::SocketAddr, path::PathBuf};
use tower_http::services::ServeDir;

/// Spellings of `/account/s.html` and of what is beside it.
const SPELLINGS: [&str; 38] = [
    "/account/s.html",
    "/%61ccount/s.html",
    "/account/%73.html",
    "/%61%63%63%6f%75%6e%74/%73%2ehtml",
    "//account/s.html",
    "///account//s.html",
    "/./account/s.html",
    "/%2e/account/s.html",
    "/account/./s.html",
    "/account//s.html",
    "/account%2Fs.html",
    "/account%2fs.html",
    "/account%5Cs.html",
    "/account\\s.html",
    "/x/../account/s.html",
    "/static/../account/s.html",
    "/static/%2e%2e/account/s.html",
    "/static/..%2Faccount/s.html",
    "/static/.%2e/account/s.html",
    "/static//../account/s.html",
    "/login/../account/s.html",
    "/account;v=1/s.html",
    "/account/s.html;v=1",
    "/static/..;/account/s.html",
    "/Account/s.html",
    "/ACCOUNT/S.HTML",
    "/account/s.html/",
    "/account/s.html?public=/static/",
    "/account/s.html%3Fx",
    "/account/s.html%23x",
    "/account/s.html%00",
    "/account/s.html%20",
    "/account/s.html.",
    "/account./s.html",
    "/%2faccount/s.html",
    "/%252Faccount/s.html",
    "/account",
    "/account/",
];

/// A folder with a public and a private page.
fn folder(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    for (file, text) in [
        ("account/s.html", "SECRET"),
        ("account/index.html", "SECRET"),
        ("static/site.css", "PUBLIC"),
        ("index.html", "PUBLIC"),
    ] {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn sessions(configure: impl FnOnce(SessionsBuilder) -> SessionsBuilder) -> Sessions {
    let builder = Sessions::builder(MemoryStore::new()).with_log_in_page("/login");
    configure(builder).build().unwrap()
}

async fn log_in(session: Session) -> Result<(), StartError> {
    session.log_in("alice").await.map(drop)
}

async fn ask(address: SocketAddr, target: &str, headers: &str) -> String {
    let wire =
        format!("GET {target} HTTP/1.1\r\nhost: app.example\r\n{headers}connection: close\r\n\r\n");
    raw(address, wire).await
}

fn is_ok(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200")
}

/// Every spelling, and each of them as an absolute URL too.
fn targets() -> Vec<String> {
    let absolute = |path: &&str| format!("http://evil.example{path}");
    SPELLINGS
        .iter()
        .map(ToString::to_string)
        .chain(SPELLINGS.iter().map(absolute))
        .collect()
}

#[tokio::test]
async fn no_spelling_reaches_a_file_without_a_session() {
    let files = || ServeDir::new(folder("spellings"));
    let (bare, _server) = serve(Router::new().fallback_service(files())).await;
    let mut reached = Vec::new();
    for target in targets() {
        if ask(bare, &target, "").await.contains("SECRET") {
            reached.push(target);
        }
    }
    assert!(reached.len() >= 16, "the spellings have teeth: {reached:?}");

    for (rules, sessions) in [
        (
            "public",
            sessions(|b| b.with_public(["/", "/login", "/static/*"])),
        ),
        ("sensitive", sessions(|b| b.with_sensitive(["/account"]))),
        (
            "both",
            sessions(|b| {
                b.with_public(["/*", "/login"])
                    .with_sensitive(["/account/"])
            }),
        ),
    ] {
        let app = Router::new()
            .route("/login", post(log_in))
            .fallback_service(files())
            .layer(sessions.layer());
        let (address, _server) = serve(app).await;
        for target in targets() {
            for headers in ["", "accept: text/html\r\n", "cookie: __Host-sid=x\r\n"] {
                let answer = ask(address, &target, headers).await;
                assert!(!answer.contains("SECRET"), "{rules} {target}: {answer}");
            }
        }
        for (target, open) in [
            ("/static/site.css", true),
            ("/", true),
            ("/account/s.html", false),
        ] {
            assert_eq!(
                is_ok(&ask(address, target, "").await),
                open,
                "{rules} {target}"
            );
        }
        // Who is logged in gets what the server has, under the same name.
        let browser = Browser::new(address);
        browser.navigate(Method::POST, "/login").send().await;
        let cookie = format!("cookie: __Host-sid={}\r\n", browser.token().unwrap());
        for target in &reached {
            let answer = ask(address, target, &cookie).await;
            assert!(answer.contains("SECRET"), "{rules} {target}: {answer}");
        }
    }
}

/// A reader that takes as many spellings for one path as the worst of them: encoded twice, with
/// backslashes, parameters, dots, in any case.
fn as_the_laxest_reader(path: &str) -> String {
    let mut text = path.as_bytes().to_vec();
    for _ in 0..3 {
        text = decoded(&text);
    }
    let text = String::from_utf8_lossy(&text).replace('\\', "/");
    let mut segments = Vec::new();
    for segment in text.split('/') {
        let name = segment
            .split([';', '?', '#', '\0'])
            .next()
            .unwrap_or_default();
        match name {
            ".." => drop(segments.pop()),
            _ => match name.trim_end_matches(['.', ' ']) {
                "" => {}
                name => segments.push(name.to_lowercase()),
            },
        }
    }
    format!("/{}", segments.join("/"))
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &rest[3..] } else { tail };
    }
    out
}

#[tokio::test]
async fn no_spelling_reaches_the_laxest_reader_without_a_session() {
    let lax = |uri: http::Uri| async move {
        match as_the_laxest_reader(uri.path()) {
            path if path.starts_with("/account") => "SECRET",
            _ => "PUBLIC",
        }
    };
    let (bare, _server) = serve(Router::new().fallback(lax)).await;
    let mut reached = 0;
    for target in targets() {
        reached += usize::from(ask(bare, &target, "").await.contains("SECRET"));
    }
    assert!(reached >= 70, "nearly all: {reached}");
    for sessions in [
        sessions(|b| b.with_public(["/", "/login", "/static/*", "/x/*"])),
        sessions(|b| b.with_sensitive(["/account"])),
        sessions(|b| b.with_public(["/*"]).with_sensitive(["/Account"])),
    ] {
        let app = Router::new().fallback(lax).layer(sessions.layer());
        let (address, _server) = serve(app).await;
        for target in targets() {
            let answer = ask(address, &target, "").await;
            assert!(!answer.contains("SECRET"), "{target}: {answer}");
        }
        assert!(
            ask(address, "/static/site.css", "")
                .await
                .contains("PUBLIC")
        );
    }
}

#[tokio::test]
async fn what_is_not_public_is_denied_by_default() {
    let sessions = sessions(|b| b.with_public(["/", "/login", "/static/*"]));
    let app = Router::new()
        .route("/", get(|| async { "root" }))
        .route("/login", get(|| async { "form" }))
        .route("/static/{file}", get(|| async { "asset" }))
        .route("/forgotten", get(|| async { "SECRET" }))
        .nest_service("/session", sessions.endpoints())
        .fallback(|| async { "SECRET" })
        .layer(sessions.layer());
    let (address, _server) = serve(app).await;
    for (target, open) in [
        ("/", true),
        ("/?a=b", true),
        ("/login", true),
        ("/static/x", true),
        ("/session/signed-out", true),
        ("/static", false),
        ("/login/", false),
        ("/LOGIN", false),
        ("/%6Cogin", false),
        ("/forgotten", false),
        ("/nowhere", false),
        ("/staticx", false),
        ("/session", false),
    ] {
        let answer = ask(address, target, "").await;
        assert_eq!(is_ok(&answer), open, "{target}: {answer}");
        assert_eq!(
            answer.starts_with("HTTP/1.1 401"),
            !open,
            "{target}: {answer}"
        );
        assert!(!answer.contains("SECRET"), "{target}");
    }
}

// R-14-14
#[tokio::test]
async fn a_preflight_passes_and_learns_nothing() {
    let sessions = sessions(|b| b.with_public(["/login"]));
    let gated = Router::new()
        .route("/gated", any(|| async { "SECRET" }))
        .route_layer(require_session());
    let app = Router::new()
        .route("/extracted", any(|_: LiveSession| async { "SECRET" }))
        .route("/plain", get(|| async { "SECRET" }))
        .merge(gated)
        .layer(sessions.layer());
    let (address, _server) = serve(app).await;
    let browser = Browser::new(address);
    let preflight = |path| {
        browser
            .ask(Method::OPTIONS, path)
            .header("origin", "https://other.example")
            .header("access-control-request-method", "GET")
    };
    assert_eq!(
        preflight("/plain").send().await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    // The handler that takes OPTIONS has to mean it; one that needs a session refuses.
    assert_eq!(
        preflight("/extracted").send().await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(preflight("/gated").send().await.text(), "SECRET");
    // OPTIONS alone is a request like any other.
    for path in ["/gated", "/plain", "/extracted"] {
        let plain = browser.ask(Method::OPTIONS, path).send().await;
        assert_eq!(plain.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(
        browser.get_api("/gated").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn inside_a_nested_router_the_path_is_the_one_the_browser_asked_for() {
    let sessions = sessions(|b| {
        b.with_sensitive(["/app/account"])
            .with_public(["/", "/login", "/app/open", "/app/login"])
    });
    let inner = Router::new()
        .route("/account", get(|| async { "SECRET" }))
        .route("/open", get(|| async { "open" }))
        .route("/login", post(log_in))
        .layer(sessions.layer());
    let files = tower::ServiceBuilder::new()
        .layer(sessions.layer())
        .service(ServeDir::new(folder("nested")));
    let app = Router::new()
        .nest("/app", inner)
        .nest_service("/files", files);
    let (address, _server) = serve(app).await;
    for target in [
        "/app/account",
        "/app/%61ccount",
        "/app/account/",
        "/files/account/s.html",
        "/files/static/site.css",
    ] {
        let answer = ask(address, target, "").await;
        assert!(
            !is_ok(&answer) && !answer.contains("SECRET"),
            "{target}: {answer}"
        );
    }
    assert!(is_ok(&ask(address, "/app/open", "").await));
    let browser = Browser::new(address);
    browser.navigate(Method::POST, "/app/login").send().await;
    assert_eq!(browser.get_api("/app/account").await.text(), "SECRET");
    assert_eq!(
        browser.get_api("/files/account/s.html").await.text(),
        "SECRET"
    );
}

#[tokio::test]
async fn a_rewritten_path_does_not_pass_a_public_name() {
    // NormalizePath inside the layer turns what the router would not match into what it does.
    let sessions = sessions(|b| b.with_public(["/", "/login"]));
    let routes = Router::new().route("/account", get(|| async { "SECRET" }));
    let routes = tower::ServiceBuilder::new()
        .layer(sessions.layer())
        .layer(tower_http::normalize_path::NormalizePathLayer::trim_trailing_slash())
        .service(routes);
    let app = Router::new().fallback_service(routes);
    let (address, _server) = serve(app).await;
    for target in ["/account", "/account/", "/account///", "//account"] {
        let answer = ask(address, target, "").await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{target}: {answer}");
    }
}

/// Documented: a layer covers the routes that are there when it is put around them. The gate in the
/// route refuses all the same, and says what is missing.
#[tokio::test]
async fn a_route_that_is_added_after_the_layer_has_no_session_and_lets_nobody_in() {
    let sessions = sessions(|b| b.with_sensitive(["/late"]));
    let gated = Router::new()
        .route("/late/gated", get(|| async { "SECRET" }))
        .route_layer(require_session());
    let app = Router::new()
        .route("/early", get(|_: LiveSession| async { "SECRET" }))
        .layer(sessions.layer())
        .route("/late/extracted", get(|_: LiveSession| async { "SECRET" }))
        .route("/late/anybody", get(|_: Session| async { "SECRET" }))
        .route("/late/ungated", get(|| async { "not covered" }))
        .merge(gated);
    let (address, _server) = serve(app).await;
    let token = "A".repeat(64);
    for headers in ["", &format!("cookie: __Host-sid={token}\r\n")] {
        assert!(
            ask(address, "/early", headers)
                .await
                .starts_with("HTTP/1.1 401")
        );
        for target in ["/late/extracted", "/late/anybody", "/late/gated"] {
            let answer = ask(address, target, headers).await;
            assert!(answer.starts_with("HTTP/1.1 500"), "{target}: {answer}");
            assert!(!answer.contains("SECRET"));
        }
        assert!(
            ask(address, "/late/extracted", headers)
                .await
                .contains(".layer(sessions.layer())")
        );
        assert!(is_ok(&ask(address, "/late/ungated", headers).await));
    }
}

#[tokio::test]
async fn the_gate_of_a_route_holds_for_every_standing_of_the_session() {
    let gated = Router::new()
        .route("/gated/{*rest}", any(|| async { "SECRET" }))
        .route_layer(require_session());
    let optional =
        |session: Option<LiveSession>| async move { session.map_or("nobody", |_| "somebody") };
    let site = Site::builder()
        .routes(gated.route("/optional", get(optional)))
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    assert_eq!(browser.get_api("/gated/x").await.text(), "SECRET");
    assert_eq!(browser.get_api("/optional").await.text(), "somebody");
    let live = browser.token().unwrap();
    browser.post_api("/rotate").await;
    let other = site.logged_in("bob").await.token().unwrap();
    let now = browser.token().unwrap();
    let dead = {
        let browser = site.logged_in("carol").await;
        let token = browser.token().unwrap();
        browser.post_api("/logout").await;
        token
    };
    for (case, cookie, reason) in [
        ("none", String::new(), "no-session"),
        ("junk", "__Host-sid=junk".to_owned(), "no-session"),
        (
            "unknown",
            format!("__Host-sid={}", "A".repeat(64)),
            "no-session",
        ),
        ("outdated", format!("__Host-sid={live}"), "outdated"),
        ("dead", format!("__Host-sid={dead}"), "logout"),
        (
            "two",
            format!("__Host-sid={now}; __Host-sid={other}"),
            "no-session",
        ),
    ] {
        let ask = |ask: crate::support::Ask| ask.without_jar().header("cookie", &cookie);
        let got = ask(browser.fetch(Method::GET, "/gated/x")).send().await;
        assert_eq!(got.reason(), reason, "{case}");
        let got = ask(browser.fetch(Method::POST, "/gated/%61")).send().await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{case}");
        let got = ask(browser.navigate(Method::GET, "/gated/x")).send().await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{case}");
        let got = ask(browser.fetch(Method::GET, "/optional")).send().await;
        assert_eq!(got.text(), "nobody", "{case}");
    }
}
