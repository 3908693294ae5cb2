//! The store cannot say whether the sessions are live whose connections are open (R-14-7, P8).

use crate::{
    client::{Client, Over, soon},
    routes::{self, Told},
    support::{Browser, Op, Site, SiteBuilder, When},
};
use adjourn::{
    reason::EndReason,
    store::{Notice, NoticeSender},
};
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(50);

fn site(grace: Duration) -> SiteBuilder {
    routes::site(&Told::default())
        .configure(move |builder| builder.with_recheck_every(SOON).with_outage_grace(grace))
}

async fn stream(browser: &Browser, path: &str) -> Incoming {
    let response = browser.fetch(Method::GET, path).open().await;
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// Reads to the end: what came, and whether it looks complete.
async fn rest(mut body: Incoming) -> (String, bool) {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => text.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => return (String::from_utf8(text).unwrap(), false),
        }
    }
    (String::from_utf8(text).unwrap(), true)
}

fn try_again_later() -> Over {
    Over::Closed {
        code: 1013,
        text: String::from("store-unavailable"),
    }
}

#[tokio::test]
async fn after_the_grace_everything_is_cut_and_nobody_is_told_that_a_session_ended() {
    let site = site(SOON).open().await;
    let alice = site.logged_in("alice").await;
    let id = site.session_of(&alice).await;
    let mut socket = Client::open(&site, &alice, "/ws/echo").await;
    assert_eq!(socket.ask("hello").await.as_deref(), Some("hello"));
    let events = stream(&alice, "/events").await;
    site.store.fail(Op::Check, When::Before);
    let over = soon("the Close frame", socket.over()).await;
    assert_eq!(over, try_again_later());
    let (text, complete) = soon("the end of the stream", rest(events)).await;
    assert_eq!((text.as_str(), complete), ("data: hello\n\n", false));
    assert!(site.events.reasons_of(id).is_empty());

    site.store.heal();
    // No restart, no new log-in; and the new socket is not cut with the old.
    let mut socket = Client::open(&site, &alice, "/ws/echo").await;
    let checks = site.store.calls(Op::Check);
    while site.store.calls(Op::Check) < checks + 3 {
        assert_eq!(socket.ask("still").await.as_deref(), Some("still"));
    }
    site.end(id, EndReason::Forced).await;
    let over = soon("the Close frame", socket.over()).await;
    assert_eq!(over, crate::client::closed("forced"));
}

#[tokio::test]
async fn within_the_grace_nobody_notices() {
    let site = site(Duration::MAX).open().await;
    let alice = site.logged_in("alice").await;
    let mut socket = Client::open(&site, &alice, "/ws/echo").await;
    site.store.fail(Op::Check, When::Before);
    while site.store.calls(Op::Check) < 4 {
        assert_eq!(socket.ask("still").await.as_deref(), Some("still"));
    }
    site.store.heal();
    let checks = site.store.calls(Op::Check);
    while site.store.calls(Op::Check) < checks + 2 {
        assert_eq!(socket.ask("still").await.as_deref(), Some("still"));
    }
}

/// What ended while the store could not say is cut when it can.
#[tokio::test]
async fn the_first_answer_after_an_outage_cuts_what_ended_meanwhile() {
    let here = site(Duration::MAX);
    here.store.tell_instead(NoticeSender::new(8));
    let here = here.open().await;
    let there = site(Duration::MAX).beside(&here).open().await;
    let alice = here.logged_in("alice").await;
    let id = here.session_of(&alice).await;
    let mut socket = Client::open(&here, &alice, "/ws/echo").await;
    here.store.fail(Op::Check, When::Before);
    let checks = here.store.calls(Op::Check);
    there.end(id, EndReason::Forced).await;
    while here.store.calls(Op::Check) < checks + 2 {
        assert_eq!(socket.ask("unheard").await.as_deref(), Some("unheard"));
    }
    here.store.heal();
    let over = soon("the Close frame", socket.over()).await;
    assert_eq!(over, crate::client::closed("forced"));
}

/// A session past its deadline is over whether or not its ending can be written.
#[tokio::test]
async fn a_due_session_is_cut_though_its_ending_cannot_be_written() {
    let site = site(Duration::MAX).open().await;
    let alice = site.logged_in("alice").await;
    let mut socket = Client::open(&site, &alice, "/ws/idle").await;
    site.store.fail(Op::End, When::Before);
    site.store.fail(Op::EndDue, When::Before);
    site.clock.advance(Duration::from_mins(15));
    let over = soon("the Close frame", socket.over()).await;
    assert_eq!(over, crate::client::closed("idle-timeout"));
}

/// However many gaps are told during an outage and at its end, a store that comes back is asked once.
#[tokio::test]
async fn a_store_that_comes_back_meets_no_crowd() {
    let notices = NoticeSender::new(4_096);
    let builder = routes::site(&Told::default())
        .configure(|builder| builder.with_recheck_every(Duration::from_hours(1)));
    builder.store.tell_instead(notices.clone());
    let site = builder.open().await;
    let alice = site.logged_in("alice").await;
    let mut socket = Client::open(&site, &alice, "/ws/echo").await;
    site.store.fail(Op::Check, When::Before);
    for _ in 0..1_000 {
        notices.send(|| Notice::Gap);
        tokio::task::yield_now().await;
    }
    assert!(site.store.calls(Op::Check) < 10, "not one for each gap");
    site.store.heal();
    let checks = site.store.calls(Op::Check);
    for _ in 0..1_000 {
        notices.send(|| Notice::Gap);
    }
    while site.store.calls(Op::Check) == checks {
        assert_eq!(socket.ask("still").await.as_deref(), Some("still"));
    }
    for _ in 0..100 {
        assert_eq!(socket.ask("still").await.as_deref(), Some("still"));
    }
    assert_eq!(site.store.calls(Op::Check), checks + 1);
}

#[tokio::test]
async fn a_body_that_is_cut_never_looks_complete() {
    let site: Site = site(SOON).open().await;
    let alice = site.logged_in("alice").await;
    let silent = stream(&alice, "/silent").await;
    site.store.fail(Op::Check, When::Before);
    let (text, complete) = soon("the end", rest(silent)).await;
    assert_eq!((text.as_str(), complete), ("", false));
}
