//! Where sessions are kept. One line is what an application changes to leave memory for a file or for
//! a server that many nodes share; the rest is here because the demo lets you choose.

use crate::flags::{Store, WrongFlag, wrong};
use adjourn::{Sessions, SessionsBuilder, store::MemoryStore};
#[cfg(feature = "postgres")]
use std::time::Duration;
use std::{error::Error, iter::successors};

/// Opens the store, and begins to configure the sessions in it.
pub(crate) async fn sessions_in(store: &Store) -> Result<SessionsBuilder, WrongFlag> {
    let (opened, hint) = match store {
        Store::Memory => (Ok(Sessions::builder(MemoryStore::new())), ""),
        Store::Postgres(url) => (postgres(url).await, POSTGRES),
        Store::Redis(url) => (redis(url).await, REDIS),
        Store::Sqlite(file) => (sqlite(file).await, SQLITE),
    };
    opened.map_err(|error| wrong("--store", format!("{}{hint}", in_full(&*error))))
}

type Opened = Result<SessionsBuilder, Box<dyn Error>>;

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Opened {
    // An application gives the pool that it has.
    let pool = sqlx::postgres::PgPoolOptions::new().acquire_timeout(Duration::from_secs(5));
    let store = adjourn::store::PostgresStore::builder(pool.connect(url).await?);
    // Makes the schema `adjourn`; does nothing when it is there.
    store.migrate().await?;
    Ok(Sessions::builder(store.open().await?))
}

#[cfg(feature = "redis")]
async fn redis(url: &str) -> Opened {
    let store = adjourn::store::RedisStore::builder(url)?.open().await?;
    Ok(Sessions::builder(store))
}

#[cfg(feature = "sqlite")]
async fn sqlite(file: &str) -> Opened {
    let store = adjourn::store::SqliteStore::open(file).await?;
    Ok(Sessions::builder(store))
}

/// An error with its causes, in one line. Some repeat theirs.
fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in successors(error.source(), |&cause| cause.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text.replace('\n', " ")
}

const POSTGRES: &str = "; is the server running, and may this user create a schema in this database? \
    The address is postgres://USER:PASSWORD@HOST/DATABASE";
const REDIS: &str = "; is the server running? `redis-server` starts one at redis://127.0.0.1/. \
    The address is redis://USER:PASSWORD@HOST/";
const SQLITE: &str =
    "; the folder of the file must exist, and this user must be allowed to write there";

// What the demo was built without; `flags` has refused it before.
#[cfg(not(feature = "postgres"))]
use without_it as postgres;
#[cfg(not(feature = "redis"))]
use without_it as redis;
#[cfg(not(feature = "sqlite"))]
use without_it as sqlite;

#[cfg(not(all(feature = "postgres", feature = "redis", feature = "sqlite")))]
fn without_it(_: &str) -> std::future::Ready<Opened> {
    std::future::ready(Err("the demo was built without this store".into()))
}
