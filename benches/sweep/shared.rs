//! The same on a store for several nodes: one node ends what is due, another checks sessions in.

use crate::{
    sessions::{IDLE, create},
    waits::report,
};
use adjourn::{
    Sessions,
    id::Token,
    record::Activity,
    store::{CheckIn, PostgresStore, RedisStore, SessionStore},
};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};

type Anything = Box<dyn Error + Send + Sync>;

pub(crate) async fn on_redis(url: &str, many: usize) -> Result<String, Anything> {
    let open = async || RedisStore::builder(url)?.open().await;
    end(open().await?, open().await?, many).await
}

pub(crate) async fn on_postgres(url: &str, many: usize) -> Result<String, Anything> {
    let open = async || {
        let store = PostgresStore::builder(sqlx::PgPool::connect_lazy(url)?);
        store.migrate().await?;
        Ok::<_, Anything>(store.open().await?)
    };
    end(open().await?, open().await?, many).await
}

/// Neither node has a sweeper in the background: what is due waits for the one sweep that is timed.
async fn end(
    checking: impl SessionStore,
    sweeping: impl SessionStore,
    many: usize,
) -> Result<String, Anything> {
    let checking = Arc::new(checking);
    fill(&checking, many).await;
    let mut tokens = Vec::new();
    for _ in 0..64 {
        tokens.push(create(&*checking, IDLE * 4, Duration::from_mins(1)).await);
    }
    let tokens = Arc::new(tokens);

    let quiet = CheckIns::start(&checking, &tokens);
    sleep(Duration::from_secs(5)).await;
    let quiet = quiet.stop().await;

    let sweeper = Sessions::builder(sweeping).build()?;
    let during = CheckIns::start(&checking, &tokens);
    let start = Instant::now();
    let mut ended = 0;
    while ended < many {
        let swept = sweeper.terminator().sweep().await?;
        if swept == 0 {
            return Err(format!("of {many} sessions {ended} were due: is the store empty?").into());
        }
        ended += swept;
    }
    let took = start.elapsed();
    let during = during.stop().await;
    Ok(format!(
        "{ended} sessions ended in {took:.1?}\n  check-ins before: {quiet}\n  check-ins during: {during}"
    ))
}

/// Sessions that are due at once, through the store, so that they are what it writes.
async fn fill(store: &Arc<impl SessionStore>, many: usize) {
    let mut filling = JoinSet::new();
    for part in 0..LOADERS {
        let store = Arc::clone(store);
        filling.spawn(async move {
            for _ in (part..many).step_by(LOADERS) {
                create(&*store, Duration::from_millis(1), Duration::ZERO).await;
            }
        });
    }
    filling.join_all().await;
}

/// Check-ins of a few clients, each one after the other, for as long as they are wanted.
struct CheckIns {
    clients: JoinSet<Vec<Duration>>,
    stop: Arc<AtomicBool>,
}

impl CheckIns {
    fn start(store: &Arc<impl SessionStore>, tokens: &Arc<Vec<Token>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (store, tokens) = (Arc::clone(store), Arc::clone(tokens));
            clients.spawn(check_in(store, tokens, client * 16, Arc::clone(&stop)));
        }
        Self { clients, stop }
    }

    async fn stop(self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        report(self.clients.join_all().await.concat())
    }
}

/// All in turn, from the one of this number.
async fn check_in(
    store: Arc<impl SessionStore>,
    tokens: Arc<Vec<Token>>,
    first: usize,
    stop: Arc<AtomicBool>,
) -> Vec<Duration> {
    let mut waits = Vec::new();
    let tokens = tokens.iter().cycle().skip(first);
    for token in tokens.take_while(|_| !stop.load(Ordering::Relaxed)) {
        let hash = token.secret_hash();
        let start = Instant::now();
        let answer = store.check_in(token.id(), &hash, Activity::Active).await;
        waits.push(start.elapsed());
        let answer = answer.expect("the store answers");
        assert!(matches!(answer, CheckIn::Live(_)), "{answer:?}");
    }
    waits
}

const CLIENTS: usize = 4;
const LOADERS: usize = 64;
