//! gRPC clients are told in their words (R-14-11).

use crate::{
    routes::{self, Told},
    support::{Ask, Op, Site, When},
};
use http::{Method, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// Calls over HTTP/2, as every gRPC client does.
async fn call(site: &Site, ask: Ask) -> Response<Incoming> {
    let stream = TcpStream::connect(site.address).await.unwrap();
    let connection =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = connection.await.unwrap();
    tokio::spawn(connection);
    let mut request = ask
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .into_request();
    request.headers_mut().remove("host");
    let uri = format!("http://app.example{}", request.uri());
    *request.uri_mut() = uri.parse().unwrap();
    sender.send_request(request).await.unwrap()
}

/// Nothing but headers, which are the trailers.
fn status_of(response: &Response<Incoming>) -> (&str, &str) {
    assert_eq!(response.status(), 200);
    assert!(response.body().is_end_stream(), "trailers only");
    let header = |name: &str| response.headers()[name].to_str().unwrap();
    assert_eq!(header("content-type"), "application/grpc");
    (header("grpc-status"), header("grpc-message"))
}

#[tokio::test]
async fn a_call_that_is_refused_gets_a_status_of_grpc() {
    let site = routes::site(&Told::default()).open().await;
    let alice = site.logged_in("alice").await;
    let token = alice.token().unwrap();
    let ask = || alice.ask(Method::POST, "/me").token(&token);

    alice.post_api("/logout").await;
    let dead = call(&site, ask()).await;
    assert_eq!(status_of(&dead), ("16", "the session ended: logout"));
    let cookies = dead.headers().get_all("set-cookie").iter();
    let removed = cookies.filter(|line| line.as_bytes().starts_with(b"__Host-sid=;"));
    assert_eq!(removed.count(), 1);

    let nobody = call(&site, alice.fresh().ask(Method::POST, "/me")).await;
    assert_eq!(status_of(&nobody), ("16", "a session is needed"));

    site.store.fail(Op::CheckIn, When::Before);
    let down = call(&site, ask()).await;
    assert_eq!(status_of(&down).0, "14");
}

// R-14-11: one message, which every type can be read from, and the status in the trailers.
#[tokio::test]
async fn a_call_that_logs_out_ends_well_or_says_why_not() {
    let site = routes::site(&Told::default()).open().await;
    for path in ["/logout", "/session/end"] {
        let alice = site.logged_in("alice").await;
        let token = alice.token().unwrap();
        let ask = |from: &'static str| {
            let ask = alice.ask(Method::POST, path).token(&token);
            ask.header("sec-fetch-site", from)
        };
        let forged = call(&site, ask("cross-site")).await;
        assert_eq!(
            status_of(&forged),
            ("7", "the request was refused: cross-site"),
            "{path}"
        );
        assert_eq!(
            alice.get("/me").await.status,
            200,
            "{path}: nothing happened"
        );

        let done = call(&site, ask("same-origin")).await;
        assert_eq!(done.status(), 200, "{path}");
        assert_eq!(done.headers()["content-type"], "application/grpc");
        assert!(done.headers().get("grpc-status").is_none(), "{path}");
        let cookies = done.headers().get_all("set-cookie").iter();
        let removed = cookies.filter(|line| line.as_bytes().starts_with(b"__Host-sid=;"));
        assert_eq!(removed.count(), 1, "{path}");
        let body = done.into_body().collect().await.unwrap();
        let trailers = body.trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "0", "{path}");
        assert_eq!(&body.to_bytes()[..], b"\0\0\0\0\0", "{path}");

        let dead = call(&site, alice.ask(Method::POST, "/me").token(&token)).await;
        assert_eq!(status_of(&dead), ("16", "the session ended: logout"));
        site.store.fail(Op::End, When::Before);
        let bob = site.logged_in("bob").await;
        let ask = bob.ask(Method::POST, path);
        let down = call(&site, ask.header("sec-fetch-site", "same-origin")).await;
        assert_eq!(status_of(&down).0, "14", "{path}: never reported as done");
        site.store.heal();
    }
}

// Browsers never send such a GET by themselves; a page is a page.
#[tokio::test]
async fn other_methods_are_answered_as_usual() {
    let site = routes::site(&Told::default()).open().await;
    let ask = site.browser().ask(Method::GET, "/me");
    let got = ask.header("content-type", "application/grpc").send().await;
    assert_eq!(got.status, 401);
}
