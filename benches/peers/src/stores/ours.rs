//! adjourn on a shared store.

use super::failed;
use crate::subjects::{Subjected, adjourn_on, cookie, new_session, subject};
use adjourn::{
    Sessions,
    id::{Subject, Token},
    store::SessionStore,
};
use http::HeaderValue;
use std::{io, sync::Arc, time::Duration};

/// The sessions of which requests are made.
pub(super) async fn fill(
    store: &impl SessionStore,
    count: usize,
) -> io::Result<Arc<[HeaderValue]>> {
    let mut cookies = Vec::new();
    for number in 0..count {
        let owner = Subject::new(subject(number)).map_err(failed)?;
        let id = store.mint_id(Some(&owner)).await.map_err(failed)?;
        let token = Token::new(id).map_err(failed)?;
        let session = new_session(&token, number, TOUCH_INTERVAL);
        store.create(session).await.map_err(failed)?;
        cookies.push(cookie(&token.expose()));
    }
    Ok(cookies.into())
}

/// `near`: answers from memory for at most this long.
pub(super) fn serve(
    store: impl SessionStore,
    cookies: &Arc<[HeaderValue]>,
    near: Option<Duration>,
) -> Subjected {
    let mut builder = Sessions::builder(store);
    if let Some(near) = near {
        builder = builder.with_max_staleness(near);
    }
    adjourn_on(builder, Arc::clone(cookies))
}

/// What a log-in chooses on a shared store with an idle timeout of an hour.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

pub(super) const NEAR_CACHE: &str = "adjourn, near cache of 1 s";

pub(super) const NEAR: Duration = Duration::from_secs(1);
