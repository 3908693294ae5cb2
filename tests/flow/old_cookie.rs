//! An old cookie value that somebody puts back, after each kind of ending: it opens nothing, and is
//! recorded (P1).

use crate::support::{Ask, Browser, Site, SiteBuilder};
use adjourn::{
    audit::EventKind,
    id::Subject,
    policy::{Circumstances, Timeouts, Verdict},
    reason::EndReason,
    store::{AtLimit, Limit},
};
use http::{Method, StatusCode};
use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn after_a_log_out() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    opens_nothing(&site, &browser, EndReason::Logout, async || {
        browser.post("/logout").await;
    })
    .await;
}

// The owner's next click finds it; nobody swept.
#[tokio::test]
async fn after_the_idle_timeout() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    opens_nothing(&site, &browser, EndReason::IdleTimeout, async || {
        site.clock.advance(15 * MINUTE);
        browser.get("/me").await;
    })
    .await;
}

#[tokio::test]
async fn after_the_absolute_timeout() {
    let timeouts = Timeouts::new(None, 20 * MINUTE).unwrap();
    let site = Site::builder().configure(|builder| builder.with_timeouts(timeouts));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    opens_nothing(&site, &browser, EndReason::AbsoluteTimeout, async || {
        site.clock.advance(20 * MINUTE);
        browser.get("/me").await;
    })
    .await;
}

#[tokio::test]
async fn after_an_administrator_ended_it() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    opens_nothing(&site, &browser, EndReason::Forced, async || {
        site.end(id, EndReason::Forced).await;
    })
    .await;
}

#[tokio::test]
async fn after_the_user_ended_it_on_another_device() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let other = site.logged_in("alice").await;
    opens_nothing(&site, &browser, EndReason::LogoutElsewhere, async || {
        let got = other.post_api("/session/sessions/end-others").await;
        assert_eq!(got.json()["ended"], 1, "{got:?}");
    })
    .await;
    assert_eq!(other.get_api("/api/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn after_the_limit_of_sessions() {
    let site = Site::builder().configure(|builder| {
        builder.with_limit(Limit {
            max: NonZeroU32::MIN,
            at_limit: AtLimit::EndOldest,
        })
    });
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    opens_nothing(&site, &browser, EndReason::Superseded, async || {
        site.logged_in("alice").await;
    })
    .await;
}

#[tokio::test]
async fn after_a_policy_ended_it() {
    let suspicious = Arc::new(AtomicBool::new(false));
    let site = judged(&suspicious).open().await;
    let browser = site.logged_in("alice").await;
    opens_nothing(&site, &browser, EndReason::Policy, async || {
        suspicious.store(true, Ordering::Relaxed);
        browser.get("/me").await;
        suspicious.store(false, Ordering::Relaxed);
    })
    .await;
}

#[tokio::test]
async fn after_another_log_in_took_its_place() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    opens_nothing(&site, &browser, EndReason::Reauthenticated, async || {
        browser.log_in("alice").await;
    })
    .await;
    assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);
}

// All of a subject end by one number, before each is worked off.
#[tokio::test]
async fn after_the_subject_was_disabled() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let alice = Subject::new("alice").unwrap();
    opens_nothing(&site, &browser, EndReason::SubjectDisabled, async || {
        let terminator = site.sessions.terminator();
        let reason = EndReason::SubjectDisabled;
        let ended = terminator.end_subject(&alice, None, reason).await.unwrap();
        assert_eq!(ended.concluded(), 1);
    })
    .await;
}

fn judged(suspicious: &Arc<AtomicBool>) -> SiteBuilder {
    let suspicious = Arc::clone(suspicious);
    Site::builder().configure(|builder| {
        builder.add_policy("test", move |_: &Circumstances<'_>| {
            if suspicious.load(Ordering::Relaxed) {
                Verdict::end("suspicious")
            } else {
                Verdict::Keep
            }
        })
    })
}

/// The session of this browser ends like that; then its cookie is put back, on every door.
// R-1-10 R-2-6 R-2-7
async fn opens_nothing(site: &Site, browser: &Browser, reason: EndReason, ends: impl AsyncFn()) {
    let id = site.session_of(browser).await;
    let token = browser.token().unwrap();
    ends().await;
    assert_eq!(site.events.wait_for_ending(id).await, reason);
    let before = site.events.count("use-after-end");

    let thief = site.browser();
    let fetch = |method, path: &str| thief.fetch(method, path);
    let doors: [(&str, Ask); 6] = [
        ("a page", thief.navigate(Method::GET, "/me")),
        ("an interface", fetch(Method::GET, "/api/me")),
        ("a write", fetch(Method::POST, "/me")),
        ("an extension", fetch(Method::POST, "/session/extend")),
        ("a look", fetch(Method::GET, "/session/status")),
        ("the list", fetch(Method::GET, "/session/sessions")),
    ];
    let tried = doors.len();
    for (door, ask) in doors {
        let got = ask.token(&token).send().await;
        if got.status == StatusCode::SEE_OTHER {
            assert_eq!(
                got.header("location"),
                Some("/session/signed-out"),
                "{door}"
            );
        } else {
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{door}: {got:?}");
            assert_eq!(got.reason(), reason.code(), "{door}: {got:?}");
        }
        // After another log-in the browser has a new cookie of the same name, which has to stay.
        let removes = reason != EndReason::Reauthenticated;
        assert_eq!(got.removes_session(), removes, "{door}: {got:?}");
    }
    // Each is recorded, with how the session had ended and whose it was.
    let all = site.events.all();
    let uses = all.iter().filter(|event| event.session_id == Some(id));
    let uses: Vec<_> = uses
        .filter_map(|event| match &event.kind {
            EventKind::UseAfterEnd { cause } => Some((cause.reason(), event)),
            _ => None,
        })
        .collect();
    assert_eq!(uses.len() - before, tried, "{uses:?}");
    for (cause, event) in uses {
        assert_eq!(cause, &reason);
        assert_eq!(event.subject.as_ref().unwrap().as_str(), "alice");
    }
    assert_eq!(site.events.reasons_of(id), [reason], "one ending");
    let alices = Subject::new("alice").unwrap();
    let live = site.sessions.list(&alices).await.unwrap();
    assert!(live.iter().all(|listed| listed.id != id), "{live:?}");
}
