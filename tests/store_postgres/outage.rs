//! The server stops, hangs, is cut off or has no connection left: refused in time, nothing claimed,
//! and over by itself.

use crate::{
    faults::expect,
    proxy::{Mode, Proxy},
    server::Server,
    support::{SECRET, Schema, claimant, log_in, try_log_in},
};
use adjourn::{
    id::SessionId,
    reason::EndReason,
    record::Activity,
    store::{CheckIn, End, ErrorKind, Notice, PostgresStore, SessionStore},
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(2);

/// A store with a short limit on these connections; the schema is there.
async fn quick(schema: &Schema, options: &PgConnectOptions) -> PostgresStore {
    drop(schema.store().await);
    loop {
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_lazy_with(options.clone());
        // Where the machine is busy two seconds may pass before it is open.
        if let Ok(store) = schema.builder_on(pool).with_time_limit(LIMIT).open().await {
            return store;
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_refused_in_time_and_over_by_itself() {
    let Some(server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options());
    let proxy = Proxy::before_postgres(&server).await;
    let store = quick(&schema, &proxy.options()).await;
    let id = log_in(&store, "alice").await;
    let mut notices = store.notices();
    proxy.set(Mode::Hold);
    let claimant = claimant();
    let error = store
        .check_in(id, &SECRET, Activity::Active)
        .await
        .unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["check_in", "2s"]);
    let ended = store.end(id, EndReason::Logout.into(), claimant).await;
    expect(&ended.unwrap_err(), ErrorKind::Unavailable, &["end", "2s"]);
    assert_eq!(notices.recv().await, Some(Notice::Gap), "nobody here knows");
    // More than the pool has connections: those that hang were closed.
    for _ in 0..3 {
        assert!(try_log_in(&store, "bob").await.is_err());
    }
    proxy.set(Mode::Forward);
    let end = again(&store, id, claimant).await;
    assert!(
        matches!(end, End::First(_)),
        "the same attempt, whether or not it had happened"
    );
}

/// Until the store goes on, which it must.
async fn again(store: &PostgresStore, id: SessionId, claimant: adjourn::store::Claimant) -> End {
    let mut tries = 0;
    loop {
        match store.end(id, EndReason::Logout.into(), claimant).await {
            Ok(end) => return end,
            Err(error) => assert!(tries < 30, "{error}"),
        }
        tries += 1;
    }
}

/// A connection that was just used is used again without asking whether it is there: it may be gone.
#[tokio::test]
async fn check_ins_go_on_when_their_connections_are_closed_between_them() {
    let Some(server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options());
    let own = server.options().application_name("closed");
    let store = quick(&schema, &own).await;
    let id = log_in(&store, "alice").await;
    let mut closed = 0;
    for round in 0..50 {
        let answer = store.check_in(id, &SECRET, Activity::Active).await;
        assert!(
            matches!(answer, Ok(CheckIn::Live(_))),
            "{round}: {answer:?}"
        );
        closed += schema
            .number(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                 where application_name = 'closed' and query not like 'LISTEN%'",
            )
            .await;
    }
    assert!(closed >= 50, "{closed}");
}

/// A network that swallows what there was and says nothing: each connection is given up at the limit, also where who asked went
/// away meanwhile. Else the pool runs out of them until TCP gives up, which takes minutes.
#[tokio::test]
async fn connections_that_are_dead_without_a_word_are_given_up() {
    let Some(server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options());
    let proxy = Proxy::before_postgres(&server).await;
    let store = quick(&schema, &proxy.options()).await;
    let id = log_in(&store, "alice").await;
    // More often than the pool has connections: with somebody who went away, and kept and not used.
    for round in 0..6 {
        is_live_again(&store, id).await;
        let mut asked = Box::pin(store.check_in(id, &SECRET, Activity::Active).into_future());
        if round % 2 == 0 {
            assert!(futures_util::poll!(&mut asked).is_pending());
            tokio::task::yield_now().await;
        }
        proxy.bury();
        drop(asked);
        if round % 2 == 1 {
            // Longer than a connection is kept without being used.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    is_live_again(&store, id).await;
}

/// Within some time limits.
async fn is_live_again(store: &PostgresStore, id: SessionId) {
    for _ in 0..8 {
        let answer = store.check_in(id, &SECRET, Activity::Active).await;
        if matches!(answer, Ok(CheckIn::Live(_))) {
            return;
        }
    }
    panic!("the pool has no connection left");
}

/// What check-ins keep for each other is half of the pool at most, and all is back when they have ended.
#[tokio::test]
async fn check_ins_leave_half_of_the_pool_to_others() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    schema.builder().migrate().await.unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .connect_lazy_with(schema.options.clone());
    let store = schema.builder_on(pool.clone()).open().await.unwrap();
    let id = log_in(&store, "alice").await;
    let store = std::sync::Arc::new(store);
    let asking: Vec<_> = (0..32)
        .map(|_| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { store.check_in(id, &SECRET, Activity::Active).await })
        })
        .collect();
    for asked in asking {
        assert!(matches!(asked.await.unwrap(), Ok(CheckIn::Live(_))));
    }
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(pool.acquire().await.unwrap());
    }
    drop(all);
    // The store may be dropped where there is no runtime.
    let _answered = store.check_in(id, &SECRET, Activity::Active).await;
    std::thread::spawn(move || drop(store)).join().unwrap();
}

#[tokio::test]
async fn a_reply_that_was_cut_off_is_made_up_for_by_the_same_attempt() {
    let Some(server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options());
    let proxy = Proxy::before_postgres(&server).await;
    let store = quick(&schema, &proxy.options()).await;
    for round in 0..20 {
        let id = log_in(&store, "alice").await;
        let claimant = claimant();
        let end = store.end(id, EndReason::Logout.into(), claimant);
        let end = tokio::spawn(async move { end.await });
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        proxy.set(Mode::Cut);
        let _cut_or_not = end.await.unwrap();
        proxy.set(Mode::Forward);
        let end = again(&store, id, claimant).await;
        assert!(matches!(end, End::First(_)), "round {round}");
        let lease = Duration::from_secs(30);
        let End::First(departed) = end else { return };
        assert!(store.renew(id, departed.claim, lease).await.unwrap());
    }
}

/// P1: what was answered is kept, although the connection says that it need not wait for the disk.
#[tokio::test]
async fn an_ending_survives_the_crash_of_a_server_that_commits_later() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options().options([("synchronous_commit", "off")]));
    let store = quick(&schema, &schema.options).await;
    let (id, cut) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    let mut notices = store.notices();
    let end = store.end(id, EndReason::Forced.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    let everyone = adjourn::record::Scope::Everyone {
        created_before: None,
    };
    store
        .end_all(everyone, EndReason::Policy.into())
        .await
        .unwrap();
    let server = tokio::task::spawn_blocking(move || {
        server.crash_and_restart();
        server
    });
    let server = server.await.unwrap();
    let store_again = quick(&schema, &schema.options).await;
    for store in [&store, &store_again] {
        let answer = loop {
            if let Ok(answer) = store.check_in(id, &SECRET, Activity::Active).await {
                break answer;
            }
        };
        assert!(
            matches!(&answer, CheckIn::Ended(tombstone) if *tombstone.reason() == EndReason::Forced),
            "{answer:?}: it was answered"
        );
        let answer = store
            .check_in(cut, &SECRET, Activity::Active)
            .await
            .unwrap();
        assert!(
            matches!(&answer, CheckIn::Due(cause) if *cause.reason() == EndReason::Policy),
            "{answer:?}: it was answered"
        );
    }
    loop {
        if notices.recv().await == Some(Notice::Gap) {
            break;
        }
    }
    drop(server);
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable_until_it_is_back() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let schema = Schema::on(server.options());
    let store = quick(&schema, &schema.options).await;
    let id = log_in(&store, "alice").await;
    let down = tokio::task::spawn_blocking(move || {
        server.crash();
        server
    });
    let mut server = down.await.unwrap();
    for _ in 0..3 {
        let error = store
            .check_in(id, &SECRET, Activity::Active)
            .await
            .unwrap_err();
        expect(&error, ErrorKind::Unavailable, &["check_in"]);
    }
    let up = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let _server = up.await.unwrap();
    let end = again(&store, id, claimant()).await;
    assert!(matches!(end, End::First(_)));
}

#[tokio::test]
async fn a_pool_in_use_is_unavailable_in_time() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    drop(schema.store().await);
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(schema.options.clone());
    let builder = schema.builder_on(pool.clone());
    let store = builder.with_time_limit(LIMIT * 2).open().await.unwrap();
    let held = pool.acquire().await.unwrap();
    let error = try_log_in(&store, "alice").await.unwrap_err();
    expect(
        &error,
        ErrorKind::Unavailable,
        &["create: no connection within 4s"],
    );
    drop(held);
    log_in(&store, "alice").await;
}

#[tokio::test]
async fn a_server_without_connections_is_named() {
    let Some(schema) = Schema::of_a_test() else {
        return;
    };
    drop(schema.store().await);
    let role = format!("few_{}", schema.name);
    schema
        .run(&format!("create role {role} login connection limit 0"))
        .await;
    let pool = PgPoolOptions::new().connect_lazy_with(schema.options.clone().username(&role));
    let builder = schema.builder_on(pool).with_time_limit(LIMIT);
    let error = builder.open().await.unwrap_err();
    expect(&error, ErrorKind::Unavailable, &["no connection within"]);
}
