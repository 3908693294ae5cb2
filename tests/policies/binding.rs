//! A session that is suddenly used by another client (R-3-14).

use crate::{
    ended, is_in, note, stream, streams,
    support::{Ask, Browser, Got, Site, SiteBuilder},
    verdicts,
};
use adjourn::{
    Session,
    policy::{ClientBinding, Consequence},
    reason::EndReason,
};
use axum::{Router, routing::get};
use http::{Method, StatusCode};
use std::time::Duration;

const HOME: &str = "192.0.2.7";
const AWAY: &str = "203.0.113.9";
const FRESH: Consequence = Consequence::RequireFresh {
    max_age: Duration::ZERO,
};

/// A site behind a proxy on this machine.
fn site(binding: ClientBinding) -> SiteBuilder {
    Site::builder()
        .configure(move |builder| {
            builder
                .with_trusted_proxies(["127.0.0.0/8"])
                .add_policy("client", binding)
        })
        .routes(streams())
}

fn from(ask: Ask, address: &str) -> Ask {
    ask.header("x-forwarded-for", address)
}

async fn logged_in_from(site: &Site, address: &str) -> Browser {
    let browser = site.browser();
    let log_in = browser.fetch(Method::POST, "/login?as=alice");
    assert!(is_in(&from(log_in, address).send().await));
    browser
}

async fn me_from(browser: &Browser, address: &str) -> Got {
    from(browser.fetch(Method::GET, "/api/me"), address)
        .send()
        .await
}

/// Asks every ten minutes, of the fifteen that a session may be idle; whether it idled out.
async fn idles_out(site: &Site, browser: &Browser, address: &str) -> bool {
    for _ in 0..6 {
        site.clock.advance(Duration::from_mins(10));
        let got = me_from(browser, address).await;
        if !is_in(&got) && got.reason() == "idle-timeout" {
            return true;
        }
    }
    false
}

// A policy never lengthens a session: what it refuses is no activity, or whoever stole the token could
// keep it alive for as long as the absolute timeout.
#[tokio::test]
async fn requests_that_are_refused_do_not_keep_a_session_from_idling_out() {
    let binding = || ClientBinding::new().with_address_change(FRESH);
    for later in [false, true] {
        let site = site(binding());
        let site = if later { site.later() } else { site };
        let site = site.open().await;
        let browser = logged_in_from(&site, HOME).await;
        let stolen = browser.stolen_copy();
        assert!(!is_in(&me_from(&stolen, AWAY).await));
        assert!(idles_out(&site, &stolen, AWAY).await);

        let browser = logged_in_from(&site, HOME).await;
        assert!(!idles_out(&site, &browser, HOME).await, "what passes is");
        assert!(is_in(&me_from(&browser, HOME).await));
    }
}

// R-3-14
#[tokio::test]
async fn another_network_is_reported_once_and_nobody_is_put_out() {
    let site = site(ClientBinding::new()).open().await;
    let browser = logged_in_from(&site, HOME).await;
    assert!(
        is_in(&me_from(&browser, "192.0.2.200").await),
        "the same network"
    );
    assert!(verdicts(&site.events).is_empty());

    for _ in 0..50 {
        assert!(is_in(&me_from(&browser, AWAY).await));
    }
    let expected = ("report", "client:report:address-changed".to_owned());
    assert_eq!(
        verdicts(&site.events),
        std::slice::from_ref(&expected),
        "no flood"
    );
    let event = site
        .events
        .wait_for(|event| event.kind.code() == "policy-verdict")
        .await;
    let client = event.client.unwrap();
    assert_eq!(
        client.address(),
        Some(AWAY.parse().unwrap()),
        "who is there now"
    );
    assert_eq!(event.subject.unwrap().as_str(), "alice");
    assert!(event.session_id.is_some());

    // Twenty minutes later it is news again.
    for _ in 0..2 {
        site.clock.advance(Duration::from_mins(10));
        assert!(is_in(&me_from(&browser, AWAY).await));
    }
    assert_eq!(verdicts(&site.events), [expected.clone(), expected]);
    assert!(site.events.endings().is_empty());
}

// R-3-14: the session ends, with its streams, for the reason `policy`.
#[tokio::test]
async fn another_network_ends_the_session_where_that_is_wished() {
    let site = site(ClientBinding::new().with_address_change(Consequence::End))
        .open()
        .await;
    let browser = logged_in_from(&site, HOME).await;
    let thief = browser.stolen_copy();
    let open = from(browser.fetch(Method::GET, "/events"), HOME)
        .open()
        .await;

    let got = me_from(&thief, AWAY).await;
    assert_eq!(
        (got.status, got.reason().as_str()),
        (StatusCode::UNAUTHORIZED, "policy")
    );
    assert!(got.removes_session());
    assert_eq!(ended(open).await, "policy");
    assert_eq!(me_from(&browser, HOME).await.reason(), "policy");
    assert_eq!(note(&site), ("client=address-changed".to_owned(), "policy"));
    assert_eq!(
        verdicts(&site.events),
        [("end", "client:end:address-changed".to_owned())]
    );
}

// R-3-14
#[tokio::test]
async fn another_network_needs_a_new_log_in_and_the_owner_goes_on() {
    async fn form(session: Session) -> String {
        assert!(!session.is_live() && session.subject().is_none());
        session.wants_log_in().unwrap_or("nothing").to_owned()
    }
    let binding = ClientBinding::new().with_address_change(FRESH);
    let site = site(binding)
        .routes(Router::new().route("/why", get(form)))
        .open()
        .await;
    let owner = logged_in_from(&site, HOME).await;
    let id = {
        let got = me_from(&owner, HOME).await;
        got.json()["session"].as_str().unwrap().parse().unwrap()
    };
    let thief = owner.stolen_copy();

    let got = me_from(&thief, AWAY).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    assert_eq!(got.reason(), "reauthentication-required");
    let challenge = got.header("www-authenticate").unwrap();
    assert!(challenge.contains(r#"max_age="0""#), "{challenge}");
    assert!(!got.removes_session() && got.header("clear-site-data").is_none());
    assert_eq!(got.header("cache-control"), Some("no-store"));

    let page = from(thief.navigate(Method::GET, "/me"), AWAY).send().await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.header("location"), Some("/login"));
    let why = from(thief.navigate(Method::GET, "/why"), AWAY).send().await;
    assert_eq!(why.text(), "address-changed");
    // Nothing can be written, by whatever route, nor opened.
    let set = from(thief.fetch(Method::POST, "/value/x?is=1"), AWAY)
        .send()
        .await;
    assert!(set.text().contains("no live session"), "{set:?}");

    // It is the owner's session all the while.
    assert!(is_in(&me_from(&owner, HOME).await));
    assert!(site.events.endings().is_empty());

    // Who knows the password gets a new session; the old one is replaced.
    let log_in = from(thief.fetch(Method::POST, "/login?as=alice"), AWAY)
        .send()
        .await;
    assert!(is_in(&log_in));
    assert!(
        is_in(&me_from(&thief, AWAY).await),
        "bound to the new address"
    );
    assert_eq!(
        site.events.wait_for_ending(id).await,
        EndReason::Reauthenticated
    );
    assert_eq!(me_from(&owner, HOME).await.reason(), "reauthenticated");
}

#[tokio::test]
async fn who_needs_a_new_log_in_can_log_out() {
    let site = site(ClientBinding::new().with_address_change(FRESH))
        .open()
        .await;
    let browser = logged_in_from(&site, HOME).await;
    let got = from(browser.navigate(Method::POST, "/logout"), AWAY)
        .send()
        .await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert!(got.removes_session());
    assert_eq!(site.events.endings()[0].1, EndReason::Logout);
}

#[tokio::test]
async fn a_header_that_nobody_vouches_for_changes_nothing() {
    let site = Site::builder()
        .configure(|builder| {
            builder.add_policy(
                "client",
                ClientBinding::new().with_address_change(Consequence::End),
            )
        })
        .open()
        .await;
    let browser = logged_in_from(&site, HOME).await;
    assert!(is_in(&me_from(&browser, AWAY).await));
    assert!(verdicts(&site.events).is_empty());
}

#[tokio::test]
async fn a_session_that_started_without_an_address_is_bound_to_none() {
    let site = Site::builder()
        .configure(|builder| {
            builder.with_peer_address(|_| None).add_policy(
                "client",
                ClientBinding::new().with_address_change(Consequence::End),
            )
        })
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    assert!(is_in(&browser.get_api("/api/me").await));
}

// R-3-14
#[tokio::test]
async fn another_browser_ends_the_session_whatever_it_calls_itself() {
    let huge = "x".repeat(6_000);
    for (agent, other) in [
        ("Firefox/140", Some("Chrome/140".as_bytes())),
        ("Firefox/140", Some(b"")),
        ("Firefox/140", None),
        ("Firefox/140", Some("Firefox/140 \u{202e}日本".as_bytes())),
        ("Firefox/140", Some(b"\xff\xfe")),
        ("Firefox/140", Some(huge.as_bytes())),
    ] {
        let binding = ClientBinding::new().with_user_agent_change(Consequence::End);
        let site = site(binding).open().await;
        let browser = site.browser();
        let log_in = browser.fetch(Method::POST, "/login?as=alice");
        assert!(is_in(&log_in.header("user-agent", agent).send().await));
        let me = || browser.fetch(Method::GET, "/api/me");
        assert!(is_in(&me().header("user-agent", agent).send().await));
        let got = match other {
            Some(other) => me().header("user-agent", other).send().await,
            None => me().send().await,
        };
        assert_eq!(got.reason(), "policy", "{other:?}");
    }
}

#[tokio::test]
async fn an_odd_user_agent_that_stays_the_same_is_the_same() {
    let huge = "x".repeat(6_000);
    for agent in [
        b"\xff\xfe".as_slice(),
        "日本\u{202e}".as_bytes(),
        huge.as_bytes(),
        b"",
    ] {
        let binding = ClientBinding::new().with_user_agent_change(Consequence::End);
        let site = site(binding).open().await;
        let browser = site.browser();
        for path in ["/login?as=alice", "/rotate", "/value/x?is=1"] {
            let ask = browser
                .fetch(Method::POST, path)
                .header("user-agent", agent);
            assert!(is_in(&ask.send().await), "{agent:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_is_not_opened_for_who_must_log_in() {
    let gated = streams().route_layer(adjourn::require_session());
    let site = Site::builder()
        .configure(|builder| {
            builder
                .with_trusted_proxies(["127.0.0.0/8"])
                .add_policy("client", ClientBinding::new().with_address_change(FRESH))
        })
        .routes(gated)
        .open()
        .await;
    let browser = site.logged_in("alice").await;
    let open = stream(&browser).await;
    assert_eq!(site.sessions.open_connections(), 1);
    let refused = from(browser.fetch(Method::GET, "/events"), AWAY)
        .send()
        .await;
    assert_eq!(refused.reason(), "reauthentication-required");
    assert_eq!(site.sessions.open_connections(), 1);
    drop(open);
}
