//! On Redis: a server for each, so that what each asks can be told apart.

use super::{
    failed, nothing,
    ours::{self, NEAR, NEAR_CACHE},
    redis_server::Server,
    theirs,
};
use crate::http_load::{Asked, Contestant, Size, compare};
use adjourn::store::RedisStore;
use std::{collections::BTreeMap, io, sync::Arc};
use tower_sessions_redis_store::{
    RedisStore as PeerStore,
    fred::prelude::{ClientLike, Config, Pool},
};

pub(crate) fn redis(size: Size) -> io::Result<()> {
    let servers: Option<Vec<_>> = (0..4).map(|_| Server::start(&SETTINGS)).collect();
    let Some(servers) = servers else {
        return Ok(());
    };
    let servers: Vec<_> = servers.into_iter().map(Arc::new).collect();
    let all = servers.clone();
    compare("on Redis", size, async move || {
        contestants(&all, size.sessions).await
    })?;
    let long = size.in_long_turns();
    compare("on Redis, in long turns", long, async move || {
        with_near_cache(&servers, size.sessions).await
    })
}

async fn with_near_cache(servers: &[Arc<Server>], sessions: usize) -> io::Result<Vec<Contestant>> {
    let [.., server] = servers else {
        return Err(failed("four servers"));
    };
    let store = ours(server).await?;
    let cookies = ours::fill(&store, sessions).await?;
    let near = ours::serve(store, &cookies, Some(NEAR));
    Ok(vec![
        nothing(&cookies),
        Contestant::new(NEAR_CACHE, near).asking(asked(server)),
    ])
}

async fn contestants(servers: &[Arc<Server>], sessions: usize) -> io::Result<Vec<Contestant>> {
    let [plain, saving, sliding, _near] = servers else {
        return Err(failed("four servers"));
    };
    let store = ours(plain).await?;
    let peer = peer(saving).await?;
    let (empty, peer_empty) = (used(plain)?, used(saving)?);
    let cookies = ours::fill(&store, sessions).await?;
    let peer_cookies = theirs::fill(&peer, sessions).await?;
    let (full, peer_full) = (used(plain)?, used(saving)?);
    let sliding_peer = self::peer(sliding).await?;
    let sliding_cookies = theirs::fill(&sliding_peer, sessions).await?;
    Ok(vec![
        nothing(&cookies),
        Contestant::new("adjourn", ours::serve(store, &cookies, None))
            .asking(asked(plain))
            .weighing(empty, full, sessions),
        Contestant::new(
            "tower-sessions, not sliding",
            theirs::serve(peer, &peer_cookies, false),
        )
        .asking(asked(saving))
        .weighing(peer_empty, peer_full, sessions),
        Contestant::new(
            "tower-sessions, sliding",
            theirs::serve(sliding_peer, &sliding_cookies, true),
        )
        .asking(asked(sliding)),
    ])
}

async fn ours(server: &Server) -> io::Result<RedisStore> {
    let builder = RedisStore::builder(server.url()).map_err(failed)?;
    builder.open().await.map_err(failed)
}

/// As its documentation sets it up.
async fn peer(server: &Server) -> io::Result<PeerStore<Pool>> {
    let config = Config::from_url(&server.url()).map_err(failed)?;
    let pool = Pool::new(config, None, None, None, 6).map_err(failed)?;
    let _connecting = pool.connect();
    pool.wait_for_connect().await.map_err(failed)?;
    Ok(PeerStore::new(pool))
}

/// The server's memory.
fn used(server: &Server) -> io::Result<u64> {
    let info = server.cli(&["info", "memory"]);
    let mut lines = info.lines();
    let used = lines.find_map(|line| line.strip_prefix("used_memory:"));
    let used = used.and_then(|used| used.trim().parse().ok());
    used.ok_or_else(|| failed("no used_memory"))
}

/// `INFO commandstats`, where what a script asks counts as well.
fn asked(server: &Arc<Server>) -> Asked {
    let server = Arc::clone(server);
    Box::new(move || {
        let stats = server.cli(&["info", "commandstats"]);
        let mut asked = BTreeMap::new();
        for line in stats.lines() {
            let named = line
                .strip_prefix("cmdstat_")
                .and_then(|it| it.split_once(':'));
            let Some((command, figures)) = named.filter(|(command, _)| *command != "info") else {
                continue;
            };
            let calls = figures.split(',').find_map(|it| it.strip_prefix("calls="));
            let calls = calls.and_then(|calls| calls.trim().parse().ok());
            asked.insert(command.to_owned(), calls.ok_or_else(|| failed("no calls"))?);
        }
        Ok(asked)
    })
}

/// As Redis comes: what is measured is the round trip, not the disk.
const SETTINGS: [&str; 2] = ["--appendonly", "no"];
