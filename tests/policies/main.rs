//! Policies over real HTTP: who may go on using a session, and what ends it.
#![cfg(feature = "axum")]
#![allow(
    clippy::excessive_nesting,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod binding;
mod hours;
mod panel;
mod risk;
mod subjects;
#[path = "../flow/support/mod.rs"]
mod support;
mod tokens;

use adjourn::audit::EventKind;
use axum::{Router, body::Body, routing::get};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use support::{Browser, Dropped, Endless, Events, Got, Site, within};

/// An event stream that never ends by itself.
fn streams() -> Router {
    Router::new().route(
        "/events",
        get(|_: adjourn::Session| async {
            let body = Body::new(Endless::new("data: 1\n\n", &Dropped::default()));
            ([("content-type", "text/event-stream")], body)
        }),
    )
}

async fn stream(browser: &Browser) -> http::Response<Incoming> {
    let response = browser.fetch(Method::GET, "/events").open().await;
    assert_eq!(response.status(), StatusCode::OK);
    response
}

/// Reads an event stream to its end: the reason that it was told.
async fn ended(stream: http::Response<Incoming>) -> String {
    let body = within(stream.into_body().collect()).await.unwrap();
    let body = String::from_utf8(body.to_bytes().to_vec()).unwrap();
    let (_, said) = body.rsplit_once("\"reason\":\"").unwrap();
    said.split('"').next().unwrap().to_owned()
}

fn is_in(got: &Got) -> bool {
    got.status == StatusCode::OK
}

/// The verdicts in the audit record: what follows, and what each policy found.
fn verdicts(events: &Events) -> Vec<(&'static str, String)> {
    let verdict = |event: adjourn::audit::Event| match event.kind {
        EventKind::PolicyVerdict { verdict, findings } => {
            let found = findings
                .iter()
                .map(|found| format!("{}:{}:{}", found.policy, found.verdict, found.why));
            Some((verdict, found.collect::<Vec<_>>().join(" ")))
        }
        _ => None,
    };
    events.all().into_iter().filter_map(verdict).collect()
}

/// The note and the initiator of the one ending.
fn note(site: &Site) -> (String, &'static str) {
    let ended = site
        .events
        .all()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Ended { cause, .. } => Some(cause),
            _ => None,
        });
    let ended: Vec<_> = ended.collect();
    let [cause] = ended.as_slice() else {
        panic!("not one ending: {ended:?}");
    };
    let note = cause.note().unwrap_or_default().to_owned();
    (note, cause.initiator().code())
}
