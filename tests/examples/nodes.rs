//! `examples/nodes.rs`

use crate::{
    support::{Example, Folder, run_to_end},
    websockets::{next, open},
};
use std::net::SocketAddr;

// R-14-7
#[tokio::test]
async fn a_log_out_at_one_node_cuts_the_socket_at_the_other() {
    let folder = Folder::new();
    let file = folder.file("sessions.db");
    let example = Example::single_with("nodes", &["--sqlite", &file]);
    let mut browser = example.browser();
    browser.get("/").leads_to("/login");
    browser
        .post("/login", &[("password", "engine")])
        .leads_to("/");
    let page = browser.get("/");
    page.shows(200, "Node 1 served this page");

    let (_, rest) = page.body.split_once("${location.hostname}:").unwrap();
    let (port, _) = rest.split_once("/ticker").unwrap();
    let second = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    assert_ne!(second, example.address);
    browser
        .at(second)
        .get("/")
        .shows(200, "Node 2 served this page");
    let here = format!("http://{}", example.address);
    let mut socket = open(second, &browser, "/ticker", &here).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap(), "tick 0 of node 2");

    let before = browser.clone();
    browser.post("/logout", &[]).leads_to("/session/signed-out");
    let over = loop {
        if let Err(over) = next(&mut socket).await {
            break over;
        }
    };
    assert_eq!(over, (3000, "logout".to_owned()));
    let again = open(second, &before, "/ticker", &here).await;
    assert_eq!(again.err(), Some(401), "the dead token opens nothing");
}

#[test]
fn without_a_store_it_says_which_there_are() {
    let (status, _, said) = run_to_end("nodes");
    assert_eq!(status, Some(1));
    assert!(
        said.contains("--redis URL, --postgres URL or --sqlite FILE"),
        "{said}"
    );
}
