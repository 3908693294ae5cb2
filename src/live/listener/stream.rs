//! A connection that can be shut from outside.

use super::Peer;
use socket2::SockRef;
use std::{
    io::{self, IoSlice},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

/// A connection of a [`CutListener`](super::CutListener).
#[derive(Debug)]
pub struct CutStream {
    connection: Arc<Connection>,
    address: SocketAddr,
}

impl CutStream {
    /// Makes a connection such that it can be shut; `address` is the peer's.
    ///
    /// Sets `TCP_NODELAY`; take it back with [`get_ref`](Self::get_ref).
    pub fn new(stream: TcpStream, address: SocketAddr) -> Self {
        // It fails only on a connection that is over, which is found out when it is read.
        let _over = stream.set_nodelay(true);
        let connection = Arc::new(Connection {
            stream,
            closed: CancellationToken::new(),
        });
        Self {
            connection,
            address,
        }
    }

    /// Who is at the other end: for the extensions of the requests of this connection.
    pub fn peer(&self) -> Peer {
        Peer::new(self.address, Arc::downgrade(&self.connection))
    }

    /// The connection itself, for its settings.
    pub fn get_ref(&self) -> &TcpStream {
        &self.connection.stream
    }

    /// Tries an operation whenever the socket is ready for it.
    fn poll_io<T>(
        &self,
        cx: &mut Context<'_>,
        poll_ready: impl Fn(&TcpStream, &mut Context<'_>) -> Poll<io::Result<()>>,
        mut operation: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let stream = self.get_ref();
        loop {
            ready!(poll_ready(stream, cx))?;
            match operation(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl Drop for CutStream {
    fn drop(&mut self) {
        self.connection.closed.cancel();
    }
}

impl AsyncRead for CutStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // What is not initialised must be first; a huge buffer is rarely filled.
        let room = buffer.remaining().min(LONGEST_READ);
        let part = buffer.initialize_unfilled_to(room);
        let read = self.poll_io(cx, TcpStream::poll_read_ready, |stream| {
            stream.try_read(part)
        });
        let bytes = ready!(read)?;
        buffer.advance(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, TcpStream::poll_write_ready, |stream| {
            stream.try_write(bytes)
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, TcpStream::poll_write_ready, |stream| {
            stream.try_write_vectored(parts)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(self.get_ref()).shutdown(Shutdown::Write))
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// Cancelled when the [`CutStream`] is dropped.
    closed: CancellationToken,
}

impl Connection {
    pub(super) const fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    pub(super) fn shut(&self) {
        // Fails only where the peer was faster.
        let _closed = SockRef::from(&self.stream).shutdown(Shutdown::Both);
    }
}

const LONGEST_READ: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::CutListener;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn connected() -> (TcpStream, CutStream) {
        let listener = CutListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        (client.unwrap(), server.unwrap())
    }

    #[tokio::test]
    async fn what_is_written_is_read_in_both_directions() {
        let (mut client, mut server) = connected().await;
        let sent: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
        let expected = sent.clone();
        let writer = tokio::spawn(async move {
            server.write_all(&sent).await.unwrap();
            server.shutdown().await.unwrap();
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).await.unwrap();
            answer
        });
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert!(got == expected);
        client.write_all(&got).await.unwrap();
        drop(client);
        assert!(writer.await.unwrap() == expected);
    }

    #[tokio::test]
    async fn a_connection_is_shut_while_nobody_polls_it() {
        let (mut client, mut server) = connected().await;
        server.peer().shut();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(server.write(b"late").await.is_err());
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken() {
        let (client, mut server) = connected().await;
        let peer = server.peer();
        let reader = tokio::spawn(async move { server.read(&mut [0; 8]).await.unwrap() });
        tokio::task::yield_now().await;
        peer.shut();
        assert_eq!(reader.await.unwrap(), 0);
        drop(client);
    }

    #[tokio::test]
    async fn work_for_a_connection_ends_with_it() {
        let (_client, server) = connected().await;
        let peer = server.peer();
        let work = tokio::spawn(async move {
            peer.while_open(std::future::pending()).await;
            peer.while_open(std::future::pending()).await;
        });
        tokio::task::yield_now().await;
        assert!(!work.is_finished());
        drop(server);
        work.await.unwrap();
    }
}
