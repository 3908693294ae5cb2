//! What a session costs the server: printed with `--nocapture`, and never more than the guide says.

use crate::{
    redis_server::Server,
    support::{Place, SECRET, claimant, plan},
};
use adjourn::{
    reason::EndReason,
    record::{Activity, Values},
    store::{NewSession, SessionStore},
};

const MANY: usize = 5_000;

fn number(server: &Server, section: &str, name: &str) -> usize {
    let info = server.cli(&["info", section]);
    let line = info.lines().find_map(|line| line.strip_prefix(name));
    let digits = line.unwrap().split(['.', ',']).next().unwrap();
    digits.trim().parse().unwrap()
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "figures for whoever runs the test")]
async fn bytes_and_server_time_of_a_session() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let store = Place::on(&server).store().await;
    let used = || number(&server, "memory", "used_memory:");
    let empty = used();
    let mut ids = Vec::with_capacity(MANY);
    for number in 0..MANY {
        let session = NewSession {
            values: Values::from_iter([("cart", b"[1]".as_slice())]),
            ..plan(&store, &format!("user-{number}")).await
        };
        ids.push(session.id);
        drop(store.create(session).await.unwrap());
    }
    let live = (used() - empty) / MANY;
    for id in &ids {
        drop(
            store
                .check_in(*id, &SECRET, Activity::Active)
                .await
                .unwrap(),
        );
    }
    server.cli(&["config", "resetstat"]);
    for id in &ids {
        drop(
            store
                .check_in(*id, &SECRET, Activity::Active)
                .await
                .unwrap(),
        );
    }
    let stats = server.cli(&["info", "commandstats"]);
    let evalsha = stats
        .lines()
        .find(|line| line.starts_with("cmdstat_evalsha:"));
    let time = evalsha.unwrap().split("usec_per_call=").nth(1).unwrap();
    let time = time.split(',').next().unwrap();
    for ids in ids.chunks(500) {
        let ended = store.end_many(ids, EndReason::Forced.into(), claimant());
        for ended in ended.await.unwrap() {
            assert!(store.acknowledge(ended.id, ended.claim).await.unwrap());
        }
    }
    let ended = (used() - empty) / MANY;
    println!(
        "a session {live} bytes, its tombstone {ended} bytes; a check-in {time} us of the server's time"
    );
    assert!(live < 1_400 && ended < 1_000, "{live} and {ended}");
}
