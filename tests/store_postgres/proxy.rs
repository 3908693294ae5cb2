//! A TCP proxy of the tests' own, between a store and its server.

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixStream},
    sync::watch,
};

/// What becomes of what comes through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Every connection is closed, whatever is under way.
    Cut,
    Forward,
    /// Nothing gets through, and nothing says so.
    Hold,
    /// Each part arrives so much later.
    Slow(Duration),
}

/// Stands between a store and its server.
pub(crate) struct Proxy {
    connections: Arc<AtomicUsize>,
    mode: watch::Sender<Mode>,
    port: u16,
}

impl Proxy {
    pub(crate) async fn before(socket: PathBuf) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, modes) = watch::channel(Mode::Forward);
        let connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (modes, socket) = (modes.clone(), socket.clone());
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let Ok(server) = UnixStream::connect(&socket).await else {
                        return;
                    };
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::select! {
                        () = pump(from_client, to_server, modes.clone()) => {}
                        () = pump(from_server, to_client, modes) => {}
                    }
                });
            }
        });
        Self {
            connections,
            mode,
            port,
        }
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("adjourn")
            .database("postgres")
            .ssl_mode(PgSslMode::Disable)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut modes: watch::Receiver<Mode>,
) {
    let mut buffer = vec![0; 16_384];
    loop {
        let Ok(mode) = modes
            .wait_for(|mode| *mode != Mode::Hold)
            .await
            .map(|mode| *mode)
        else {
            return;
        };
        if mode == Mode::Cut {
            return;
        }
        let read = tokio::select! {
            biased;
            _ = modes.changed() => continue,
            read = from.read(&mut buffer) => read,
        };
        let Ok(length @ 1..) = read else {
            return;
        };
        if let Mode::Slow(by) = mode {
            tokio::time::sleep(by).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
