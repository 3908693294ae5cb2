//! examples/hyper.rs

use crate::support::{Browser, Call, Example, PATIENCE};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, time::timeout};

fn log_in(browser: &mut Browser) {
    browser.get("/account").leads_to("/login");
    browser.get("/login").shows(200, "<form");
    browser
        .post("/login", &[("password", "wrong")])
        .shows(401, "Wrong");
    browser
        .post("/login", &[("password", "engine")])
        .leads_to("/account");
    browser.get("/account").shows(200, "Balance: 4,217.00");
}

#[test]
fn logs_in_and_out_without_axum() {
    let example = Example::single("hyper");
    let mut browser = example.browser();
    log_in(&mut browser);
    let before = browser.clone();
    browser.post("/logout", &[]).leads_to("/session/signed-out");
    browser
        .get("/session/signed-out")
        .shows(200, "You signed out");
    assert_eq!(browser.cookies(), [""; 0]);
    let replayed = before.with_cookies(Call::get("/account"));
    replayed.send(example.address).refuses("logout");
    let recorded = example.says("session-ended");
    assert!(recorded.contains("client_address=127.0.0.1"), "{recorded}");
}

#[test]
fn only_an_honest_post_logs_out() {
    let example = Example::single("hyper");
    let mut browser = example.browser();
    log_in(&mut browser);
    browser.get("/logout").shows(405, "");
    let forged = Call::post("/logout").header("sec-fetch-site", "cross-site");
    browser.send(forged).shows(403, "");
    browser.get("/account").shows(200, "Balance");
}

#[tokio::test]
async fn speaks_http_2() {
    let example = Example::single("hyper");
    let talk = async {
        let stream = TcpStream::connect(example.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let uri = |path| format!("http://{}{path}", example.address);
        let get = |path| http::Request::get(uri(path)).body(Empty::<bytes::Bytes>::new());

        let home = sender.send_request(get("/").unwrap()).await.unwrap();
        assert_eq!(home.version(), http::Version::HTTP_2);
        let page = home.into_body().collect().await.unwrap().to_bytes();
        assert!(page.ends_with(b"Account</a>"));
        let account = sender.send_request(get("/account").unwrap()).await.unwrap();
        assert_eq!(account.status(), 401);
    };
    timeout(PATIENCE, talk).await.unwrap();
}
