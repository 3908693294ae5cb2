//! Handlers and peers that do not cooperate.

use crate::{
    client::{Client, Handshake, ORIGIN, Over, closed, show, soon},
    routes::{self, Told},
    support::{Op, Site, When},
};
use adjourn::{reason::EndReason, terminate::Outcome};
use std::{
    sync::Once,
    time::{Duration, Instant},
};
use tokio::task::yield_now;

/// Opens a socket of a new session, ends the session, and answers what the peer saw.
async fn cut(site: &Site, path: &str) -> Over {
    let alice = site.logged_in("alice").await;
    let mut socket = Client::open(site, &alice, path).await;
    let since = Instant::now();
    alice.post_api("/logout").await;
    let over = soon(path, socket.over()).await;
    show(path, since);
    over
}

#[tokio::test]
async fn a_handler_that_never_polls_its_socket_is_cut() {
    let told = Told::default();
    let site = routes::site(&told).open().await;
    assert_eq!(cut(&site, "/ws/idle").await, closed("logout"));
    soon("the drop of the handler", told.wait_for("idle dropped")).await;
}

#[tokio::test]
async fn a_socket_that_was_handed_on_is_taken_back() {
    let told = Told::default();
    let site = routes::site(&told).open().await;
    assert_eq!(cut(&site, "/ws/spawned").await, closed("logout"));
    soon("the end of the stream", told.wait_for("stream over")).await;
    soon("the error of the sink", told.wait_for("send failed")).await;
}

#[tokio::test]
async fn a_socket_that_was_handed_on_still_works() {
    let site = routes::site(&Told::default()).open().await;
    let alice = site.logged_in("alice").await;
    for path in ["/ws/spawned", "/ws/split"] {
        let mut socket = Client::open(&site, &alice, path).await;
        for word in ["one", "two", "three"] {
            let answer = soon(path, socket.ask(word)).await;
            assert_eq!(answer.as_deref(), Some(word));
        }
    }
}

#[tokio::test]
async fn both_halves_of_a_split_socket_are_cut() {
    let told = Told::default();
    let site = routes::site(&told).open().await;
    assert_eq!(cut(&site, "/ws/split").await, closed("logout"));
    soon("the reader", told.wait_for("reader over")).await;
    soon("the writer", told.wait_for("writer over")).await;
}

#[tokio::test]
async fn a_destructor_that_panics_does_not_keep_the_peer_from_being_told() {
    silence_panics();
    let told = Told::default();
    let site = routes::site(&told).open().await;
    assert_eq!(cut(&site, "/ws/panic").await, closed("logout"));
}

// R-14-7: a silent peer is dropped after a grace.
#[tokio::test]
async fn a_peer_that_never_reads_is_dropped_after_the_grace() {
    let told = Told::default();
    let site = routes::site(&told)
        .configure(|builder| builder.with_socket_grace(Duration::from_millis(50)))
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let mut socket = Handshake::new(&site, "/ws/flood")
        .cookie_of(&alice)
        .header("origin", ORIGIN)
        .with_receive_buffer(4096)
        .open()
        .await
        .unwrap_or_else(|refused| panic!("{refused:?}"));

    let since = Instant::now();
    alice.post_api("/logout").await;
    soon("the drop of the handler", told.wait_for("flood dropped")).await;
    let dropped = async {
        while site.sessions.open_connections() > 0 {
            yield_now().await;
        }
    };
    soon("the drop of the connection", dropped).await;
    show("a peer that never reads", since);
    assert_eq!(soon("the end", socket.over()).await, Over::Broken);
}

// R-14-7: nor does a peer that never answers the Close frame keep its connection.
#[tokio::test]
async fn a_peer_that_never_answers_is_dropped_after_the_grace() {
    use tokio::io::AsyncReadExt;
    let site = routes::site(&Told::default())
        .configure(|builder| builder.with_socket_grace(Duration::from_millis(50)))
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let socket = Client::open(&site, &alice, "/ws/echo").await;
    let mut stream = socket.0.into_inner();
    alice.post_api("/logout").await;
    let mut got = Vec::new();
    let read = soon("the end", stream.read_to_end(&mut got)).await;
    assert!(read.is_ok(), "{read:?}");
    // FIN, opcode 8, without a mask: 3000 and the reason.
    assert_eq!(got, [&[0x88, 8, 0x0b, 0xb8], &b"logout"[..]].concat());
}

// R-14-9
#[tokio::test]
async fn a_touch_is_activity_and_nothing_else_is() {
    let site = routes::site(&Told::default()).open().await;
    let alice = site.logged_in("alice").await;
    let mut touching = Client::open(&site, &alice, "/ws/touch").await;
    for _ in 0..3 {
        site.clock.advance(Duration::from_mins(14));
        assert_eq!(touching.ask("typed").await.as_deref(), Some("live"));
        assert_eq!(site.sessions.terminator().sweep().await.unwrap(), 0);
    }
    let mut echo = Client::open(&site, &alice, "/ws/echo").await;
    site.clock.advance(Duration::from_mins(14));
    assert_eq!(echo.ask("noise").await.as_deref(), Some("noise"));
    site.clock.advance(Duration::from_mins(1));
    assert_eq!(site.sessions.terminator().sweep().await.unwrap(), 1);
    assert_eq!(soon("the end", echo.over()).await, closed("idle-timeout"));
}

// R-14-9: what is over stays over.
#[tokio::test]
async fn a_touch_brings_nothing_back_but_ends_what_is_due() {
    let site = routes::site(&Told::default()).open().await;
    let alice = site.logged_in("alice").await;
    let id = site.session_of(&alice).await;
    let mut socket = Client::open(&site, &alice, "/ws/touch").await;
    site.clock.advance(Duration::from_mins(15));

    soon("the touch", socket.say("typed")).await;
    assert_eq!(soon("the end", socket.over()).await, closed("idle-timeout"));
    assert_eq!(site.events.reasons_of(id), [EndReason::IdleTimeout]);
    let ended = site.sessions.terminator().end(id, EndReason::Forced).await;
    assert_eq!(ended.unwrap().outcome(), Outcome::AlreadyEnded);
}

#[tokio::test]
async fn a_touch_that_fails_says_so_and_cuts_nothing() {
    let site = routes::site(&Told::default()).open().await;
    let alice = site.logged_in("alice").await;
    let mut socket = Client::open(&site, &alice, "/ws/touch").await;
    site.store.fail(Op::Check, When::Before);
    assert_eq!(socket.ask("typed").await.as_deref(), Some("unknown"));
    site.store.heal();
    assert_eq!(socket.ask("typed").await.as_deref(), Some("live"));
}

/// One panic is part of the test.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let expected = info.payload().downcast_ref() == Some(&"a destructor of the handler");
            if !expected {
                usual(info);
            }
        }));
    });
}
