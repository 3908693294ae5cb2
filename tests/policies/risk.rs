//! A risk engine that is asked beside the requests.

use crate::{
    ended, is_in, note, stream, streams,
    support::{Gate, Site, SiteBuilder, within},
    verdicts,
};
use adjourn::policy::{RiskCheck, RiskFacts};
use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

fn site(check: RiskCheck) -> SiteBuilder {
    Site::builder()
        .configure(move |builder| builder.with_risk_check(check))
        .routes(streams())
}

fn answering(score: f64) -> RiskCheck {
    RiskCheck::new(0.9, move |_| async move { Ok::<_, io::Error>(score) }).with_report_from(0.5)
}

// R-3-14
#[tokio::test]
async fn a_risk_that_is_too_high_ends_the_session_and_what_it_holds_open() {
    let told: Arc<Mutex<Vec<RiskFacts>>> = Arc::default();
    let check = RiskCheck::new(0.9, {
        let told = Arc::clone(&told);
        move |facts: RiskFacts| {
            told.lock().unwrap().push(facts);
            async { Ok::<_, io::Error>(0.93) }
        }
    });
    let site = site(check).open().await;
    let browser = site.logged_in("alice").await;
    // The stream is the request that is weighed.
    assert_eq!(ended(stream(&browser).await).await, "policy");
    assert_eq!(browser.get_api("/api/me").await.reason(), "policy");
    site.events
        .wait_for(|event| event.kind.code() == "session-ended")
        .await;
    assert_eq!(note(&site), ("risk=0.93".to_owned(), "risk"));
    assert_eq!(
        verdicts(&site.events),
        [("end", "risk:end:risk-score".to_owned())]
    );
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].subject.as_ref().unwrap().as_str(), "alice");
    assert_eq!(told[0].client.address(), Some([127, 0, 0, 1].into()));
    assert!(told[0].started_by.is_some());
}

#[tokio::test]
async fn no_request_waits_and_a_session_is_asked_about_once_in_a_while() {
    let gate = Gate::default();
    let check = RiskCheck::new(0.9, {
        let gate = gate.clone();
        move |_| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Ok::<_, io::Error>(1.0)
            }
        }
    });
    let check = check.with_time_limit(Duration::from_mins(5));
    let site = site(check).open().await;
    let browser = site.logged_in("alice").await;
    for _ in 0..10 {
        assert!(is_in(&browser.get_api("/api/me").await));
    }
    gate.arrived().await;
    gate.open();
    site.events
        .wait_for(|event| event.kind.code() == "session-ended")
        .await;
    assert_eq!(browser.get_api("/api/me").await.reason(), "policy");
}

#[tokio::test]
async fn a_score_that_is_no_number_and_no_answer_are_told_and_put_nobody_out() {
    let failing = || RiskCheck::new(0.9, |_| async { Err::<f64, _>(io::Error::other("down")) });
    let hanging = || RiskCheck::new(0.9, |_| std::future::pending::<io::Result<f64>>());
    let panicking = RiskCheck::new(0.9, |_| -> std::future::Ready<io::Result<f64>> {
        panic!("a bug in the application")
    });
    let brief = Duration::from_millis(10);
    for (check, why) in [
        (answering(f64::NAN), "no-number"),
        (answering(f64::INFINITY), "no-number"),
        (answering(f64::NEG_INFINITY), "no-number"),
        (failing(), "failed"),
        (hanging().with_time_limit(brief), "timed-out"),
        (panicking, "panicked"),
    ] {
        let site = site(check).open().await;
        let browser = site.logged_in("alice").await;
        assert!(is_in(&browser.get_api("/api/me").await));
        site.events
            .wait_for(|event| event.kind.code() == "policy-verdict")
            .await;
        assert!(is_in(&browser.get_api("/api/me").await));
        assert_eq!(
            verdicts(&site.events),
            [("report", format!("risk:failed:{why}"))]
        );
    }
    for check in [
        answering(f64::NAN),
        failing(),
        hanging().with_time_limit(brief),
    ] {
        let site = site(check.ending_unanswered()).open().await;
        let browser = site.logged_in("alice").await;
        assert!(is_in(&browser.get_api("/api/me").await));
        site.events
            .wait_for(|event| event.kind.code() == "session-ended")
            .await;
        assert_eq!(browser.get_api("/api/me").await.reason(), "policy");
    }
}

#[tokio::test]
async fn a_middling_risk_is_reported_and_a_low_one_is_not() {
    let site_of = |score| site(answering(score)).open();
    let site = site_of(0.6).await;
    let browser = site.logged_in("alice").await;
    assert!(is_in(&browser.get_api("/api/me").await));
    let told = site
        .events
        .wait_for(|event| event.kind.code() == "policy-verdict");
    within(told).await;
    assert_eq!(
        verdicts(&site.events),
        [("report", "risk:report:risk-score".to_owned())]
    );

    let site = site_of(0.1).await;
    let browser = site.logged_in("alice").await;
    assert!(is_in(&browser.get_api("/api/me").await));
    let _left = site.sessions.shutdown().await; // waits for the question
    assert!(verdicts(&site.events).is_empty());
    assert!(site.events.endings().is_empty());
}
