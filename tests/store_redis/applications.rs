//! Two applications on one server.

#[path = "../store_common/applications.rs"]
mod common;

use crate::{
    faults::expect,
    redis_server::Server,
    support::{Place, SECRET, log_in},
};
use adjourn::{
    record::Activity,
    store::{CheckIn, ErrorKind, SessionStore, redis::RedisStoreBuilder},
};
use std::{sync::Arc, time::Duration};

fn named(place: &Place, name: Option<&str>) -> RedisStoreBuilder {
    let builder = place.builder();
    match name {
        Some(name) => builder.with_application(name),
        None => builder,
    }
}

#[tokio::test]
async fn two_applications_with_one_prefix_are_told_apart() {
    let Some(server) = Server::shared() else {
        return;
    };
    let places = [(); 3].map(|()| Place::on(server));
    let open = async |number: usize, name: Option<&str>| {
        let opened = named(&places[number], name).open().await;
        opened.map(|store| Arc::new(store) as Arc<dyn SessionStore>)
    };
    common::are_told_apart(open, "RedisStoreBuilder::with_key_prefix").await;
}

/// The server was emptied, and another application was there first when the connection came back.
#[tokio::test]
async fn a_prefix_that_became_anothers_is_refused_by_a_store_that_is_open() {
    let Some(mut server) = Server::start(&[]) else {
        return;
    };
    let place = Place::on(&server);
    let shop = named(&place, Some("shop")).open().await.unwrap();
    let id = log_in(&shop, "alice").await;
    server.crash();
    server.restart();
    server.cli(&["flushall"]);
    let bank = named(&place, Some("bank")).open().await.unwrap();
    let error = loop {
        match shop.check_in(id, &SECRET, Activity::Active).await {
            // Until it tries to connect again.
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            answer => break answer.unwrap_err(),
        }
    };
    let parts = ["\"bank\"", "\"shop\"", "with_key_prefix"];
    expect(&error, ErrorKind::Corrupt, &parts);
    let answer = bank.check_in(id, &SECRET, Activity::Active).await;
    assert!(matches!(answer.unwrap(), CheckIn::Unknown));
}

#[tokio::test]
async fn a_name_that_is_foreign_is_refused() {
    let Some(place) = Place::of_a_test() else {
        return;
    };
    let key = format!("{}:application", place.prefix);
    Server::shared().unwrap().cli(&["rpush", &key, "x"]);
    for name in [Some("shop"), None] {
        let error = named(&place, name).open().await.unwrap_err();
        expect(&error, ErrorKind::Corrupt, &[&key, "with_key_prefix"]);
    }
}
