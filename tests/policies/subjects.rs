//! Users who may have no session any more, and changed passwords.

use crate::{
    ended, is_in, stream, streams,
    support::{Gate, Op, Site, SiteBuilder, When, within},
    verdicts,
};
use adjourn::{
    Session, Terminator,
    id::Subject,
    policy::{SubjectCheck, SubjectStatus, Unanswered},
};
use axum::{Router, routing::post};
use http::StatusCode;
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A table of users: who is not in it is active.
#[derive(Clone, Default)]
struct Users(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    status: HashMap<String, SubjectStatus>,
    asked: HashMap<String, usize>,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Fails,
    Hangs,
    Panics,
}

impl Users {
    fn set(&self, user: &str, status: SubjectStatus) {
        self.0
            .lock()
            .unwrap()
            .status
            .insert(user.to_owned(), status);
    }

    fn break_by(&self, fault: Option<Fault>) {
        self.0.lock().unwrap().fault = fault;
    }

    fn asked(&self, user: &str) -> usize {
        self.0.lock().unwrap().asked.get(user).copied().unwrap_or(0)
    }

    async fn status(self, user: Subject) -> io::Result<SubjectStatus> {
        let (status, fault) = {
            let mut table = self.0.lock().unwrap();
            *table.asked.entry(user.to_string()).or_default() += 1;
            let status = table.status.get(user.as_str()).copied();
            (status.unwrap_or(SubjectStatus::Active), table.fault)
        };
        match fault {
            None => Ok(status),
            Some(Fault::Fails) => Err(io::Error::other("the directory is down")),
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::Panics) => panic!("a bug in the application"),
        }
    }
}

const MINUTE: Duration = Duration::from_mins(1);

fn site(users: &Users, unanswered: Unanswered) -> SiteBuilder {
    let users = users.clone();
    Site::builder()
        .configure(move |builder| {
            let check = SubjectCheck::new(MINUTE, move |user| users.clone().status(user))
                .with_time_limit(Duration::from_millis(100))
                .with_unanswered(unanswered);
            builder
                .with_recheck_every(Duration::from_millis(20))
                .with_subject_check(check)
        })
        .routes(streams())
}

// R-1-11
#[tokio::test]
async fn a_disabled_user_loses_all_sessions_at_once_with_the_first_request() {
    for (status, note) in [
        (SubjectStatus::Disabled, "subject-check=disabled"),
        (SubjectStatus::Deleted, "subject-check=deleted"),
    ] {
        let users = Users::default();
        let site = site(&users, Unanswered::Refuse).open().await;
        let devices = [
            site.logged_in("alice").await,
            site.logged_in("alice").await,
            site.logged_in("alice").await,
        ];
        let bob = site.logged_in("bob").await;
        let open = stream(&devices[2]).await;
        for device in &devices {
            assert!(is_in(&device.get_api("/api/me").await));
        }
        assert_eq!(
            users.asked("alice"),
            1,
            "once for all, and within the minute"
        );

        users.set("alice", status);
        site.clock.advance(Duration::from_secs(59));
        assert!(is_in(&devices[0].get_api("/api/me").await), "not asked yet");
        site.clock.advance(Duration::from_secs(1));
        let got = devices[0].get_api("/api/me").await;
        assert_eq!(got.reason(), "subject-disabled");
        assert!(got.removes_session());
        assert_eq!(site.events.count("session-ended"), 3, "all, at once");
        assert_eq!(ended(open).await, "subject-disabled");
        for device in &devices[1..] {
            let got = device.get_api("/api/me").await;
            assert_eq!(
                (got.status, got.reason().as_str()),
                (StatusCode::UNAUTHORIZED, "subject-disabled")
            );
        }
        assert!(is_in(&bob.get_api("/api/me").await));
        let event = site
            .events
            .wait_for(|event| event.kind.code() == "session-ended")
            .await;
        let adjourn::audit::EventKind::Ended { cause, .. } = event.kind else {
            panic!("no ending");
        };
        assert_eq!(cause.note(), Some(note));
    }
}

// R-1-11: nobody sends a request any more.
#[tokio::test]
async fn a_disabled_user_loses_what_is_held_open_without_a_request() {
    let users = Users::default();
    let site = site(&users, Unanswered::Refuse).open().await;
    let browser = site.logged_in("alice").await;
    let open = stream(&browser).await;
    users.set("alice", SubjectStatus::Disabled);
    site.clock.advance(MINUTE);
    assert_eq!(ended(open).await, "subject-disabled");
}

// R-1-11
#[tokio::test]
async fn a_disabled_user_who_logs_in_again_is_out_with_the_next_request() {
    let users = Users::default();
    users.set("alice", SubjectStatus::Disabled);
    let site = site(&users, Unanswered::Refuse).open().await;
    for _ in 0..3 {
        let browser = site.logged_in("alice").await;
        assert_eq!(
            browser.get_api("/api/me").await.reason(),
            "subject-disabled"
        );
    }
    assert_eq!(users.asked("alice"), 1);
    // Enabled again: after the interval, or at once if the application says so.
    users.set("alice", SubjectStatus::Active);
    let alice = Subject::new("alice").unwrap();
    let ends = site.sessions.terminator();
    let _ended = ends.subject_changed(&alice, None).await.unwrap();
    let browser = site.logged_in("alice").await;
    assert!(is_in(&browser.get_api("/api/me").await));
}

#[tokio::test]
async fn requests_at_the_same_time_share_one_question() {
    let (gate, users) = (Gate::default(), Users::default());
    let site = Site::builder().configure({
        let (gate, users) = (gate.clone(), users.clone());
        move |builder| {
            let ask = move |user| {
                let (gate, users) = (gate.clone(), users.clone());
                async move {
                    gate.pass().await;
                    users.status(user).await
                }
            };
            let check = SubjectCheck::new(MINUTE, ask).with_time_limit(Duration::from_mins(5));
            builder.with_subject_check(check)
        }
    });
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    let first = browser.fetch(http::Method::GET, "/api/me").spawn();
    gate.arrived().await;
    // Who asked hangs up; the question goes on, for those who wait.
    first.abort();
    let waiting: Vec<_> = (0..20)
        .map(|_| browser.fetch(http::Method::GET, "/api/me").spawn())
        .collect();
    gate.open();
    for got in waiting {
        assert!(is_in(&within(got).await.unwrap()));
    }
    assert_eq!(users.asked("alice"), 1);
}

#[tokio::test]
async fn without_an_answer_nothing_is_served_and_nothing_ends() {
    for (fault, why) in [
        (Fault::Fails, "failed"),
        (Fault::Hangs, "timed-out"),
        (Fault::Panics, "panicked"),
    ] {
        let users = Users::default();
        let site = site(&users, Unanswered::Refuse).open().await;
        let browser = site.logged_in("alice").await;
        users.break_by(Some(fault));
        for _ in 0..3 {
            let got = browser.get_api("/api/me").await;
            assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{fault:?}");
            assert_eq!(got.reason(), "policy-unavailable");
        }
        assert_eq!(
            users.asked("alice"),
            1,
            "{fault:?}: a failure stands for a moment"
        );
        assert!(is_in(&browser.get("/").await), "public pages are served");
        let found = format!("subject-check:failed:{why}");
        assert_eq!(verdicts(&site.events), [("refuse", found)]);
        // The directory is back.
        users.break_by(None);
        site.clock.advance(Duration::from_secs(5));
        assert!(is_in(&browser.get_api("/api/me").await), "{fault:?}");
        assert!(site.events.endings().is_empty());
    }
}

#[tokio::test]
async fn without_an_answer_requests_go_on_where_that_is_wished_and_it_is_told() {
    for fault in [Fault::Fails, Fault::Hangs, Fault::Panics] {
        let users = Users::default();
        users.break_by(Some(fault));
        let site = site(&users, Unanswered::Keep).open().await;
        let browser = site.logged_in("alice").await;
        for _ in 0..3 {
            assert!(is_in(&browser.get_api("/api/me").await), "{fault:?}");
        }
        let verdicts = verdicts(&site.events);
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        assert_eq!(verdicts[0].0, "report");
    }
}

// P8
#[tokio::test]
async fn a_disabled_user_whose_sessions_cannot_be_ended_is_not_served() {
    let users = Users::default();
    users.set("alice", SubjectStatus::Disabled);
    let site = site(&users, Unanswered::Refuse).open().await;
    let browser = site.logged_in("alice").await;
    site.store.fail(Op::EndAll, When::Before);
    let got = browser.get_api("/api/me").await;
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
    site.store.heal();
    site.clock.advance(Duration::from_secs(5));
    assert_eq!(
        browser.get_api("/api/me").await.reason(),
        "subject-disabled"
    );
}

#[tokio::test]
async fn nobody_is_asked_for_an_anonymous_session() {
    async fn start(session: Session) -> String {
        session.start().await.unwrap().id().to_string()
    }
    let users = Users::default();
    users.break_by(Some(Fault::Panics));
    let site = site(&users, Unanswered::Refuse).routes(Router::new().route("/start", post(start)));
    let site = site.open().await;
    let browser = site.browser();
    assert!(is_in(&browser.post_api("/start").await));
    assert!(is_in(&browser.get_api("/api/me").await));
}

// R-1-12
#[tokio::test]
async fn a_changed_credential_ends_the_others_and_keeps_the_one_where_it_changed() {
    async fn change(session: Session, ends: Terminator) -> String {
        let subject = session.subject().unwrap();
        let ended = ends.subject_changed(&subject, session.id()).await.unwrap();
        session.rotate().unwrap();
        ended.concluded().to_string()
    }
    let site = Site::builder()
        .routes(streams().route("/password", post(change)))
        .open()
        .await;
    let own = site.logged_in("alice").await;
    let others = [site.logged_in("alice").await, site.logged_in("alice").await];
    let bob = site.logged_in("bob").await;
    let open = stream(&others[0]).await;
    let (before, thief) = (own.token(), own.stolen_copy());
    assert_eq!(own.post_api("/password").await.text(), "2");
    assert_eq!(ended(open).await, "credential-change");
    for other in others {
        assert_eq!(other.get_api("/api/me").await.reason(), "credential-change");
    }
    assert!(is_in(&own.get_api("/api/me").await) && own.token() != before);
    assert_eq!(thief.get_api("/api/me").await.reason(), "outdated");
    assert!(is_in(&bob.get_api("/api/me").await));
}
