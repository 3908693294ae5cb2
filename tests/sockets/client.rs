//! A WebSocket client that says what it got.

use crate::support::{Browser, Site};
use futures_util::{SinkExt, StreamExt};
use http::{Response, StatusCode};
use std::{
    fmt::Debug,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::CloseFrame},
};

/// The origin of the site.
pub(crate) const ORIGIN: &str = "https://app.example";

/// An open WebSocket.
pub(crate) struct Client(pub(crate) WebSocketStream<TcpStream>);

/// How a WebSocket ended.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Over {
    /// With a Close frame.
    Closed { code: u16, text: String },
    /// The connection broke.
    Broken,
}

/// A handshake that is being put together.
pub(crate) struct Handshake<'a> {
    site: &'a Site,
    path: &'a str,
    headers: Vec<(&'static str, String)>,
    receive_buffer: Option<u32>,
}

impl<'a> Handshake<'a> {
    pub(crate) fn new(site: &'a Site, path: &'a str) -> Self {
        Self {
            site,
            path,
            headers: Vec::new(),
            receive_buffer: None,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn cookie_of(self, browser: &Browser) -> Self {
        let token = browser.token().expect("a browser that is logged in");
        self.header("cookie", format!("__Host-sid={token}"))
    }

    pub(crate) const fn with_receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Opens it, or answers the response that refused it.
    pub(crate) async fn open(self) -> Result<Client, Box<Response<Option<Vec<u8>>>>> {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let stream = socket.connect(self.site.address).await.unwrap();
        let mut request = format!("ws://app.example{}", self.path)
            .into_client_request()
            .unwrap();
        for (name, value) in self.headers {
            request.headers_mut().append(name, value.parse().unwrap());
        }
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Client(socket)),
            Err(Error::Http(response)) => Err(response),
            Err(other) => panic!("{other}"),
        }
    }
}

impl Client {
    /// A socket of a browser's session, opened by a page of the site.
    pub(crate) async fn open(site: &Site, browser: &Browser, path: &str) -> Self {
        let handshake = Handshake::new(site, path)
            .cookie_of(browser)
            .header("origin", ORIGIN);
        let client = handshake.open().await;
        client.unwrap_or_else(|refused| panic!("{:?}", refused.status()))
    }

    /// Sends a text and reads the next one.
    pub(crate) async fn ask(&mut self, text: &str) -> Option<String> {
        self.0.send(Message::text(text)).await.ok()?;
        self.read().await
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next text; `None` when there are no more.
    pub(crate) async fn read(&mut self) -> Option<String> {
        while let Some(Ok(message)) = self.0.next().await {
            match message {
                Message::Text(text) => return Some(text.to_string()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
        None
    }

    /// Reads until it is over, and answers a Close frame.
    pub(crate) async fn over(&mut self) -> Over {
        let mut over = Over::Broken;
        while let Some(message) = self.0.next().await {
            match message {
                Ok(Message::Close(Some(CloseFrame { code, reason }))) => {
                    over = Over::Closed {
                        code: code.into(),
                        text: reason.to_string(),
                    };
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        over
    }
}

/// The usual end of a socket.
pub(crate) fn closed(text: &str) -> Over {
    Over::Closed {
        code: 3000,
        text: text.to_owned(),
    }
}

/// Waits for what must come, and fails instead of hanging when it does not.
pub(crate) async fn soon<F: Future>(what: &str, work: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), work)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within 20 s"))
}

/// Shows how long something took; what it takes is recorded, never asserted.
#[expect(clippy::print_stdout, reason = "a figure for whoever runs the test")]
pub(crate) fn show(what: impl Debug, since: Instant) {
    println!("{what:?}: {:?}", since.elapsed());
}

pub(crate) fn status_of(
    answer: Result<Client, Box<Response<Option<Vec<u8>>>>>,
) -> Result<(), StatusCode> {
    answer.map(drop).map_err(|refused| refused.status())
}
