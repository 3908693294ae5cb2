//! What is held open is checked with the store, in case a notice was lost (R-14-7).

use crate::{
    client::{Client, closed, soon},
    routes::{self, Told},
    support::{Browser, Op, Site, When},
};
use adjourn::{
    id::SessionId,
    reason::EndReason,
    store::{Notice, NoticeSender},
};
use std::time::Duration;
use tokio::task::yield_now;

const SOON: Duration = Duration::from_millis(200);

/// A site that hears of no ending elsewhere, another one on the same store, and a session with an
/// open socket that ended there.
async fn ended_unheard(notices: &NoticeSender, recheck: Duration) -> (Site, Client) {
    let builder = routes::site(&Told::default())
        .configure(move |builder| builder.with_recheck_every(recheck));
    builder.store.tell_instead(notices.clone());
    let here = builder.open().await;
    let there = routes::site(&Told::default()).beside(&here).open().await;
    let alice = here.logged_in("alice").await;
    let id = here.session_of(&alice).await;
    let socket = Client::open(&here, &alice, "/ws/echo").await;
    let ended = there.sessions.terminator().end(id, EndReason::Forced).await;
    drop(ended.unwrap());
    (here, socket)
}

#[tokio::test]
async fn a_notice_that_was_lost_is_made_up_for() {
    let (_site, mut socket) = ended_unheard(&NoticeSender::new(8), SOON).await;
    assert_eq!(soon("the end", socket.over()).await, closed("forced"));
}

#[tokio::test]
async fn also_when_the_notices_of_others_never_pause() {
    // So many that the listener never falls behind, which would make it check as well.
    let notices = NoticeSender::new(1 << 16);
    let sender = notices.clone();
    let noise = tokio::spawn(async move {
        loop {
            sender.send(|| Notice::Ended {
                id: SessionId::from_bytes([1; SessionId::LEN]),
                reason: EndReason::Logout,
            });
            yield_now().await;
        }
    });
    let (_site, mut socket) = ended_unheard(&notices, SOON).await;
    assert_eq!(soon("the end", socket.over()).await, closed("forced"));
    noise.abort();
}

#[tokio::test]
async fn a_gap_is_enough_for_a_check() {
    let notices = NoticeSender::new(8);
    let (_site, mut socket) = ended_unheard(&notices, Duration::MAX).await;
    notices.send(|| Notice::Gap);
    assert_eq!(soon("the end", socket.over()).await, closed("forced"));
}

/// A site on which nobody sweeps, and nothing is checked but at its deadline; a session of it with
/// an open socket.
async fn unswept() -> (Site, Browser, Client) {
    let builder = routes::site(&Told::default())
        .configure(|builder| builder.with_recheck_every(Duration::MAX));
    builder.store.fail(Op::EndDue, When::Before);
    let site = builder.open().await;
    let alice = site.logged_in("alice").await;
    let socket = Client::open(&site, &alice, "/ws/echo").await;
    (site, alice, socket)
}

// R-14-7, R-14-9
#[tokio::test]
async fn a_deadline_cuts_and_ends_though_nobody_sweeps() {
    let (site, _alice, mut socket) = unswept().await;
    site.clock.advance(Duration::from_mins(15));
    assert_eq!(soon("the end", socket.over()).await, closed("idle-timeout"));
    let recorded = async {
        while site.store.calls(Op::Acknowledge) == 0 {
            yield_now().await;
        }
    };
    soon("the ending", recorded).await;
}

#[tokio::test]
async fn a_session_that_was_touched_is_looked_at_again() {
    let (site, alice, mut socket) = unswept().await;
    site.clock.advance(Duration::from_mins(14));
    assert_eq!(alice.get("/api/me").await.status, 200);
    assert_eq!(site.store.calls(Op::Check), 0, "not before its time");
    site.clock.advance(Duration::from_mins(1));
    let looked_at = async {
        while site.store.calls(Op::Check) == 0 {
            yield_now().await;
        }
    };
    soon("the look", looked_at).await;
    assert_eq!(socket.ask("still").await.as_deref(), Some("still"));

    site.clock.advance(Duration::from_mins(14));
    assert_eq!(soon("the end", socket.over()).await, closed("idle-timeout"));
}

#[tokio::test]
async fn the_cut_at_the_deadline_waits_neither_for_the_store_nor_for_hooks() {
    let (site, _alice, mut socket) = unswept().await;
    let held = site.store.hold(Op::End, When::Before);
    site.clock.advance(Duration::from_mins(15));
    assert_eq!(soon("the end", socket.over()).await, closed("idle-timeout"));
    held.release();
}
