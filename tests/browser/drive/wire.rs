//! Calls over a WebSocket: what the two protocols have in common.

use crate::support::{PATIENCE, connect};
use serde_json::Value;
use std::net::{SocketAddr, TcpStream};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// A connection to a browser. One call at a time; events are passed over, nobody here needs them.
#[derive(Debug)]
pub(super) struct Wire {
    socket: WebSocket<TcpStream>,
    last_id: u64,
}

impl Wire {
    pub(super) fn open(address: SocketAddr, path: &str) -> Self {
        let stream = connect(address);
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://{address}{path}");
        let (socket, _) = client(url, stream).expect("the browser takes the connection");
        Self { socket, last_id: 0 }
    }

    /// The result of a call, or what the browser says against it.
    pub(super) fn call(&mut self, mut message: Value) -> Result<Value, String> {
        self.last_id += 1;
        message["id"] = self.last_id.into();
        let sent = self.socket.send(Message::text(message.to_string()));
        sent.unwrap_or_else(|error| panic!("{message}: {error}"));
        loop {
            let received = self.socket.read().unwrap_or_else(|error| {
                panic!("no answer within {PATIENCE:?} to {message}: {error}")
            });
            let Message::Text(text) = received else {
                continue;
            };
            let mut answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] != self.last_id {
                continue;
            }
            return if answer["error"].is_null() {
                Ok(answer["result"].take())
            } else {
                Err(text.to_string())
            };
        }
    }
}
