//! examples/demo: what stays open ends with the session.

use crate::support::{Browser, Call, Example, PATIENCE, eventually};
use futures_util::{SinkExt, StreamExt};
use std::{
    io::{BufRead, BufReader},
    time::Instant,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

#[test]
fn the_events_end_when_the_user_logs_out_elsewhere() {
    let demo = Example::demo(&[]);
    let mut alice = demo.logged_in("alice", "wonderland");
    let mut events = Events::open(&demo, &alice);
    events.wait_for("event: tick");
    assert_eq!(open_connections(&demo), 1);
    alice.log_out();
    let rest = events.read_to_end();
    assert!(rest.contains("event: session-ended"), "{rest}");
    assert!(rest.contains(r#"data: {"reason":"logout"}"#), "{rest}");
    eventually("nothing open", || {
        (open_connections(&demo) == 0).then_some(())
    });
}

#[test]
fn an_administrator_cuts_the_events_of_one_user_only() {
    let demo = Example::demo(&[]);
    let mut admin = demo.logged_in("admin", "control");
    let [alice, bob] = [("alice", "wonderland"), ("bob", "builder")]
        .map(|(username, password)| demo.logged_in(username, password));
    let [mut of_alice, mut of_bob] = [&alice, &bob].map(|user| Events::open(&demo, user));
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
        let events = Events::open(&demo, &alice).read_until(|_| false);
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
        let mut socket = open_socket(&demo, &alice, None).await.unwrap();
        let first = socket.next().await.unwrap().unwrap();
        assert_eq!(first, Message::text("tick"));
        socket.send(Message::text("hello")).await.unwrap();
        while socket.next().await.unwrap().unwrap() != Message::text("hello") {}

        alice.log_out();
        assert_eq!(close_of(&mut socket).await, (3000, "logout".to_owned()));
    };
    timeout(PATIENCE, talk).await.unwrap();
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
    let own = format!("http://{}", demo.address);
    let talk = async {
        assert_eq!(status(&demo.browser(), None).await, 401);
        assert_eq!(status(&alice, Some("https://evil.example")).await, 403);
        assert_eq!(status(&alice, Some(&own)).await, 101);
    };
    timeout(PATIENCE, talk).await.unwrap();
}

#[cfg(unix)]
#[test]
fn a_server_that_stops_does_not_wait_for_what_is_open() {
    let demo = Example::demo(&[]);
    let alice = demo.logged_in("alice", "wonderland");
    let mut events = Events::open(&demo, &alice);
    events.wait_for("event: tick");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut socket = runtime.block_on(open_socket(&demo, &alice, None)).unwrap();
    assert_eq!(demo.terminate(), Some(0));
    events.read_to_end();
    let (code, _) = runtime.block_on(close_of(&mut socket));
    assert_eq!(code, 1001);
}

/// An open stream of events.
struct Events(BufReader<std::net::TcpStream>);

impl Events {
    fn open(demo: &Example, browser: &Browser) -> Self {
        let call = Call::get("/events").header("accept", "text/event-stream");
        let stream = browser.with_cookies(call).open(demo.address);
        Self(BufReader::new(stream))
    }

    fn wait_for(&mut self, text: &str) {
        let seen = self.read_until(|line| line.contains(text));
        assert!(seen.contains(text), "it ended without {text}: {seen}");
    }

    fn read_to_end(&mut self) -> String {
        let rest = self.read_until(|_| false);
        assert!(rest.ends_with(THE_END), "{rest}");
        rest
    }

    /// Reads on until there is such a line, or no more.
    fn read_until(&mut self, is_last: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = String::new();
        loop {
            let before = seen.len();
            self.0.read_line(&mut seen).unwrap();
            let line = &seen[before..];
            if line.is_empty() || is_last(line) {
                return seen;
            }
            assert!(Instant::now() < deadline, "it goes on for ever: {seen}");
        }
    }
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

fn open_connections(demo: &Example) -> u64 {
    let counters = Call::get("/debug/live").send(demo.address).json();
    counters["open_connections"].as_u64().unwrap()
}

/// The last, empty chunk: the response is complete.
const THE_END: &str = "\r\n0\r\n\r\n";
