//! How many connections an ending cut is in its receipt and its record.

use crate::{
    client::{Client, closed, soon},
    routes::{self, Told},
    support::{Browser, Op, Site, When},
};
use adjourn::{audit::EventKind, id::SessionId, reason::EndReason};
use http::Method;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::task::yield_now;

async fn site() -> Site {
    routes::site(&Told::default()).open().await
}

async fn events(browser: &Browser) -> Incoming {
    let response = browser.fetch(Method::GET, "/events").open().await;
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// What the record of an ending says: once.
async fn recorded(site: &Site, id: SessionId) -> Option<usize> {
    site.events.wait_for_ending(id).await;
    let of_it = |event: adjourn::audit::Event| match event.kind {
        EventKind::Ended {
            connections_cut, ..
        } if event.session_id == Some(id) => Some(connections_cut),
        _ => None,
    };
    let all: Vec<_> = site.events.all().into_iter().filter_map(of_it).collect();
    let [cut] = all[..] else {
        panic!("not recorded once: {all:?}");
    };
    cut
}

async fn until_none_is_open(site: &Site) {
    let gone = async {
        while site.sessions.open_connections() > 0 {
            yield_now().await;
        }
    };
    soon("the connections", gone).await;
}

// R-13-1
#[tokio::test]
async fn an_ending_says_how_many_connections_it_cut() {
    let site = site().await;
    let (alice, bob) = (site.logged_in("alice").await, site.logged_in("bob").await);
    let ids = [site.session_of(&alice).await, site.session_of(&bob).await];
    let _open = (
        Client::open(&site, &alice, "/ws/echo").await,
        Client::open(&site, &alice, "/ws/idle").await,
        events(&alice).await,
    );

    for (id, cut) in ids.into_iter().zip([3, 0]) {
        let terminator = site.sessions.terminator();
        let receipt = terminator.end(id, EndReason::Forced).await.unwrap();
        assert_eq!(receipt.connections_cut(), Some(cut));
        assert_eq!(recorded(&site, id).await, Some(cut));
        let again = terminator.end(id, EndReason::Forced).await.unwrap();
        assert_eq!(again.connections_cut(), None, "nothing of this call");
    }
}

// A connection that has closed is none that is cut.
#[tokio::test]
async fn only_what_is_open_at_the_end_is_counted() {
    let site = site().await;
    let alice = site.logged_in("alice").await;
    let id = site.session_of(&alice).await;
    drop(Client::open(&site, &alice, "/ws/echo").await);
    until_none_is_open(&site).await;
    let _open = Client::open(&site, &alice, "/ws/echo").await;
    alice.post_api("/logout").await;
    assert_eq!(recorded(&site, id).await, Some(1));
}

#[tokio::test]
async fn each_session_of_a_bulk_ending_has_its_own_number() {
    let site = site().await;
    let (alice, bob) = (site.logged_in("alice").await, site.logged_in("bob").await);
    let ids = [site.session_of(&alice).await, site.session_of(&bob).await];
    let _open = (
        Client::open(&site, &alice, "/ws/echo").await,
        Client::open(&site, &bob, "/ws/echo").await,
        events(&bob).await,
    );
    let terminator = site.sessions.terminator();
    let ended = terminator.end_everyone(None, EndReason::Policy).await;
    assert_eq!(ended.unwrap().concluded(), 2);
    assert_eq!(recorded(&site, ids[0]).await, Some(1));
    assert_eq!(recorded(&site, ids[1]).await, Some(2));
}

#[tokio::test]
async fn what_another_node_cuts_is_not_counted() {
    let here = site().await;
    let there = routes::site(&Told::default()).beside(&here).open().await;
    let alice = here.logged_in("alice").await;
    let id = here.session_of(&alice).await;
    let mut socket = Client::open(&here, &alice, "/ws/echo").await;
    let _there = Client::open(&there, &alice, "/ws/echo").await;

    let ended = there.sessions.terminator().end(id, EndReason::Forced).await;
    assert_eq!(ended.unwrap().connections_cut(), Some(1));
    assert_eq!(soon("the end", socket.over()).await, closed("forced"));
    assert_eq!(recorded(&there, id).await, Some(1));
}

// At its deadline a session is cut before the store is asked to end it, and its connections may be
// gone by the time the ending is concluded.
#[tokio::test]
async fn what_was_cut_before_the_ending_was_decided_is_counted() {
    let builder = routes::site(&Told::default())
        .configure(|builder| builder.with_recheck_every(Duration::MAX));
    builder.store.fail(Op::EndDue, When::Before);
    let site = builder.open().await;
    let alice = site.logged_in("alice").await;
    let id = site.session_of(&alice).await;
    let mut socket = Client::open(&site, &alice, "/ws/echo").await;
    let held = site.store.hold(Op::End, When::Before);
    site.clock.advance(Duration::from_mins(15));
    assert_eq!(soon("the end", socket.over()).await, closed("idle-timeout"));
    until_none_is_open(&site).await;
    held.release();
    assert_eq!(recorded(&site, id).await, Some(1));
}
