//! Sessions to end.

use adjourn::{
    id::{SessionId, Subject, Token},
    record::Values,
    store::{Attempt, Claimant, Created, NewSession, SessionStore},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// A session in the store, and what its client would send.
pub(crate) async fn create(store: &impl SessionStore, idle: Duration, touch: Duration) -> Token {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let subject = Subject::new(format!("user-{number:022}")).expect("a short name");
    let id = store.mint_id(Some(&subject)).await.expect("random bytes");
    let token = Token::new(id).expect("random bytes");
    let session = NewSession {
        id,
        secret_hash: token.secret_hash(),
        subject: Some(subject),
        idle_timeout: Some(idle),
        touch_interval: touch,
        absolute_timeout: IDLE * 96,
        client: None,
        values: Values::from_iter([("value", [b'7'; 32].as_slice())]),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: claimant(id),
        request_id: None,
    };
    let created = store.create(session).await.expect("the store has room");
    assert!(matches!(created, Created::Created { .. }), "{created:?}");
    token
}

fn claimant(id: SessionId) -> Claimant {
    Claimant {
        attempt: Attempt::from_bytes(*id.as_bytes()),
        lease: IDLE,
    }
}

/// Of who is meant to stay, longer.
pub(crate) const IDLE: Duration = Duration::from_mins(15);
