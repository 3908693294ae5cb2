//! Every answer that the document describes is one that the endpoints give.

use crate::{
    contract::{call, operations},
    status::bearer_site,
    support::{Ask, Browser, Op, Site, When, serve},
};
use axum::Router;
use http::Method;
use std::collections::{BTreeMap, BTreeSet};

const UNKNOWN: &str = "/session/sessions/AAAAAAAAAAAAAAAAAAAAAA/end";

const OPERATIONS: [(&str, Method, &str); 9] = [
    ("status", Method::GET, "/session/status"),
    ("extend", Method::POST, "/session/extend"),
    ("listSessions", Method::GET, "/session/sessions"),
    ("endSession", Method::POST, UNKNOWN),
    (
        "endOtherSessions",
        Method::POST,
        "/session/sessions/end-others",
    ),
    ("script", Method::GET, "/session/adjourn.js"),
    ("module", Method::GET, "/session/adjourn.mjs"),
    ("signedOut", Method::GET, "/session/signed-out"),
    // Last, as it is the end.
    ("end", Method::POST, "/session/end"),
];

#[derive(Default)]
struct Seen(BTreeMap<String, BTreeSet<u16>>);

impl Seen {
    async fn take(&mut self, operation: &str, ask: Ask) {
        let status = call(operation, ask).await.status.as_u16();
        self.0
            .entry(operation.to_owned())
            .or_default()
            .insert(status);
    }

    /// One request to each operation.
    async fn take_each(&mut self, browser: &Browser, change: fn(Ask) -> Ask) {
        for (operation, method, path) in OPERATIONS {
            self.take(operation, change(browser.fetch(method, path)))
                .await;
        }
    }
}

#[tokio::test]
async fn every_answer_that_is_described_is_given() {
    let mut seen = Seen::default();
    let site = bearer_site(false).await;
    let browser = site.logged_in("alice").await;
    seen.take_each(&browser, |ask| ask).await;
    let browser = site.logged_in("alice").await;
    seen.take_each(&browser, |ask| ask.header("sec-fetch-site", "cross-site"))
        .await;
    seen.take_each(&browser, |ask| ask.bearer("nonsense")).await;
    for (operation, method, path) in OPERATIONS {
        let other = if method == Method::GET {
            Method::POST
        } else {
            Method::GET
        };
        seen.take(operation, browser.fetch(other, path)).await;
    }
    for (operation, path) in [
        ("script", "/session/adjourn.js"),
        ("module", "/session/adjourn.mjs"),
    ] {
        let known = browser.fetch(Method::GET, path);
        seen.take(operation, known.header("if-none-match", "*"))
            .await;
    }
    one_or_all_others(&mut seen, &site).await;

    site.store.fail(Op::CheckIn, When::Before);
    seen.take_each(&browser, |ask| ask).await;

    let bare = Router::new().nest_service("/session", site.sessions.endpoints());
    let (address, server) = serve(bare).await;
    seen.take_each(&Browser::new(address), |ask| ask).await;
    server.abort();
    assert_eq!(seen.0, operations());
}

/// The endings that need a name or an age: of another session, of this one by a form, and too late.
async fn one_or_all_others(seen: &mut Seen, site: &Site) {
    let (laptop, phone) = (site.logged_in("carol").await, site.logged_in("carol").await);
    let path_of = async |browser: &Browser| {
        format!("/session/sessions/{}/end", site.session_of(browser).await)
    };
    let others = "/session/sessions/end-others";
    seen.take("endOtherSessions", laptop.fetch(Method::POST, others))
        .await;
    let phone = phone.fresh();
    phone.log_in("carol").await;
    let end = laptop.fetch(Method::POST, &path_of(&phone).await);
    seen.take("endSession", end).await;
    site.clock.advance(std::time::Duration::from_mins(6));
    let late = laptop.navigate(Method::POST, others);
    seen.take("endOtherSessions", late).await;
    let own = laptop.navigate(Method::POST, &path_of(&laptop).await);
    seen.take("endSession", own).await;
    let again = site.logged_in("carol").await;
    seen.take("end", again.navigate(Method::POST, "/session/end"))
        .await;
}
