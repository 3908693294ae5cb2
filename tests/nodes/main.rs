//! Two nodes of one site on one shared store, over real HTTP: the five steps of `tests/flow/revival.rs`
//! across them, with a near cache and without.
//!
//! A request loads on one node; the session ends on the other; the request reads, writes, rotates or
//! touches, and finishes; then the old cookie, and any cookie that it set, at both.
//!
//! That their clocks do not matter is in [`clocks`].
#![cfg(unix)]
#![allow(
    clippy::excessive_nesting,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod clocks;
#[path = "../store_sqlite/support.rs"]
#[allow(
    clippy::disallowed_methods,
    dead_code,
    reason = "the tests of the store use the rest"
)]
mod file;
#[path = "../store_redis/support.rs"]
#[allow(
    clippy::disallowed_methods,
    dead_code,
    reason = "the tests of the store use the rest"
)]
mod place;
#[path = "../store_redis/redis_server.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod redis_server;
#[path = "../store_postgres/support.rs"]
#[allow(
    clippy::disallowed_methods,
    dead_code,
    reason = "the tests of the store use the rest"
)]
mod schema;
#[path = "../store_postgres/server.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod server;
#[path = "../flow/support/mod.rs"]
mod support;

use adjourn::{
    id::{SessionId, Subject},
    reason::EndReason,
    store::{PostgresStore, SessionStore},
    time::SystemClock,
};
use http::{Method, StatusCode};
use std::time::Duration;
use support::{Browser, Site, Spy, within};

/// What the slow request does after the ending.
const SLOW: [&str; 5] = ["read", "write", "rotate", "update", "keep"];

const ENDINGS: [EndReason; 4] = [
    EndReason::Logout,
    EndReason::Forced,
    EndReason::SubjectDisabled,
    EndReason::Policy,
];

/// How long a near cache may answer.
const MAX: Duration = Duration::from_millis(500);

/// A node whose time is the machine's.
async fn node(store: impl SessionStore, cached: bool) -> Site {
    let mut builder = Site::builder().configure(move |builder| {
        let builder = builder.with_clock(SystemClock);
        if cached {
            builder.with_max_staleness(MAX)
        } else {
            builder
        }
    });
    builder.store = Spy::around(store);
    builder.open().await
}

async fn end(site: &Site, browser: &Browser, id: SessionId, reason: &EndReason) {
    let terminator = site.sessions.terminator();
    match reason {
        EndReason::Logout => {
            let got = browser.post_api("/logout").await;
            assert_eq!(got.status, StatusCode::OK, "{got:?}");
        }
        EndReason::Forced => site.end(id, EndReason::Forced).await,
        EndReason::SubjectDisabled => {
            let alice = Subject::new("alice").unwrap();
            let ended = terminator.end_subject(&alice, None, EndReason::SubjectDisabled);
            let _cut = ended.await.unwrap();
        }
        _ => {
            let ended = terminator.end_everyone(None, reason.clone());
            let _cut = ended.await.unwrap();
        }
    }
}

async fn status(site: &Site, token: &str) -> StatusCode {
    let me = site.browser().fetch(Method::GET, "/api/me").token(token);
    me.send().await.status
}

async fn five_steps(here: &Site, there: &Site, what: &str, reason: &EndReason, cached: bool) {
    let case = format!("{what}, {}, cached: {cached}", reason.code());
    let browser = here.logged_in("alice").await;
    let (old, id) = (browser.token().unwrap(), here.session_of(&browser).await);
    // Both nodes have just seen it.
    for site in [here, there, here, there] {
        assert_eq!(status(site, &old).await, StatusCode::OK, "{case}");
    }
    let slow = there.browser().fetch(Method::GET, &format!("/held/{what}"));
    let slow = slow.token(&old).spawn();
    there.gate.arrived().await;

    end(here, &browser, id, reason).await;
    assert_eq!(status(here, &old).await, StatusCode::UNAUTHORIZED, "{case}");
    if cached {
        // By the notice, or when the answer is stale.
        within(async { while status(there, &old).await == StatusCode::OK {} }).await;
    }
    assert_eq!(
        status(there, &old).await,
        StatusCode::UNAUTHORIZED,
        "{case}"
    );

    there.gate.open();
    let got = within(slow).await.unwrap();
    // What only read before the ending may go out where the notice is still on its way (SQLite polls).
    if what != "read" {
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{case}: {got:?}");
    }
    let set = got.set_cookie("__Host-sid");
    assert!(
        set.is_none_or(|line| line.starts_with("__Host-sid=;")),
        "{case}: {got:?}"
    );
    for site in [here, there] {
        assert_eq!(status(site, &old).await, StatusCode::UNAUTHORIZED, "{case}");
        let alice = Subject::new("alice").unwrap();
        let listed = site.sessions.list(&alice).await.unwrap();
        assert!(listed.is_empty(), "{case}: {listed:?}");
    }
    let mut reasons = here.events.reasons_of(id);
    reasons.extend(there.events.reasons_of(id));
    assert_eq!(reasons, std::slice::from_ref(reason), "{case}");
}

async fn every_way(here: Site, there: Site, cached: bool) {
    for what in SLOW {
        for reason in &ENDINGS {
            five_steps(&here, &there, what, reason, cached).await;
        }
    }
    let _left = here.sessions.shutdown().await;
    let _left = there.sessions.shutdown().await;
}

// P1 P4 R-2-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_back_on_sqlite() {
    for cached in [false, true] {
        let file = file::File::default();
        let store = async || {
            adjourn::store::SqliteStore::open(file.path())
                .await
                .unwrap()
        };
        let (here, there) = (
            node(store().await, cached).await,
            node(store().await, cached).await,
        );
        every_way(here, there, cached).await;
    }
}

// P1 P4 R-2-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_back_on_postgresql() {
    let Some(options) = server::Server::shared() else {
        return;
    };
    for cached in [false, true] {
        let schema = schema::Schema::on(options.clone());
        schema.builder().migrate().await.unwrap();
        let store = async || {
            let pool = sqlx::PgPool::connect_lazy_with(options.clone());
            let builder = PostgresStore::builder(pool).with_schema(&schema.name);
            builder.unwrap().open().await.unwrap()
        };
        let (here, there) = (
            node(store().await, cached).await,
            node(store().await, cached).await,
        );
        every_way(here, there, cached).await;
    }
}

// P1 P4 R-2-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_back_on_redis() {
    for cached in [false, true] {
        let Some(place) = place::Place::of_a_test() else {
            return;
        };
        let (here, there) = (place.store().await, place.store().await);
        let (here, there) = (node(here, cached).await, node(there, cached).await);
        every_way(here, there, cached).await;
    }
}
