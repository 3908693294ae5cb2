//! The same layer around a bare hyper server: no axum, HTTP/1 and HTTP/2.
//!
//! ```text
//! cargo run --example hyper --no-default-features       # PORT=0 picks a free port
//! ```
//!
//! Then open <http://localhost:3000>.

use adjourn::{Farewell, PeerAddr, Session, Sessions, store::MemoryStore};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::{server::conn::auto::Builder, service::TowerToHyperService};
use std::io::{Write, stderr, stdout};
use std::{env, error::Error};
use tokio::net::{TcpListener, TcpStream};
use tower::{ServiceBuilder, ServiceExt, service_fn};

type BoxError = Box<dyn Error + Send + Sync>;
type Answer = Response<Full<Bytes>>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_writer(stderr).init();
    let sessions = Sessions::builder(MemoryStore::new())
        .with_public(["/", "/login", "/logout"]) // everything else needs a live session
        .with_log_in_page("/login")
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
    let service = ServiceBuilder::new()
        // Outside of the layer, which takes the address into the session and the audit trail.
        .map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        })
        .layer(sessions.layer())
        .service(service_fn(move |request| route(request, sessions.clone())));
    Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service))
        .await
}

async fn route(request: Request<Incoming>, sessions: Sessions) -> Result<Answer, BoxError> {
    // The layer puts one into every request, live or not.
    let session = request.extensions().get::<Session>().cloned();
    let session = session.ok_or("there is no session layer")?;
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => page("<h1>Home</h1><a href=/account>Account</a>"),
        (&Method::GET, "/login") => page(LOG_IN),
        (&Method::POST, "/login") => log_in(request, &session).await,
        (_, "/logout") => log_out(&session).await, // judges the method, too
        (&Method::GET, "/account") => page(ACCOUNT),
        // The signed-out page: the endpoints are a Tower service.
        (_, path) if path.starts_with("/session/") => {
            let (head, body) = sessions.endpoints().oneshot(request).await?.into_parts();
            Ok(Response::from_parts(
                head,
                body.collect().await?.to_bytes().into(),
            ))
        }
        _ => Ok(answer(StatusCode::NOT_FOUND, "There is no such page")),
    }
}

async fn log_in(request: Request<Incoming>, session: &Session) -> Result<Answer, BoxError> {
    let body = Limited::new(request.into_body(), 4096).collect().await?;
    // Hashes are compared in the same time wherever the difference is.
    if blake3::hash(&body.to_bytes()) != blake3::hash(b"password=engine") {
        return Ok(answer(StatusCode::UNAUTHORIZED, "Wrong password"));
    }
    if let Err(error) = session.log_in("ada").await {
        return Ok(error.into_http_response());
    }
    let mut response = answer(StatusCode::SEE_OTHER, "");
    response.headers_mut().insert(LOCATION, "/account".parse()?);
    Ok(response)
}

async fn log_out(session: &Session) -> Result<Answer, BoxError> {
    match session.log_out().await {
        Ok(ended) => Ok(Farewell::from(ended).into_http_response()),
        Err(error) => Ok(error.into_http_response()),
    }
}

fn page(html: &str) -> Result<Answer, BoxError> {
    let html = format!("<!doctype html><html lang=en><title>Demo</title>{html}");
    let mut response = answer(StatusCode::OK, &html);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, "text/html; charset=utf-8".parse()?);
    Ok(response)
}

fn answer(status: StatusCode, text: &str) -> Answer {
    let mut response = Response::new(Full::from(text.to_owned()));
    *response.status_mut() = status;
    response
}

const LOG_IN: &str = "<form method=post><label>Password (it is “engine”) \
    <input type=password name=password></label> <button>Log in</button></form>";
const ACCOUNT: &str = "<h1>Balance: 4,217.00</h1>\
    <form method=post action=/logout><button>Log out</button></form>";
