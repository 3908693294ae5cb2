//! WebSockets for axum that end with their session (feature `ws`).
//!
//! 1. **One line changes.** Import [`WebSocketUpgrade`] and [`WebSocket`] from here instead of from
//!    `axum::extract::ws`; they have the same methods. Messages are axum's.
//! 2. **Judged before the upgrade.** A page of another origin gets 403, a request without a live
//!    session the negotiated answer, a 401; never a 101.
//! 3. **Held from before the 101 on**, so that no ending falls between.
//! 4. **Cut without the handler's help.** When the session ends, the handler is dropped, the socket
//!    taken from wherever the handler has put it, and the peer gets a Close frame with a code (3000
//!    unless configured otherwise) and the code of the reason as its text.
//! 5. **Open is not active.** A socket keeps no session from idling out, whatever it carries: call
//!    [`WebSocket::touch`] for what a person does.
//!
//! For sockets that need no session use axum's own extractor; both work side by side. A socket that
//! belongs to a session must not be opened with it: nothing would cut it, and when the session ends
//! while the handshake is under way, hyper hands the refused connection to the handler all the same
//! if the peer closes its half of it. [`CutListener`](crate::live) (feature `listener`) shuts those
//! too, and those of handlers that block their thread.
//!
//! ```
//! use adjourn::layer::websocket::{WebSocket, WebSocketUpgrade};
//! use axum::{Router, response::Response, routing::any};
//!
//! async fn echo(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(|mut socket: WebSocket| async move {
//!         while let Some(Ok(message)) = socket.recv().await {
//!             if socket.send(message).await.is_err() {
//!                 break;
//!             }
//!         }
//!     })
//! }
//!
//! let app: Router = Router::new().route("/ws", any(echo));
//! # let _ = app;
//! ```

mod socket;
mod upgrade;

pub use socket::WebSocket;
pub use upgrade::{WebSocketRejection, WebSocketUpgrade};
