//! The contract on a cluster of two masters: half of the shards on each.

use crate::{
    redis_server::Server,
    support::{Place, SECRET, claimant, log_in},
};
use adjourn::{
    id::Subject,
    reason::EndReason,
    record::{Activity, Scope},
    store::{Answer, CheckIn, End, ErrorKind, RedisStore, SessionStore},
};
use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// Masters that share the slots evenly.
pub(crate) struct Cluster(pub(crate) Vec<Server>);

impl Cluster {
    /// The one that most tests share.
    fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(2)).as_ref()
    }

    pub(crate) fn start(masters: usize) -> Option<Self> {
        let node =
            || Server::start(&["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"]);
        let nodes: Vec<Server> = (0..masters).map(|_| node()).collect::<Option<_>>()?;
        let first = nodes[0].port.to_string();
        for (number, node) in nodes.iter().enumerate() {
            let from = SLOTS * number / masters;
            let to = SLOTS * (number + 1) / masters - 1;
            let slots = [&from.to_string(), &to.to_string()];
            node.cli(&["cluster", "addslotsrange", slots[0], slots[1]]);
            node.cli(&["cluster", "set-config-epoch", &(number + 1).to_string()]);
            node.cli(&["cluster", "meet", "127.0.0.1", &first]);
        }
        let cluster = Self(nodes);
        cluster.wait_until_it_stands();
        Some(cluster)
    }

    fn wait_until_it_stands(&self) {
        let began = Instant::now();
        let known = format!("cluster_known_nodes:{}", self.0.len());
        let stands = |node: &Server| {
            let info = node.cli(&["cluster", "info"]);
            info.contains("cluster_state:ok") && info.contains(&known)
        };
        while !self.0.iter().all(stands) {
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "it does not stand"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.0.iter().map(Server::url).collect()
    }

    fn place() -> Option<Place> {
        Self::shared().map(|cluster| Place::at(cluster.urls()))
    }
}

const SLOTS: usize = 16_384;

/// How many keys of a test are on a node.
fn keys_on(node: &Server, place: &Place) -> usize {
    let pattern = format!("{}:*", place.prefix);
    node.cli(&["--scan", "--pattern", &pattern]).lines().count()
}

mod contract {
    use super::Cluster;

    adjourn::testing::store_suite!(match Cluster::place() {
        Some(place) => place,
        None => return,
    });
}

#[tokio::test]
async fn subjects_are_on_every_master_and_a_cut_of_everybody_reaches_them() {
    let (Some(cluster), Some(place)) = (Cluster::shared(), Cluster::place()) else {
        return;
    };
    let (one, two) = (place.store().await, place.store().await);
    let mut ids = HashSet::new();
    for number in 0..60 {
        ids.insert(log_in(&one, &format!("user-{number}")).await);
    }
    for node in &cluster.0 {
        assert!(keys_on(node, &place) > 60, "each has its part");
    }
    let page = two.page(None, 100).await.unwrap();
    assert_eq!(page.sessions.len(), 60);
    assert!(page.next.is_none());
    let scope = Scope::Everyone {
        created_before: None,
    };
    let generation = one.end_all(scope, EndReason::Policy.into()).await.unwrap();
    for id in &ids {
        let answer = two.check_in(*id, &SECRET, Activity::Active).await;
        let answer = answer.unwrap();
        assert!(
            matches!(&answer, CheckIn::Due(cause) if *cause.reason() == EndReason::Policy),
            "{answer:?}: it is cut"
        );
    }
    let ended = two.end_due(100, claimant()).await.unwrap();
    assert!(
        ended.iter().all(|ended| ended.cut == Some(generation)),
        "one number for all"
    );
    assert_eq!(
        ended
            .into_iter()
            .map(|ended| ended.id)
            .collect::<HashSet<_>>(),
        ids
    );
}

/// A server that never saw a script, or was told to forget it.
#[tokio::test]
async fn scripts_that_a_master_forgot_are_sent_again() {
    let Some(cluster) = Cluster::start(2) else {
        return;
    };
    let place = Place::at(cluster.urls());
    let store = place.store().await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(log_in(&store, &format!("user-{number}")).await);
    }
    for node in &cluster.0 {
        assert_eq!(node.cli(&["script", "flush"]), "OK");
    }
    let answers = store.check(&ids, Activity::Active).await.unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, adjourn::store::Checked::Live { .. }))
    );
    let ended = store
        .end_many(&ids, EndReason::Forced.into(), claimant())
        .await;
    assert_eq!(ended.unwrap().len(), 40);
}

/// Slots move to the other master while sessions are used.
///
/// What is asked meanwhile waits, up to the time limit: the client of Redis may lose its way when `ASKING` and what it is for
/// are parted by another command, and is then replaced. So it is asked again, and only what was answered counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_move_with_their_slots() {
    let Some(cluster) = Cluster::start(2) else {
        return;
    };
    let place = Place::at(cluster.urls());
    let builder = place.builder().with_time_limit(Duration::from_secs(5));
    let store = Arc::new(builder.open().await.unwrap());
    let alice = Subject::new("alice").unwrap();
    let id = log_in(&*store, "alice").await;
    let beginning = format!("{}:{{", place.prefix);
    let pattern = format!("{}:*:s:*", place.prefix);
    let holder = |node: &&Server| !node.cli(&["--scan", "--pattern", &pattern]).is_empty();
    let from = cluster.0.iter().find(holder).expect("somebody has it");
    let to = cluster
        .0
        .iter()
        .find(|node| node.port != from.port)
        .unwrap();
    let key = from.cli(&["--scan", "--pattern", &pattern]);
    assert!(key.starts_with(&beginning));
    let slot = from.cli(&["cluster", "keyslot", &key]);
    let (there, here) = (to.cli(&["cluster", "myid"]), from.cli(&["cluster", "myid"]));
    let set = |node: &Server, state: &str, other: &str| {
        let answer = node.cli(&["cluster", "setslot", &slot, state, other]);
        assert_eq!(answer, "OK", "{state}");
    };
    set(to, "importing", &here);
    set(from, "migrating", &there);

    // Under way: one key is there, the others are not. What needs both waits.
    let keys = from.cli(&["cluster", "getkeysinslot", &slot, "100"]);
    let mut keys: Vec<&str> = keys.lines().collect();
    let port = to.port.to_string();
    let migrate = |key: &str| {
        let moved = from.cli(&["migrate", "127.0.0.1", &port, key, "0", "5000"]);
        assert_eq!(moved, "OK");
    };
    migrate(&key);
    keys.retain(|other| *other != key);
    let checking = tokio::spawn(until_answered(Arc::clone(&store), move |store| {
        store.check_in(id, &SECRET, Activity::Active)
    }));
    let sweeping = tokio::spawn(until_answered(Arc::clone(&store), |store| {
        store.end_due(10, claimant())
    }));
    until_keys_of_both_are_missed(&cluster).await;
    assert!(!checking.is_finished(), "it waits for the other keys");
    for key in keys {
        migrate(key);
    }
    for node in [to, from] {
        set(node, "node", &there);
    }
    let answer = checking.await.unwrap();
    assert!(matches!(answer, CheckIn::Live(_)), "{answer:?}");
    assert!(sweeping.await.unwrap().is_empty(), "what moves is not lost");
    assert_eq!(store.list(&alice).await.unwrap().len(), 1);
    let end = store.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    let answer = store.check_in(id, &SECRET, Activity::Active).await.unwrap();
    assert!(matches!(answer, CheckIn::Ended(_)), "{answer:?}");
}

async fn until_keys_of_both_are_missed(cluster: &Cluster) {
    let said = |node: &Server| node.cli(&["info", "errorstats"]);
    let began = Instant::now();
    while !cluster.0.iter().any(|node| said(node).contains("TRYAGAIN")) {
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "no master has refused what needs keys of both (TRYAGAIN): {:?}",
            cluster.0.iter().map(said).collect::<Vec<_>>()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What the store answers in the end; meanwhile it may be unavailable, and nothing else.
async fn until_answered<T>(store: Arc<RedisStore>, ask: impl Fn(&RedisStore) -> Answer<T>) -> T {
    let began = Instant::now();
    loop {
        match ask(&store).await {
            Ok(answer) => return answer,
            Err(error) => assert!(
                error.kind() == ErrorKind::Unavailable && began.elapsed() < Duration::from_mins(2),
                "{error}"
            ),
        }
    }
}

/// A master is gone, and its replica takes over.
#[tokio::test]
async fn a_replica_that_takes_over_is_found() {
    let Some(mut cluster) = Cluster::start(2) else {
        return;
    };
    let settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"];
    let replica = Server::start(&settings).unwrap();
    let first = cluster.0[0].port.to_string();
    let master = cluster.0[0].cli(&["cluster", "myid"]);
    replica.cli(&["cluster", "meet", "127.0.0.1", &first]);
    while replica.cli(&["cluster", "replicate", &master]) != "OK" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while !replica
        .cli(&["info", "replication"])
        .contains("master_link_status:up")
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let store = Place::at(cluster.urls()).store().await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(log_in(&store, &format!("user-{number}")).await);
    }
    while replica.cli(&["dbsize"]) != cluster.0[0].cli(&["dbsize"]) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let id = ids.into_iter().find(|id| id.as_bytes()[0] < 128).unwrap();
    cluster.0[0].crash();
    assert_eq!(replica.cli(&["cluster", "failover", "takeover"]), "OK");
    let began = Instant::now();
    let end = loop {
        match store.end(id, EndReason::Logout.into(), claimant()).await {
            Ok(end) => break end,
            Err(error) => assert!(began.elapsed() < Duration::from_mins(1), "{error}"),
        }
    };
    assert!(matches!(end, End::First(_)), "{end:?}");
    let answer = store.check_in(id, &SECRET, Activity::Active).await.unwrap();
    assert!(matches!(answer, CheckIn::Ended(_)), "{answer:?}");
    drop(replica);
}
