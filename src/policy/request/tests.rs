use super::*;

fn facts(method: &str, headers: &[(&str, &str)]) -> RequestFacts {
    let mut request = Request::builder().method(method).uri("/x");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    RequestFacts::of(&request.body(()).unwrap())
}

const CHROME: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

const EMPTY: (&str, &str) = ("sec-fetch-dest", "empty");
const PAGE: (&str, &str) = ("upgrade-insecure-requests", "1");
const SAME_ORIGIN: (&str, &str) = ("sec-fetch-mode", "same-origin");

// R-14-1
#[test]
fn a_navigation_is_what_the_browser_says_else_what_prefers_html() {
    let navigate = ("sec-fetch-mode", "navigate");
    let html = ("accept", CHROME);
    for (method, headers, navigation) in [
        ("GET", &[navigate][..], true),
        ("POST", &[navigate, ("accept", "application/json")], true),
        ("GET", &[("sec-fetch-mode", "cors"), html], false),
        ("GET", &[html], true),
        ("HEAD", &[html], true),
        ("POST", &[html], true),
        ("PUT", &[html], false),
        ("GET", &[html, ("hx-request", "true")], false),
        ("GET", &[html, ("upgrade", "WebSocket")], false),
        (
            "POST",
            &[html, ("content-type", "application/grpc+proto")],
            false,
        ),
        ("GET", &[("accept", "*/*")], false),
        ("GET", &[], false),
        ("GET", &[("accept", "application/json, text/html")], false),
        ("GET", &[("accept", "text/html, application/json")], true),
        (
            "GET",
            &[("accept", "application/problem+json;q=1, TEXT/HTML")],
            false,
        ),
        (
            "GET",
            &[("accept", "*/*"), ("accept", " Text/HTML ;q=0.9")],
            true,
        ),
        ("GET", &[("accept", "text/event-stream, text/html")], false),
        // What a service worker passes on: Chromium, Firefox, and a `fetch` for HTML.
        ("POST", &[navigate, EMPTY, html, PAGE], true),
        ("POST", &[SAME_ORIGIN, EMPTY, html, PAGE], true),
        ("GET", &[SAME_ORIGIN, EMPTY, html], false),
        ("GET", &[SAME_ORIGIN, EMPTY, PAGE], false),
    ] {
        assert_eq!(
            facts(method, headers).is_navigation(),
            navigation,
            "{method} {headers:?}"
        );
    }
}

// R-8-11
#[test]
fn only_a_page_of_its_own_asked_for_by_get_is_a_document_get() {
    let navigate = ("sec-fetch-mode", "navigate");
    let document = ("sec-fetch-dest", "document");
    for (method, headers, document_get) in [
        ("GET", &[navigate, document][..], true),
        ("GET", &[("accept", CHROME)], true),
        ("GET", &[navigate, EMPTY, PAGE], true),
        ("POST", &[navigate, document], false),
        ("HEAD", &[navigate, document], false),
        ("GET", &[navigate, ("sec-fetch-dest", "iframe")], false),
        (
            "GET",
            &[navigate, document, ("sec-purpose", "prefetch;prerender")],
            false,
        ),
        (
            "GET",
            &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
            false,
        ),
        ("GET", &[("accept", "text/event-stream")], false),
    ] {
        let found = facts(method, headers).is_document_get();
        assert_eq!(found, document_get, "{method} {headers:?}");
    }
}

// R-9-2
#[test]
fn an_unlisted_site_is_absent_and_two_that_differ_are_cross_site() {
    let site = |values: &[&str]| {
        let headers: Vec<_> = values
            .iter()
            .map(|value| ("sec-fetch-site", *value))
            .collect();
        facts("POST", &headers).site()
    };
    assert_eq!(site(&[]), FetchSite::Absent);
    assert_eq!(site(&["Same-Origin"]), FetchSite::Absent);
    assert_eq!(site(&["same-origin, none"]), FetchSite::Absent);
    assert_eq!(site(&["none"]), FetchSite::None);
    assert_eq!(site(&["same-site"]), FetchSite::SameSite);
    assert_eq!(site(&["future", "same-origin"]), FetchSite::SameOrigin);
    assert_eq!(site(&["same-origin", "same-origin"]), FetchSite::SameOrigin);
    assert_eq!(site(&["same-origin", "same-site"]), FetchSite::CrossSite);
}

#[test]
fn kinds_of_client_are_recognised() {
    assert!(facts("POST", &[("content-type", "application/grpc")]).is_grpc());
    assert!(facts("POST", &[("content-type", "Application/gRPC; x=y")]).is_grpc());
    let web = facts("POST", &[("content-type", "application/grpc-web+proto")]);
    assert!(!web.is_grpc() && web.is_grpc_web() && !web.is_grpc_web_text());
    let text = facts("POST", &[("content-type", "application/grpc-web-text")]);
    assert!(!text.is_grpc() && text.is_grpc_web() && text.is_grpc_web_text());
    assert!(!facts("POST", &[("content-type", "application/grpc-webby")]).is_grpc_web());
    assert!(facts("GET", &[("turbo-frame", "cart")]).is_turbo());
    assert!(facts("GET", &[("x-turbo-request-id", "1")]).is_turbo());
    let streams = "text/vnd.turbo-stream.html, text/html, application/xhtml+xml";
    assert!(facts("POST", &[("accept", streams)]).is_turbo());
    assert!(!facts("GET", &[("accept", CHROME)]).is_turbo());
    assert!(facts("GET", &[("hx-request", "true")]).is_htmx());
    assert!(facts("GET", &[("upgrade", "h2c, websocket")]).is_upgrade());
    assert!(!facts("GET", &[("upgrade", "websockets")]).is_upgrade());
    assert!(facts("GET", &[("purpose", "prefetch")]).is_prefetch());
    assert!(facts("GET", &[("sec-purpose", "prefetch; anonymous-client-ip")]).is_prefetch());
    assert!(!facts("GET", &[("sec-purpose", "prefetched")]).is_prefetch());
    assert!(facts("POST", &[("sec-secure-session-id", "x")]).is_device_bound_refresh());
    assert!(facts("GET", &[("accept", "text/event-stream")]).is_event_stream());
    assert_eq!(
        facts("GET", &[("user-agent", "curl")])
            .user_agent()
            .unwrap(),
        "curl"
    );
    let connect = Request::connect("app.example:443").body(()).unwrap();
    assert!(RequestFacts::of(&connect).is_upgrade());
}

#[test]
fn the_host_is_kept_beside_an_origin_and_the_authority_wins() {
    let origin = ("origin", "http://localhost");
    assert_eq!(facts("POST", &[("host", "localhost")]).host(), None);
    let asked = facts("POST", &[("host", "localhost"), origin]);
    assert_eq!(asked.host(), Some(b"localhost".as_slice()));
    let http2 = Request::post("http://localhost:3000/x")
        .header("origin", "http://localhost:3000")
        .header("host", "evil.example");
    let facts = RequestFacts::of(&http2.body(()).unwrap());
    assert_eq!(facts.host(), Some(b"localhost:3000".as_slice()));
}

#[test]
fn a_repeated_origin_proves_nothing() {
    let origin = ("origin", "https://app.example");
    assert_eq!(
        facts("POST", &[origin]).origin().unwrap(),
        "https://app.example"
    );
    assert_eq!(facts("POST", &[origin, origin]).origin().unwrap(), "null");
}
