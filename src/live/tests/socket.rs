//! What becomes of a socket, its handler and its peer.

use super::waker::CountingWaker;
use crate::{
    id::SessionId,
    live::{Close, CloseRules, Live, LiveGuard, LiveSocket, SocketError, watch},
    reason::EndReason,
};
use futures_core::Stream;
use futures_sink::Sink;
use std::{
    convert::Infallible,
    future::pending,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};

/// A socket that writes down what happens to it.
struct Fake {
    seen: Seen,
    peer: Peer,
}

/// How the other side behaves.
#[derive(Clone, Copy)]
enum Peer {
    /// Answers the Close frame.
    Polite,
    /// Sends without end.
    Floods,
    /// Neither reads nor writes.
    Silent,
}

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Stream for Fake {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
        match self.peer {
            Peer::Polite if !self.seen.all().is_empty() => Poll::Ready(None),
            Peer::Floods => Poll::Ready(Some(())),
            Peer::Polite | Peer::Silent => Poll::Pending,
        }
    }
}

impl Sink<String> for Fake {
    type Error = Infallible;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        match self.peer {
            Peer::Silent => Poll::Pending,
            Peer::Polite | Peer::Floods => Poll::Ready(Ok(())),
        }
    }

    fn start_send(self: Pin<&mut Self>, message: String) -> Result<(), Infallible> {
        self.seen.note(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.seen.note("dropped");
    }
}

struct Bench {
    live: Live,
    id: SessionId,
    seen: Seen,
    peer: Peer,
}

impl Bench {
    fn new(peer: Peer) -> Self {
        Self {
            live: Live::default(),
            id: SessionId::from_bytes([7; SessionId::LEN]),
            seen: Seen::default(),
            peer,
        }
    }

    fn guard(&self) -> LiveGuard {
        self.live.hold(self.id, self.live.mark())
    }

    fn run<H, F>(&self, handler: H) -> impl Future<Output = ()> + use<H, F>
    where
        H: FnOnce(LiveSocket<Fake>) -> F,
        F: Future<Output = ()>,
    {
        let (seen, peer) = (self.seen.clone(), self.peer);
        let (guard, fake) = (self.guard(), Fake { seen, peer });
        async move {
            let rules = CloseRules::default();
            let close = |close: &Close| format!("{} {}", close.code(), close.text());
            watch(guard, &rules, fake, close, handler).await;
        }
    }

    fn spawn<H, F>(&self, handler: H) -> JoinHandle<()>
    where
        H: FnOnce(LiveSocket<Fake>) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(self.run(handler))
    }

    fn end(&self) {
        self.live.ended(self.id, EndReason::Logout);
    }
}

#[tokio::test]
async fn the_peer_is_told_and_the_socket_dropped() {
    let bench = Bench::new(Peer::Polite);
    let watched = bench.spawn(|socket| async {
        let _socket = socket;
        pending::<()>().await;
    });
    tokio::task::yield_now().await;
    bench.end();
    watched.await.unwrap();
    assert_eq!(bench.seen.all(), ["3000 logout", "dropped"]);
    assert!(bench.live.is_empty());
}

#[tokio::test]
async fn a_session_that_ended_before_the_socket_opened_runs_no_handler() {
    let bench = Bench::new(Peer::Polite);
    let seen = bench.seen.clone();
    let watched = bench.run(move |_| {
        seen.note("called");
        async {}
    });
    bench.end();
    watched.await;
    assert_eq!(bench.seen.all(), ["3000 logout", "dropped"]);
}

#[tokio::test]
async fn a_handler_that_is_done_ends_the_watch() {
    let bench = Bench::new(Peer::Polite);
    let send = bench.run(|mut socket| async move {
        socket.send("hello".to_owned()).await.unwrap();
    });
    send.await;
    assert_eq!(bench.seen.all(), ["hello", "dropped"]);
    assert!(bench.live.is_empty());
}

#[tokio::test]
async fn a_socket_that_was_handed_on_is_watched_until_it_is_dropped() {
    let bench = Bench::new(Peer::Polite);
    let (hand, handed) = oneshot::channel();
    let watched = bench.spawn(move |socket| async {
        drop(hand.send(socket));
    });
    let socket = handed.await.unwrap();
    tokio::task::yield_now().await;
    assert!(!watched.is_finished());
    drop(socket);
    watched.await.unwrap();
    assert_eq!(bench.seen.all(), ["dropped"]);
    assert!(bench.live.is_empty());
}

#[tokio::test]
async fn who_waits_elsewhere_is_woken_and_told() {
    let bench = Bench::new(Peer::Silent);
    let (hand, handed) = oneshot::channel();
    let watched = bench.spawn(move |socket| async {
        drop(hand.send(socket));
    });
    let mut socket = handed.await.unwrap();
    let ((reader, read), (writer, written)) = (CountingWaker::new(), CountingWaker::new());
    let mut pinned = Pin::new(&mut socket);
    let next = pinned.as_mut().poll_next(&mut Context::from_waker(&reader));
    assert!(next.is_pending());
    let ready = pinned
        .as_mut()
        .poll_ready(&mut Context::from_waker(&writer));
    assert!(ready.is_pending());

    tokio::time::pause();
    bench.end();
    watched.await.unwrap();
    assert_eq!((read.get(), written.get()), (1, 1));
    assert!(socket.is_taken_back());
    assert_eq!(socket.recv().await, None);
    let refused = socket.send("late".to_owned()).await;
    assert_eq!(
        refused,
        Err(SocketError::TakenBack(Some(EndReason::Logout)))
    );
}

// A peer that neither reads nor answers, and one that never stops: dropped after the grace.
#[tokio::test(start_paused = true)]
async fn a_peer_is_waited_for_no_longer_than_the_grace() {
    for (peer, told) in [(Peer::Silent, false), (Peer::Floods, true)] {
        let bench = Bench::new(peer);
        let watched = bench.spawn(|socket| async {
            let _socket = socket;
            pending::<()>().await;
        });
        tokio::task::yield_now().await;
        let start = tokio::time::Instant::now();
        bench.end();
        // By hand: while a peer floods, time does not move by itself.
        while !watched.is_finished() {
            tokio::task::yield_now().await;
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        watched.await.unwrap();
        let (grace, took) = (CloseRules::default().grace, start.elapsed());
        assert!((grace..grace * 2).contains(&took), "{took:?}");
        let told = told.then(|| "3000 logout".to_owned());
        let expected: Vec<_> = told.into_iter().chain(["dropped".to_owned()]).collect();
        assert_eq!(bench.seen.all(), expected);
    }
}

#[tokio::test]
async fn a_socket_never_outlives_its_watch() {
    let bench = Bench::new(Peer::Polite);
    let (hand, handed) = oneshot::channel();
    let watched = bench.spawn(move |socket| async {
        drop(hand.send(socket));
    });
    let mut socket = handed.await.unwrap();
    watched.abort();
    assert!(watched.await.unwrap_err().is_cancelled());
    assert_eq!(bench.seen.all(), ["dropped"]);
    let refused = socket.send("late".to_owned()).await;
    assert_eq!(refused, Err(SocketError::TakenBack(None)));
    assert!(bench.live.is_empty());
}

#[tokio::test]
async fn a_panic_of_the_handler_closes_the_socket() {
    let bench = Bench::new(Peer::Polite);
    let watched = bench.spawn(|_socket| async {
        panic!("the handler");
    });
    assert!(watched.await.unwrap_err().is_panic());
    assert_eq!(bench.seen.all(), ["dropped"]);
    assert!(bench.live.is_empty());
}
