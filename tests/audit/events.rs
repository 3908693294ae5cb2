//! The events themselves.

use crate::support::{Site, raw};
use adjourn::{
    Session,
    audit::{EndScope, EventKind, Finding, InsightLimits, Insights},
    id::Subject,
    reason::{Cause, EndReason, Initiator},
    session::LogOutError,
};
use axum::{Router, response::Redirect, routing::post};
use std::time::Duration;

// R-13-12
#[tokio::test]
async fn ending_everyone_is_one_event_with_a_count_and_one_for_each_session() {
    let site = Site::open().await;
    for subject in ["alice", "bob", "carol"] {
        site.logged_in(subject).await;
    }
    let cause = Cause::from(EndReason::Forced)
        .with_actor(Subject::new("admin-3").unwrap())
        .with_note("incident 7");
    let ended = site
        .sessions
        .terminator()
        .end_everyone(None, cause)
        .await
        .unwrap();

    let events = site.events.all();
    let bulk: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::CutMade {
                scope,
                generation,
                cause,
                concluded,
                more_follow,
                ..
            } => Some((*scope, *generation, cause, *concluded, *more_follow)),
            _ => None,
        })
        .collect();
    let [(scope, generation, cause, concluded, more)] = bulk[..] else {
        panic!("{bulk:?}");
    };
    assert_eq!((scope, concluded, more), (EndScope::Everyone, 3, false));
    assert_eq!(generation, ended.generation());
    assert_eq!(cause.initiator(), Initiator::Administrator);
    assert_eq!(cause.actor().unwrap().as_str(), "admin-3");

    let of_it = events.iter().filter(|event| {
        matches!(
            event.kind,
            EventKind::Ended { scope: EndScope::Everyone, generation: Some(number), .. }
                if number == generation
        )
    });
    assert_eq!(of_it.count(), 3);
}

#[tokio::test]
async fn an_ending_says_whether_it_was_alone() {
    let site = Site::open().await;
    let alone = site.logged_in("alice").await;
    let kept = site.logged_in("bob").await;
    site.logged_in("bob").await;
    let id = site.session_of(&kept).await;
    let terminator = site.sessions.terminator();
    let first = site.session_of(&alone).await;
    let _ended = terminator.end(first, EndReason::Forced).await.unwrap();
    let bob = Subject::new("bob").unwrap();
    let _ended = terminator
        .end_subject(&bob, Some(id), EndReason::CredentialChange)
        .await
        .unwrap();
    let scopes: Vec<_> = site
        .events
        .all()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Ended { scope, .. } => Some(scope),
            _ => None,
        })
        .collect();
    assert_eq!(scopes, [EndScope::One, EndScope::Others]);
}

// A cut is recorded also when whoever asked for it hung up while hooks ran.
#[tokio::test]
async fn a_cut_whose_caller_is_gone_is_recorded() {
    let site = Site::builder()
        .configure(|builder| {
            builder.on_end("never", |_| std::future::pending::<Result<(), String>>())
        })
        .open()
        .await;
    site.logged_in("alice").await;
    let terminator = site.sessions.terminator();
    {
        let cut = terminator.end_everyone(None, EndReason::Forced);
        let mut cut = std::pin::pin!(cut);
        let polled =
            std::future::poll_fn(|cx| std::task::Poll::Ready(Future::poll(cut.as_mut(), cx)));
        assert!(polled.await.is_pending());
        assert_eq!(site.events.count("cut-made"), 0);
    }
    assert_eq!(site.events.count("cut-made"), 1);
}

// R-14-16
#[tokio::test]
async fn a_hook_that_fails_is_named() {
    let site = Site::builder()
        .configure(|builder| {
            builder
                .on_end("fine", |_| async { Ok::<(), String>(()) })
                .on_end("files", |_| async { Err("secret path".to_owned()) })
                .on_end("caches", |_| async { panic!("hook") as Result<(), String> })
        })
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let terminator = site.sessions.terminator();
    let _ended = terminator.end(id, EndReason::Forced).await.unwrap();
    site.events.wait_for_ending(id).await;
    let event = site.events.all().pop().unwrap();
    let EventKind::Ended {
        hooks,
        failed_hooks,
        ..
    } = event.kind
    else {
        panic!("{event:?}");
    };
    let failed: Vec<_> = failed_hooks.iter().map(|h| (h.name, h.outcome)).collect();
    assert_eq!(hooks, 3);
    assert_eq!(failed, [("files", "failed"), ("caches", "panicked")]);
}

// R-13-4: the user whose dead token it is.
#[tokio::test]
async fn use_after_end_names_the_user() {
    let site = Site::open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let terminator = site.sessions.terminator();
    let _ended = terminator.end(id, EndReason::Forced).await.unwrap();
    browser.get_api("/api/me").await;
    let event = site
        .events
        .wait_for(|event| matches!(event.kind, EventKind::UseAfterEnd { .. }))
        .await;
    assert_eq!(event.subject.unwrap().as_str(), "alice");
    assert_eq!(event.session_id, Some(id));
}

// R-13-11, R-1-31
#[tokio::test]
async fn many_dead_tokens_make_few_events_and_a_count() {
    let site = Site::open().await;
    let unknown = "A".repeat(64);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: __Host-sid={unknown}\r\nConnection: close\r\n\r\n"
    );
    for _ in 0..200 {
        raw(site.address, &request).await;
    }
    assert_eq!(site.events.count("unknown-token"), 20);
    site.clock.advance(Duration::from_secs(61));
    site.sessions.terminator().sweep().await.unwrap();
    let counts: Vec<_> = site
        .events
        .all()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::EventsSuppressed { kind, count, .. } => Some((kind, count)),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [("unknown-token", 180)]);
}

#[tokio::test]
async fn what_was_counted_is_recorded_at_shutdown() {
    let site = Site::open().await;
    let request = "GET / HTTP/1.1\r\nHost: x\r\nCookie: __Host-sid=x\r\nConnection: close\r\n\r\n";
    for _ in 0..30 {
        raw(site.address, request).await;
    }
    assert_eq!(site.events.count("events-suppressed"), 0);
    let _left = site.sessions.shutdown().await;
    assert_eq!(site.events.count("events-suppressed"), 1);
}

/// What was recorded since: codes with what tells them apart.
fn since(site: &Site, before: usize) -> Vec<&'static str> {
    site.events.codes().split_off(before)
}

// R-1-31: each attempt to get past a control is one event, and says which.
#[tokio::test]
async fn each_attempt_to_bypass_a_control_is_one_event() {
    async fn leave(session: Session) -> Result<Redirect, LogOutError> {
        drop(session.log_out().await?);
        Ok(Redirect::to("//evil.example/"))
    }
    let hostile = Router::new().route("/leave-for-evil", post(leave));
    let site = Site::builder().routes(hostile).open().await;
    let alice = site.logged_in("alice").await;
    let token = alice.token().unwrap();
    let attempts: [(&str, &str, String, &str); 4] = [
        (
            "POST",
            "/logout",
            format!("__Host-sid={token}"),
            "log-out-refused",
        ),
        (
            "GET",
            "/api/me",
            format!("__Host-sid={}{}", &token[..22], "A".repeat(42)),
            "wrong-secret",
        ),
        (
            "GET",
            "/api/me",
            "__Host-sid=garbage".to_owned(),
            "unknown-token",
        ),
        (
            "GET",
            "/api/me",
            format!("__Host-sid={token}; __Host-sid={token}x"),
            "duplicate-cookie",
        ),
    ];
    for (method, path, cookie, event) in attempts {
        let before = site.events.codes().len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: cross-site\r\nCookie: {cookie}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        raw(site.address, request).await;
        assert_eq!(since(&site, before), [event]);
    }
    // What leads off the site after an ending is the third of the row's four.
    let before = site.events.codes().len();
    alice.post("/leave-for-evil").await;
    let told = since(&site, before);
    assert_eq!(told, ["session-ended", "redirect-refused"]);
    let before = site.events.codes().len();
    let dead = site
        .browser()
        .fetch(http::Method::GET, "/api/me")
        .token(&token);
    dead.send().await;
    assert_eq!(since(&site, before), ["use-after-end"]);
}

// R-13-13: what the application does by itself against an attack is recorded as its doing.
#[tokio::test]
async fn an_automatic_answer_to_an_attack_is_recorded_with_its_initiator() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let limits = InsightLimits::default().with_tokens_per_source(3);
    let insights = Insights::new()
        .with_limits(limits)
        .on_finding(move |finding: &Finding| {
            let _test_is_over = tell.send(finding.code());
        });
    let site = Site::builder().configure(move |builder| builder.add_audit_sink(insights));
    let site = site.open().await;
    let victim = site.logged_in("alice").await;
    let id = site.session_of(&victim).await;
    for _ in 0..4 {
        let guess =
            "GET / HTTP/1.1\r\nHost: x\r\nCookie: __Host-sid=x\r\nConnection: close\r\n\r\n";
        raw(site.address, guess).await;
    }
    assert_eq!(told.recv().await, Some("many-tokens"));
    let cause = Cause::new(EndReason::Policy)
        .with_initiator(Initiator::Risk)
        .with_note("many-tokens");
    drop(site.sessions.terminator().end(id, cause).await.unwrap());
    let event = site.events.all().pop().unwrap();
    let EventKind::Ended { cause, .. } = event.kind else {
        panic!("{event:?}");
    };
    assert_eq!(cause.initiator(), Initiator::Risk);
    assert_eq!(
        (cause.reason().code(), cause.note()),
        ("policy", Some("many-tokens"))
    );
}
