//! What is compared: the same router alone, with adjourn and with tower-sessions, each with as many
//! sessions.

use crate::harness::at_once;
use adjourn::{
    Sessions, SessionsBuilder,
    id::{Subject, Token},
    record::Values,
    store::{Attempt, Claimant, NewSession, SessionStore as _},
};
use axum::{Router, body::Body, routing::get};
use http::{HeaderValue, Request, header};
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::task::unconstrained;
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore as _,
    session::{Id, Record},
};

/// A router and the cookies of its sessions.
#[derive(Clone)]
pub(crate) struct Subjected {
    pub(crate) router: Router,
    pub(crate) cookies: Arc<[HeaderValue]>,
}

pub(crate) fn bare() -> Router {
    Router::new()
        .route("/", get(async || TEXT))
        .route("/account", get(async || TEXT))
        .with_state(()) // as `axum::serve` does it: makes the routes once
}

pub(crate) fn adjourn(count: usize) -> Subjected {
    let (store, cookies) = adjourn_store(count);
    adjourn_on(Sessions::builder(store), cookies)
}

/// The router with this configuration.
pub(crate) fn adjourn_on(builder: SessionsBuilder, cookies: Arc<[HeaderValue]>) -> Subjected {
    let sessions = builder.build().expect("a configuration without mistakes");
    Subjected {
        router: Router::new()
            .route("/", get(async || TEXT))
            .route("/account", get(account))
            .layer(sessions.layer())
            .with_state(()),
        cookies,
    }
}

async fn account(session: adjourn::Session) -> String {
    let subject = session.subject().expect("a live session");
    subject.as_str().to_owned()
}

/// `sliding`: as adjourn does, every request keeps the session alive.
pub(crate) fn peer(count: usize, sliding: bool) -> Subjected {
    let (store, cookies) = peer_store(count);
    let expiry = Expiry::OnInactivity(time::Duration::hours(1));
    let layer = SessionManagerLayer::new(store)
        .with_name("__Host-sid")
        .with_expiry(expiry)
        .with_always_save(sliding);
    Subjected {
        router: Router::new()
            .route("/", get(async || TEXT))
            .route("/account", get(peer_account))
            .layer(layer)
            .with_state(()),
        cookies,
    }
}

async fn peer_account(session: tower_sessions::Session) -> String {
    let subject = session.get::<String>("subject").await;
    subject.expect("a string").expect("a live session")
}

pub(crate) fn adjourn_store(count: usize) -> (adjourn::store::MemoryStore, Arc<[HeaderValue]>) {
    let store = adjourn::store::MemoryStore::new();
    let create = |number| {
        let id = at_once(store.mint_id(None).into_future()).expect("random bytes");
        let token = Token::new(id).expect("random bytes");
        let session = new_session(&token, number, Duration::ZERO);
        at_once(store.create(session).into_future()).expect("the store is not full");
        keep(number, count).then(|| cookie(&token.expose()))
    };
    let cookies = (0..count).filter_map(create).collect();
    (store, cookies)
}

pub(crate) fn new_session(token: &Token, number: usize, touch_interval: Duration) -> NewSession {
    let hour = Duration::from_hours(1);
    NewSession {
        id: token.id(),
        secret_hash: token.secret_hash(),
        subject: Subject::new(subject(number)).ok(),
        idle_timeout: Some(hour),
        touch_interval,
        absolute_timeout: hour * 8,
        client: None,
        values: Values::from_iter([("value", VALUE.as_bytes())]),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: Claimant {
            attempt: Attempt::from_bytes([0; 16]),
            lease: hour,
        },
        request_id: None,
    }
}

pub(crate) fn peer_store(count: usize) -> (tower_sessions::MemoryStore, Arc<[HeaderValue]>) {
    let store = tower_sessions::MemoryStore::default();
    let create = |number| {
        let mut record = Record {
            id: Id::default(),
            data: [
                ("subject".to_owned(), subject(number).into()),
                ("value".to_owned(), VALUE.into()),
            ]
            .into(),
            expiry_date: OffsetDateTime::now_utc() + time::Duration::hours(1),
        };
        // Within a runtime, which would make it wait for others once in a while.
        at_once(unconstrained(store.create(&mut record))).expect("in memory");
        keep(number, count).then(|| cookie(&record.id.to_string()))
    };
    let cookies = (0..count).filter_map(create).collect();
    (store, cookies)
}

pub(crate) fn request(path: &'static str, cookie: Option<&HeaderValue>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = http::Uri::from_static(path);
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("localhost:3000"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(cookie) = cookie {
        headers.insert(header::COOKIE, cookie.clone());
    }
    request
}

/// 16 bytes.
pub(crate) fn subject(number: usize) -> String {
    format!("user-{number:011}")
}

/// Whether to keep the cookie: of some sessions that are spread over all.
fn keep(number: usize, count: usize) -> bool {
    number.is_multiple_of(count.div_ceil(MOST_COOKIES))
}

pub(crate) fn cookie(token: &str) -> HeaderValue {
    format!("__Host-sid={token}").parse().expect("base64url")
}

/// As long as a subject.
pub(crate) const TEXT: &str = "user-00000000000";
pub(crate) const VALUE: &str = "thirty-two characters of a value";
const MOST_COOKIES: usize = 65_536;
