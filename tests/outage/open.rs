//! A site on a store that can fail, with connections open.

use crate::{
    client::{Client, Over, closed, soon},
    routes::{self, Told},
    support::{Browser, Got, Site, Spy},
};
use adjourn::{
    audit::{EventKind, EventLimits},
    id::{SessionId, Subject},
    reason::EndReason,
    store::SessionStore,
};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;

/// A site, and users of it.
pub(crate) struct Users {
    pub(crate) site: Site,
    pub(crate) alice: Browser,
    pub(crate) id: SessionId,
    /// Another's session. What is asked for in an outage may happen when it is over.
    bob: SessionId,
}

/// A WebSocket and an event stream of a session.
pub(crate) struct Connections {
    socket: Client,
    events: Incoming,
}

/// A site that notices an outage soon. Its time is the store's, not the clock of the site.
pub(crate) async fn site(store: impl SessionStore, grace: Duration) -> Site {
    let mut builder = routes::site(&Told::default()).configure(move |builder| {
        builder
            .with_recheck_every(Duration::from_millis(200))
            .with_outage_grace(grace)
            .with_event_limits(EventLimits::default().with_events_per_source(u32::MAX))
    });
    builder.store = Spy::around(store);
    builder.open().await
}

impl Users {
    pub(crate) async fn of(site: Site) -> Self {
        let alice = site.logged_in("alice").await;
        let bob = site.logged_in("bob").await;
        Self {
            id: site.session_of(&alice).await,
            bob: site.session_of(&bob).await,
            alice,
            site,
        }
    }

    pub(crate) async fn connect(&self) -> Connections {
        let mut socket = Client::open(&self.site, &self.alice, "/ws/echo").await;
        assert_eq!(socket.ask("hello").await.as_deref(), Some("hello"));
        let response = self.alice.fetch(Method::GET, "/events").open().await;
        assert_eq!(response.status(), StatusCode::OK);
        let events = response.into_body();
        Connections { socket, events }
    }

    /// Everything that needs the store is refused, at once or within its time limit; nothing is
    /// claimed. All at once, as it comes on a site.
    pub(crate) async fn everything_is_refused(&self, why: &str) {
        let alice = &self.alice;
        let terminator = self.site.sessions.terminator();
        let (subject, carol) = (
            Subject::new("alice").unwrap(),
            Subject::new("carol").unwrap(),
        );
        let (visitor, copy, extending) = (alice.fresh(), alice.stolen_copy(), alice.stolen_copy());
        let (page, log_in, log_out, extend, end, cut, sweep, list) = tokio::join!(
            alice.get("/me"),
            visitor.post("/login?as=dave"),
            copy.post("/logout"),
            extending.post_api("/session/extend"),
            terminator.end(self.bob, EndReason::Forced),
            terminator.end_subject(&carol, None, EndReason::Forced),
            terminator.sweep(),
            self.site.sessions.list(&subject),
        );
        assert_unavailable(&page, why, "check_in");
        assert_unavailable(&log_in, why, "log-in");
        assert_unavailable(&log_out, why, "log-out");
        assert!(!log_out.text().contains("signed out"), "{why}");
        assert_unavailable(&extend, why, "extend");
        assert!(end.is_err() && cut.is_err(), "{why}: admin end");
        assert!(sweep.is_err(), "{why}: sweep");
        assert!(list.is_err(), "{why}: list");
        assert!(visitor.token().is_none(), "{why}: nobody is logged in");
        assert!(alice.token().is_some(), "{why}: for better times");
        assert!(self.site.events.endings().is_empty(), "{why}");
    }

    /// The user is where they were: the same session, and everything works.
    pub(crate) async fn goes_on(&self, why: &str) {
        self.answers(why).await;
        let page = self.alice.get("/me").await;
        assert_eq!(page.text(), "Private page of alice", "{why}");
        drop(self.connect().await);
    }

    /// Asks until the store answers, which it must without anybody's help.
    pub(crate) async fn answers(&self, why: &str) -> Got {
        for _ in 0..600 {
            let got = self.alice.get("/me").await;
            if got.status != StatusCode::SERVICE_UNAVAILABLE {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{why}: it does not go on");
    }

    pub(crate) async fn logs_out(&self, why: &str) {
        let got = self.alice.post_api("/logout").await;
        assert_eq!(got.status, StatusCode::OK, "{why}");
        let reason = self.site.events.wait_for_ending(self.id).await;
        assert_eq!(reason, EndReason::Logout, "{why}");
        assert_eq!(self.site.events.reasons_of(self.id).len(), 1, "{why}");
    }

    /// What was said of the store's failures.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failure = |event: adjourn::audit::Event| match event.kind {
            EventKind::StoreFailed { operation, error } => Some(format!("{operation}: {error}")),
            _ => None,
        };
        self.site
            .events
            .all()
            .into_iter()
            .filter_map(failure)
            .collect()
    }
}

impl Connections {
    /// They are cut, and told apart from those of a session that ended.
    pub(crate) async fn are_cut_as_unavailable(mut self, why: &str) {
        let over = soon(why, self.socket.over()).await;
        let text = String::from("store-unavailable");
        assert_eq!(over, Over::Closed { code: 1013, text }, "{why}");
        let cut = async {
            loop {
                match self.events.frame().await {
                    None => return false,
                    Some(Err(_)) => return true,
                    Some(Ok(frame)) => {
                        let data = frame.into_data().unwrap_or_default();
                        let text = String::from_utf8_lossy(&data).into_owned();
                        assert!(!text.contains("session-ended"), "{why}: {text}");
                    }
                }
            }
        };
        assert!(soon(why, cut).await, "{why}: it must not look complete");
    }

    /// They are open, and work.
    pub(crate) async fn are_open(&mut self, why: &str) {
        let said = self.socket.ask("still").await;
        assert_eq!(said.as_deref(), Some("still"), "{why}");
    }

    /// They are cut because the session ended.
    pub(crate) async fn are_ended(mut self, reason: &str) {
        assert_eq!(soon(reason, self.socket.over()).await, closed(reason));
    }
}

pub(crate) fn assert_unavailable(got: &Got, why: &str, operation: &str) {
    let case = format!("{why}: {operation}: {got:?}");
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE, "{case}");
    assert!(got.cannot_be_checked(), "{case}");
    assert_eq!(got.header("retry-after"), Some("5"), "{case}");
}
