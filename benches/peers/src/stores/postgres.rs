//! On PostgreSQL: a database for each on one server, so that what each asks can be told apart.

use super::{
    failed, nothing,
    ours::{self, NEAR, NEAR_CACHE},
    postgres_server::Server,
    theirs,
};
use crate::http_load::{Asked, Contestant, Size, compare};
use adjourn::store::PostgresStore;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, PgConnection, PgPool, Row as _, postgres::PgConnectOptions,
};
use std::{collections::BTreeMap, future::Future, io};
use tokio::runtime::Builder;
use tower_sessions_sqlx_store::{
    PostgresStore as PeerStore,
    sqlx::postgres::{PgConnectOptions as PeerOptions, PgPool as PeerPool},
};

pub(crate) fn postgres(size: Size) -> io::Result<()> {
    let Some(server) = Server::start() else {
        return Ok(());
    };
    let options = server.options();
    at_once(prepare(&options))?;
    let socket = server.socket();
    let folder = socket
        .parent()
        .ok_or_else(|| failed("a folder"))?
        .to_owned();
    let near = options.clone();
    compare("on PostgreSQL", size, async move || {
        let theirs = |database: &str| {
            PeerOptions::new()
                .socket(&folder)
                .username("adjourn")
                .database(database)
        };
        contestants(&options, theirs, size.sessions).await
    })?;
    let long = size.in_long_turns();
    compare("on PostgreSQL, in long turns", long, async move || {
        with_near_cache(&near, size.sessions).await
    })
}

async fn with_near_cache(
    options: &PgConnectOptions,
    sessions: usize,
) -> io::Result<Vec<Contestant>> {
    let store = ours(options, NEAR_DATABASE).await?;
    let cookies = ours::fill(&store, sessions).await?;
    let near = ours::serve(store, &cookies, Some(NEAR));
    Ok(vec![
        nothing(&cookies),
        Contestant::new(NEAR_CACHE, near).asking(asked(options, NEAR_DATABASE)),
    ])
}

const DATABASES: [&str; 3] = ["plain", "saving", "sliding"];
const NEAR_DATABASE: &str = "near";

async fn prepare(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut admin = options.connect().await?;
    for database in DATABASES.into_iter().chain([NEAR_DATABASE]) {
        run(&mut admin, format!("create database {database}")).await?;
    }
    // Where it is not installed, transactions are counted.
    let _counted = run(&mut admin, "create extension pg_stat_statements".to_owned()).await;
    Ok(())
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(statement));
    query.execute(connection).await.map(drop)
}

async fn contestants(
    options: &PgConnectOptions,
    theirs: impl Fn(&str) -> PeerOptions,
    sessions: usize,
) -> io::Result<Vec<Contestant>> {
    let [plain, saving, sliding] = DATABASES;
    let store = ours(options, plain).await?;
    let peer = peer(theirs(saving)).await?;
    let (empty, peer_empty) = (used(options, plain).await?, used(options, saving).await?);
    let cookies = ours::fill(&store, sessions).await?;
    let peer_cookies = theirs::fill(&peer, sessions).await?;
    let (full, peer_full) = (used(options, plain).await?, used(options, saving).await?);
    let sliding_peer = self::peer(theirs(sliding)).await?;
    let sliding_cookies = theirs::fill(&sliding_peer, sessions).await?;
    let asked = |database| asked(options, database);
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

async fn ours(options: &PgConnectOptions, database: &str) -> io::Result<PostgresStore> {
    let pool = PgPool::connect_with(options.clone().database(database)).await;
    let builder = PostgresStore::builder(pool.map_err(failed)?);
    builder.migrate().await.map_err(failed)?;
    builder.open().await.map_err(failed)
}

/// As its documentation sets it up.
async fn peer(options: PeerOptions) -> io::Result<PeerStore> {
    let pool = PeerPool::connect_with(options).await.map_err(failed)?;
    let store = PeerStore::new(pool);
    store.migrate().await.map_err(failed)?;
    Ok(store)
}

/// What a database takes of the disk, its indexes included.
async fn used(options: &PgConnectOptions, database: &str) -> io::Result<u64> {
    let mut admin = options.connect().await.map_err(failed)?;
    let query = sqlx::query("select pg_database_size($1)").bind(database);
    let row = query.fetch_one(&mut admin).await.map_err(failed)?;
    let bytes: i64 = row.try_get(0).map_err(failed)?;
    Ok(bytes.unsigned_abs())
}

/// What a database was asked from outside, by `pg_stat_statements`, else its transactions.
fn asked(options: &PgConnectOptions, database: &'static str) -> Asked {
    let options = options.clone();
    Box::new(move || {
        at_once(async {
            let mut admin = options.connect().await?;
            let counted = by_statement(&mut admin, database).await;
            match counted {
                Ok(counted) => Ok(counted),
                Err(_not_installed) => by_transaction(&mut admin, database).await,
            }
        })
    })
}

async fn by_statement(
    admin: &mut PgConnection,
    database: &str,
) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    let rows = sqlx::query(
        "select left(regexp_replace(query, '\\s+', ' ', 'g'), 80), calls \
         from pg_stat_statements s join pg_database d on d.oid = s.dbid where d.datname = $1",
    );
    let rows = rows.bind(database).fetch_all(admin).await?;
    let mut asked = BTreeMap::new();
    for row in rows {
        let (statement, calls): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        *asked.entry(statement).or_insert(0) += calls.unsigned_abs();
    }
    Ok(asked)
}

async fn by_transaction(
    admin: &mut PgConnection,
    database: &str,
) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    let query = sqlx::query("select xact_commit from pg_stat_database where datname = $1");
    let committed: i64 = query.bind(database).fetch_one(admin).await?.try_get(0)?;
    Ok([("transactions".to_owned(), committed.unsigned_abs())].into())
}

fn at_once<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work).map_err(failed)
}
