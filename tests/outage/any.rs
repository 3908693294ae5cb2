//! What becomes of a site whichever its server is.

use crate::{
    open::{Users, assert_unavailable},
    proxy::{Mode, Proxy},
    support::{Op, When},
};
use http::{Method, StatusCode};
use std::time::Duration;

/// A server that a test can stop.
pub(crate) trait Stoppable: Send + 'static {
    fn crash(&mut self);
    fn restart(&mut self);
    fn pause(&mut self);
    fn resume(&mut self);
}

/// Moves a server to a thread, where it can be waited for.
pub(crate) async fn with<S: Stoppable>(mut server: S, order: fn(&mut S)) -> S {
    let done = tokio::task::spawn_blocking(move || {
        order(&mut server);
        server
    });
    done.await.unwrap()
}

pub(crate) async fn stopped_paused_held_and_cut_off<S: Stoppable>(
    mut server: S,
    proxy: Proxy,
    users: Users,
) {
    let mut open = users.connect().await;
    server = with(server, S::crash).await;
    users.everything_is_refused("stopped").await;
    server = with(server, S::restart).await;
    users.goes_on("started").await;

    server = with(server, S::pause).await;
    users.everything_is_refused("paused").await;
    let _server = with(server, S::resume).await;
    users.goes_on("resumed").await;

    proxy.set(Mode::Hold);
    users.everything_is_refused("held").await;
    proxy.set(Mode::Forward);
    users.goes_on("held no longer").await;

    proxy.set(Mode::Cut);
    users.everything_is_refused("cut off").await;
    proxy.set(Mode::Forward);
    users.goes_on("connected").await;

    // Within the grace nobody lost a connection, and no request waited longer than the limit.
    open.are_open("all is over").await;
    let failures = users.failures();
    assert!(
        failures.iter().any(|failure| failure.contains("2s")),
        "{failures:#?}"
    );
    users.logs_out("all is over").await;
    open.are_ended("logout").await;
}

/// Slow is not down: it works, and what is too slow is refused.
pub(crate) async fn slow(proxy: Proxy, users: Users) {
    proxy.set(Mode::Slow(Duration::from_millis(20)));
    users.goes_on("slow").await;
    proxy.set(Mode::Slow(Duration::from_secs(5)));
    users.everything_is_refused("too slow").await;
    proxy.set(Mode::Forward);
    users.goes_on("fast again").await;
    users.logs_out("fast again").await;
}

/// Cut off in the middle of the command that ends a session: what is said is true, and whole.
pub(crate) async fn an_answer_is_lost(proxy: Proxy, users: Users) {
    for round in 0..10 {
        users.answers("before").await;
        let browser = users.site.logged_in(&format!("user-{round}")).await;
        let (id, copy) = (users.site.session_of(&browser).await, browser.stolen_copy());
        let held = users.site.store.hold(Op::End, When::Before);
        let asked = browser.fetch(Method::POST, "/logout").spawn();
        held.reached().await;
        proxy.set(Mode::LoseAnswer);
        held.release();
        let got = asked.await.unwrap();
        proxy.set(Mode::Forward);
        users.answers("after").await;
        let me = copy.get_api("/api/me").await;
        if got.status == StatusCode::OK {
            assert_eq!(me.reason(), "logout", "round {round}");
            users.site.events.wait_for_ending(id).await;
        } else {
            assert_unavailable(&got, "an answer is lost", "log-out");
            assert!(
                me.status == StatusCode::OK || me.reason() == "logout",
                "round {round}: {me:?}"
            );
        }
        assert!(users.site.events.reasons_of(id).len() <= 1, "round {round}");
    }
    users.goes_on("all is over").await;
}

/// A clock that is wrong ends nobody who does not ask, and lets nobody in who is late by it.
pub(crate) async fn the_clock_jumps(users: Users, advance: impl AsyncFn(i64)) {
    let calm = |wanted: usize| {
        let store = users.site.store.clone();
        async move {
            let before = store.calls(Op::EndDue);
            while store.calls(Op::EndDue) < before + wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    calm(2).await;
    // Not between the look at the clock and the sweep that follows.
    let looking = users.site.store.hold(Op::BeginLogIn, When::Before);
    looking.reached().await;
    advance(3_600_000).await;
    looking.release();
    let jumped = |failure: &String| failure.contains("the clock of the store jumped by 3");
    while !users.failures().iter().any(jumped) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (sweeps, looks) = (
        users.site.store.calls(Op::EndDue),
        users.site.store.calls(Op::BeginLogIn),
    );
    while users.site.store.calls(Op::BeginLogIn) < looks + 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(users.site.store.calls(Op::EndDue), sweeps, "it pauses");
    assert!(users.site.events.endings().is_empty());
    advance(-3_600_000).await;
    calm(2).await;
    assert_eq!(
        users.failures().iter().filter(|told| jumped(told)).count(),
        1,
        "told once"
    );
    users.goes_on("back").await;

    // Whoever asks is judged by the store.
    advance(3_600_000).await;
    let got = users.alice.get_api("/api/me").await;
    assert_eq!(got.reason(), "idle-timeout");
}
