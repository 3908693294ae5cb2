//! A key prefix of its own on a server of the tests', and a clock that all processes read from a file.

use crate::{
    place::{Moved, Place, ending},
    redis_server::Server,
};
use ::redis::{AsyncCommands, Client, aio::MultiplexedConnection};
use adjourn::{
    audit::{BlockingSink, Event},
    store::RedisStore,
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::runtime::Handle;

pub(crate) struct Keys {
    prefix: String,
    url: String,
    folder: PathBuf,
}

impl Keys {
    pub(crate) fn at(address: &str) -> Self {
        let mut parts = address.splitn(3, ' ');
        let mut next = || parts.next().expect("a prefix, a server and a folder");
        Self {
            prefix: next().to_owned(),
            url: next().to_owned(),
            folder: next().into(),
        }
    }

    fn clock(&self) -> Moved {
        Moved::in_folder(&self.folder)
    }

    async fn connection(&self) -> MultiplexedConnection {
        let client = Client::open(self.url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Not below the prefix: the store knows every key there.
    fn audit(&self) -> String {
        format!("audit-of-{}", self.prefix)
    }
}

impl Place for Keys {
    type Store = RedisStore;
    type Table = Table;

    const STORE: &'static str = "redis";

    async fn make(folder: &Path) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        Some(Self {
            prefix: format!("crash{number}"),
            url: Server::shared()?.url(),
            folder: folder.to_owned(),
        })
    }

    fn address(&self) -> String {
        format!("{} {} {}", self.prefix, self.url, self.folder.display())
    }

    async fn store(&self, limit: Duration) -> RedisStore {
        let builder = RedisStore::builder(self.url.as_str()).unwrap();
        let builder = builder.with_key_prefix(&self.prefix).unwrap();
        let builder = builder.with_time_limit(limit).with_test_clock(self.clock());
        builder.open().await.unwrap()
    }

    async fn advance(&self, by: Duration) {
        self.clock().advance(by);
    }

    async fn table(&self) -> Table {
        Table(self.connection().await, Handle::current(), self.audit())
    }

    async fn rows(&self) -> Vec<(String, String)> {
        let mut connection = self.connection().await;
        connection.hgetall(self.audit()).await.unwrap()
    }
}

pub(crate) struct Table(MultiplexedConnection, Handle, String);

impl BlockingSink for Table {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let Some((id, reason)) = ending(event) else {
            return Ok(());
        };
        let insert = self.0.hset_nx::<_, _, _, bool>(&self.2, id, reason);
        self.1.block_on(insert).map(drop).map_err(io::Error::other)
    }
}
