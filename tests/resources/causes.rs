//! Every way in which a session ends.

use crate::support::{Browser, Site};
use adjourn::{
    id::{SessionId, Subject},
    reason::EndReason,
    session::StartError,
    store::{AtLimit, Limit},
};
use axum::{Router, routing::post};
use std::{num::NonZeroU32, time::Duration};

/// A way in which a session ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    Absolute,
    Administrator,
    Credentials,
    Everyone,
    Idle,
    IdleMetByARequest,
    Limit,
    LogIn,
    Logout,
    Undelivered,
}

impl Cause {
    pub(crate) const ALL: [Self; 10] = [
        Self::Absolute,
        Self::Administrator,
        Self::Credentials,
        Self::Everyone,
        Self::Idle,
        Self::IdleMetByARequest,
        Self::Limit,
        Self::LogIn,
        Self::Logout,
        Self::Undelivered,
    ];

    /// Makes it happen to the session `id` of `browser`, which is alice's, and waits until it is
    /// recorded.
    pub(crate) async fn happen(self, site: &Site, browser: &Browser, id: SessionId) -> EndReason {
        let terminator = site.sessions.terminator();
        match self {
            Self::Absolute => {
                while site.events.reasons_of(id).is_empty() {
                    site.clock.advance(Duration::from_mins(14));
                    browser.get_api("/api/me").await;
                    terminator.sweep().await.unwrap();
                }
            }
            Self::Administrator => {
                let _receipt = terminator.end(id, EndReason::Forced).await.unwrap();
            }
            Self::Credentials => {
                let alice = Subject::new("alice").unwrap();
                let cause = EndReason::CredentialChange;
                let _receipt = terminator.end_subject(&alice, None, cause).await.unwrap();
            }
            Self::Everyone => {
                let cause = EndReason::SubjectDisabled;
                let _receipt = terminator.end_everyone(None, cause).await.unwrap();
            }
            Self::Idle => {
                site.clock.advance(Duration::from_mins(15));
                terminator.sweep().await.unwrap();
            }
            Self::IdleMetByARequest => {
                site.clock.advance(Duration::from_mins(15));
                assert!(browser.get_api("/api/me").await.is_refused());
            }
            Self::Limit => {
                for _ in 0..LIMIT {
                    site.logged_in("alice").await;
                }
            }
            Self::LogIn => drop(browser.log_in("alice").await),
            Self::Logout => assert!(browser.post("/logout").await.removes_session()),
            Self::Undelivered => {
                // A handler logs in anew, and is dropped before its response is there.
                let socket = browser.post_and_leave("/log-in-and-hang").await;
                site.gate.arrived().await;
                drop(socket);
                site.gate.gone().await;
            }
        }
        site.events.wait_for_ending(id).await
    }
}

impl Browser {
    async fn post_and_leave(&self, path: &str) -> tokio::net::TcpStream {
        self.fetch(http::Method::POST, path)
            .send_and_keep_socket()
            .await
    }
}

/// How many sessions one user may have.
pub(crate) const LIMIT: u32 = 3;

/// A site on which every cause can happen.
pub(crate) fn site() -> crate::support::SiteBuilder {
    let builder = Site::builder();
    let gate = builder.gate.clone();
    let hang = move |session: adjourn::Session| async move {
        session.log_in("alice").await?;
        gate.pass().await;
        Ok::<(), StartError>(())
    };
    builder
        .routes(Router::new().route("/log-in-and-hang", post(hang)))
        .configure(|builder| {
            builder.with_limit(Limit {
                max: NonZeroU32::new(LIMIT).unwrap(),
                at_limit: AtLimit::EndOldest,
            })
        })
}
