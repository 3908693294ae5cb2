//! A WebSocket that ends with its session, on hyper and tokio-tungstenite alone.
//!
//! ```text
//! cargo run --example hyper_websocket --no-default-features    # PORT=0 picks a free port
//! ```
//!
//! `POST /login` starts a session, `/echo` is the socket, `POST /logout` ends both.

use adjourn::live::{Close, LiveSocket};
use adjourn::{Farewell, PeerAddr, Session, Sessions, store::MemoryStore};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, upgrade::Upgraded};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::{server::conn::auto::Builder, service::TowerToHyperService};
use std::io::{Write, stderr, stdout};
use std::{env, error::Error};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role};
use tower::{ServiceBuilder, service_fn};

type BoxError = Box<dyn Error + Send + Sync>;
type Answer = Response<Full<Bytes>>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_writer(stderr).init();
    let sessions = Sessions::builder(MemoryStore::new())
        .with_public(["/login", "/logout"])
        .build()?;
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse::<u16>())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(stdout(), "listening on http://{}", listener.local_addr()?)?;
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, peer)) = accepted {
                tokio::spawn(serve(stream, PeerAddr(peer), sessions.clone()));
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    let _left = sessions.shutdown().await; // waits for endings that are under way
    Ok(())
}

async fn serve(stream: TcpStream, peer: PeerAddr, sessions: Sessions) -> Result<(), BoxError> {
    stream.set_nodelay(true)?; // a Close frame need not wait for an acknowledgement
    let service = ServiceBuilder::new()
        .map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        })
        .layer(sessions.layer())
        .service(service_fn(route));
    Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service))
        .await
}

async fn route(request: Request<Incoming>) -> Result<Answer, BoxError> {
    let session = request.extensions().get::<Session>().cloned();
    let session = session.ok_or("there is no session layer")?;
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/login") => Ok(match session.log_in("ada").await {
            Ok(_) => answer(StatusCode::NO_CONTENT), // after checking the password
            Err(error) => error.into_http_response(),
        }),
        (_, "/logout") => Ok(match session.log_out().await {
            Ok(ended) => Farewell::from(ended).into_http_response(),
            Err(error) => error.into_http_response(),
        }),
        (&Method::GET, "/echo") => Ok(upgrade(request, &session)),
        _ => Ok(answer(StatusCode::NOT_FOUND)),
    }
}

/// The handshake (RFC 6455 section 4.2).
fn upgrade(mut request: Request<Incoming>, session: &Session) -> Answer {
    // Before the 101: judges the origin, refuses what is dead, and misses no ending from here on.
    let hold = match session.open_socket() {
        Ok(hold) => hold,
        Err(refused) => return refused.into_http_response(),
    };
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY).cloned() else {
        return answer(StatusCode::UPGRADE_REQUIRED);
    };
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrading.await else {
            return; // the client went away
        };
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        hold.run(socket, close_frame, echo).await;
    });
    let switching = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()));
    switching
        .body(Full::default())
        .unwrap_or_else(|_| answer(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Knows nothing of sessions: it is dropped, and its socket taken, when the session ends.
async fn echo(mut socket: LiveSocket<WebSocketStream<TokioIo<Upgraded>>>) {
    while let Some(Ok(message)) = socket.next().await {
        if SinkExt::send(&mut socket, message).await.is_err() {
            return;
        }
    }
}

fn close_frame(close: &Close) -> Message {
    Message::Close(Some(CloseFrame {
        code: close.code().into(),
        reason: close.text().to_owned().into(),
    }))
}

fn answer(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
