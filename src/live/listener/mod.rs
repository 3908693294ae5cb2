//! A listener whose connections can be shut at the socket (feature `listener`): for handlers that do
//! not cooperate.
//!
//! A WebSocket is a connection that left HTTP: what happens on it the layer does not see. Where a
//! handler took it with another extractor than this crate's, or blocks its thread and cannot be
//! dropped, it would live on. With this listener the layer shuts such a connection itself.
//!
//! 1. **Only what left HTTP on behalf of a session** is shut: an HTTP/1.1 connection whose response
//!    was a 101 while the session was live. Never an HTTP/2 connection, which carries other streams.
//! 2. **Politeness first.** It happens when the grace for the Close frame
//!    ([`with_socket_grace`](crate::SessionsBuilder::with_socket_grace)) is over.
//! 3. **Below TLS.** Put TLS around the [`CutStream`]; the peer then sees the connection break.
//! 4. **Without anybody's help.** The socket is shut from outside, also while nobody polls it.
//! 5. A connection that closes by itself leaves nothing behind.
//! 6. **Nothing waits to be acknowledged**: connections are set to `TCP_NODELAY`. With Nagle's algorithm
//!    a Close frame after a message would wait for the peer's delayed acknowledgement, some 40 ms.
//!
//! ```no_run
//! # #[cfg(feature = "axum")]
//! # async fn serve(app: axum::Router) -> std::io::Result<()> {
//! use adjourn::live::{CutListener, Peer};
//!
//! let listener = CutListener::bind(("127.0.0.1", 3000)).await?;
//! // Handlers still find `ConnectInfo<SocketAddr>`: the session layer puts it there.
//! axum::serve(listener, app.into_make_service_with_connect_info::<Peer>()).await
//! # }
//! ```
//!
//! On hyper alone, [`accept`](CutListener::accept) a connection and put its [`Peer`] into the
//! extensions of its requests.
//!
//! Cost: one reference count and one token a connection, one task for each that left HTTP, and one
//! more `read` call where a socket runs dry.

mod peer;
mod stream;

pub use peer::Peer;
pub use stream::CutStream;

use std::{io, net::SocketAddr};
use tokio::net::{TcpListener, ToSocketAddrs};

/// A [`TcpListener`] whose connections the session layer can shut. See the [module](self).
#[derive(Debug)]
pub struct CutListener(TcpListener);

impl CutListener {
    /// Makes the connections of a listener such that they can be shut.
    pub const fn new(listener: TcpListener) -> Self {
        Self(listener)
    }

    /// Listens at an address.
    ///
    /// # Errors
    /// The address cannot be had.
    ///
    /// # Cancel safety
    /// Cancel safe: a listener that was opened is closed.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// The next connection.
    ///
    /// # Errors
    /// Of the connection (go on), or of the machine, for example too many open files (wait first).
    ///
    /// # Cancel safety
    /// Cancel safe: no connection is lost.
    pub async fn accept(&self) -> io::Result<CutStream> {
        let (stream, address) = self.0.accept().await?;
        Ok(CutStream::new(stream, address))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Of the machine.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl From<TcpListener> for CutListener {
    fn from(listener: TcpListener) -> Self {
        Self::new(listener)
    }
}

#[cfg(feature = "axum")]
impl axum::serve::Listener for CutListener {
    type Io = CutStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CutStream, SocketAddr) {
        // axum's own way to bear with failures.
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        (CutStream::new(stream, address), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}

#[cfg(feature = "axum")]
impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, CutListener>> for Peer {
    fn connect_info(stream: axum::serve::IncomingStream<'_, CutListener>) -> Self {
        stream.io().peer()
    }
}
