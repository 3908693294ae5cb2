//! Who may open a WebSocket, and what the Close frame says (R-14-6, R-14-8, R-1-34).

use crate::{
    client::{Client, Handshake, ORIGIN, Over, soon, status_of},
    routes::{self, Told},
    support::Site,
};
use adjourn::{
    audit::EventKind,
    layer::{
        require_session,
        websocket::{WebSocket, WebSocketUpgrade},
    },
    live::Close,
    reason::{Cause, EndReason},
};
use axum::{Router, routing::any};
use http::StatusCode;

async fn site() -> Site {
    routes::site(&Told::default()).open().await
}

// R-14-6, R-1-34
#[tokio::test]
async fn a_page_of_another_origin_is_refused_first() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    for (header, refused) in [
        (("origin", ORIGIN), None),
        (
            ("origin", "https://evil.example"),
            Some(StatusCode::FORBIDDEN),
        ),
        (("origin", "null"), Some(StatusCode::FORBIDDEN)),
        (("x-no", "origin"), Some(StatusCode::FORBIDDEN)),
        (("sec-fetch-site", "same-origin"), None),
    ] {
        let handshake = Handshake::new(&site, "/ws/echo").cookie_of(&alice);
        let answer = handshake.header(header.0, header.1).open().await;
        assert_eq!(status_of(answer).err(), refused, "{header:?}");
    }
    // With a dead session too: it is not told that it is dead.
    let handshake = Handshake::new(&site, "/ws/echo").cookie_of(&alice);
    alice.post_api("/logout").await;
    let answer = handshake.header("origin", "https://evil.example").open();
    assert_eq!(status_of(answer.await), Err(StatusCode::FORBIDDEN));
}

// R-14-6, R-1-34: also where a gate stands before the route, which would tell how the session is.
#[tokio::test]
async fn a_gate_does_not_speak_before_the_origin_was_judged() {
    let gated = Router::new()
        .route("/ws/gated", any(async |_: WebSocketUpgrade| StatusCode::OK))
        .route_layer(require_session());
    let site = routes::site(&Told::default())
        .routes(gated)
        .configure(|builder| builder.with_sensitive(["/ws/echo"]))
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let dead = || Handshake::new(&site, "/ws/echo").cookie_of(&alice);
    let dead_at_gate = || Handshake::new(&site, "/ws/gated").cookie_of(&alice);
    let (dead, dead_at_gate) = ([dead(), dead()], [dead_at_gate(), dead_at_gate()]);
    alice.post_api("/logout").await;

    let refusals = || site.events.count("socket-refused");
    for [own, foreign] in [dead, dead_at_gate] {
        let before = refusals();
        let own = own.header("origin", ORIGIN).open().await;
        assert_eq!(status_of(own), Err(StatusCode::UNAUTHORIZED));
        assert_eq!(refusals(), before);
        let foreign = foreign
            .header("origin", "https://evil.example")
            .open()
            .await;
        let Err(refused) = foreign else {
            panic!("opened")
        };
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert!(!refused.headers().contains_key("www-authenticate"));
        let body = String::from_utf8(refused.body().clone().unwrap()).unwrap();
        assert!(body.contains("\"reason\":\"origin-not-allowed\""), "{body}");
        assert_eq!(refusals(), before + 1, "one record");
    }
    // What no browser sent is told what it needs.
    let program = Handshake::new(&site, "/ws/echo").open().await;
    assert_eq!(status_of(program), Err(StatusCode::UNAUTHORIZED));
}

// R-14-6, R-13-11: recorded, and counted when there are many.
#[tokio::test]
async fn a_refused_origin_is_recorded_and_many_are_counted() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    let id = site.session_of(&alice).await;
    for _ in 0..25 {
        let handshake = Handshake::new(&site, "/ws/echo").cookie_of(&alice);
        let answer = handshake.header("origin", "https://evil.example").open();
        assert_eq!(status_of(answer.await), Err(StatusCode::FORBIDDEN));
    }
    assert_eq!(site.events.count("socket-refused"), 20);
    let events = site.events.all();
    let refused = events.iter().find(|e| e.kind.code() == "socket-refused");
    let refused = refused.unwrap();
    assert!(matches!(
        refused.kind,
        EventKind::SocketRefused {
            why: "origin-not-allowed"
        }
    ));
    assert_eq!(refused.session_id, Some(id));
    assert!(refused.client.is_some());
}

// R-14-6, R-14-2
#[tokio::test]
async fn a_dead_session_gets_401_and_a_challenge() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    let dead = Handshake::new(&site, "/ws/echo").cookie_of(&alice);
    alice.post_api("/logout").await;
    let nobody = Handshake::new(&site, "/ws/echo");
    for (handshake, reason) in [(dead, "logout"), (nobody, "no-session")] {
        let answer = handshake.header("origin", ORIGIN).open().await;
        let Err(refused) = answer else {
            panic!("{reason}: opened")
        };
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{reason}");
        assert!(refused.headers().contains_key("www-authenticate"));
        let body = String::from_utf8(refused.body().clone().unwrap()).unwrap();
        assert!(body.contains(&format!("\"reason\":\"{reason}\"")), "{body}");
    }
}

#[tokio::test]
async fn other_origins_are_those_that_were_listed() {
    let site = routes::site(&Told::default())
        .configure(|builder| builder.with_websocket_origins(["https://desk.example"]))
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    for (origin, refused) in [
        (ORIGIN, None),
        ("https://desk.example", None),
        ("https://desk.example:8443", Some(StatusCode::FORBIDDEN)),
    ] {
        let handshake = Handshake::new(&site, "/ws/echo").cookie_of(&alice);
        let answer = handshake.header("origin", origin).open().await;
        assert_eq!(status_of(answer).err(), refused, "{origin}");
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_as_axum_refuses_it() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    let ask = alice.fetch(http::Method::GET, "/ws/echo");
    let got = ask.header("origin", ORIGIN).send().await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST, "{got:?}");
    assert_eq!(site.sessions.open_connections(), 0);
}

// R-14-8
#[tokio::test]
async fn the_code_of_the_close_frame_is_that_of_its_reason() {
    let site = routes::site(&Told::default())
        .configure(|builder| {
            builder
                .with_default_close_code(Close::POLICY_VIOLATION)
                .with_close_code(EndReason::Policy, 3003)
                .with_close_code(EndReason::custom("moved").unwrap(), 4001)
        })
        .open()
        .await;
    for (reason, code) in [
        (EndReason::Forced, 1008),
        (EndReason::Policy, 3003),
        (EndReason::custom("moved").unwrap(), 4001),
    ] {
        let alice = site.logged_in("alice").await;
        let id = site.session_of(&alice).await;
        let mut socket = Client::open(&site, &alice, "/ws/echo").await;
        // Neither who nor the note of the administrator is told.
        let cause = Cause::from(reason.clone()).with_note("lost laptop of alice");
        drop(site.sessions.terminator().end(id, cause).await.unwrap());
        let text = reason.code().to_owned();
        assert_eq!(
            soon("the end", socket.over()).await,
            Over::Closed { code, text }
        );
    }
}

// An ending between the handshake and the 101: the peer gets 401, and no handler runs. (hyper may
// hand out a refused connection all the same, as upgraded, when the peer closes its half of it.)
#[tokio::test]
async fn a_session_that_ends_during_the_handshake_gets_no_socket() {
    use crate::support::{Gate, read_all};
    use tokio::io::AsyncWriteExt;
    let (gate, told) = (Gate::default(), Told::default());
    let (held, ran) = (gate.clone(), told.clone());
    let late = async move |upgrade: WebSocketUpgrade| {
        held.pass().await;
        upgrade.on_upgrade(move |_: WebSocket| {
            ran.tell("called");
            async { unreachable!("no socket opens") }
        })
    };
    let site = routes::site(&told)
        .routes(Router::new().route("/ws/late", any(late)))
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let handshake = alice
        .fetch(http::Method::GET, "/ws/late")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let mut stream = handshake.send_and_keep_socket().await;
    gate.arrived().await;
    alice.post_api("/logout").await;
    gate.open();
    stream.shutdown().await.unwrap();
    let got = soon("the end", read_all(&mut stream)).await;
    let got = String::from_utf8_lossy(&got);
    assert!(got.starts_with("HTTP/1.1 401 "), "{got}");
    let held_still = async {
        while site.sessions.open_connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the release", held_still).await;
    assert!(told.words.lock().unwrap().is_empty());
}
