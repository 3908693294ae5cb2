//! The sockets and streams of the site.

use crate::support::{Site, SiteBuilder};
use adjourn::{
    LiveSession,
    layer::websocket::{WebSocket, WebSocketUpgrade},
    policy::Timeouts,
};
use axum::{
    Router,
    body::Body,
    extract::ws::Message,
    response::{
        Response,
        sse::{Event, Sse},
    },
    routing::{any, get, post},
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// What the handlers tell the test.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub(crate) words: Arc<Mutex<Vec<&'static str>>>,
    pub(crate) more: Arc<Notify>,
    /// How many parts of a body were made.
    pub(crate) parts: Arc<AtomicUsize>,
    blocked: Arc<(Mutex<bool>, Condvar)>,
}

impl Told {
    /// Blocks the thread until the test lets it go.
    pub(crate) fn block(&self) {
        let (free, changed) = &*self.blocked;
        let free = free.lock().unwrap();
        drop(changed.wait_while(free, |free| !*free).unwrap());
    }

    /// Lets the blocked thread go when it is dropped, also by a test that fails.
    pub(crate) fn unblock_at_last(&self) -> Unblock {
        Unblock(self.clone())
    }

    pub(crate) fn tell(&self, word: &'static str) {
        self.words.lock().unwrap().push(word);
        self.more.notify_waiters();
    }

    pub(crate) async fn wait_for(&self, word: &'static str) {
        loop {
            let mut more = std::pin::pin!(self.more.notified());
            more.as_mut().enable();
            if self.words.lock().unwrap().contains(&word) {
                return;
            }
            more.await;
        }
    }
}

pub(crate) struct Unblock(Told);

impl Drop for Unblock {
    fn drop(&mut self) {
        let (free, changed) = &*self.0.blocked;
        *free.lock().unwrap() = true;
        changed.notify_all();
    }
}

/// Tells when it is dropped.
pub(crate) struct TellDrop(pub(crate) Told, pub(crate) &'static str);

impl Drop for TellDrop {
    fn drop(&mut self) {
        self.0.tell(self.1);
    }
}

pub(crate) fn site(told: &Told) -> SiteBuilder {
    Site::builder().routes(routes(told)).configure(|builder| {
        let exact = Timeouts::default().with_touch_interval(Duration::ZERO);
        builder
            .with_origin(crate::client::ORIGIN)
            .with_timeouts(exact.unwrap())
    })
}

fn routes(told: &Told) -> Router {
    let with = |handler: fn(WebSocket, Told) -> BoxedHandler| {
        let told = told.clone();
        any(async move |upgrade: WebSocketUpgrade| -> Response {
            upgrade.on_upgrade(move |socket| handler(socket, told))
        })
    };
    Router::new()
        .route(
            "/ws/echo",
            with(|socket, told| Box::pin(echo(socket, told))),
        )
        .route(
            "/ws/idle",
            with(|socket, told| Box::pin(hold(socket, told))),
        )
        .route(
            "/ws/spawned",
            with(|socket, told| Box::pin(async { hand_over(socket, told) })),
        )
        .route(
            "/ws/split",
            with(|socket, told| Box::pin(async { split(socket, told) })),
        )
        .route(
            "/ws/flood",
            with(|socket, told| Box::pin(flood(socket, told))),
        )
        .route(
            "/ws/touch",
            with(|socket, told| Box::pin(touch(socket, told))),
        )
        .route(
            "/ws/panic",
            with(|socket, told| Box::pin(panic_at_end(socket, told))),
        )
        .route("/events", get(events))
        .route("/endless", get(endless))
        .route("/silent", get(silent))
        .route("/flood", {
            let told = told.clone();
            get(async move |_: LiveSession| flood_body(told))
        })
        .route("/end-others", post(end_others))
}

type BoxedHandler = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn echo(mut socket: WebSocket, told: Told) {
    let _dropped = TellDrop(told, "echo dropped");
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
}

/// Holds the socket and never polls it.
async fn hold(socket: WebSocket, told: Told) {
    let _dropped = TellDrop(told, "idle dropped");
    let _socket = socket;
    pending::<()>().await;
}

/// Returns at once; another task has the socket.
fn hand_over(mut socket: WebSocket, told: Told) {
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            if SinkExt::send(&mut socket, message).await.is_err() {
                break;
            }
        }
        told.tell("stream over");
        let sent = SinkExt::send(&mut socket, Message::text("late")).await;
        told.tell(if sent.is_err() {
            "send failed"
        } else {
            "sent after the end"
        });
    });
}

/// One task reads, another waits to write.
fn split(socket: WebSocket, told: Told) {
    let (mut sender, mut receiver) = socket.split();
    let (queue, mut queued) = tokio::sync::mpsc::channel::<Message>(1);
    let writer = told.clone();
    tokio::spawn(async move {
        while let Some(message) = queued.recv().await {
            if sender.send(message).await.is_err() {
                break;
            }
        }
        writer.tell("writer over");
    });
    tokio::spawn(async move {
        while let Some(Ok(message)) = receiver.next().await {
            if queue.send(message).await.is_err() {
                break;
            }
        }
        told.tell("reader over");
    });
}

/// Sends without end, so that a peer that does not read blocks it.
async fn flood(mut socket: WebSocket, told: Told) {
    let _dropped = TellDrop(told, "flood dropped");
    let part = Bytes::from(vec![0; 64 * 1024]);
    while socket.send(Message::Binary(part.clone())).await.is_ok() {}
}

/// A message is activity.
async fn touch(mut socket: WebSocket, _: Told) {
    while let Some(Ok(message)) = socket.recv().await {
        if !matches!(message, Message::Text(_)) {
            continue;
        }
        let answer = match socket.touch().await {
            Ok(true) => "live",
            Ok(false) => "over",
            Err(_) => "unknown",
        };
        if socket.send(Message::text(answer)).await.is_err() {
            break;
        }
    }
}

/// Panics while it is dropped.
async fn panic_at_end(socket: WebSocket, told: Told) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a destructor of the handler");
        }
    }
    let (_bomb, _socket) = (Bomb, socket);
    told.tell("armed");
    pending::<()>().await;
}

async fn events(
    _: LiveSession,
) -> Sse<impl futures_util::Stream<Item = Result<Event, Infallible>>> {
    let first = stream::once(async { Ok(Event::default().data("hello")) });
    Sse::new(first.chain(stream::pending()))
}

/// A body that never ends and never pauses.
async fn endless(_: LiveSession) -> Body {
    let part = Bytes::from_static(&[b'x'; 1024]);
    Body::from_stream(stream::repeat_with(move || {
        Ok::<_, Infallible>(part.clone())
    }))
}

/// A body that never ends, counts its parts, and tells when it is dropped.
fn flood_body(told: Told) -> Body {
    let part = Bytes::from(vec![b'x'; 64 * 1024]);
    let dropped = TellDrop(told.clone(), "body dropped");
    Body::from_stream(stream::repeat_with(move || {
        let _kept = &dropped;
        told.parts.fetch_add(1, Ordering::SeqCst);
        Ok::<_, Infallible>(part.clone())
    }))
}

/// A body that never begins.
async fn silent(_: LiveSession) -> Body {
    Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
}

async fn end_others(session: LiveSession) -> &'static str {
    let ended = session.end_others(adjourn::reason::EndReason::Logout).await;
    assert_eq!(ended.unwrap().concluded(), 1);
    "ended"
}
