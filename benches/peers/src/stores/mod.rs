//! The stores for several nodes, beside those of tower-sessions, each on a server that is started here.
//!
//! Where a server is not installed, this is said and its part left out.

mod ours;
mod postgres;
mod redis;
mod theirs;

pub(crate) use self::{postgres::postgres, redis::redis};
use crate::http_load::Contestant;
use crate::subjects::{Subjected, bare};
use http::HeaderValue;
use std::{error::Error, io, sync::Arc};

#[path = "../../../../tests/store_postgres/server.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod postgres_server;
#[path = "../../../../tests/store_redis/redis_server.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod redis_server;

type Anything = Box<dyn Error + Send + Sync>;

/// What all are compared with: no session, the same cookies.
fn nothing(cookies: &Arc<[HeaderValue]>) -> Contestant {
    let cookies = Arc::clone(cookies);
    let router = bare();
    Contestant::new("bare axum", Subjected { router, cookies })
}

fn failed(error: impl Into<Anything>) -> io::Error {
    io::Error::other(error)
}
