//! Stands between a store and its server.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// The next answer is lost with its connection; then all goes on.
    LoseAnswer,
    Forward,
    /// Nothing gets through, and nothing is closed.
    Hold,
}

pub(crate) struct Proxy {
    pub(crate) mode: watch::Sender<Mode>,
    port: u16,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, _) = watch::channel(Mode::Forward);
        let modes = mode.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(between(client, server, modes.clone()));
            }
        });
        Self { mode, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

async fn between(client: TcpStream, server: u16, mode: watch::Sender<Mode>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, &mode, false) => {}
        () = pump(from_server, to_client, &mode, true) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mode: &watch::Sender<Mode>,
    answers: bool,
) {
    let (mut bytes, mut modes) = (vec![0; 65_536], mode.subscribe());
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if answers && *modes.borrow() == Mode::LoseAnswer {
            mode.send_replace(Mode::Forward);
            return;
        }
        let is_open = modes.wait_for(|mode| *mode != Mode::Hold).await.is_ok();
        if !is_open || to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}
