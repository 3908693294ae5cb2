//! A node that answers from its own memory for a moment (`with_max_staleness`).

use crate::support::{Browser, Op, Site, SiteBuilder, When, within};
use adjourn::{
    BuildError, Sessions,
    id::Subject,
    reason::EndReason,
    record::Activity,
    store::{MemoryStore, Notice, NoticeSender},
};
use http::{Method, StatusCode};
use std::time::Duration;

const MAX: Duration = Duration::from_secs(1);

/// A node whose requests are no activity, so that nothing but age makes it ask.
fn node() -> SiteBuilder {
    Site::builder().configure(|builder| {
        builder
            .with_max_staleness(MAX)
            .with_activity(|_| Activity::Passive)
    })
}

/// A browser whose session this node has just asked for.
async fn known_to(site: &Site, subject: &str) -> Browser {
    let browser = site.logged_in(subject).await;
    assert_eq!(status(&browser).await, StatusCode::OK);
    browser
}

async fn status(browser: &Browser) -> StatusCode {
    browser.get_api("/api/me").await.status
}

/// How often the store is asked for a number of requests.
async fn asked(site: &Site, browser: &Browser, requests: usize) -> usize {
    let before = site.store.calls(Op::CheckIn);
    for _ in 0..requests {
        assert_eq!(status(browser).await, StatusCode::OK);
    }
    site.store.calls(Op::CheckIn) - before
}

#[tokio::test]
async fn a_session_is_asked_for_once_in_a_while() {
    let site = node().open().await;
    let browser = known_to(&site, "alice").await;
    assert_eq!(asked(&site, &browser, 100).await, 0);
    site.clock.advance(MAX - Duration::from_millis(1));
    assert_eq!(asked(&site, &browser, 100).await, 0);
    site.clock.advance(Duration::from_millis(1));
    assert_eq!(asked(&site, &browser, 100).await, 1);
}

#[tokio::test]
async fn by_default_it_is_asked_for_at_every_request() {
    let site = Site::open().await;
    let browser = known_to(&site, "alice").await;
    assert_eq!(asked(&site, &browser, 100).await, 100);
}

// P1
#[tokio::test]
async fn what_ends_here_is_over_at_once() {
    let site = node().open().await;
    let terminator = site.sessions.terminator();
    for reason in [
        EndReason::Logout,
        EndReason::Forced,
        EndReason::SubjectDisabled,
        EndReason::Policy,
    ] {
        let browser = known_to(&site, "alice").await;
        let subject = Subject::new("alice").unwrap();
        match reason {
            EndReason::Logout => drop(browser.stolen_copy().post_api("/logout").await),
            EndReason::Forced => {
                let id = site.session_of(&browser).await;
                site.end(id, reason.clone()).await;
            }
            EndReason::SubjectDisabled => {
                let ended = terminator.end_subject(&subject, None, reason.clone()).await;
                assert_eq!(ended.unwrap().concluded(), 1);
            }
            _ => {
                let ended = terminator.end_everyone(None, reason.clone()).await;
                assert_eq!(ended.unwrap().concluded(), 1);
            }
        }
        let got = browser.get_api("/api/me").await;
        assert_eq!(
            (got.status, got.reason().as_str()),
            (StatusCode::UNAUTHORIZED, reason.code())
        );
    }
}

#[tokio::test]
async fn what_ends_elsewhere_is_over_with_the_notice() {
    let here = node().open().await;
    let there = node().beside(&here).open().await;
    let terminator = there.sessions.terminator();
    let (alice, bob) = (known_to(&here, "alice").await, known_to(&here, "bob").await);

    there
        .end(here.session_of(&alice).await, EndReason::Forced)
        .await;
    refused_soon(&alice).await;
    assert_eq!(asked(&here, &bob, 10).await, 0, "bob is known as before");

    let bob_himself = Subject::new("bob").unwrap();
    let ended = terminator
        .end_subject(&bob_himself, None, EndReason::Policy)
        .await;
    assert_eq!(ended.unwrap().concluded(), 1);
    refused_soon(&bob).await;
}

/// No clock moves: only the notice can bring it about.
async fn refused_soon(browser: &Browser) {
    let refused = async {
        while status(browser).await != StatusCode::UNAUTHORIZED {
            tokio::task::yield_now().await;
        }
    };
    within(refused).await;
}

// P1: the price, and that it is no higher.
#[tokio::test]
async fn what_ends_elsewhere_unheard_is_served_for_no_longer_than_that() {
    let there = node().open().await;
    // What is told here comes from nowhere.
    there.store.tell_instead(NoticeSender::new(16));
    let here = node().beside(&there).open().await;
    let browser = known_to(&here, "alice").await;
    there
        .end(here.session_of(&browser).await, EndReason::Forced)
        .await;

    here.clock.advance(MAX - Duration::from_millis(1));
    assert_eq!(asked(&here, &browser, 10).await, 0);
    here.clock.advance(Duration::from_millis(1));
    let got = browser.get_api("/api/me").await;
    assert_eq!(
        (got.status, got.reason().as_str()),
        (StatusCode::UNAUTHORIZED, "forced")
    );
}

#[tokio::test]
async fn while_nothing_is_heard_the_store_is_asked() {
    let builder = node();
    let notices = NoticeSender::new(16);
    builder.store.tell_instead(notices.clone());
    let site = builder.open().await;
    let browser = known_to(&site, "alice").await;
    assert_eq!(asked(&site, &browser, 10).await, 0);

    notices.send(|| Notice::Silence);
    within(async { while asked(&site, &browser, 10).await < 10 {} }).await;
    assert_eq!(asked(&site, &browser, 10).await, 10);

    notices.send(|| Notice::Gap);
    within(async { while asked(&site, &browser, 10).await > 0 {} }).await;
}

// P1: no cache fill brings a session back.
#[tokio::test]
async fn an_answer_that_was_on_its_way_is_not_kept() {
    let site = node().open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser.stolen_copy()).await;
    site.clock.advance(MAX);

    let held = site.store.hold(Op::CheckIn, When::After);
    let slow = tokio::spawn({
        let browser = browser.stolen_copy();
        async move { status(&browser).await }
    });
    held.reached().await;
    site.end(id, EndReason::Forced).await;
    held.release();
    within(slow).await.unwrap();
    assert_eq!(status(&browser).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn no_deadline_is_missed() {
    let site = node().open().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(Duration::from_mins(15) - MAX / 2);
    assert_eq!(status(&browser).await, StatusCode::OK);
    site.clock.advance(MAX / 2);
    let got = browser.get_api("/api/me").await;
    assert_eq!(got.reason(), "idle-timeout");
}

#[tokio::test]
async fn activity_is_written_as_without_it() {
    let site = Site::builder()
        .configure(|builder| builder.with_max_staleness(Duration::from_mins(1)))
        .open()
        .await;
    let browser = known_to(&site, "alice").await;
    // Every time it is due, which in memory is always.
    for _ in 0..60 {
        site.clock.advance(Duration::from_secs(30));
        assert_eq!(asked(&site, &browser, 1).await, 1);
    }
    assert_eq!(asked(&site, &browser, 10).await, 0);
}

#[tokio::test]
async fn another_secret_is_for_the_store_to_judge_and_changes_nothing() {
    let site = node().open().await;
    let browser = known_to(&site, "alice").await;
    let token = browser.token().unwrap();
    let forged = format!("{}{}", &token[..22], "A".repeat(42));
    for _ in 0..10 {
        let got = site
            .browser()
            .fetch(Method::GET, "/api/me")
            .token(&forged)
            .send()
            .await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(asked(&site, &browser, 10).await, 0);
}

#[tokio::test]
async fn what_this_node_writes_it_reads() {
    let site = node().open().await;
    let browser = known_to(&site, "alice").await;
    for value in ["one", "two"] {
        browser.post_api(&format!("/value/name?is={value}")).await;
        assert_eq!(browser.get_api("/value/name").await.json(), value);
    }

    let old = browser.stolen_copy();
    assert_eq!(browser.post_api("/rotate").await.status, StatusCode::OK);
    assert_eq!(
        status(&old).await,
        StatusCode::UNAUTHORIZED,
        "the secret before"
    );
    assert_eq!(status(&browser).await, StatusCode::OK);
}

#[tokio::test]
async fn a_store_that_fails_is_asked_again() {
    let site = node().open().await;
    let browser = site.logged_in("alice").await;
    site.store.fail(Op::CheckIn, When::Before);
    assert_eq!(status(&browser).await, StatusCode::SERVICE_UNAVAILABLE);
    site.store.heal();
    assert_eq!(asked(&site, &browser, 10).await, 1);
    // What is known is known while the store is down.
    site.store.fail(Op::CheckIn, When::Before);
    assert_eq!(status(&browser).await, StatusCode::OK);
    site.clock.advance(MAX);
    assert_eq!(status(&browser).await, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn no_time_at_all_and_more_than_a_minute_are_mistakes() {
    let build = |max| {
        let builder = Sessions::builder(MemoryStore::new()).with_max_staleness(max);
        builder.build().map(drop)
    };
    let setting = "with_max_staleness";
    for none in [Duration::ZERO, Duration::from_nanos(999_999)] {
        assert!(
            matches!(build(none), Err(BuildError::Zero { setting: named, given }) if (named, given) == (setting, none))
        );
    }
    for long in [
        Duration::from_mins(1) + Duration::from_nanos(1),
        Duration::MAX,
    ] {
        let error = build(long).unwrap_err().to_string();
        assert!(
            error.starts_with(setting) && error.ends_with("at most 60s"),
            "{error}"
        );
    }
    for fine in [Duration::from_millis(1), Duration::from_mins(1)] {
        build(fine).unwrap();
    }
}
