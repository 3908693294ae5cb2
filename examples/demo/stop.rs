//! Stopping without cutting anybody off: SIGTERM or ctrl-c, then a last moment for what is open.

use crate::bank::Bank;
use axum::{Router, extract::connect_info::IntoMakeServiceWithConnectInfo};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, time::sleep};

/// Starts to listen for the signals at once; the future says when the first one came.
#[cfg(unix)]
pub(crate) fn signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
pub(crate) fn signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Without a handler the process is ended by the system anyway.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Serves until `stop`, then tells what is open by `closing` and waits for it, but not for ever: a
/// client that does not read its response must not keep the process alive.
pub(crate) async fn serve_until(
    stop: impl Future<Output = ()> + Send + 'static,
    bank: &Bank,
    listener: TcpListener,
    app: IntoMakeServiceWithConnectInfo<Router, SocketAddr>,
) -> io::Result<()> {
    let closing = bank.closing.clone();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        stop.await;
        closing.cancel();
    });
    let everything = async {
        server.await?;
        bank.sockets.close();
        bank.sockets.wait().await;
        Ok(())
    };
    let out_of_patience = async {
        bank.closing.cancelled().await;
        sleep(PATIENCE).await;
    };
    tokio::select! {
        result = everything => result,
        () = out_of_patience => {
            tracing::warn!("some connections are still open, and are dropped now");
            Ok(())
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
