//! Floods, races and clocks that jump.

use crate::support::{Events, Site};
use adjourn::{
    PeerAddr, Session, Sessions,
    audit::EventKind,
    id::SessionId,
    reason::EndReason,
    store::MemoryStore,
    time::{Clock, ManualClock},
};
use axum::{Router, body::Body};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tower::{Layer, Service, ServiceExt, service_fn};

/// Logs in without a network: the session and its cookie.
async fn log_in(app: &Router, name: &str) -> (SessionId, String) {
    let request = Request::post(format!("/login?as={name}"));
    let request = request.body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    (body["session"].as_str().unwrap().parse().unwrap(), cookie)
}

async fn send(app: &Router, method: &str, path: &str, cookie: &str) -> StatusCode {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", cookie)
        .header("sec-fetch-site", "same-origin")
        .header("accept", "application/json");
    let request = request.body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap().status()
}

// P3 R-13-6: a log-out, a sweep, an administrator and a request.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_thousand_races_each_session_ends_once_and_is_recorded_once() {
    const ROUNDS: usize = 1_000;
    let hooks = Arc::new(AtomicUsize::new(0));
    let ran = Arc::clone(&hooks);
    let site = Site::builder().configure(move |builder| {
        builder.on_end("count", move |_| {
            ran.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok::<(), Infallible>(()))
        })
    });
    let site = site.open().await;
    let mut ids = Vec::new();
    for round in 0..ROUNDS {
        let (id, cookie) = log_in(&site.app, "alice").await;
        ids.push(id);
        if round % 2 == 0 {
            // Due as well, so that the sweep and the request have something to find.
            site.clock.advance(Duration::from_mins(15));
        }
        let racers = [0, 1, 2, 3].map(|racer| {
            let (app, cookie) = (site.app.clone(), cookie.clone());
            let terminator = site.sessions.terminator();
            tokio::spawn(async move {
                match racer {
                    0 => drop(send(&app, "POST", "/logout", &cookie).await),
                    1 => drop(terminator.sweep().await.unwrap()),
                    2 => drop(terminator.end(id, EndReason::Forced).await.unwrap()),
                    _ => drop(send(&app, "GET", "/api/me", &cookie).await),
                }
            })
        });
        for racer in racers {
            racer.await.unwrap();
        }
        let after = send(&site.app, "GET", "/api/me", &cookie).await;
        assert_eq!(after, StatusCode::UNAUTHORIZED, "round {round}");
    }
    let _left = site.sessions.shutdown().await;
    let mut events: HashMap<SessionId, usize> = HashMap::new();
    for (id, _) in site.events.endings() {
        *events.entry(id).or_default() += 1;
    }
    assert_eq!(events.len(), ROUNDS);
    for id in ids {
        assert_eq!(events.get(&id), Some(&1), "{id}");
    }
    assert_eq!(hooks.load(Ordering::Relaxed), ROUNDS);
}

/// A service that logs in at `/log-in` and else answers.
async fn answer(request: Request<String>) -> Result<Response<String>, Infallible> {
    let session = request.extensions().get::<Session>().unwrap();
    if request.uri().path() == "/log-in" {
        session.log_in("alice").await.unwrap();
    }
    Ok(Response::new(String::new()))
}

// R-13-11: every one is refused and counted, few are recorded, nothing grows.
#[tokio::test]
async fn a_hundred_thousand_dead_tokens_are_refused_make_few_events_and_are_all_counted() {
    const REQUESTS: u32 = 100_000;
    let (clock, events) = (ManualClock::default(), Events::default());
    let sessions = Sessions::builder(MemoryStore::with_clock(clock.clone()))
        .with_clock(clock.clone())
        .with_public(["/log-in"])
        .add_audit_sink(events.clone())
        .build()
        .unwrap();
    let mut service = sessions.layer().layer(service_fn(answer));
    let request = Request::post("/log-in").body(String::new()).unwrap();
    let response = service.call(request).await.unwrap();
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    let dead = cookie.split(';').next().unwrap();
    let terminator = sessions.terminator();
    let forced = terminator.end_everyone(None, EndReason::Forced);
    assert_eq!(forced.await.unwrap().concluded(), 1);
    let unknown = format!("__Host-sid={}", "A".repeat(64));
    let before = events.all().len();

    for number in 0..REQUESTS {
        // From 5,000 sources, so that also the sources are too many to be told apart.
        let [_, _, high, low] = (number % 5_000).to_be_bytes();
        let peer = SocketAddr::from(([10, 0, high, low], 1));
        let cookie = if number % 2 == 0 { dead } else { &unknown };
        let request = Request::get("/me").header("cookie", cookie);
        let request = request.extension(PeerAddr(peer)).body(String::new());
        let response = service.call(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    let recorded = events.all().len() - before;
    assert!(recorded <= 2_000, "{recorded} in one window");

    clock.advance(Duration::from_secs(61));
    sessions.terminator().sweep().await.unwrap();
    let mut counted = HashMap::new();
    let all = events.all();
    for event in &all[before..] {
        let (kind, count) = match event.kind {
            EventKind::EventsSuppressed { kind, count, .. } => (kind, count),
            ref one => (one.code(), 1),
        };
        *counted.entry(kind).or_insert(0) += count;
    }
    let each = u64::from(REQUESTS / 2);
    assert_eq!(counted["use-after-end"], each, "{counted:?}");
    assert_eq!(counted["unknown-token"], each, "{counted:?}");
    let summaries = all.len() - before - recorded;
    assert!(summaries <= 202, "{summaries} summaries");
    assert_eq!(sessions.open_connections(), 0);
}

// R-13-14: a day forward ends what is due, once; nothing that ends comes back with a day backward, and
// who logs in then lives as long as anybody.
#[tokio::test]
async fn a_clock_that_jumps_a_day_ends_what_is_due_and_brings_nobody_back() {
    let site = Site::open().await;
    let day = Duration::from_hours(24);
    let start = site.clock.now();
    let (first, cookie) = log_in(&site.app, "alice").await;

    site.clock.advance(day);
    assert_eq!(
        send(&site.app, "GET", "/api/me", &cookie).await,
        StatusCode::UNAUTHORIZED
    );
    site.sessions.terminator().sweep().await.unwrap();
    assert_eq!(site.events.reasons_of(first), [EndReason::IdleTimeout]);
    let ended = site
        .events
        .wait_for(|event| {
            event.session_id == Some(first) && matches!(event.kind, EventKind::Ended { .. })
        })
        .await;
    assert_eq!(
        ended.at,
        start.saturating_add(day),
        "the record says when it was found"
    );
    let (second, second_cookie) = log_in(&site.app, "alice").await;

    site.clock.set(start);
    for _ in 0..2 {
        let dead = send(&site.app, "GET", "/api/me", &cookie).await;
        assert_eq!(dead, StatusCode::UNAUTHORIZED);
        assert_eq!(
            send(&site.app, "GET", "/api/me", &second_cookie).await,
            StatusCode::OK
        );
        site.sessions.terminator().sweep().await.unwrap();
    }
    assert_eq!(
        site.events.endings().len(),
        1,
        "a sweep in the past ends nothing"
    );
    let (third, third_cookie) = log_in(&site.app, "bob").await;
    site.clock
        .advance(Duration::from_mins(15) - Duration::from_millis(1));
    assert_eq!(
        site.sessions.terminator().sweep().await.unwrap(),
        0,
        "never early"
    );
    site.clock.advance(Duration::from_millis(1));
    assert_eq!(
        send(&site.app, "GET", "/api/me", &third_cookie).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(site.events.reasons_of(third), [EndReason::IdleTimeout]);
    assert_eq!(site.events.reasons_of(second), []);

    // The clock is right again: whoever was seen in the future is due at its own time.
    site.clock
        .set(start.saturating_add(day + Duration::from_mins(15)));
    site.sessions.terminator().sweep().await.unwrap();
    assert_eq!(site.events.reasons_of(second), [EndReason::IdleTimeout]);
}
