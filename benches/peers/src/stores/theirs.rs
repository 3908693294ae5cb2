//! tower-sessions on a shared store.

use super::failed;
use crate::subjects::{Subjected, TEXT, VALUE, cookie, subject};
use axum::{Router, routing::get};
use http::HeaderValue;
use std::{io, sync::Arc};
use time::{Duration, OffsetDateTime};
use tower_sessions_014::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    session::{Id, Record},
};

/// The sessions of which requests are made.
pub(super) async fn fill(
    store: &impl SessionStore,
    count: usize,
) -> io::Result<Arc<[HeaderValue]>> {
    let mut cookies = Vec::new();
    for number in 0..count {
        let mut record = Record {
            id: Id::default(),
            data: [
                ("subject".to_owned(), subject(number).into()),
                ("value".to_owned(), VALUE.into()),
            ]
            .into(),
            expiry_date: OffsetDateTime::now_utc() + Duration::hours(1),
        };
        store.create(&mut record).await.map_err(failed)?;
        cookies.push(cookie(&record.id.to_string()));
    }
    Ok(cookies.into())
}

/// `sliding`: every request keeps the session alive, as with adjourn.
pub(super) fn serve(
    store: impl SessionStore + Clone,
    cookies: &Arc<[HeaderValue]>,
    sliding: bool,
) -> Subjected {
    let layer = SessionManagerLayer::new(store)
        .with_name("__Host-sid")
        .with_expiry(Expiry::OnInactivity(Duration::hours(1)))
        .with_always_save(sliding);
    Subjected {
        router: Router::new()
            .route("/", get(async || TEXT))
            .route("/account", get(account))
            .layer(layer)
            .with_state(()),
        cookies: Arc::clone(cookies),
    }
}

async fn account(session: Session) -> String {
    let subject = session.get::<String>("subject").await;
    subject.expect("a string").expect("a live session")
}
