//! What an application keeps of a session in memory.

use crate::{
    causes::{self, Cause},
    support::{Browser, Gate, Op, Site, When},
};
use adjourn::{Session, Sessions, id::SessionId, reason::EndReason, session::SessionLocal};
use axum::{Extension, Router, routing::post};
use http::StatusCode;
use std::sync::{Arc, OnceLock};
use tokio::sync::mpsc;

/// Says that it is dropped.
struct Profile {
    of: String,
    dropped: mpsc::UnboundedSender<String>,
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _nobody_listens = self.dropped.send(self.of.clone());
    }
}

/// Long before the re-check of every 30 seconds would have found it.
async fn soon(dropped: &mut mpsc::UnboundedReceiver<String>) -> String {
    let soon = tokio::time::timeout(std::time::Duration::from_secs(15), dropped.recv());
    soon.await.expect("not dropped for 15 s").unwrap()
}

type Handed = Extension<Arc<OnceLock<SessionLocal<Profile>>>>;

/// A site that keeps a profile of each session.
struct Fixture {
    site: Site,
    profiles: SessionLocal<Profile>,
    dropped: mpsc::UnboundedReceiver<String>,
}

impl Fixture {
    async fn open(builder: crate::support::SiteBuilder, capacity: usize) -> Self {
        let (sender, dropped) = mpsc::unbounded_channel();
        let handed = Arc::new(OnceLock::new());
        let (sender, gate) = (Arc::new(sender), builder.gate.clone());
        let routes = Router::new()
            .route("/keep", post(keep))
            .route("/keep-late", post(keep_late))
            .layer(Extension(sender))
            .layer(Extension(gate))
            .layer(Extension(Arc::clone(&handed)));
        let site = builder.routes(routes).open().await;
        let profiles = site.sessions.local(capacity);
        assert!(handed.set(profiles.clone()).is_ok());
        Self {
            site,
            profiles,
            dropped,
        }
    }

    /// A browser whose session has a profile.
    async fn browser(&self, subject: &str) -> (Browser, SessionId) {
        let browser = self.site.logged_in(subject).await;
        assert_eq!(browser.post_api("/keep").await.text(), subject);
        let id = self.site.session_of(&browser).await;
        (browser, id)
    }
}

async fn keep(
    session: Session,
    Extension(local): Handed,
    Extension(dropped): Extension<Arc<mpsc::UnboundedSender<String>>>,
) -> String {
    let local = local.get().unwrap();
    let of = session
        .subject()
        .map_or("nobody".to_owned(), |s| s.to_string());
    let dropped = (*dropped).clone();
    let profile = local.get_or_insert_with(&session, || Profile { of, dropped });
    profile.of.clone()
}

async fn keep_late(
    session: Session,
    local: Handed,
    dropped: Extension<Arc<mpsc::UnboundedSender<String>>>,
    Extension(gate): Extension<Gate>,
) -> String {
    gate.pass().await;
    keep(session, local, dropped).await
}

// R-1-27 P2
#[tokio::test]
async fn a_value_is_dropped_at_once_whatever_ends_its_session() {
    for cause in Cause::ALL {
        let mut fixture = Fixture::open(causes::site(), 100).await;
        let (browser, id) = fixture.browser("alice").await;
        let (bob, _) = fixture.browser("bob").await;
        assert_eq!((fixture.profiles.len(), fixture.dropped.len()), (2, 0));

        cause.happen(&fixture.site, &browser, id).await;

        let dropped: Vec<_> = std::iter::from_fn(|| fixture.dropped.try_recv().ok()).collect();
        assert!(
            dropped.contains(&"alice".to_owned()),
            "{cause:?}: {dropped:?}"
        );
        let others = matches!(
            cause,
            Cause::Absolute | Cause::Everyone | Cause::Idle | Cause::IdleMetByARequest
        );
        if !others {
            assert_eq!(bob.post_api("/keep").await.text(), "bob");
            assert_eq!(fixture.profiles.len(), 1, "{cause:?}: bob's stays");
            assert_eq!(dropped.len(), 1, "{cause:?}");
        }
    }
}

// R-1-27 P4
#[tokio::test]
async fn a_value_is_dropped_when_another_node_ends_its_session() {
    let mut here = Fixture::open(causes::site(), 100).await;
    let there = Site::builder().beside(&here.site).open().await;
    let (_browser, id) = here.browser("alice").await;

    let _receipt = there
        .sessions
        .terminator()
        .end(id, EndReason::Forced)
        .await
        .unwrap();
    assert_eq!(soon(&mut here.dropped).await, "alice");
    assert!(here.profiles.is_empty());
}

// R-1-27 P4
#[tokio::test]
async fn a_value_is_dropped_when_another_node_cuts_all_sessions_of_its_subject() {
    let mut here = Fixture::open(causes::site(), 100).await;
    let there = Site::builder().beside(&here.site).open().await;
    let (_browser, _) = here.browser("alice").await;
    let (_bob, _) = here.browser("bob").await;

    let alice = adjourn::id::Subject::new("alice").unwrap();
    let terminator = there.sessions.terminator();
    let cause = EndReason::CredentialChange;
    let _receipt = terminator.end_subject(&alice, None, cause).await.unwrap();
    assert_eq!(soon(&mut here.dropped).await, "alice");
    assert_eq!(here.profiles.len(), 1);
}

// R-1-27 P1
#[tokio::test]
async fn a_value_that_comes_while_the_session_ends_does_not_stay() {
    let mut fixture = Fixture::open(causes::site(), 100).await;
    let browser = fixture.site.logged_in("alice").await;
    let id = fixture.site.session_of(&browser).await;
    let late = browser.fetch(http::Method::POST, "/keep-late").spawn();
    fixture.site.gate.arrived().await;

    let terminator = fixture.site.sessions.terminator();
    let _receipt = terminator.end(id, EndReason::Forced).await.unwrap();
    fixture.site.gate.open();

    assert_eq!(late.await.unwrap().reason(), "forced");
    assert_eq!(
        fixture.dropped.try_recv(),
        Ok("alice".to_owned()),
        "at once"
    );
    assert!(fixture.profiles.is_empty());
}

// R-1-27 P1
#[tokio::test]
async fn a_value_that_comes_when_too_much_ended_meanwhile_is_asked_about() {
    let mut fixture = Fixture::open(causes::site(), 100).await;
    let site = &fixture.site;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let late = browser.fetch(http::Method::POST, "/keep-late").spawn();
    site.gate.arrived().await;

    let terminator = site.sessions.terminator();
    let _receipt = terminator.end(id, EndReason::Forced).await.unwrap();
    // More endings than the node remembers.
    let mut others = Vec::new();
    for n in 0..4_200 {
        let got = site.app_log_in(&format!("other-{n}")).await;
        others.push(got);
    }
    for other in others {
        let _receipt = terminator.end(other, EndReason::Forced).await.unwrap();
    }
    site.gate.open();

    assert_eq!(late.await.unwrap().reason(), "forced");
    assert_eq!(soon(&mut fixture.dropped).await, "alice");
    assert!(fixture.profiles.is_empty());
}

impl Site {
    /// Logs in without a network.
    async fn app_log_in(&self, subject: &str) -> SessionId {
        use http_body_util::BodyExt;
        use tower::ServiceExt;
        let ask = self
            .browser()
            .fetch(http::Method::POST, &format!("/login?as={subject}"));
        let response = self.app.clone().oneshot(ask.into_request()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        body["session"].as_str().unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn a_rotation_keeps_the_value_and_the_oldest_makes_room() {
    let mut fixture = Fixture::open(causes::site(), 2).await;
    let (alice, id) = fixture.browser("alice").await;
    assert_eq!(alice.post_api("/rotate").await.text(), "rotated");
    assert_eq!(fixture.site.session_of(&alice).await, id);
    assert_eq!(alice.post_api("/keep").await.text(), "alice");
    assert_eq!(fixture.dropped.len(), 0, "the one that was there");

    let (_bob, _) = fixture.browser("bob").await;
    let (_carol, carol) = fixture.browser("carol").await;
    assert_eq!(fixture.dropped.try_recv(), Ok("alice".to_owned()));
    assert_eq!(fixture.profiles.len(), 2);

    assert_eq!(fixture.profiles.remove_id(carol).unwrap().of, "carol");
    assert!(fixture.profiles.remove_id(carol).is_none());
    fixture.profiles.clear();
    assert!(fixture.profiles.is_empty());
    let shown = format!("{:?}", fixture.profiles);
    assert!(
        shown.starts_with("SessionLocal { of: \"resources::local::Profile\""),
        "{shown}"
    );
}

#[tokio::test]
async fn nothing_is_kept_of_nobody_nor_of_a_session_of_another_site() {
    let fixture = Fixture::open(causes::site(), 100).await;
    let nobody = fixture.site.browser();
    assert_eq!(nobody.post_api("/keep").await.text(), "nobody");
    assert!(fixture.profiles.is_empty());

    let store = adjourn::store::MemoryStore::new();
    let foreign: Sessions = Sessions::builder(store).build().unwrap();
    let other = Fixture::open(causes::site(), 100).await;
    let strange = foreign.local::<u8>(8);
    let app = Router::new().route(
        "/strange",
        post(move |session: Session| async move {
            assert_eq!(*strange.insert(&session, 1), 1);
            strange.len().to_string()
        }),
    );
    let app = app.layer(other.site.sessions.layer());
    let (address, server) = crate::support::serve(app).await;
    let browser = other.site.logged_in("alice").await;
    let ask = Browser::new(address).fetch(http::Method::POST, "/strange");
    let got = ask.token(&browser.token().unwrap()).send().await;
    assert_eq!(got.text(), "0");
    server.abort();
}

// P8
#[tokio::test]
async fn a_store_that_fails_to_end_the_session_drops_nothing() {
    let fixture = Fixture::open(causes::site(), 100).await;
    let (browser, id) = fixture.browser("alice").await;
    fixture.site.store.fail(Op::End, When::Before);
    let terminator = fixture.site.sessions.terminator();
    assert!(terminator.end(id, EndReason::Forced).await.is_err());
    fixture.site.store.heal();
    assert_eq!(browser.get_api("/api/me").await.status, StatusCode::OK);
    assert_eq!(fixture.profiles.len(), 1);
}
