//! examples/demo on stores that outlive it, and that several nodes share.

#[path = "../store_redis/redis_server.rs"]
#[allow(
    clippy::print_stderr,
    dead_code,
    reason = "the tests of the store use the rest"
)]
mod redis_server;
#[path = "../store_postgres/server.rs"]
#[allow(
    clippy::print_stderr,
    dead_code,
    reason = "the tests of the store use the rest"
)]
mod server;

use crate::{
    support::{Call, Events, Example, Folder, counter, eventually, exit_of},
    websockets::{next, open},
};
use sqlx::ConnectOptions;

#[test]
fn who_is_logged_in_stays_so_over_a_restart() {
    let folder = Folder::new();
    let store = format!("sqlite:{}", folder.file("bank.db"));
    let demo = Example::demo(&["--store", &store]);
    let (alice, bob) = (
        demo.logged_in("alice", "wonderland"),
        demo.logged_in("bob", "builder"),
    );
    bob.clone().log_out();
    assert_eq!(demo.terminate(), Some(0));

    let again = Example::demo(&["--store", &store]);
    let (mut alice, mut bob) = (alice.at(again.address), bob.at(again.address));
    alice.get("/account").shows(200, "Balance: 4,217.00");
    bob.fetch("/api/me").refuses("logout");
    assert_eq!(counter(&again, "live_sessions"), 1);
    let before = alice.clone();
    alice.log_out().leads_to("/session/signed-out");
    assert_eq!(again.terminate(), Some(0));

    let again = Example::demo(&["--store", &store]);
    before.at(again.address).fetch("/api/me").refuses("logout");
}

/// What ends on one node is refused by the other, and cut there: also where it remembers.
async fn ends_on_the_other_node(store: &str) {
    let one = Example::demo(&["--store", store, "--node", "a"]);
    let flags = ["--store", store, "--node", "b", "--max-staleness", "1s"];
    let two = Example::demo(&flags);
    for (node, name) in [(&one, "a"), (&two, "b")] {
        let counters = Call::get("/debug/live").send(node.address).json();
        assert_eq!(counters["node"], name);
    }
    let mut alice = one.logged_in("alice", "wonderland");
    let (mut there, bob) = (alice.at(two.address), two.logged_in("bob", "builder"));
    there
        .get("/live")
        .shows(200, "Held open by node <strong>b</strong>");
    let mut events = Events::open(&two, &there, "/events");
    events.wait_for("event: tick");
    let origin = format!("http://{}", two.address);
    let mut socket = open(two.address, &there, "/ws", &origin).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap(), "tick");
    assert!(counter(&two, "open_connections") > 0);

    alice.log_out().leads_to("/session/signed-out");
    let rest = events.read_to_end();
    assert!(rest.contains(r#"data: {"reason":"logout"}"#), "{rest}");
    let over = loop {
        if let Err(over) = next(&mut socket).await {
            break over;
        }
    };
    assert_eq!(over, (3000, "logout".to_owned()));
    let again = open(two.address, &there, "/ws", &origin).await;
    assert_eq!(again.err(), Some(401), "the dead token opens nothing");
    there.fetch("/api/me").refuses("logout");
    eventually("nothing open", || {
        (counter(&two, "open_connections") == 0).then_some(())
    });
    bob.at(one.address).get("/account").shows(200, "Balance");

    // A node that stops takes nobody with it.
    assert_eq!(two.terminate(), Some(0));
    bob.at(one.address).get("/account").shows(200, "Balance");
}

// P1 P4 R-14-7
#[tokio::test]
async fn two_nodes_are_one_bank_on_redis() {
    let Some(server) = redis_server::Server::start(&[]) else {
        return;
    };
    ends_on_the_other_node(&server.url()).await;
}

// P1 P4 R-14-7
#[tokio::test]
async fn two_nodes_are_one_bank_on_postgresql() {
    let Some(server) = server::Server::start() else {
        return;
    };
    let url = server.options().to_url_lossy();
    ends_on_the_other_node(url.as_str()).await;
}

#[test]
fn a_store_that_cannot_be_opened_is_named_with_what_to_do() {
    let folder = Folder::new();
    let text = folder.file("notes.txt");
    std::fs::write(
        &text,
        "This is no database, and stays as it is. ".repeat(100),
    )
    .unwrap();
    let foreign = format!("sqlite:{text}");
    for (store, named) in [
        (
            "sqlite:/nowhere/bank.db",
            "the folder of the file must exist",
        ),
        (foreign.as_str(), "not a SQLite database"),
        ("redis://:secret@127.0.0.1:1/", "is the server running?"),
        ("redis://:secret@no host/", "The address is redis://"),
        ("rediss://:secret@127.0.0.1/", "tokio-rustls-comp"),
        ("postgres://u:secret@127.0.0.1:1/x", "is the server running"),
        ("postgres://u:secret@host:port/x", "invalid port"),
    ] {
        let (status, stdout, stderr) = exit_of(&["--listen", "127.0.0.1:0", "--store", store]);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{store}");
        assert!(
            stderr.starts_with("--store: ") && stderr.contains(named),
            "{store}: {stderr}"
        );
        assert!(!stderr.contains("secret"), "{store}: {stderr}");
    }
}
