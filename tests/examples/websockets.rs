//! `examples/websocket_cut.rs` and `examples/hyper_websocket.rs`

use crate::support::{Browser, Call, Example, PATIENCE};
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::CloseFrame},
};

type Socket = WebSocketStream<TcpStream>;

/// Opens a socket as a page of this origin, with the browser's cookies; or the status of the refusal.
pub(crate) async fn open(
    address: SocketAddr,
    browser: &Browser,
    path: &str,
    origin: &str,
) -> Result<Socket, u16> {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("ws://{address}{path}")
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("origin", origin.parse().unwrap());
    if let Some(cookies) = browser.with_cookies(Call::get(path)).named("cookie") {
        headers.insert("cookie", cookies.parse().unwrap());
    }
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

/// The next text, or the Close frame.
pub(crate) async fn next(socket: &mut Socket) -> Result<String, (u16, String)> {
    loop {
        match timeout(PATIENCE, socket.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(Some(CloseFrame { code, reason })))) => {
                return Err((code.into(), reason.to_string()));
            }
            Some(Ok(_)) => {}
            other => panic!("neither a text nor a Close frame: {other:?}"),
        }
    }
}

/// Whoever is not of the site, or not logged in, gets no socket.
async fn assert_guarded(example: &Example, browser: &Browser, path: &str) {
    let here = format!("http://{}", example.address);
    let elsewhere = open(example.address, browser, path, "https://evil.example").await;
    assert_eq!(elsewhere.err(), Some(403));
    let nobody = open(example.address, &example.browser(), path, &here).await;
    assert_eq!(nobody.err(), Some(401));
}

// R-14-6 R-14-7 R-14-8
#[cfg(feature = "ws")]
#[tokio::test]
async fn a_ticker_dies_with_its_session() {
    let example = Example::single("websocket_cut");
    let mut browser = example.browser();
    browser.get("/").leads_to("/login");
    browser
        .post("/login", &[("password", "wrong")])
        .shows(401, "Wrong");
    browser
        .post("/login", &[("password", "engine")])
        .leads_to("/");
    browser.get("/").shows(200, "new WebSocket");
    assert_guarded(&example, &browser, "/ticker").await;

    let here = format!("http://{}", example.address);
    let mut socket = open(example.address, &browser, "/ticker", &here)
        .await
        .unwrap();
    assert_eq!(next(&mut socket).await.unwrap(), "tick 0 for ada");
    let mut other_tab = browser.clone();
    other_tab
        .post("/logout", &[])
        .leads_to("/session/signed-out");
    let over = loop {
        if let Err(over) = next(&mut socket).await {
            break over;
        }
    };
    assert_eq!(over, (3000, "logout".to_owned()));
    let again = open(example.address, &browser, "/ticker", &here).await;
    assert_eq!(again.err(), Some(401), "the dead token opens nothing");
}

// R-14-6 R-14-7 R-14-8: the same without axum.
#[tokio::test]
async fn an_echo_on_hyper_alone_dies_with_its_session() {
    let example = Example::single("hyper_websocket");
    let mut browser = example.browser();
    let logged_in = browser.post("/login", &[]);
    assert_eq!(logged_in.status, 204, "{logged_in:?}");
    assert_guarded(&example, &browser, "/echo").await;

    let here = format!("http://{}", example.address);
    let mut socket = open(example.address, &browser, "/echo", &here)
        .await
        .unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap(), "hello");
    let before = browser.clone();
    browser.post("/logout", &[]).leads_to("/session/signed-out");
    assert_eq!(next(&mut socket).await, Err((3000, "logout".to_owned())));
    let again = open(example.address, &before, "/echo", &here).await;
    assert_eq!(again.err(), Some(401), "the dead token opens nothing");
}
