//! Redis: stopped, paused, cut off, slow, out of connections, full, and empty when it is back.

use crate::{
    any::{self, Stoppable, with},
    open::{Users, assert_unavailable, site},
    place::Place,
    proxy::{Proxy, Upstream},
    redis_server::Server,
};
use ::redis::{Client, cmd};
use adjourn::{
    store::RedisStore,
    time::{Clock, ManualClock},
};
use http::{Method, StatusCode};
use std::{
    path::Path,
    time::{Duration, Instant},
};

impl Stoppable for Server {
    fn crash(&mut self) {
        Self::crash(self);
    }

    fn restart(&mut self) {
        Self::restart(self);
    }

    fn pause(&mut self) {
        Self::pause(self);
    }

    fn resume(&mut self) {
        self.go_on();
    }
}

/// A server of its own, a site on it through a proxy with the default time limit, and users.
async fn begin(grace: Duration) -> Option<(Server, Proxy, Users)> {
    let server = Server::start(&[])?;
    let proxy = Proxy::before(Upstream::Port(server.port)).await;
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    let store = RedisStore::builder(url).unwrap().open().await.unwrap();
    let users = Users::of(site(store, grace).await).await;
    Some((server, proxy, users))
}

// P8 R-14-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_paused_held_and_cut_off_are_refused_and_over_by_themselves() {
    if let Some((server, proxy, users)) = begin(Duration::MAX).await {
        any::stopped_paused_held_and_cut_off(server, proxy, users).await;
    }
}

// R-14-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_cut_after_the_grace_and_come_back_without_a_crowd() {
    let Some((server, proxy, users)) = begin(Duration::from_millis(500)).await else {
        return;
    };
    server.cli(&["config", "resetstat"]);
    let (open, token) = (users.connect().await, users.alice.token());
    let server = with(server, Server::pause).await;
    open.are_cut_as_unavailable("paused").await;
    // Everybody asks at once.
    let asking: Vec<_> = (0..100)
        .map(|_| users.alice.fetch(Method::GET, "/me").spawn())
        .collect();
    for got in asking {
        assert_unavailable(&got.await.unwrap(), "paused", "one of a crowd");
    }
    let before = proxy.connections();
    let server = with(server, Server::resume).await;
    users.goes_on("resumed").await;
    assert_eq!(users.alice.token(), token, "nobody had to log in");
    let made = proxy.connections() - before;
    assert!(
        made <= 2,
        "{made}: the one for operations and the one that listens"
    );
    // What was on its way when the server stood still is done once, and not asked again.
    let stats = server.cli(&["info", "commandstats"]);
    let (_, calls) = stats.split_once("cmdstat_evalsha:calls=").unwrap();
    let (calls, _) = calls.split_once(',').unwrap();
    assert!(calls.parse::<usize>().unwrap() < 40, "{stats}");
    users.logs_out("resumed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_works_until_it_is_slower_than_the_limit() {
    if let Some((_server, proxy, users)) = begin(Duration::MAX).await {
        any::slow(proxy, users).await;
    }
}

// P8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_is_no_log_out_and_no_half_of_one() {
    if let Some((_server, proxy, users)) = begin(Duration::MAX).await {
        any::an_answer_is_lost(proxy, users).await;
    }
}

/// What came back is another database: everybody is logged out, and nobody is somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_empty_knows_nobody() {
    let Some((server, _proxy, users)) = begin(Duration::MAX).await else {
        return;
    };
    let open = users.connect().await;
    let server = with(server, Server::crash).await;
    users.everything_is_refused("stopped").await;
    let server = with(server, Server::restart).await;
    assert_eq!(server.cli(&["flushall"]), "OK");
    // Its session is not known any more: that is said, and the cookie goes.
    loop {
        let got = users.answers("empty").await;
        // It may have been asked before it was emptied.
        if got.status == StatusCode::SEE_OTHER {
            break;
        }
    }
    assert!(users.alice.token().is_none());
    open.are_ended("lost").await;
    users.alice.log_in("alice").await;
    let page = users.alice.get("/me").await;
    assert_eq!(page.text(), "Private page of alice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_out_of_connections_is_refused_until_it_has_some() {
    let Some((server, _proxy, users)) = begin(Duration::MAX).await else {
        return;
    };
    // The only one that it takes: those that there are go, and no new ones come.
    let admin = Client::open(server.url()).unwrap();
    let mut admin = admin.get_multiplexed_async_connection().await.unwrap();
    for order in [
        "CONFIG SET maxclients 1",
        "CLIENT KILL TYPE pubsub",
        "CLIENT KILL TYPE normal SKIPME yes",
    ] {
        let mut words = order.split(' ');
        let mut command = cmd(words.next().unwrap());
        let done = command
            .arg(words.collect::<Vec<_>>())
            .exec_async(&mut admin);
        done.await.unwrap();
    }
    users.everything_is_refused("no connection").await;
    let failures = users.failures();
    let named = |failure: &String| failure.contains("maxclients");
    assert!(failures.iter().any(named), "{failures:#?}");
    let mut more = cmd("CONFIG");
    let more = more.arg("SET").arg("maxclients").arg(100);
    more.exec_async(&mut admin).await.unwrap();
    users.goes_on("connections").await;
    users.logs_out("connections").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_takes_no_log_in_and_ends_sessions_all_the_same() {
    let Some((server, _proxy, users)) = begin(Duration::MAX).await else {
        return;
    };
    let bob = users.site.logged_in("bob").await;
    assert_eq!(server.cli(&["config", "set", "maxmemory", "1"]), "OK");
    let visitor = users.alice.fresh();
    let refused = visitor.post("/login?as=carol").await;
    assert_unavailable(&refused, "full", "log-in");
    assert!(refused.set_cookies().is_empty());
    let failures = users.failures();
    let named = |failure: &String| failure.contains("maxmemory");
    assert!(failures.iter().any(named), "{failures:#?}");
    assert_eq!(users.alice.get("/me").await.text(), "Private page of alice");
    let copy = bob.stolen_copy();
    assert_eq!(bob.post_api("/logout").await.status, StatusCode::OK);
    assert_eq!(copy.get_api("/api/me").await.reason(), "logout");
    assert_eq!(server.cli(&["config", "set", "maxmemory", "0"]), "OK");
    visitor.log_in("carol").await;
    users.logs_out("room").await;
}

/// Makes the server save, and waits for what comes of it.
async fn saved(server: &Server, status: &str) {
    let (began, status) = (Instant::now(), format!("rdb_last_bgsave_status:{status}"));
    loop {
        server.cli(&["bgsave"]);
        let info = server.cli(&["info", "persistence"]);
        if info.contains(&status) && info.contains("rdb_bgsave_in_progress:0") {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{info}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Its disk is full: it refuses whatever could write (MISCONF), and so each check-in.
// P8 R-14-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_write_to_its_disk_is_refused_and_over_by_itself() {
    let Some((server, _proxy, users)) = begin(Duration::MAX).await else {
        return;
    };
    // A folder where the snapshot is to be: so the server of the superuser fails, too.
    let folder = server.cli(&["config", "get", "dir"]);
    let folder = folder.lines().last().expect("its folder");
    let in_the_way = Path::new(folder).join("dump.rdb");
    std::fs::create_dir(&in_the_way).unwrap();
    assert_eq!(server.cli(&["config", "set", "save", "3600 1"]), "OK");
    saved(&server, "err").await;
    assert_unavailable(&users.alice.get("/me").await, "full disk", "a page");
    let refused = users.alice.post_api("/logout").await;
    assert_unavailable(&refused, "full disk", "log-out");
    assert!(refused.set_cookies().is_empty(), "it is not claimed");
    let visitor = users.alice.fresh();
    assert_unavailable(
        &visitor.post("/login?as=carol").await,
        "full disk",
        "log-in",
    );
    let failures = users.failures();
    let named = |failure: &String| failure.contains("stop-writes-on-bgsave-error");
    assert!(failures.iter().any(named), "{failures:#?}");
    std::fs::remove_dir(&in_the_way).unwrap();
    saved(&server, "ok").await;
    users.goes_on("room on the disk").await;
    users.logs_out("room on the disk").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_stops_the_sweeper_until_it_is_back() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let users = Users::of(site(place.timed().await, Duration::MAX).await).await;
    let move_time = |clock: &ManualClock, millis: i64| {
        let by = Duration::from_millis(millis.unsigned_abs());
        let now = clock.now();
        clock.set(if millis < 0 {
            now.saturating_sub(by)
        } else {
            now.saturating_add(by)
        });
    };
    any::the_clock_jumps(users, async |millis| move_time(&place.clock, millis)).await;
}
