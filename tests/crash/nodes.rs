//! Three nodes that are killed at random, on a store that is stopped at random, while clients do what
//! they like: what they were told must have been true.
//!
//! `ADJOURN_TEST_SECONDS` says for how long on each store (30: 60 s for both), `ADJOURN_TEST_SEED` repeats the choices of a
//! run; what the machine makes of them differs.

use crate::{
    history::History,
    place::{PATIENT, Shared},
    points::{Folder, ending_of},
    postgres::Database,
    random::Random,
    redis::Keys,
    running::Running,
};
use adjourn::{id::Subject, store::SessionStore};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    env, fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    sync::RwLock,
    time::{sleep, timeout},
};

const NODES: usize = 3;
const CLIENTS: u64 = 6;
const USERS: u64 = 8;

// P1 P3 R-13-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_promise_is_broken_on_postgresql() {
    nodes_die_and_the_store_stops::<Database>().await;
}

// P1 P3 R-13-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_promise_is_broken_on_redis_with_a_near_cache() {
    nodes_die_and_the_store_stops::<Keys>().await;
}

#[expect(
    clippy::print_stdout,
    reason = "the seed and figures for whoever runs the test"
)]
async fn nodes_die_and_the_store_stops<P: Shared>() {
    let Some(server) = P::start() else {
        return;
    };
    let number = |name, usual| {
        let set = env::var(name).map(|text| text.parse().expect(name));
        set.unwrap_or(usual)
    };
    let seed = number("ADJOURN_TEST_SEED", u64::from(std::process::id()));
    let until = Instant::now() + Duration::from_secs(number("ADJOURN_TEST_SECONDS", 30));
    println!("{}: ADJOURN_TEST_SEED={seed}", P::STORE);
    let cluster = Arc::new(Cluster::<P>::start(&server).await);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let cluster = Arc::clone(&cluster);
            tokio::spawn(async move { cluster.client(Random(seed ^ (client << 32)), until).await })
        })
        .collect();
    let server = cluster.disturb(server, Random(seed), until).await;
    for client in clients {
        client.await.unwrap();
    }
    cluster.conclude().await;
    println!("{}: {:?}", P::STORE, cluster.told_the_truth(seed));
    cluster.is_audited(seed).await;
    drop(server);
}

struct Cluster<P: Shared> {
    folder: Folder,
    history: Mutex<History>,
    nodes: Vec<RwLock<Running>>,
    place: P,
    store: P::Store,
}

impl<P: Shared> Cluster<P> {
    async fn start(server: &P::Server) -> Self {
        let place = P::on(server).await;
        let folder = Folder::new();
        let mut nodes = Vec::new();
        for node in 0..NODES {
            nodes.push(RwLock::new(
                Running::start(&place, &folder.0, node, 0).await,
            ));
        }
        Self {
            store: place.store(PATIENT).await,
            folder,
            history: Mutex::new(History::allowing(P::MAX_STALENESS)),
            nodes,
            place,
        }
    }

    /// Kills nodes and stops the store.
    async fn disturb(
        &self,
        mut server: P::Server,
        mut random: Random,
        until: Instant,
    ) -> P::Server {
        for incarnation in 1.. {
            sleep(Duration::from_millis(200 + random.below(800))).await;
            if Instant::now() > until {
                break;
            }
            if random.below(10) < 6 {
                let node = usize::try_from(random.below(NODES as u64)).unwrap();
                let mut running = self.nodes[node].write().await;
                running.kill().await;
                *running = Running::start(&self.place, &self.folder.0, node, incarnation).await;
                drop(running);
                self.history.lock().unwrap().count("killed");
            } else {
                let pause = Duration::from_millis(100 + random.below(2_900));
                server = tokio::task::spawn_blocking(move || {
                    P::pause(&mut server);
                    std::thread::sleep(pause);
                    P::resume(&mut server);
                    server
                })
                .await
                .unwrap();
                self.history.lock().unwrap().count("stopped");
            }
        }
        server
    }

    async fn client(&self, mut random: Random, until: Instant) {
        while Instant::now() < until {
            match random.below(100) {
                0..20 => self.log_in(&mut random).await,
                20..24 => self.end_subject(&mut random).await,
                24..32 => self.count_sessions(&mut random).await,
                32..40 => self.of_a_token("rotate", &mut random).await,
                40..50 => self.of_a_token("logout", &mut random).await,
                50..60 => self.end(&mut random).await,
                _ => self.of_a_token("get", &mut random).await,
            }
        }
    }

    async fn log_in(&self, random: &mut Random) {
        let user = format!("user-{}", random.below(USERS));
        let asked = Instant::now();
        let answer = self.ask(random, &format!("login {user}")).await;
        if let Some(["done", token, id]) = words(answer.as_ref()) {
            let mut history = self.history.lock().unwrap();
            history.logged_in(&user, id, token, asked);
            history.count("login done");
        }
    }

    async fn of_a_token(&self, what: &'static str, random: &mut Random) {
        let (token, text, session) = {
            let history = self.history.lock().unwrap();
            let tokens = history.tokens.len();
            // The last ones most of the time: the others are dead long since.
            let among = if random.below(4) == 0 { 1_000_000 } else { 12 };
            let back = random.below(among);
            let Some(token) =
                (tokens).checked_sub(1 + usize::try_from(back).unwrap() % tokens.max(1))
            else {
                return;
            };
            let of = &history.tokens[token];
            (token, of.text.clone(), of.session.clone())
        };
        let began = Instant::now();
        let answer = self.ask(random, &format!("{what} {text}")).await;
        let mut history = self.history.lock().unwrap();
        match (
            what,
            answer
                .as_deref()
                .map(|answer| answer.split(' ').collect::<Vec<_>>()),
        ) {
            ("get", Some(words)) if words[0] == "done" => {
                history.authenticated(token, began);
                history.count("get done");
            }
            ("get", Some(words)) if words[0] == "no" => history.count("get no"),
            ("logout", Some(words)) if words[0] == "done" => {
                history.ended(&session);
                history.count("logout done");
            }
            ("rotate", Some(words)) if words[0] == "done" => {
                history.authenticated(token, began);
                if !words[1].is_empty() {
                    history.rotated(token, words[1]);
                }
                history.count("rotate done");
            }
            (_, Some(words)) if words[0] == "down" => history.count("down"),
            _ => {}
        }
    }

    async fn end(&self, random: &mut Random) {
        let session = {
            let history = self.history.lock().unwrap();
            let back = usize::try_from(random.below(10)).unwrap();
            let Some(token) = history.tokens.iter().rev().nth(back) else {
                return;
            };
            token.session.clone()
        };
        let answer = self.ask(random, &format!("end {session}")).await;
        if answer.as_deref() == Some("done") {
            let mut history = self.history.lock().unwrap();
            history.ended(&session);
            history.count("end done");
        }
    }

    async fn end_subject(&self, random: &mut Random) {
        let user = format!("user-{}", random.below(USERS));
        let asked = Instant::now();
        let answer = self.ask(random, &format!("end-subject {user}")).await;
        if answer.as_deref() == Some("done") {
            let mut history = self.history.lock().unwrap();
            history.all_ended(&user, asked);
            history.count("end-subject done");
        }
    }

    /// No user ever has more than one.
    async fn count_sessions(&self, random: &mut Random) {
        let user = Subject::new(format!("user-{}", random.below(USERS))).unwrap();
        if let Ok(live) = self.store.list(&user).await
            && live.len() > 1
        {
            let wrong = format!("{user} has {} sessions", live.len());
            self.history.lock().unwrap().wrong.push(wrong);
        }
    }

    /// What a random node answers; `None` when it was killed.
    async fn ask(&self, random: &mut Random, order: &str) -> Option<String> {
        let node = usize::try_from(random.below(NODES as u64)).unwrap();
        // Not held while it answers: it may be killed meanwhile.
        let answer = self.nodes[node].read().await.ask(order).await;
        let waited = timeout(Duration::from_mins(1), answer).await;
        waited.expect("a node answers or dies").ok()
    }

    /// Ends everything, and waits until all work is done.
    async fn conclude(&self) {
        let mut random = Random(1);
        let began = Instant::now();
        while self.ask(&mut random, "end-everyone -").await.as_deref() != Some("done") {
            assert!(began.elapsed() < Duration::from_mins(1), "nothing goes on");
        }
        while self.place.unfinished().await > 0 {
            assert!(began.elapsed() < Duration::from_mins(2), "work is left");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// What clients were told was true; answers how much of it there was.
    fn told_the_truth(&self, seed: u64) -> HashMap<&'static str, usize> {
        let history = self.history.lock().unwrap();
        assert!(
            history.wrong.is_empty(),
            "seed {seed}: {:#?}",
            history.wrong
        );
        for what in [
            "killed",
            "stopped",
            "get done",
            "get no",
            "logout done",
            "end done",
        ] {
            assert!(history.counts.contains_key(what), "{what} never happened");
        }
        history.counts.clone()
    }

    /// Every session of the store has ended once, and every copy of its ending says the same.
    async fn is_audited(&self, seed: u64) {
        let mut records: HashMap<String, Vec<Value>> = HashMap::new();
        for file in fs::read_dir(&self.folder.0).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            // What a process that was killed wrote last may be half a line.
            let lines = text
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            for record in lines.filter(|record| record["event"] == "session-ended") {
                let id = record["session_id"].as_str().unwrap().to_owned();
                records.entry(id).or_default().push(record);
            }
        }
        let rows: BTreeMap<String, String> = self.place.rows().await.into_iter().collect();
        let sessions = self.place.ids().await;
        for id in &sessions {
            let tombstone = self.store.tombstone(*id).await.unwrap();
            let reason = tombstone.expect("it has ended").reason().code().to_owned();
            let id = id.to_string();
            let records = records.remove(&id).unwrap_or_default();
            assert!(!records.is_empty(), "seed {seed}: {id} was not recorded");
            let first = records
                .iter()
                .filter(|record| record["redelivered"] == false);
            assert!(first.count() <= 1, "seed {seed}: {records:#?}");
            let endings: Vec<_> = records.into_iter().map(ending_of).collect();
            assert!(
                endings.iter().all(|ending| *ending == endings[0]),
                "seed {seed}: {endings:#?}"
            );
            assert_eq!(endings[0]["reason"], reason.as_str(), "seed {seed}: {id}");
            assert_eq!(rows.get(&id), Some(&reason), "seed {seed}: {id}");
        }
        assert!(
            records.is_empty(),
            "seed {seed}: of no session: {records:#?}"
        );
        assert_eq!(rows.len(), sessions.len(), "seed {seed}");
        let known = &self.history.lock().unwrap().sessions;
        assert!(
            sessions.len() >= known.len() && !known.is_empty(),
            "seed {seed}"
        );
    }
}

fn words(answer: Option<&String>) -> Option<[&str; 3]> {
    let words: Vec<_> = answer?.splitn(3, ' ').collect();
    words.try_into().ok()
}
