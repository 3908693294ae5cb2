//! Several policies, and bad ones.

use crate::{
    is_in, note,
    support::{Browser, Site, SiteBuilder},
    verdicts,
};
use adjourn::{
    LiveSession, Terminator,
    policy::{Circumstances, Verdict},
    reason::EndReason,
};
use axum::{Router, routing::get};
use http::{Method, StatusCode};
use proptest::prelude::*;
use std::{
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Adds policies that say this, in this order.
async fn site_of(verdicts: Vec<(&'static str, Verdict)>) -> Site {
    let site = Site::builder().configure(|mut builder| {
        for (name, verdict) in verdicts {
            builder = builder.add_policy(name, move |_: &Circumstances<'_>| verdict.clone());
        }
        builder
    });
    site.open().await
}

/// A site whose handler counts its requests, and says how long its session lives on.
fn counting(calls: &Arc<AtomicUsize>) -> SiteBuilder {
    let calls = Arc::clone(calls);
    let count = async move |session: LiveSession| {
        calls.fetch_add(1, Ordering::SeqCst);
        session.expires_in().idle.unwrap().as_secs().to_string()
    };
    Site::builder().routes(Router::new().route("/count", get(count)))
}

// The store is told of activity when a session was judged, and says if it ended meanwhile.
#[tokio::test]
async fn a_session_that_ends_while_it_is_judged_is_not_served() {
    let (calls, ends) = (Arc::default(), Arc::new(OnceLock::<Terminator>::new()));
    let terminator = Arc::clone(&ends);
    let judge = move |of: &Circumstances<'_>| {
        if let Some(ends) = terminator.get() {
            let ended = pin!(ends.end(of.session_id(), EndReason::Forced));
            let ended = ended.poll(&mut Context::from_waker(Waker::noop()));
            let Poll::Ready(Ok(_receipt)) = ended else {
                panic!("the store in memory answers at once");
            };
        }
        Verdict::Keep
    };
    let site = counting(&calls).configure(|builder| builder.add_policy("ends", judge));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    assert!(is_in(&browser.get_api("/count").await));
    site.clock.advance(Duration::from_mins(1));
    assert!(ends.set(site.sessions.terminator()).is_ok());
    assert_eq!(browser.get_api("/count").await.reason(), "forced");
    assert_eq!(calls.load(Ordering::SeqCst), 1, "the handler never knew");
}

#[tokio::test]
async fn a_request_that_passes_is_told_how_long_its_session_lives_from_now_on() {
    let keep = |_: &Circumstances<'_>| Verdict::Keep;
    let site = counting(&Arc::default()).configure(move |builder| builder.add_policy("keep", keep));
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    site.clock.advance(Duration::from_mins(10));
    assert_eq!(browser.get_api("/count").await.text(), "900");
}

#[tokio::test]
async fn the_strictest_of_several_wins_and_all_are_in_the_audit_record() {
    let custom = Verdict::End {
        why: "late",
        reason: EndReason::custom("curfew").unwrap(),
    };
    for mut verdicts_of in [
        vec![
            ("a", Verdict::report("odd")),
            ("b", custom.clone()),
            ("c", Verdict::require_fresh("new")),
            ("d", Verdict::Keep),
        ],
        vec![
            ("b", custom),
            ("d", Verdict::Keep),
            ("c", Verdict::require_fresh("new")),
            ("a", Verdict::report("odd")),
        ],
    ] {
        let names: Vec<_> = verdicts_of.iter().map(|(name, _)| *name).collect();
        let site = site_of(std::mem::take(&mut verdicts_of)).await;
        let browser = site.logged_in("alice").await;
        let got = browser.get_api("/api/me").await;
        assert_eq!(got.reason(), "curfew", "{names:?}");
        let [(verdict, found)] = &verdicts(&site.events)[..] else {
            panic!("one record");
        };
        assert_eq!(*verdict, "end");
        for part in ["a:report:odd", "b:end:late", "c:require-fresh:new"] {
            assert!(found.split(' ').any(|found| found == part), "{found}");
        }
        let (note, initiator) = note(&site);
        for part in ["a=odd", "b=late", "c=new"] {
            assert!(note.split(' ').any(|found| found == part), "{note}");
        }
        assert_eq!(initiator, "policy");
    }
}

#[tokio::test]
async fn a_policy_that_panics_serves_nothing_and_ends_nothing() {
    let site = Site::builder()
        .configure(|builder| {
            builder
                .add_policy("bad", |now: &Circumstances<'_>| {
                    assert!(
                        now.subject().is_none_or(|of| of.as_str() != "alice"),
                        "policy"
                    );
                    Verdict::Keep
                })
                .add_policy("next", |_: &Circumstances<'_>| Verdict::report("seen"))
        })
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let got = browser.get_api("/api/me").await;
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(got.reason(), "policy-unavailable");
    assert!(got.header("retry-after").is_some() && !got.removes_session());
    let page = browser.get("/me").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        verdicts(&site.events),
        [("refuse", "bad:failed:panicked next:report:seen".to_owned())]
    );
    assert!(site.events.endings().is_empty());
    // Others are served, public pages are, and logging out works.
    let bob = site.logged_in("bob").await;
    assert!(is_in(&bob.get_api("/api/me").await));
    assert!(is_in(&browser.get("/").await));
    assert!(browser.post("/logout").await.removes_session());
    assert_eq!(site.events.endings()[0].1, EndReason::Logout);
}

#[tokio::test]
async fn a_session_that_cannot_be_ended_is_not_served() {
    use crate::support::{Op, When};
    let site = site_of(vec![("a", Verdict::end("x"))]).await;
    let browser = site.logged_in("alice").await;
    site.store.fail(Op::End, When::Before);
    let got = browser.get_api("/api/me").await;
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
    site.store.heal();
    assert_eq!(browser.get_api("/api/me").await.reason(), "policy");
}

#[tokio::test]
async fn a_store_that_answers_later_is_judged_as_well() {
    let site = Site::builder()
        .later()
        .configure(|builder| {
            builder.add_policy("a", |now: &Circumstances<'_>| {
                let alice = now.subject().filter(|of| of.as_str() == "alice");
                alice.map_or(Verdict::Keep, |_| Verdict::end("x"))
            })
        })
        .open()
        .await;
    let (alice, bob) = (site.logged_in("alice").await, site.logged_in("bob").await);
    assert_eq!(alice.get_api("/api/me").await.reason(), "policy");
    assert!(is_in(&bob.get_api("/api/me").await));
}

#[tokio::test]
async fn a_duplicated_cookie_gets_past_no_policy() {
    let site = site_of(vec![("a", Verdict::end("x"))]).await;
    let browser = site.logged_in("alice").await;
    let token = browser.token().unwrap();
    let twice = format!("__Host-sid={token}; __Host-sid=tossed");
    let got = site
        .browser()
        .fetch(Method::GET, "/api/me")
        .header("cookie", twice);
    assert_eq!(got.without_jar().send().await.reason(), "policy");
}

/// A site whose policies always keep, and how often they were asked.
fn keeping(asked: &Arc<AtomicUsize>) -> SiteBuilder {
    let asked = Arc::clone(asked);
    Site::builder().configure(move |builder| {
        builder.add_policy("keep", move |_: &Circumstances<'_>| {
            asked.fetch_add(1, Ordering::SeqCst);
            Verdict::Keep
        })
    })
}

async fn after(site: &Site, browser: &Browser, passed: Duration) -> String {
    site.clock.advance(passed);
    browser.get_api("/api/me").await.reason()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    // The timeouts always win: past them no policy is even asked.
    #[test]
    fn no_policy_keeps_alive_what_the_timeouts_end(idle in 900_000_u64..28_800_000, over in 0_u64..86_400_000) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let asked = Arc::default();
            let site = keeping(&asked).open().await;
            let browser = site.logged_in("alice").await;
            assert!(is_in(&browser.get_api("/api/me").await));
            let before = asked.load(Ordering::SeqCst);
            let reason = after(&site, &browser, Duration::from_millis(idle)).await;
            assert_eq!(reason, "idle-timeout");
            let again = site.logged_in("bob").await;
            let reason = after(&site, &again, Duration::from_millis(28_800_000 + over)).await;
            // Idle too long before the absolute timeout came: the earliest cause counts.
            assert_eq!(reason, "idle-timeout");
            assert_eq!(asked.load(Ordering::SeqCst), before);
        });
    }
}

#[tokio::test]
async fn a_session_past_a_timeout_ends_for_it_and_not_for_the_policy() {
    let site = site_of(vec![("a", Verdict::end("x"))]).await;
    let browser = site.logged_in("alice").await;
    assert_eq!(
        after(&site, &browser, Duration::from_mins(15)).await,
        "idle-timeout"
    );
    assert!(verdicts(&site.events).is_empty());
}
