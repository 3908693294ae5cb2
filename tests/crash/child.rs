//! What the process does that dies.

use crate::{
    node::{LEASE, Node},
    place::{PATIENT, Place},
    point::Point,
    process::{self, Order},
    spy::{Op, Spy, When},
};
use adjourn::{Session, Sessions, reason::EndReason};
use axum::{Router, body::Body, http::Request, routing::post};
use std::{future::pending, io, process::abort, thread, time::Duration};
use tokio::sync::watch;
use tower::ServiceExt;

/// Does as ordered, and goes no further than to where it is to die.
pub(crate) async fn run<P: Place>(place: P, order: Order) {
    let spy = Spy::around(place.store(PATIENT).await);
    spy.answer_later();
    let node = Node {
        folder: &order.folder,
        name: "child".to_owned(),
        dies: order.dies,
        lease: match order.dies {
            Point::StoppedAndTold => Duration::from_millis(300),
            _ => LEASE,
        },
        max_staleness: None,
        go: orders(),
    };
    let sessions = node.open(&place, spy.clone()).await;
    let stop = stop_in_store(&spy, order.dies);
    let work = tokio::spawn(work(sessions, order));
    stop.await;
    work.await.unwrap();
    process::say("done");
}

/// Holds the call of the store in which the process dies, and says when it is there.
fn stop_in_store(spy: &Spy, dies: Point) -> impl Future<Output = ()> + use<> {
    let calls: &[_] = match dies {
        Point::BeforeTheEnd => &[(Op::End, When::Before)],
        Point::Decided => &[(Op::End, When::After)],
        Point::BeforeTheAcknowledgement => &[(Op::Acknowledge, When::Before)],
        Point::Acknowledged => &[(Op::Acknowledge, When::After)],
        Point::LimitEnforced => &[(Op::Create, When::After)],
        Point::CutMade => &[(Op::EndAll, When::After)],
        Point::CutHalfConcluded => &[(Op::EndDue, When::After), (Op::EndDue, When::Before)],
        Point::Swept => &[(Op::EndDue, When::After)],
        Point::BeforeTheCut
        | Point::BetweenHooks
        | Point::BeforeTheSinks
        | Point::RecordInMemory
        | Point::StoppedAtWork
        | Point::StoppedAndTold
        | Point::Anywhere
        | Point::Nowhere => &[],
    };
    if dies == Point::BeforeTheCut {
        spy.when_delivered(Op::End, || process::stay());
    }
    let mut holds: Vec<_> = calls
        .iter()
        .map(|(op, when)| spy.hold(*op, *when))
        .collect();
    let last = holds.pop();
    async move {
        for held in holds {
            held.reached().await;
            held.release();
        }
        if let Some(last) = last {
            last.reached().await;
            process::say("there");
            pending::<()>().await;
        }
    }
}

async fn work(sessions: Sessions, order: Order) {
    let terminator = sessions.terminator();
    match order.dies {
        Point::LimitEnforced => log_in(&sessions).await,
        Point::CutMade | Point::CutHalfConcluded => {
            let ended = terminator.end_everyone(None, EndReason::Forced).await;
            assert!(ended.unwrap().concluded() > 0);
        }
        Point::Swept => drop(terminator.sweep().await.unwrap()),
        Point::BeforeTheEnd
        | Point::Decided
        | Point::BeforeTheCut
        | Point::BetweenHooks
        | Point::BeforeTheSinks
        | Point::RecordInMemory
        | Point::BeforeTheAcknowledgement
        | Point::Acknowledged
        | Point::StoppedAtWork
        | Point::StoppedAndTold
        | Point::Anywhere
        | Point::Nowhere => {
            let ended = terminator.end(order.session(), EndReason::Forced).await;
            drop(ended.unwrap());
        }
    }
    let _left = sessions.shutdown().await;
}

/// A request, as it comes from a browser.
async fn log_in(sessions: &Sessions) {
    let log_in = |session: Session| async move {
        session.log_in("alice").await.unwrap();
    };
    let app = Router::new()
        .route("/login", post(log_in))
        .layer(sessions.layer());
    let request = Request::post("/login").body(Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// Hears the test.
fn orders() -> watch::Receiver<bool> {
    let (go, orders) = watch::channel(false);
    thread::spawn(move || {
        for order in io::stdin().lines() {
            go.send_replace(order.unwrap() == "go");
        }
        // The test is gone.
        abort();
    });
    orders
}
