//! Sessions as the tests of every shared store make them.

use adjourn::{
    id::{SecretHash, SessionId, Subject},
    record::Values,
    store::{Attempt, Claimant, Created, Error, NewSession, SessionStore},
};
use std::time::Duration;

pub(crate) const SECRET: SecretHash = SecretHash::from_bytes([1; 32]);

pub(crate) fn claimant() -> Claimant {
    Claimant {
        attempt: Attempt::random().unwrap(),
        lease: Duration::from_secs(30),
    }
}

pub(crate) async fn log_in(store: &dyn SessionStore, of: &str) -> SessionId {
    try_log_in(store, of).await.unwrap()
}

pub(crate) async fn try_log_in(store: &dyn SessionStore, of: &str) -> Result<SessionId, Error> {
    let session = plan(store, of).await;
    match store.create(session).await? {
        Created::Created { live, .. } => Ok(live.id),
        other => panic!("nothing stands in its way: {other:?}"),
    }
}

/// A session to be created.
pub(crate) async fn plan(store: &dyn SessionStore, of: &str) -> NewSession {
    let subject = Subject::new(of).unwrap();
    NewSession {
        id: store.mint_id(Some(&subject)).await.unwrap(),
        secret_hash: SECRET,
        subject: Some(subject),
        idle_timeout: Some(Duration::from_mins(15)),
        touch_interval: Duration::from_mins(1),
        absolute_timeout: Duration::from_hours(8),
        client: None,
        values: Values::from_iter([("cart", b"[1]".as_slice())]),
        limit: None,
        replaces: None,
        ticket: None,
        claimant: claimant(),
        request_id: None,
    }
}
