//! How long until a node hears that a session ended on another one:
//! `cargo bench --bench notices --all-features -- --redis URL` (or `--postgres URL`, `--sqlite FILE`).
//!
//! Two nodes in one process with two worker threads, each with connections of its own to the store.
//! From the moment at which the ending has returned on one, to the moment at which the other wakes
//! what it holds open for the session: there a socket gets its Close frame.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has to stop, and says where"
)]

use adjourn::{
    Session, Sessions,
    id::SessionId,
    reason::EndReason,
    store::{PostgresStore, RedisStore, SessionStore, SqliteStore},
};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use std::{
    convert::Infallible,
    env,
    error::Error,
    io::{self, Write},
    time::{Duration, Instant},
};
use tokio::{runtime, sync::mpsc, task::JoinHandle};
use tower::{Layer, Service, service_fn};

type Anything = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Anything> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let arguments: Vec<_> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let report = runtime.block_on(async {
        match *arguments {
            ["--redis", url] => {
                let open = async || RedisStore::builder(url)?.open().await;
                between(open().await?, open().await?).await
            }
            ["--postgres", url] => {
                let open = async || {
                    let store = PostgresStore::builder(sqlx::PgPool::connect_lazy(url)?);
                    store.migrate().await?;
                    Ok::<_, Anything>(store.open().await?)
                };
                between(open().await?, open().await?).await
            }
            ["--sqlite", file] => {
                let open = async || SqliteStore::open(file).await;
                between(open().await?, open().await?).await
            }
            _ => Err("which store? --redis URL, --postgres URL or --sqlite FILE".into()),
        }
    })?;
    writeln!(io::stdout(), "{report}")?;
    Ok(())
}

async fn between(first: impl SessionStore, second: impl SessionStore) -> Result<String, Anything> {
    let (here, there) = (
        Sessions::builder(first).build()?,
        Sessions::builder(second).build()?,
    );
    here.start();
    there.start();
    let mut waits = Vec::new();
    for _ in 0..ROUNDS {
        let (id, cookie) = log_in(&here).await;
        let told = hold(&there, &cookie).await;
        let receipt = here.terminator().end(id, EndReason::Forced).await?;
        let returned = Instant::now();
        waits.push(told.await?.saturating_duration_since(returned));
        drop(receipt);
    }
    let _left = here.shutdown().await;
    let _left = there.shutdown().await;
    waits.sort_unstable();
    let at = |percent: usize| waits.get(waits.len() * percent / 100).copied();
    Ok(format!(
        "{ROUNDS} endings, heard on the other node: half within {:.2?}, 99 % within {:.2?}, worst {:.2?}",
        at(50).unwrap_or_default(),
        at(99).unwrap_or_default(),
        waits.last().copied().unwrap_or_default(),
    ))
}

/// A session, and the cookie that its browser would send.
async fn log_in(node: &Sessions) -> (SessionId, HeaderValue) {
    let (ids, mut logged_in) = mpsc::channel(1);
    let mut service = node.layer().layer(service_fn(move |request: Request<()>| {
        let ids = ids.clone();
        async move {
            let session = of(&request);
            let id = session.log_in("ada").await.expect("a store").id();
            ids.send(id).await.expect("somebody waits");
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    }));
    let response = service.call(Request::new(())).await.expect("infallible");
    let set = response
        .headers()
        .get(header::SET_COOKIE)
        .expect("a cookie");
    let set = set.to_str().expect("ASCII");
    let pair = set.split(';').next().unwrap_or_default();
    let id = logged_in.recv().await.expect("a session");
    (id, pair.parse().expect("a part of a header value"))
}

/// Holds something open for the session; answers when it was woken.
async fn hold(node: &Sessions, cookie: &HeaderValue) -> JoinHandle<Instant> {
    let (holds, mut received) = mpsc::channel(1);
    let mut service = node.layer().layer(service_fn(move |request: Request<()>| {
        let holds = holds.clone();
        async move {
            let hold = of(&request).live().expect("a live session");
            holds.send(hold).await.expect("somebody waits");
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    }));
    let mut request = Request::new(());
    request.headers_mut().insert(header::COOKIE, cookie.clone());
    service.call(request).await.expect("infallible");
    let hold = received.recv().await.expect("a session");
    let told = tokio::spawn(async move {
        hold.ended().await;
        Instant::now()
    });
    // It waits by now.
    tokio::time::sleep(Duration::from_millis(2)).await;
    told
}

fn of(request: &Request<()>) -> Session {
    let session = request.extensions().get::<Session>();
    session.expect("the layer is there").clone()
}

const ROUNDS: usize = 1_000;
