//! Which kind of answer a client understands: decided here, once, for every answer.

use crate::{
    carrier::Via,
    policy::{RequestFacts, RequestMethod},
};

/// A client, as far as the answer depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Client {
    /// gRPC or gRPC-Web: a status in the headers of an HTTP 200.
    Grpc(Grpc),
    /// htmx: an HTTP 200 whose header says where to go.
    Htmx,
    /// A person who gets a page: a link, a form, a frame, Turbo. Redirected with 303.
    Page,
    /// Everything else is told by status, challenge and problem document: `fetch`, XHR, JSON,
    /// `EventSource`, the handshake of a WebSocket, bearer clients, curl.
    Program,
}

/// What the `Content-Type` of a gRPC answer must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Grpc {
    Native,
    Web,
    WebText,
}

impl Client {
    /// The first that fits:
    ///
    /// 1. a `POST` of `application/grpc` or `application/grpc-web`;
    /// 2. a bearer token, which no page sends: a program;
    /// 3. `HX-Request`;
    /// 4. a navigation ([`RequestFacts::is_navigation`]) or Turbo, which follows a 303 and shows
    ///    the page behind it;
    /// 5. a program.
    ///
    /// `HEAD` is answered like `GET`. A CORS preflight passes before anybody asks.
    pub(super) fn of(facts: &RequestFacts, via: Option<Via>) -> Self {
        if facts.method() == RequestMethod::Post
            && let Some(kind) = Grpc::of(facts)
        {
            return Self::Grpc(kind);
        }
        if via == Some(Via::Bearer) {
            Self::Program
        } else if facts.is_htmx() {
            Self::Htmx
        } else if facts.is_navigation() || facts.is_turbo() {
            Self::Page
        } else {
            Self::Program
        }
    }
}

impl Grpc {
    fn of(facts: &RequestFacts) -> Option<Self> {
        if facts.is_grpc_web_text() {
            Some(Self::WebText)
        } else if facts.is_grpc_web() {
            Some(Self::Web)
        } else {
            facts.is_grpc().then_some(Self::Native)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    const TURBO: &str = "text/vnd.turbo-stream.html, text/html, application/xhtml+xml";

    // R-14-1 R-14-3 R-14-6 R-14-10 R-14-11 R-14-12 R-14-13 R-14-14
    #[test]
    fn each_client_is_known_by_its_request() {
        let grpc = Client::Grpc(Grpc::Native);
        let web = Client::Grpc(Grpc::Web);
        let text = Client::Grpc(Grpc::WebText);
        let (htmx, page, program) = (Client::Htmx, Client::Page, Client::Program);
        let pages = ("accept", BROWSER);
        let navigates = ("sec-fetch-mode", "navigate");
        let fetches = ("sec-fetch-mode", "cors");
        for (case, method, headers, client) in [
            ("a link", "GET", &[pages, navigates][..], page),
            ("a form", "POST", &[pages, navigates], page),
            ("a HEAD of a page", "HEAD", &[pages, navigates], page),
            ("an old browser", "GET", &[pages], page),
            ("an old browser's form", "POST", &[pages], page),
            ("an old script's PUT", "PUT", &[pages], program),
            ("fetch", "GET", &[fetches, ("accept", "*/*")], program),
            ("fetch for HTML", "GET", &[fetches, pages], program),
            (
                "fetch for JSON",
                "POST",
                &[fetches, ("accept", "application/json")],
                program,
            ),
            ("an image", "GET", &[("sec-fetch-mode", "no-cors")], program),
            (
                "XHR",
                "GET",
                &[pages, ("x-requested-with", "XMLHttpRequest")],
                program,
            ),
            (
                "JSON first",
                "GET",
                &[("accept", "application/json, text/html")],
                program,
            ),
            ("curl", "GET", &[("accept", "*/*")], program),
            ("nothing at all", "GET", &[], program),
            ("OPTIONS", "OPTIONS", &[pages], program),
            (
                "htmx",
                "GET",
                &[fetches, pages, ("hx-request", "true")],
                htmx,
            ),
            (
                "htmx, old browser",
                "POST",
                &[pages, ("hx-request", "true")],
                htmx,
            ),
            (
                "htmx, boosted",
                "GET",
                &[
                    ("hx-request", "true"),
                    ("hx-boosted", "true"),
                    ("accept", "*/*"),
                ],
                htmx,
            ),
            ("Turbo form", "POST", &[fetches, ("accept", TURBO)], page),
            (
                "Turbo frame",
                "GET",
                &[fetches, pages, ("turbo-frame", "cart")],
                page,
            ),
            (
                "Turbo visit",
                "GET",
                &[fetches, pages, ("x-turbo-request-id", "7")],
                page,
            ),
            (
                "Turbo without fetch metadata",
                "POST",
                &[("accept", TURBO)],
                page,
            ),
            (
                "EventSource",
                "GET",
                &[fetches, ("accept", "text/event-stream")],
                program,
            ),
            (
                "EventSource, old",
                "GET",
                &[("accept", "text/event-stream")],
                program,
            ),
            (
                "WebSocket",
                "GET",
                &[("sec-fetch-mode", "websocket"), ("upgrade", "websocket")],
                program,
            ),
            (
                "WebSocket, old",
                "GET",
                &[pages, ("upgrade", "websocket")],
                program,
            ),
            ("WebSocket over HTTP/2", "CONNECT", &[pages], program),
            (
                "gRPC",
                "POST",
                &[("content-type", "application/grpc")],
                grpc,
            ),
            (
                "gRPC, proto",
                "POST",
                &[("content-type", "application/GRPC+proto")],
                grpc,
            ),
            (
                "gRPC by GET",
                "GET",
                &[("content-type", "application/grpc")],
                program,
            ),
            (
                "gRPC-like",
                "POST",
                &[("content-type", "application/grpcx")],
                program,
            ),
            (
                "gRPC-Web",
                "POST",
                &[fetches, ("content-type", "application/grpc-web+proto")],
                web,
            ),
            (
                "gRPC-Web, bare",
                "POST",
                &[("content-type", "application/grpc-web; charset=x"), pages],
                web,
            ),
            (
                "gRPC-Web as text",
                "POST",
                &[("content-type", "application/grpc-web-text+proto")],
                text,
            ),
            (
                "gRPC-Web-like",
                "POST",
                &[("content-type", "application/grpc-website")],
                program,
            ),
        ] {
            let mut request = Request::builder().method(method);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let facts = RequestFacts::of(&request.body(()).unwrap());
            for via in [None, Some(Via::Cookie)] {
                assert_eq!(Client::of(&facts, via), client, "{case}");
            }
            let with_bearer = Client::of(&facts, Some(Via::Bearer));
            let expected = if matches!(client, Client::Grpc(_)) {
                client
            } else {
                program
            };
            assert_eq!(with_bearer, expected, "{case}, with a bearer token");
        }
    }
}
