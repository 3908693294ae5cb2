//! Restarts, and several stores on one file, as several processes have them.

use crate::support::{
    File, SECRET, claimant, hear_of_a_thousand_endings, hear_of_endings_and_cuts_once,
    know_nothing_of_each_other, log_in, next,
};
use adjourn::{
    reason::EndReason,
    record::Activity,
    store::{CheckIn, End, Notice, SessionStore},
};
use std::time::Duration;

#[tokio::test]
async fn sessions_endings_and_pending_work_survive_a_restart() {
    let file = File::default();
    let store = file.store().await;
    let (live, ended) = (log_in(&store, "alice").await, log_in(&store, "bob").await);
    let ticket = store.begin_log_in(None).await.unwrap();
    let end = store.end(ended, EndReason::Forced.into(), claimant()).await;
    let End::First(first) = end.unwrap() else {
        panic!("nobody ended it before")
    };
    drop(store);

    let store = file.store().await;
    let answer = store.check_in(live, &SECRET, Activity::Passive).await;
    let CheckIn::Live(found) = answer.unwrap() else {
        panic!("a session survives a deploy")
    };
    assert_eq!(found.record.values().get("cart"), Some(b"[1]".as_slice()));
    let answer = store.check_in(ended, &SECRET, Activity::Passive).await;
    assert!(
        matches!(answer.unwrap(), CheckIn::Ended(tombstone) if tombstone.ending == first.ending)
    );
    let lease = Duration::from_secs(30);
    assert!(store.pending(10, lease).await.unwrap().is_empty(), "leased");
    file.clock.advance(lease);
    let taken = store.pending(10, lease).await.unwrap();
    assert_eq!(
        taken.len(),
        1,
        "the work of a process that died is taken over"
    );
    assert!(taken[0].redelivered && taken[0].claim != first.claim);
    // Numbers go on: a session that starts now is newer than any ticket from before.
    let later = store.begin_log_in(None).await.unwrap();
    assert_eq!(
        later.generation, ticket.generation,
        "nobody logged in meanwhile"
    );
    let after = log_in(&store, "carol").await;
    let answer = store.check_in(after, &SECRET, Activity::Passive).await;
    assert!(matches!(answer.unwrap(), CheckIn::Live(live)
        if live.record.generation() > ticket.generation));
}

/// an ending in one process reaches the others.
#[tokio::test]
async fn other_processes_hear_of_endings_and_cuts_once() {
    let file = File::default();
    let (one, two) = (file.store().await, file.store().await);
    hear_of_endings_and_cuts_once(&one, &two).await;
}

#[tokio::test]
async fn a_thousand_endings_at_once_are_all_told() {
    let file = File::default();
    let (one, two) = (file.store().await, file.store().await);
    hear_of_a_thousand_endings(&one, &two).await;
}

#[tokio::test]
async fn two_files_know_nothing_of_each_other() {
    let (one, two) = (File::default(), File::default());
    know_nothing_of_each_other(&one.store().await, &two.store().await).await;
}

#[tokio::test]
async fn notices_that_were_dropped_before_they_were_read_are_a_gap() {
    let file = File::default();
    let (one, two) = (file.store().await, file.store().await);
    let mut there = two.notices();
    // Both were written and one of them dropped within one poll: as if the process had slept.
    file.run(
        "begin; insert into adjourn_notice (at, node, id, body) values \
         (1, 1, zeroblob(16), 'logout'), (2, 1, zeroblob(16), 'forced'); \
         delete from adjourn_notice where at = 1; commit",
    )
    .await;
    assert_eq!(next(&mut there).await, Notice::Gap);
    assert!(matches!(
        next(&mut there).await,
        Notice::Ended {
            reason: EndReason::Forced,
            ..
        }
    ));
    file.run(
        "begin; insert into adjourn_notice (at, node, id, body) values \
         (1, 1, zeroblob(16), 'logout'); delete from adjourn_notice; commit",
    )
    .await;
    assert_eq!(next(&mut there).await, Notice::Gap, "all of them are gone");
    drop(one);
}

#[tokio::test]
async fn a_foreign_notice_costs_a_gap_and_no_more() {
    let file = File::default();
    let store = file.store().await;
    let mut notices = store.notices();
    file.run(
        "insert into adjourn_notice (at, node, id, body) values (1, 1, x'00', 'not a reason')",
    )
    .await;
    // Nothing is heard while the place is opened anew.
    assert_eq!(next(&mut notices).await, Notice::Silence);
    assert_eq!(next(&mut notices).await, Notice::Gap);
    let id = log_in(&store, "alice").await;
    let end = store.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(end.unwrap(), End::First(_)));
    assert!(matches!(next(&mut notices).await, Notice::Ended { .. }));
}

/// A caller that goes away in the middle leaves no lock behind, and the work is whole.
#[tokio::test]
async fn dropped_calls_leave_the_file_free() {
    let file = File::default();
    let store = file.store().await;
    let id = log_in(&store, "alice").await;
    for _ in 0..50 {
        let update = store.update(id, adjourn::store::Update::default(), None);
        let mut update = Box::pin(async move { update.await });
        tokio::select! {
            biased;
            _ = &mut update => {}
            () = tokio::task::yield_now() => {}
        }
        drop(update);
    }
    let answer = store.end(id, EndReason::Logout.into(), claimant()).await;
    assert!(matches!(answer.unwrap(), End::First(_)));
}
