//! What is recorded of requests: their names, and how they came out.

use crate::{
    secrets::Log,
    support::{Browser, Site},
};
use adjourn::{
    Sessions,
    audit::Event,
    id::RequestId,
    reason::{Cause, EndReason},
    store::MemoryStore,
};
use http::{Method, Request, Response};
use serde_json::Value;
use std::{convert::Infallible, time::Duration};
use tower::{Layer, ServiceExt};
use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;

async fn named() -> Site {
    let site = Site::builder().configure(|builder| {
        builder.with_request_id(|headers, _| RequestId::new(headers.get("x-request-id")?))
    });
    site.open().await
}

async fn ask(browser: &Browser, method: Method, path: &str, id: &str) {
    let ask = browser.fetch(method, path).header("x-request-id", id);
    ask.send().await;
}

/// `code of request`, in order.
fn told(events: Vec<Event>) -> Vec<String> {
    let told = events.into_iter().map(|event| {
        let id = event
            .request_id
            .map_or_else(|| "-".to_owned(), |id| id.to_string());
        format!("{} of {id}", event.kind.code())
    });
    told.collect()
}

// R-13-12: the request id, the ending's included.
#[tokio::test]
async fn a_record_names_the_request_by_which_it_came() {
    let site = named().await;
    let browser = site.browser();
    ask(&browser, Method::POST, "/login?as=alice", "req-1").await;
    ask(&browser, Method::GET, "/logout", "req-2").await;
    ask(&browser, Method::POST, "/rotate", "req-3").await;
    let stolen = browser.stolen_copy();
    ask(&browser, Method::POST, "/login?as=alice", "req-4").await;
    ask(&browser, Method::POST, "/logout", "req-5").await;
    ask(&stolen, Method::GET, "/api/me", "req-6").await;
    let expected = [
        "session-started of req-1",
        "log-out-refused of req-2",
        "session-rotated of req-3",
        // By the store, in the step that created the next.
        "session-ended of req-4",
        "session-started of req-4",
        "session-ended of req-5",
        "use-after-end of req-6",
    ];
    assert_eq!(told(site.events.all()), expected);
}

// R-13-12: an administrator's, by the cause; a timeout has none.
#[tokio::test]
async fn a_cut_names_its_request_and_a_timeout_has_none() {
    let site = named().await;
    site.logged_in("alice").await;
    let cause = Cause::from(EndReason::Forced);
    let cause = cause.with_request_id(RequestId::new("admin-9").unwrap());
    let ended = site.sessions.terminator().end_everyone(None, cause).await;
    assert_eq!(ended.unwrap().concluded(), 1);
    site.logged_in("bob").await;
    site.clock.advance(Duration::from_mins(15));
    site.sessions.terminator().sweep().await.unwrap();
    let expected = [
        "session-started of -",
        "session-ended of admin-9",
        "cut-made of admin-9",
        "session-started of -",
        "session-ended of -",
    ];
    assert_eq!(told(site.events.all()), expected);
}

// R-13-9: nothing that could forge a line; and nothing at all unless it is asked for.
#[tokio::test]
async fn a_hostile_name_and_one_that_nobody_asked_for_are_not_recorded() {
    let site = named().await;
    for hostile in ["a b", "a\tsession-ended", &"x".repeat(129), "\u{85}"] {
        ask(&site.browser(), Method::POST, "/login?as=eve", hostile).await;
    }
    assert_eq!(told(site.events.all()), ["session-started of -"; 4]);

    let site = Site::open().await;
    ask(&site.browser(), Method::POST, "/login?as=eve", "req-1").await;
    assert_eq!(told(site.events.all()), ["session-started of -"]);
}

/// Lives a little, and answers what `tracing` was told at this level.
async fn log_at(level: Level) -> Vec<Value> {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(level)
        .with_span_events(FmtSpan::NEW)
        .with_writer(log.clone())
        .finish();
    crate::support::ask_every_subscriber();
    let _guard = tracing::subscriber::set_default(subscriber);
    let site = Site::builder().configure(|builder| {
        builder.on_end("hook", |_| async {
            tracing::info!(target: "application", "a hook at work");
            Ok::<(), String>(())
        })
    });
    let site = site.open().await;
    let browser = site.logged_in("alice").await;
    let id = site.session_of(&browser).await;
    let stolen = browser.stolen_copy();
    browser.post_api("/logout").await;
    stolen.get_api("/api/me").await;
    site.browser().get_api("/").await;
    site.events.wait_for_ending(id).await;
    let text = log.text();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn of<'a>(lines: &'a [Value], target: &str) -> Vec<&'a Value> {
    let of_it = lines.iter().filter(|line| line["target"] == target);
    of_it.collect()
}

#[tokio::test]
async fn each_request_is_one_span_at_debug_and_none_at_info() {
    let lines = log_at(Level::DEBUG).await;
    let requests = of(&lines, "adjourn::request");
    let (opened, requests): (Vec<_>, Vec<_>) = requests
        .into_iter()
        .partition(|line| line["fields"]["message"] == "new");
    assert_eq!(opened.len(), 5, "{lines:#?}");
    let shown: Vec<_> = requests
        .iter()
        .map(|line| {
            let span = &line["span"];
            let status = span["status"].as_u64().unwrap();
            let (session, answered) = (&span["session"], &span["answered"]);
            format!("{} {status} {answered}", session.as_str().unwrap())
        })
        .collect();
    let expected = [
        "live 200 false",
        "live 200 false",
        "ended 200 true",
        "ended 401 true",
        "anonymous 200 false",
    ];
    assert_eq!(shown, expected);
    assert_eq!(requests[3]["span"]["reason"], "logout");
    let (logged_in, read) = (&requests[0]["span"], &requests[1]["span"]);
    assert_eq!(logged_in["session_id"], Value::Null);
    assert_eq!(logged_in["new_session_id"], read["session_id"]);
    assert_eq!(read["new_session_id"], Value::Null);
    assert_eq!(
        of(&log_at(Level::INFO).await, "adjourn::request"),
        [&Value::Null; 0]
    );
}

// Whatever a service tells, when it is called and when it is polled.
#[tokio::test]
async fn what_a_service_tells_says_for_which_request() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(Level::DEBUG)
        .with_writer(log.clone())
        .finish();
    crate::support::ask_every_subscriber();
    let _guard = tracing::subscriber::set_default(subscriber);
    let sessions = Sessions::builder(MemoryStore::new())
        .with_request_id(|headers, _| RequestId::new(headers.get("x-request-id")?))
        .build()
        .unwrap();
    let tell = |what: &'static str| tracing::info!(target: "application", what);
    let service = tower::service_fn(move |_: Request<String>| {
        tell("called");
        async move {
            tell("polled");
            tokio::task::yield_now().await;
            tell("polled again");
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    });
    let request = Request::builder().header("x-request-id", "req-1");
    let answer = sessions.layer().layer(service);
    answer
        .oneshot(request.body(String::new()).unwrap())
        .await
        .unwrap();
    let text = log.text();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = of(&lines, "application")
        .iter()
        .map(|line| {
            assert_eq!(line["span"]["request_id"], "req-1", "{line}");
            line["fields"]["what"].as_str().unwrap()
        })
        .collect();
    assert_eq!(told, ["called", "polled", "polled again"]);
}

#[tokio::test]
async fn each_ending_is_one_span_at_info_around_its_hooks_and_its_record() {
    let lines = log_at(Level::INFO).await;
    let is_new =
        |line: &&Value| line["fields"]["message"] == "new" && line["span"]["name"] == "ending";
    let spans: Vec<_> = lines.iter().filter(is_new).collect();
    assert_eq!(spans.len(), 1, "{lines:?}");
    assert_eq!(spans[0]["span"]["reason"], "logout");
    let hook = of(&lines, "application");
    assert_eq!(hook[0]["span"], spans[0]["span"], "says for which session");
    let mut audit = of(&lines, "adjourn::audit");
    audit.retain(|line| line["fields"]["event"] == "session-ended");
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0]["span"], spans[0]["span"]);
    assert!(
        log_at(Level::WARN)
            .await
            .iter()
            .all(|line| line["span"].is_null())
    );
}
