//! Every answer that the document describes is one that the endpoints give.

use crate::{
    contract::{answers, call, shown_by},
    status::bearer_site,
    support::{Ask, Browser, Op, Site, When, serve},
};
use adjourn::reason::EndReason;
use axum::Router;
use http::Method;
use std::collections::BTreeSet;

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
struct Seen(BTreeSet<String>);

impl Seen {
    async fn take(&mut self, operation: &str, ask: Ask) {
        let got = call(operation, ask).await;
        self.0.extend(shown_by(operation, &got));
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
    log_outs(&mut seen, &site).await;
    dead_sessions(&mut seen, &site).await;

    let bob = site.logged_in("bob").await;
    let token = site.browser().post_api("/token").await.text().to_owned();
    site.store.fail(Op::End, When::Before);
    for ask in [
        site.browser()
            .fetch(Method::POST, "/session/end")
            .bearer(&token),
        bob.fetch(Method::POST, "/session/end"),
    ] {
        seen.take("end", ask).await;
    }
    site.store.fail(Op::CheckIn, When::Before);
    seen.take_each(&browser, |ask| ask).await;

    let bare = Router::new().nest_service("/session", site.sessions.endpoints());
    let (address, server) = serve(bare).await;
    seen.take_each(&Browser::new(address), |ask| ask).await;
    server.abort();
    let described = answers();
    let missing: Vec<_> = described.difference(&seen.0).collect();
    assert!(
        missing.is_empty(),
        "described, but never given: {missing:#?}"
    );
    assert_eq!(seen.0, described);
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
    for late in [
        laptop.navigate(Method::POST, others),
        laptop.fetch(Method::POST, others),
        htmx(&laptop, others),
    ] {
        seen.take("endOtherSessions", late).await;
    }
    seen.take("endSession", laptop.navigate(Method::POST, UNKNOWN))
        .await;
    seen.take("endSession", htmx(&laptop, UNKNOWN)).await;
    let own = laptop.navigate(Method::POST, &path_of(&laptop).await);
    seen.take("endSession", own).await;
    let again = site.logged_in("carol").await;
    seen.take("end", again.navigate(Method::POST, "/session/end"))
        .await;
}

/// A log-out of this very session, and one of nobody.
async fn log_outs(seen: &mut Seen, site: &Site) {
    for (operation, path) in [("end", Some("/session/end")), ("endSession", None)] {
        for ask in [
            |browser: &Browser, path: &str| browser.fetch(Method::POST, path),
            |browser: &Browser, path: &str| browser.navigate(Method::POST, path),
            htmx,
            with_half_of_fetch_metadata,
        ] {
            let browser = site.logged_in("erin").await;
            let own = format!("/session/sessions/{}/end", site.session_of(&browser).await);
            let path = path.unwrap_or(&own);
            seen.take(operation, ask(&browser, path)).await;
            seen.take(operation, ask(&browser.fresh(), path)).await;
        }
    }
}

fn htmx(browser: &Browser, path: &str) -> Ask {
    let ask = browser.fetch(Method::POST, path);
    ask.header("hx-request", "true")
}

/// It says where the page comes from and not what it is for.
fn with_half_of_fetch_metadata(browser: &Browser, path: &str) -> Ask {
    let ask = browser.ask(Method::POST, path);
    ask.header("sec-fetch-site", "same-origin")
}

/// What a session that ended elsewhere meets: of a script, of htmx, and of somebody who opens the address.
async fn dead_sessions(seen: &mut Seen, site: &Site) {
    for (operation, method, path) in OPERATIONS {
        for kind in 0..3 {
            let browser = site.logged_in("dave").await;
            let id = site.session_of(&browser).await;
            site.end(id, EndReason::Forced).await;
            let ask = match kind {
                0 => browser.fetch(method.clone(), path),
                1 => browser
                    .fetch(method.clone(), path)
                    .header("hx-request", "true"),
                _ => browser.navigate(method.clone(), path),
            };
            seen.take(operation, ask).await;
        }
    }
}
