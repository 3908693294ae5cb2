//! A key prefix of its own on a server of the tests', and a clock that all processes read from a file.

use crate::{
    place::{Moved, Place, Shared, ending},
    redis_server::Server,
};
use ::redis::{AsyncCommands, Client, aio::MultiplexedConnection};
use adjourn::{
    audit::{BlockingSink, Event},
    id::SessionId,
    store::{Error, RedisStore},
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
    /// Where its time is, unless it is the server's.
    folder: Option<PathBuf>,
}

impl Keys {
    pub(crate) fn at(address: &str) -> Self {
        let mut parts = address.splitn(3, ' ');
        let mut next = || {
            parts
                .next()
                .expect("a prefix, a server and a folder or none")
        };
        Self {
            prefix: next().to_owned(),
            url: next().to_owned(),
            folder: Some(next())
                .filter(|folder| !folder.is_empty())
                .map(PathBuf::from),
        }
    }

    fn clock(&self) -> Option<Moved> {
        self.folder.as_deref().map(Moved::in_folder)
    }

    async fn connection(&self) -> MultiplexedConnection {
        let client = Client::open(self.url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// The keys of all shards with such a name.
    async fn keys(&self, name: &str) -> Vec<String> {
        let mut connection = self.connection().await;
        let pattern = format!("{}:{{*}}:{name}", self.prefix);
        connection.keys(pattern).await.unwrap()
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
            folder: Some(folder.to_owned()),
        })
    }

    fn address(&self) -> String {
        let folder = self.folder.as_deref().unwrap_or(Path::new(""));
        format!("{} {} {}", self.prefix, self.url, folder.display())
    }

    async fn open(&self, limit: Duration) -> Result<RedisStore, Error> {
        let builder = RedisStore::builder(self.url.as_str()).unwrap();
        let builder = builder.with_key_prefix(&self.prefix).unwrap();
        let mut builder = builder.with_time_limit(limit);
        if let Some(clock) = self.clock() {
            builder = builder.with_test_clock(clock);
        }
        builder.open().await
    }

    async fn advance(&self, by: Duration) {
        self.clock().expect("a clock of the test's").advance(by);
    }

    async fn table(&self) -> Table {
        Table(self.connection().await, Handle::current(), self.audit())
    }

    async fn rows(&self) -> Vec<(String, String)> {
        let mut connection = self.connection().await;
        connection.hgetall(self.audit()).await.unwrap()
    }
}

impl Shared for Keys {
    type Server = Server;

    const MAX_STALENESS: Option<Duration> = Some(Duration::from_millis(500));

    fn start() -> Option<Server> {
        Server::start(&[])
    }

    async fn on(server: &Server) -> Self {
        Self {
            prefix: String::from("nodes"),
            url: server.url(),
            folder: None,
        }
    }

    fn pause(server: &mut Server) {
        server.pause();
    }

    fn resume(server: &mut Server) {
        server.go_on();
    }

    async fn ids(&self) -> Vec<SessionId> {
        let found = self.keys("s:*").await;
        let id = |key: &String| key.rsplit(':').next().unwrap().parse().unwrap();
        found.iter().map(id).collect()
    }

    async fn unfinished(&self) -> usize {
        let mut connection = self.connection().await;
        let mut count = 0;
        for name in ["ids", "work"] {
            for key in self.keys(name).await {
                count += connection.zcard::<_, usize>(key).await.unwrap();
            }
        }
        count
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
