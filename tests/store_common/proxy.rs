//! A TCP proxy of the tests' own, between a store and its server.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
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
    /// The next answer is lost with its connection; then all goes on.
    LoseAnswer,
    /// Each part arrives so much later.
    Slow(Duration),
}

/// Where a server listens.
#[derive(Clone)]
pub(crate) enum Upstream {
    Port(u16),
    Socket(PathBuf),
}

/// Stands between a store and its server.
pub(crate) struct Proxy {
    /// So many of the first connections are dead, and nothing says so.
    buried: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    mode: watch::Sender<Mode>,
    pub(crate) port: u16,
}

impl Proxy {
    pub(crate) async fn before(server: Upstream) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mode = watch::channel(Mode::Forward).0;
        let (connections, buried) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counted, modes, dead) = (Arc::clone(&connections), mode.clone(), Arc::clone(&buried));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let (server, modes, dead) = (server.clone(), modes.clone(), Arc::clone(&dead));
                tokio::spawn(async move {
                    let is_dead = || dead.load(Ordering::SeqCst) > number;
                    between(client, server, modes, &is_dead).await;
                });
            }
        });
        Self {
            buried,
            connections,
            mode,
            port,
        }
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Of every connection that there is now nothing is heard any more, on neither side; new ones are well.
    #[allow(dead_code, reason = "not each store's tests need it")]
    pub(crate) fn bury(&self) {
        self.buried.store(self.connections(), Ordering::SeqCst);
        self.mode.send_modify(|_| {});
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Upstream {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Port(port) => Box::new(TcpStream::connect(("127.0.0.1", *port)).await?),
            Self::Socket(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

async fn between(
    client: TcpStream,
    server: Upstream,
    mode: watch::Sender<Mode>,
    is_dead: &(impl Fn() -> bool + Sync),
) {
    let Ok(server) = server.connect().await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = tokio::io::split(server);
    tokio::select! {
        () = pump(from_client, to_server, &mode, is_dead, false) => {}
        () = pump(from_server, to_client, &mode, is_dead, true) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mode: &watch::Sender<Mode>,
    is_dead: &impl Fn() -> bool,
    answers: bool,
) {
    let (mut buffer, mut modes) = (vec![0; 65_536], mode.subscribe());
    loop {
        let Ok(now) = modes
            .wait_for(|mode| *mode != Mode::Hold)
            .await
            .map(|mode| *mode)
        else {
            return;
        };
        if now == Mode::Cut {
            return;
        }
        if is_dead() {
            std::future::pending::<()>().await;
        }
        let read = tokio::select! {
            biased;
            _ = modes.changed() => continue,
            read = from.read(&mut buffer) => read,
        };
        let Ok(length @ 1..) = read else {
            return;
        };
        match now {
            Mode::LoseAnswer if answers => {
                mode.send_replace(Mode::Forward);
                return;
            }
            Mode::Slow(by) => tokio::time::sleep(by).await,
            Mode::Cut | Mode::Forward | Mode::Hold | Mode::LoseAnswer => {}
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
