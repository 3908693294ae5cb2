//! The clocks of two nodes are wrong, each in another direction and by more than a timeout: the server's
//! time decides.

use crate::{
    place::Place,
    schema::Schema,
    server::Server,
    support::{Got, Site, Spy, within},
};
use adjourn::{
    reason::EndReason,
    store::SessionStore,
    testing::StoreHarness,
    time::{Clock, ManualClock, Timestamp},
};
use http::{Method, StatusCode};
use std::time::Duration;
use tokio::task::yield_now;

const WRONG: Duration = Duration::from_mins(20);

/// Less than the idle timeout of 15 minutes. 40 of them are the absolute timeout.
const STEP: Duration = Duration::from_mins(12);

async fn node(store: impl SessionStore, now: Timestamp) -> Site {
    let mut builder = Site::builder();
    builder.clock.set(now);
    builder.store = Spy::around(store);
    builder.open().await
}

async fn ask(site: &Site, token: &str) -> Got {
    let me = site.browser().fetch(Method::GET, "/api/me").token(token);
    me.send().await
}

/// `advance`: moves the server's time.
async fn do_not_matter(
    fast: impl SessionStore,
    slow: impl SessionStore,
    advance: impl AsyncFn(Duration),
) {
    let right = ManualClock::default().now();
    let fast = node(fast, right.saturating_add(WRONG)).await;
    let slow = node(slow, right.saturating_sub(WRONG)).await;
    let (alice, bob) = (fast.logged_in("alice").await, slow.logged_in("bob").await);
    let idle = slow.session_of(&bob).await;
    let [alice, bob] = [alice, bob].map(|browser| browser.token().unwrap());
    for step in 0..40 {
        for site in [&fast, &slow] {
            assert_eq!(ask(site, &alice).await.status, StatusCode::OK, "{step}");
            site.sessions.terminator().sweep().await.unwrap();
        }
        // 12 minutes without a request are not enough, and 24 are.
        let reasons = || {
            let (by_fast, by_slow) = (fast.events.reasons_of(idle), slow.events.reasons_of(idle));
            [by_fast, by_slow].concat()
        };
        if step > 1 {
            // What a sweeper in the background was first to find, it may be about to record.
            let recorded = async {
                while reasons().is_empty() {
                    yield_now().await;
                }
            };
            within(recorded).await;
        }
        let ended = [EndReason::IdleTimeout];
        assert_eq!(reasons(), ended[..usize::from(step > 1)], "{step}");
        if step > 1 {
            assert_eq!(ask(&fast, &bob).await.reason(), "idle-timeout", "{step}");
            assert_eq!(ask(&slow, &bob).await.reason(), "idle-timeout", "{step}");
        }
        advance(STEP).await;
    }
    for site in [&fast, &slow] {
        assert_eq!(ask(site, &alice).await.reason(), "absolute-timeout");
    }
    let carol = fast.logged_in("carol").await.token().unwrap();
    let terminator = slow.sessions.terminator();
    let cut = terminator.end_everyone(None, EndReason::Forced).await;
    let _cut = cut.unwrap();
    assert_eq!(ask(&fast, &carol).await.reason(), "forced");
    let _left = within(fast.sessions.shutdown()).await;
    let _left = within(slow.sessions.shutdown()).await;
}

// R-2-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_nodes_do_not_matter_on_postgresql() {
    let Some(options) = Server::shared() else {
        return;
    };
    let schema = Schema::on(options);
    schema.builder().migrate().await.unwrap();
    schema.stop_time().await;
    let store = async || schema.builder().open().await.unwrap();
    do_not_matter(store().await, store().await, async |by| {
        schema.advance(by).await;
    })
    .await;
}

// R-2-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_nodes_do_not_matter_on_redis() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let store = async || place.timed().await;
    do_not_matter(store().await, store().await, async |by| {
        place.advance(by).await;
    })
    .await;
}
