//! PostgreSQL: stopped, paused, cut off, slow, out of connections, full, and empty when it is back.

use crate::{
    any::{self, Stoppable, with},
    mounted::Mounted,
    open::{Users, assert_unavailable, site},
    proxy::Proxy,
    schema::Schema,
    server::Server,
};
use adjourn::store::PostgresStore;
use http::{Method, StatusCode};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::{fs, time::Duration};

/// How many connections the pool has.
const POOL: u32 = 4;

/// A store as an application has it, with the default time limit, on a pool of its own.
async fn store(schema: &Schema, options: &PgConnectOptions) -> PostgresStore {
    let pool = PgPoolOptions::new()
        .max_connections(POOL)
        .connect_lazy_with(options.clone());
    let builder = PostgresStore::builder(pool).with_schema(&schema.name);
    builder.unwrap().open().await.unwrap()
}

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
        Self::resume(self);
    }
}

/// A server of its own, a site on it through a proxy, and users.
async fn begin(grace: Duration) -> Option<(Server, Schema, Proxy, Users)> {
    let server = Server::start()?;
    let schema = Schema::on(server.options());
    schema.builder().migrate().await.unwrap();
    let proxy = Proxy::before_postgres(&server).await;
    let store = store(&schema, &proxy.options()).await;
    let users = Users::of(site(store, grace).await).await;
    Some((server, schema, proxy, users))
}

// P8 R-14-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_paused_held_and_cut_off_are_refused_and_over_by_themselves() {
    if let Some((server, _schema, proxy, users)) = begin(Duration::MAX).await {
        any::stopped_paused_held_and_cut_off(server, proxy, users).await;
    }
}

// R-14-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_cut_after_the_grace_and_come_back_without_a_crowd() {
    let Some((server, schema, proxy, users)) = begin(Duration::from_millis(500)).await else {
        return;
    };
    schema
        .run("create extension if not exists pg_stat_statements schema public")
        .await;
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
    let _server = with(server, Server::resume).await;
    schema.run("select public.pg_stat_statements_reset()").await;
    users.goes_on("resumed").await;
    assert_eq!(users.alice.token(), token, "nobody had to log in");
    let made = proxy.connections() - before;
    assert!(
        made <= POOL as usize + 1,
        "{made}: the pool and the one that listens"
    );
    let count = |part: &str| {
        format!(
            "select coalesce(sum(calls), 0)::bigint from public.pg_stat_statements \
             where toplevel and query like '%\"@schema@\".{part}%'"
        )
    };
    // What 100 requests asked for that nobody waits for any more is not asked again.
    let shared = schema.number(&count("session s where s.id = a.id")).await;
    assert!((1..20).contains(&(shared + schema.number(&count("check_in(")).await)));
    assert!(schema.number(&count("check_held(")).await < 20);
    users.logs_out("resumed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_works_until_it_is_slower_than_the_limit() {
    if let Some((_server, _schema, proxy, users)) = begin(Duration::MAX).await {
        any::slow(proxy, users).await;
    }
}

// P8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_is_no_log_out_and_no_half_of_one() {
    if let Some((_server, _schema, proxy, users)) = begin(Duration::MAX).await {
        any::an_answer_is_lost(proxy, users).await;
    }
}

/// What came back is another database: everybody is logged out, and nobody is somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_empty_knows_nobody() {
    let Some((_server, schema, _proxy, users)) = begin(Duration::MAX).await else {
        return;
    };
    let open = users.connect().await;
    schema.run("drop schema @schema@ cascade").await;
    users.everything_is_refused("no schema").await;
    schema.builder().migrate().await.unwrap();
    // Its session is not known any more: that is said, and the cookie goes.
    let got = users.answers("migrated").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{got:?}");
    assert!(users.alice.token().is_none());
    open.are_ended("lost").await;
    users.alice.log_in("alice").await;
    let page = users.alice.get("/me").await;
    assert_eq!(page.text(), "Private page of alice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_out_of_connections_is_refused_until_it_has_some() {
    let Some((_server, schema, _proxy, users)) = begin(Duration::MAX).await else {
        return;
    };
    // Those that there are go, and no new ones come.
    schema.run("create role other login superuser").await;
    let admin = Schema::named(&schema.name, schema.options.clone().username("other"));
    admin
        .run(
            "alter role adjourn nosuperuser connection limit 0; \
             select pg_terminate_backend(pid) from pg_stat_activity where usename = 'adjourn'",
        )
        .await;
    users.everything_is_refused("no connection").await;
    admin.run("alter role adjourn connection limit -1").await;
    users.goes_on("connections").await;
    users.logs_out("connections").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_stops_the_sweeper_until_it_is_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options());
    schema.builder().migrate().await.unwrap();
    schema.stop_time().await;
    let store = store(&schema, &server.options()).await;
    let users = Users::of(site(store, Duration::MAX).await).await;
    any::the_clock_jumps(users, async |millis| schema.move_time(millis).await).await;
}

/// On a file system of its own, where this user may mount one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_takes_no_log_in_and_claims_none() {
    let Some(server) = Server::start() else {
        return;
    };
    let folder = server.socket().with_file_name("small");
    fs::create_dir(&folder).unwrap();
    // For the user that the server runs as where the tests run as root.
    let Some(_mounted) = Mounted::new(&folder, "size=2m,uid=65534,gid=65534,mode=0700") else {
        eprintln!("skipped: only root may mount a file system to fill it");
        return;
    };
    let schema = Schema::on(server.options());
    let at = folder.display();
    schema
        .run(&format!("create tablespace small location '{at}'"))
        .await;
    let options = server.options().options([("default_tablespace", "small")]);
    let small = Schema::named(&schema.name, options);
    small.builder().migrate().await.unwrap();
    let users = Users::of(site(store(&small, &server.options()).await, Duration::MAX).await).await;
    let bob = users.site.logged_in("bob").await;
    fs::write(folder.join("filler"), vec![0; 16 << 20]).unwrap_err();
    let visitor = users.alice.fresh();
    let mut refused = None;
    for _ in 0..500 {
        let got = visitor.fresh().post("/login?as=carol").await;
        if got.status != StatusCode::OK {
            refused = Some(got);
            break;
        }
    }
    let refused = refused.expect("a full disk takes no session");
    assert_unavailable(&refused, "full", "log-in");
    assert!(refused.set_cookies().is_empty());
    let failures = users.failures();
    assert!(
        failures
            .iter()
            .any(|failure| failure.contains("disk of the server is full"))
    );
    assert_eq!(users.alice.get("/me").await.text(), "Private page of alice");
    // An ending finds room in the page of its session, or says that it did not.
    let copy = bob.stolen_copy();
    let got = bob.post_api("/logout").await;
    if got.status == StatusCode::OK {
        assert_eq!(copy.get_api("/api/me").await.reason(), "logout");
    } else {
        assert_unavailable(&got, "full", "log-out");
        assert_eq!(copy.get_api("/api/me").await.status, StatusCode::OK);
    }
    fs::remove_file(folder.join("filler")).unwrap();
    visitor.log_in("carol").await;
    users.logs_out("room").await;
}
