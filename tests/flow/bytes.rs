//! Hostile bytes on raw sockets: refused or ignored, never a panic, never 5xx, never a session.

use crate::support::{Op, Site, raw, raw_bytes};
use adjourn::Session;
use axum::{Router, routing::get};
use http::Method;

/// The status of a response, or 0 where the connection was closed without one.
fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

fn request(target: &[u8], headers: &[&[u8]]) -> Vec<u8> {
    let mut wire = [b"GET ", target, b" HTTP/1.1\r\n"].concat();
    for header in headers {
        wire.extend_from_slice(header);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"connection: close\r\n\r\n");
    wire
}

const HOST: &[u8] = b"host: app.example";

// R-3-5 R-2-1 R-1-5
#[tokio::test]
async fn what_is_no_token_never_reaches_the_store() {
    let site = Site::open().await;
    let token = site.logged_in("alice").await.token().unwrap();
    let before = site.store.calls(Op::CheckIn);
    let unknown = site.events.count("unknown-token");
    let tokens: [Vec<u8>; 16] = [
        b"".to_vec(),
        b"x".to_vec(),
        token.as_bytes()[..63].to_vec(),
        [token.as_bytes(), b"A"].concat(),
        [token.as_bytes(), b"="].concat(),
        format!("\"{token}\"").into_bytes(),
        token.replace(|_: char| true, "+").into_bytes(),
        [&token.as_bytes()[..63], b"/"].concat(),
        [&token.as_bytes()[..61], b"%00"].concat(),
        [&token.as_bytes()[..63], b"\xFF"].concat(),
        [&token.as_bytes()[..62], "\u{e9}".as_bytes()].concat(),
        b"'; DROP TABLE session; --".to_vec(),
        b"' OR '1'='1".to_vec(),
        b"../../etc/passwd".to_vec(),
        vec![b'A'; 4096],
        vec![b'A'; 65_536],
    ];
    let sent = tokens.len();
    for bad in tokens {
        let cookie = [b"cookie: __Host-sid=", &bad[..]].concat();
        let answer = raw(site.address, request(b"/api/me", &[HOST, &cookie])).await;
        let shown = String::from_utf8_lossy(&bad[..bad.len().min(80)]).into_owned();
        assert_eq!(status(&answer), 401, "{shown}: {answer}");
        assert!(
            answer.contains("set-cookie: __Host-sid=; "),
            "removed: {answer}"
        );
        assert!(
            shown.is_empty() || !answer.contains(&format!("={shown}")),
            "echoed: {answer}"
        );
    }
    assert_eq!(site.store.calls(Op::CheckIn), before);
    assert_eq!(site.events.count("unknown-token"), unknown + sent);
}

// R-2-1 R-3-5
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn hostile_requests_neither_panic_nor_pass() {
    let site = Site::open().await;
    let token = site.logged_in("alice").await.token().unwrap();
    let ours = format!("cookie: __Host-sid={token}").into_bytes();
    let huge = [b"cookie: ", "a=b; ".repeat(13_000).as_bytes()].concat();
    let many: Vec<_> = (0..90)
        .map(|n| format!("cookie: c{n}={n}").into_bytes())
        .collect();
    let many: Vec<_> = many.iter().map(Vec::as_slice).collect();
    let too_many = vec![&b"cookie: a=1"[..]; 500];
    let cut_short = [&ours[..40], b"\r\n ", &ours[40..]].concat();
    for (case, wire) in [
        (
            "NUL in a cookie",
            request(b"/api/me", &[HOST, b"cookie: a\0b=1; __Host-sid=x"]),
        ),
        (
            "NUL in the token",
            request(b"/api/me", &[HOST, b"cookie: __Host-sid=\0"]),
        ),
        (
            "a control byte",
            request(b"/api/me", &[HOST, b"cookie: a=\x01\x7F"]),
        ),
        ("a folded cookie", request(b"/api/me", &[HOST, &cut_short])),
        (
            "a folded line",
            request(b"/api/me", &[HOST, b"x: y\r\n\tcookie: __Host-sid=z"]),
        ),
        (
            "a bare CR",
            request(b"/api/me", &[HOST, b"cookie: a=1\rx: y"]),
        ),
        (
            "a bare LF",
            request(b"/api/me", &[HOST, b"cookie: a=1\nx: y"]),
        ),
        (
            "65,000 bytes of cookies",
            request(b"/api/me", &[HOST, &huge]),
        ),
        ("90 cookie lines", request(b"/api/me", &many)),
        ("500 cookie lines", request(b"/api/me", &too_many)),
        ("no host", request(b"/api/me", &[])),
        ("host not UTF-8", request(b"/api/me", &[b"host: \xFF\xFE"])),
        (
            "two hosts",
            request(b"/api/me", &[HOST, b"host: evil.example"]),
        ),
        ("path not UTF-8", request(b"/api/\xFF\xFEme", &[HOST])),
        ("path with NUL", request(b"/api/\0me", &[HOST])),
        ("path with a blank", request(b"/api /me", &[HOST])),
        ("no path", request(b"", &[HOST])),
        ("no slash", request(b"api/me", &[HOST])),
        ("only a query", request(b"?x", &[HOST])),
        ("a star", request(b"*", &[HOST])),
        (
            "an origin-less authority",
            request(b"app.example:80", &[HOST]),
        ),
        ("absolute", request(b"http://evil.example/api/me", &[HOST])),
        (
            "absolute, no path",
            request(b"http://evil.example", &[HOST]),
        ),
        (
            "user agent not UTF-8",
            request(b"/api/me", &[HOST, b"user-agent: \xC3\x28\xA0"]),
        ),
        (
            "origin not UTF-8",
            request(b"/api/me", &[HOST, b"origin: \xFF"]),
        ),
        (
            "accept not UTF-8",
            request(b"/api/me", &[HOST, b"accept: text/html;\xFF, \x80"]),
        ),
        (
            "sec-fetch not UTF-8",
            request(b"/api/me", &[HOST, b"sec-fetch-mode: navigate\xFF"]),
        ),
        (
            "authorization not UTF-8",
            request(b"/api/me", &[HOST, b"authorization: Bearer \xFF"]),
        ),
        (
            "a marker not UTF-8",
            request(b"/api/me", &[HOST, b"cookie: __Host-adjourn-ended=1.\xFF"]),
        ),
        (
            "half a request",
            b"GET /api/me HTTP/1.1\r\nhost: app.exa".to_vec(),
        ),
        (
            "not HTTP",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03\r\n\r\n".to_vec(),
        ),
        (
            "a method of its own",
            b"LOGOUT /api/me HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec(),
        ),
        (
            "CONNECT",
            b"CONNECT app.example:443 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_vec(),
        ),
    ] {
        let mut stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &wire)
            .await
            .unwrap();
        // Half a request is all that comes.
        tokio::io::AsyncWriteExt::shutdown(&mut stream)
            .await
            .unwrap();
        let answer = crate::support::read_all(&mut stream).await;
        let answer = String::from_utf8_lossy(&answer);
        let status = status(&answer);
        assert!(status < 500, "{case}: {answer}");
        // The root is public.
        assert!(
            status != 200 || answer.ends_with("Welcome"),
            "{case}: {answer}"
        );
        assert!(
            status != 0 || matches!(case, "half a request" | "not HTTP"),
            "{case}: hung up"
        );
    }
    let answer = raw(site.address, request(b"/api/me", &[HOST, &ours])).await;
    assert_eq!(status(&answer), 200, "it still serves: {answer}");
    assert!(site.events.endings().is_empty());
}

/// What is odd but legal changes nothing for who has a session.
#[tokio::test]
async fn a_client_of_odd_bytes_keeps_its_session() {
    let site = Site::open().await;
    let browser = site.browser();
    let login = browser
        .fetch(Method::POST, "/login")
        .header("user-agent", b"\xFF\xFE(\"\t)")
        .send()
        .await;
    assert_eq!(login.status, 200);
    let ours = format!("cookie: __Host-sid={}", browser.token().unwrap()).into_bytes();
    for odd in [
        &b"user-agent: \xC3\x28"[..],
        b"origin: \xFF",
        b"referer: \x80",
        b"x-forwarded-for: \xFF, , 999.1.1.1",
        b"forwarded: for=\"[::\xFF",
        b"sec-fetch-site: \xFF",
        b"cookie: \xFF=\xFF; \x80",
        b"if-none-match: \xFF",
        b"accept-language: \xE9",
    ] {
        let answer = raw(site.address, request(b"/api/me", &[HOST, odd, &ours])).await;
        assert_eq!(status(&answer), 200, "{odd:?}: {answer}");
    }
}

// R-1-32
#[tokio::test]
async fn a_user_agent_forges_no_second_line() {
    async fn client(session: Session) -> String {
        format!("{:?}", session.request_client())
    }
    let site = Site::builder()
        .routes(Router::new().route("/client", get(client)))
        .open()
        .await;
    let wire = request(b"/client", &[HOST, b"user-agent: a\tb\x80c"]);
    let answer = raw_bytes(site.address, &wire).await;
    let body = String::from_utf8_lossy(&answer).into_owned();
    let body = body.split("\r\n\r\n").nth(1).unwrap();
    assert!(
        !body.bytes().any(|byte| byte < 0x20 || byte == 0x7F),
        "{body:?}"
    );
}
