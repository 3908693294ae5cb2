//! Dead tokens that come back, and tokens that were never issued.

use crate::{
    is_in,
    support::{Browser, Site},
};
use adjourn::{
    audit::EventKind,
    id::{SessionId, Token},
    policy::{DeadTokens, Guesses, Guessing},
    reason::EndReason,
};
use http::Method;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

async fn site() -> Site {
    let site = Site::builder();
    site.configure(|builder| builder.with_dead_tokens(DeadTokens::end_subject()))
        .open()
        .await
}

async fn logged_out(site: &Site) -> Browser {
    let browser = site.logged_in("alice").await;
    let thief = browser.stolen_copy();
    assert!(browser.post("/logout").await.removes_session());
    thief
}

async fn present(browser: &Browser, token: &str) -> String {
    let ask = browser.fetch(Method::GET, "/api/me").token(token);
    ask.send().await.reason()
}

#[tokio::test]
async fn the_token_of_a_log_out_that_comes_back_puts_its_subject_out_everywhere() {
    let site = site().await;
    let thief = logged_out(&site).await;
    let (own, bob) = (site.logged_in("alice").await, site.logged_in("bob").await);
    assert_eq!(thief.get_api("/api/me").await.reason(), "logout");
    assert!(
        is_in(&own.get_api("/api/me").await),
        "a request that was under way"
    );

    site.clock.advance(Duration::from_secs(31));
    let token = thief.stolen_copy();
    let dead = token.token();
    assert!(dead.is_none(), "the answer took the cookie");
    let thief = logged_out(&site).await;
    let dead = thief.token().unwrap();
    site.clock.advance(Duration::from_secs(31));
    assert_eq!(present(&site.browser(), &dead).await, "logout");
    let got = own.get_api("/api/me").await;
    assert_eq!(got.reason(), "policy");
    assert!(is_in(&bob.get_api("/api/me").await));
    let ended = site
        .events
        .all()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Ended { cause, .. } => Some(cause),
            _ => None,
        });
    let cause = ended.last().unwrap();
    assert_eq!(
        (cause.reason(), cause.note()),
        (&EndReason::Policy, Some("dead-token"))
    );

    // Once: nobody is put out for ever by one old token.
    let again = site.logged_in("alice").await;
    for _ in 0..3 {
        assert_eq!(present(&site.browser(), &dead).await, "logout");
    }
    assert!(is_in(&again.get_api("/api/me").await));
}

#[tokio::test]
async fn what_is_no_sign_of_theft_puts_nobody_out() {
    let site = site().await;
    let dead = logged_out(&site).await.token().unwrap();
    // A session that was idle too long: its browser does not know yet.
    let idle = site.logged_in("alice").await;
    site.clock.advance(Duration::from_mins(15));
    assert_eq!(idle.get_api("/api/me").await.reason(), "idle-timeout");
    let own = site.logged_in("alice").await;
    let token: Token = Token::parse(dead.as_bytes()).unwrap();
    let forged = Token::new(token.id()).unwrap().expose().to_string();
    assert_eq!(
        present(&site.browser(), &forged).await,
        "no-session",
        "a wrong secret"
    );
    assert!(is_in(&own.get_api("/api/me").await));
}

#[tokio::test]
async fn a_dead_token_is_only_reported_by_default() {
    let site = Site::open().await;
    let dead = logged_out(&site).await.token().unwrap();
    let own = site.logged_in("alice").await;
    site.clock.advance(Duration::from_mins(1));
    assert_eq!(present(&site.browser(), &dead).await, "logout");
    assert!(is_in(&own.get_api("/api/me").await));
    assert_eq!(site.events.count("use-after-end"), 1);
}

async fn guarded(told: &Arc<Mutex<Vec<Guesses>>>) -> Site {
    let told = Arc::clone(told);
    let site = Site::builder().configure(move |builder| {
        builder
            .with_trusted_proxies(["127.0.0.0/8"])
            .on_guessing(Guessing::new(), move |guesses| {
                told.lock().unwrap().push(*guesses);
                panic!("a bug in the application");
            })
    });
    site.open().await
}

fn invented() -> String {
    let id = SessionId::random().unwrap();
    Token::new(id).unwrap().expose().to_string()
}

async fn guess(site: &Site, from: &str, token: &str) {
    let ask = site.browser().fetch(Method::GET, "/api/me").token(token);
    let got = ask.header("x-forwarded-for", from).send().await;
    assert_eq!(got.reason(), "no-session");
}

// R-3-13
#[tokio::test]
async fn a_hundred_unknown_tokens_from_one_source_are_told_once() {
    let told = Arc::default();
    let site = guarded(&told).await;
    for n in 0..99 {
        guess(&site, &format!("2001:db8::{n}"), &invented()).await;
    }
    guess(&site, "2001:db8:0:1::1", &invented()).await;
    assert!(told.lock().unwrap().is_empty());
    guess(&site, "2001:db8::1", &invented()).await;
    for _ in 0..20 {
        guess(&site, "2001:db8::1", &invented()).await;
    }
    let told = told.lock().unwrap();
    let [guesses] = told.as_slice() else {
        panic!("once: {told:?}");
    };
    assert_eq!(guesses.count, 100);
    assert_eq!(guesses.source, Some("2001:db8::".parse().unwrap()));
    assert_eq!(site.events.count("guessing"), 1);
}

// R-3-13
#[tokio::test]
async fn wrong_secrets_of_one_session_are_guesses_and_one_forgotten_token_is_none() {
    let told = Arc::default();
    let site = guarded(&told).await;
    let owner = site.logged_in("alice").await;
    let id = Token::parse(owner.token().unwrap().as_bytes())
        .unwrap()
        .id();
    let forgotten = invented();
    for _ in 0..150 {
        guess(&site, "192.0.2.7", &forgotten).await;
    }
    assert!(told.lock().unwrap().is_empty());
    for _ in 0..100 {
        let wrong = Token::new(id).unwrap().expose().to_string();
        guess(&site, "203.0.113.9", &wrong).await;
    }
    assert_eq!(told.lock().unwrap().len(), 1);
    assert!(
        is_in(&owner.get_api("/api/me").await),
        "the owner is not disturbed"
    );
}
