//! examples/demo: what stays open ends with the session.

use crate::support::{Browser, Call, Events, Example, PATIENCE, THE_END, counter, eventually};
use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

#[test]
fn the_events_end_when_the_user_logs_out_elsewhere() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut events = Events::open(&demo, &alice, "/events");
    events.wait_for("event: tick");
    assert_eq!(counter(&demo, "open_connections"), 1);
    alice.log_out();
    let rest = events.read_to_end();
    assert!(rest.contains("event: session-ended"), "{rest}");
    assert!(rest.contains(r#"data: {"reason":"logout"}"#), "{rest}");
    eventually("nothing open", || {
        (counter(&demo, "open_connections") == 0).then_some(())
    });
}

#[test]
fn an_administrator_cuts_the_events_of_one_user_only() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let [alice, bob] = [("alice", "wonderland"), ("bob", "builder")]
        .map(|(username, password)| demo.logged_in(username, password));
    let [mut of_alice, mut of_bob] =
        [&alice, &bob].map(|user| Events::open(&demo, user, "/events"));
    of_alice.wait_for("event: tick");
    admin.post("/admin/end", &[("subject", "alice")]);
    assert!(of_alice.read_to_end().contains(r#"{"reason":"forced"}"#));
    of_bob.wait_for("data: 1");
}

#[test]
fn events_keep_no_session_alive() {
    let demo = Example::demo(&["--idle", "1500ms"]);
    // On a slow machine the session may be over before the events begin: then once more.
    let events = eventually("a stream of events", || {
        let alice = demo.logged_in("alice", "wonderland");
        let events = Events::open(&demo, &alice, "/events").read_until(|_| false);
        events.starts_with("HTTP/1.1 200").then_some(events)
    });
    assert!(events.contains("event: tick"), "{events}");
    assert!(events.contains(r#"{"reason":"idle-timeout"}"#), "{events}");
    assert!(events.ends_with(THE_END), "{events}");
}

#[tokio::test]
async fn the_web_socket_echoes_ticks_and_closes_with_the_reason() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let talk = async {
        let mut socket = open_socket(&demo, &alice, Some(&own(&demo))).await.unwrap();
        let first = socket.next().await.unwrap().unwrap();
        assert_eq!(first, Message::text("tick"));
        socket.send(Message::text("hello")).await.unwrap();
        while socket.next().await.unwrap().unwrap() != Message::text("hello") {}

        alice.log_out();
        assert_eq!(close_of(&mut socket).await, (3000, "logout".to_owned()));
    };
    timeout(PATIENCE, talk).await.unwrap();
}

// R-14-7: nobody clicks, and what is said over the socket keeps no session alive.
#[tokio::test]
async fn the_web_socket_closes_when_nobody_is_there_any_more() {
    let demo = Example::demo(&["--idle", "1500ms"]);
    let talk = async {
        let mut socket = some_socket(&demo).await;
        let _ = socket.send(Message::text("still here")).await;
        close_of(&mut socket).await
    };
    let closed = timeout(PATIENCE, talk).await.unwrap();
    assert_eq!(closed, (3000, "idle-timeout".to_owned()));
}

#[tokio::test]
async fn a_bearer_token_opens_the_web_socket_without_an_origin() {
    let demo = Example::demo(&[]);
    let fields = [("username", "alice"), ("password", "wonderland")];
    let given = Call::post("/api/token").form(&fields).send(demo.address);
    let token = given.json()["token"].as_str().unwrap().to_owned();
    let mut request = format!("ws://{}/ws", demo.address)
        .into_client_request()
        .unwrap();
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let stream = TcpStream::connect(demo.address).await.unwrap();
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let ended = Call::post("/api/token/end")
        .bearer(&token)
        .send(demo.address);
    ended.shows(200, "logout");
    assert_eq!(close_of(&mut socket).await, (3000, "logout".to_owned()));
}

#[tokio::test]
async fn the_web_socket_is_for_live_sessions_of_this_site() {
    let demo = Example::demo(&[]);
    let alice = demo.logged_in("alice", "wonderland");
    let status = async |browser: &Browser, origin| match open_socket(&demo, browser, origin).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    };
    let own = own(&demo);
    let talk = async {
        assert_eq!(status(&demo.browser(), Some(&own)).await, 401);
        for origin in [None, Some("https://evil.example"), Some("null")] {
            assert_eq!(status(&alice, origin).await, 403, "{origin:?}");
        }
        assert_eq!(status(&alice, Some(&own)).await, 101);
    };
    timeout(PATIENCE, talk).await.unwrap();
}

#[cfg(unix)]
#[test]
fn a_server_that_stops_does_not_wait_for_what_is_open() {
    let demo = Example::demo(&[]);
    let alice = demo.logged_in("alice", "wonderland");
    let mut events = Events::open(&demo, &alice, "/events");
    events.wait_for("event: tick");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let origin = own(&demo);
    let opening = open_socket(&demo, &alice, Some(&origin));
    let mut socket = runtime.block_on(opening).unwrap();
    assert_eq!(demo.terminate(), Some(0));
    events.read_to_end();
    let (code, _) = runtime.block_on(close_of(&mut socket));
    assert_eq!(code, 1001);
}

/// On a slow machine the session may be over before the socket opens: then once more.
async fn some_socket(demo: &Example) -> WebSocketStream<TcpStream> {
    loop {
        let alice = demo.logged_in("alice", "wonderland");
        if let Ok(socket) = open_socket(demo, &alice, Some(&own(demo))).await {
            return socket;
        }
    }
}

/// The origin of the demo's own pages.
fn own(demo: &Example) -> String {
    format!("http://{}", demo.address)
}

async fn open_socket(
    demo: &Example,
    browser: &Browser,
    origin: Option<&str>,
) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://{}/ws", demo.address).into_client_request()?;
    let headers = request.headers_mut();
    if let Some(cookies) = browser.with_cookies(Call::get("/ws")).named("cookie") {
        headers.insert("cookie", cookies.parse()?);
    }
    if let Some(origin) = origin {
        headers.insert("origin", origin.parse()?);
    }
    let stream = TcpStream::connect(demo.address).await?;
    Ok(client_async(request, stream).await?.0)
}

/// The code and the reason with which it is closed.
async fn close_of(socket: &mut WebSocketStream<TcpStream>) -> (u16, String) {
    let close = async {
        loop {
            if let Message::Close(frame) = socket.next().await.unwrap().unwrap() {
                let frame = frame.unwrap();
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    };
    timeout(PATIENCE, close).await.unwrap()
}
