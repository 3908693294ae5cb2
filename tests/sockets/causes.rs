//! Every cause cuts sockets and streams (R-14-7).

use crate::{
    client::{Client, Over, closed, show, soon},
    routes::{self, Told},
    support::{Browser, Site},
};
use adjourn::{
    policy::{ClientBinding, Consequence, Timeouts},
    reason::EndReason,
    store::{AtLimit, Limit},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::{
    num::NonZeroU32,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::sleep,
};

async fn site() -> Site {
    routes::site(&Told::default()).open().await
}

/// A socket and a stream of one session.
struct Open {
    socket: Client,
    events: Incoming,
}

impl Open {
    async fn of(site: &Site, browser: &Browser) -> Self {
        let mut socket = Client::open(site, browser, "/ws/echo").await;
        assert_eq!(socket.ask("hello").await.as_deref(), Some("hello"));
        let mut events = browser.get_events().await;
        assert_eq!(text(&mut events).await.as_deref(), Some("data: hello\n\n"));
        Self { socket, events }
    }

    /// Both have ended, for this reason.
    async fn ends_with(mut self, reason: &str, since: Instant) {
        let over = soon("the Close frame", self.socket.over()).await;
        assert_eq!(over, closed(reason));
        show(format!("WebSocket, {reason}"), since);
        let last = soon("the last event", text(&mut self.events)).await;
        let expected = format!("event: session-ended\ndata: {{\"reason\":\"{reason}\"}}\n\n");
        assert_eq!(last, Some(expected));
        let end = soon("the end of the stream", text(&mut self.events)).await;
        assert_eq!(end, None, "a clean end");
        show(format!("event stream, {reason}"), since);
    }

    async fn is_open(&mut self) {
        assert_eq!(self.socket.ask("still").await.as_deref(), Some("still"));
    }
}

/// The next part of a body.
async fn text(body: &mut Incoming) -> Option<String> {
    let frame = body.frame().await?.unwrap();
    Some(String::from_utf8(frame.into_data().ok()?.to_vec()).unwrap())
}

impl Browser {
    async fn get_events(&self) -> Incoming {
        let ask = self.fetch(http::Method::GET, "/events");
        let response = ask.header("accept", "text/event-stream").open().await;
        assert_eq!(response.status(), 200);
        response.into_body()
    }
}

#[tokio::test]
async fn a_log_out_cuts() {
    let site = site().await;
    let (alice, bob) = (site.logged_in("alice").await, site.logged_in("bob").await);
    let (open, mut of_bob) = (Open::of(&site, &alice).await, Open::of(&site, &bob).await);

    let since = Instant::now();
    alice.post_api("/logout").await;
    open.ends_with("logout", since).await;
    of_bob.is_open().await;
}

#[tokio::test]
async fn a_log_out_of_the_other_devices_cuts_theirs_only() {
    let site = site().await;
    let (phone, desk) = (site.logged_in("alice").await, site.logged_in("alice").await);
    let (on_phone, mut on_desk) = (Open::of(&site, &phone).await, Open::of(&site, &desk).await);

    let since = Instant::now();
    assert_eq!(desk.post_api("/end-others").await.status, 200);
    on_phone.ends_with("logout", since).await;
    on_desk.is_open().await;
}

#[tokio::test]
async fn an_administrator_cuts() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    let (id, open) = (site.session_of(&alice).await, Open::of(&site, &alice).await);

    let since = Instant::now();
    let ended = site.sessions.terminator().end(id, EndReason::Forced).await;
    drop(ended.unwrap());
    open.ends_with("forced", since).await;
}

#[tokio::test]
async fn the_end_of_everybodys_sessions_cuts() {
    let site = site().await;
    let (alice, bob) = (site.logged_in("alice").await, site.logged_in("bob").await);
    let (one, other) = (Open::of(&site, &alice).await, Open::of(&site, &bob).await);

    let since = Instant::now();
    let terminator = site.sessions.terminator();
    let ended = terminator.end_everyone(None, EndReason::Policy).await;
    assert_eq!(ended.unwrap().concluded(), 2);
    one.ends_with("policy", since).await;
    other.ends_with("policy", since).await;
}

// R-14-9: what is open and busy is not active.
#[tokio::test]
async fn the_idle_timeout_cuts_without_a_request() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    let mut open = Open::of(&site, &alice).await;

    site.clock.advance(Duration::from_mins(14));
    open.is_open().await;
    site.clock.advance(Duration::from_mins(1));
    let since = Instant::now();
    assert_eq!(site.sessions.terminator().sweep().await.unwrap(), 1);
    open.ends_with("idle-timeout", since).await;
}

#[tokio::test]
async fn the_absolute_timeout_cuts_without_a_request() {
    let timeouts = Timeouts::default().with_idle(None).unwrap();
    let site = routes::site(&Told::default())
        .configure(move |builder| builder.with_timeouts(timeouts))
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let mut open = Open::of(&site, &alice).await;

    site.clock
        .advance(Duration::from_hours(8) - Duration::from_millis(1));
    assert_eq!(site.sessions.terminator().sweep().await.unwrap(), 0);
    open.is_open().await;
    site.clock.advance(Duration::from_millis(1));
    let since = Instant::now();
    assert_eq!(site.sessions.terminator().sweep().await.unwrap(), 1);
    open.ends_with("absolute-timeout", since).await;
}

#[tokio::test]
async fn the_limit_of_sessions_cuts_the_oldest() {
    let limit = Limit {
        max: NonZeroU32::MIN,
        at_limit: AtLimit::EndOldest,
    };
    let site = routes::site(&Told::default())
        .configure(move |builder| builder.with_limit(limit))
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let open = Open::of(&site, &alice).await;

    let since = Instant::now();
    site.logged_in("alice").await;
    open.ends_with("superseded", since).await;
}

// R-3-14: a policy finds that the session is used from elsewhere.
#[tokio::test]
async fn a_policy_cuts() {
    let binding = ClientBinding::new().with_address_change(Consequence::End);
    let site = routes::site(&Told::default())
        .configure(move |builder| {
            builder
                .with_trusted_proxies(["127.0.0.0/8"])
                .add_policy("client", binding)
        })
        .open()
        .await;
    let alice = site.logged_in("alice").await;
    let (thief, open) = (alice.stolen_copy(), Open::of(&site, &alice).await);

    let since = Instant::now();
    let stolen = thief.fetch(http::Method::GET, "/api/me");
    let got = stolen.header("x-forwarded-for", "203.0.113.9").send().await;
    assert_eq!(got.reason(), "policy");
    open.ends_with("policy", since).await;
}

#[tokio::test]
async fn a_new_log_in_cuts_what_hangs_on_the_old_session() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    let open = Open::of(&site, &alice).await;

    let since = Instant::now();
    alice.log_in("alice").await;
    open.ends_with("reauthenticated", since).await;
}

// An ending on another node, told by a notice.
#[tokio::test]
async fn an_ending_on_another_node_cuts_here() {
    let here = site().await;
    let there = routes::site(&Told::default()).beside(&here).open().await;
    let alice = here.logged_in("alice").await;
    let (id, open) = (here.session_of(&alice).await, Open::of(&here, &alice).await);

    let since = Instant::now();
    let ended = there.sessions.terminator().end(id, EndReason::Forced).await;
    drop(ended.unwrap());
    open.ends_with("forced", since).await;
}

// A cut body never looks complete.
#[tokio::test]
async fn bodies_that_are_no_event_streams_break_off() {
    let site = site().await;
    for path in ["/endless", "/silent"] {
        let alice = site.logged_in("alice").await;
        let response = alice.fetch(http::Method::GET, path).open().await;
        assert_eq!(response.status(), 200);
        alice.post_api("/logout").await;
        let mut body = response.into_body();
        let broken = async {
            loop {
                match body.frame().await {
                    Some(Ok(_)) => {}
                    Some(Err(_)) => return true,
                    None => return false,
                }
            }
        };
        assert!(
            soon(path, broken).await,
            "{path} ended as if it were complete"
        );
    }
}

/// Asks for an endless body, and never reads; answers when the server has no room to write more.
async fn ask_and_never_read(site: &Site, browser: &Browser, told: &Told) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(site.address).await.unwrap();
    let token = browser.token().unwrap();
    let request =
        format!("GET /flood HTTP/1.1\r\nHost: app.example\r\nCookie: __Host-sid={token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // The kernel's buffers are full when nothing is made any more: nobody can ask it.
    let (mut before, mut still) = (0, 0);
    while before == 0 || still < 3 {
        sleep(Duration::from_millis(50)).await;
        let now = told.parts.load(Ordering::SeqCst);
        still = if now == before { still + 1 } else { 0 };
        before = now;
    }
    stream
}

// R-14-7: bad input, a body that never ends for a peer that never reads.
#[tokio::test]
async fn the_source_of_a_body_is_dropped_though_its_peer_never_reads() {
    let told = Told::default();
    let site = routes::site(&told).open().await;
    let alice = site.logged_in("alice").await;
    let unread = soon("a full window", ask_and_never_read(&site, &alice, &told)).await;
    let id = site.session_of(&alice).await;
    let since = Instant::now();
    let ended = site.sessions.terminator().end(id, EndReason::Forced).await;
    assert_eq!(ended.unwrap().connections_cut(), Some(1));
    soon("the drop", told.wait_for("body dropped")).await;
    show("the source of a body that nobody reads", since);
    drop(unread);
}

// R-14-10
#[tokio::test]
async fn an_event_source_that_comes_back_with_a_dead_token_is_refused() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    let (token, open) = (alice.token().unwrap(), Open::of(&site, &alice).await);
    alice.post_api("/logout").await;
    open.ends_with("logout", Instant::now()).await;

    let again = alice.fetch(http::Method::GET, "/events").token(&token);
    let got = again.header("accept", "text/event-stream").send().await;
    assert_eq!(got.status, 401);
    assert!(!got.headers.contains_key("location"), "{got:?}");
    assert!(got.headers.contains_key("www-authenticate"), "{got:?}");
}

#[tokio::test]
async fn five_hundred_sockets_of_one_user_are_cut() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    let mut sockets = Vec::new();
    for _ in 0..500 {
        sockets.push(Client::open(&site, &alice, "/ws/echo").await);
    }
    assert_eq!(site.sessions.open_connections(), 500, "one session");

    let since = Instant::now();
    alice.post_api("/logout").await;
    for socket in &mut sockets {
        let over = soon("the Close frame", socket.over()).await;
        assert!(matches!(over, Over::Closed { code: 3000, .. }), "{over:?}");
    }
    show("the last of 500 sockets", since);
}
