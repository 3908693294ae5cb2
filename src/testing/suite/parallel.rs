//! Requests of one moment.

use super::fixture::{Fixture, IDLE, SECRET, WRONG, must, of_subject, ok, secret};
use crate::{
    id::{SessionId, Subject},
    reason::EndReason,
    record::Activity,
    store::{CheckIn, Rotated},
    testing::StoreHarness,
};
use std::time::Duration;
use tokio::task::JoinSet;

/// Each gets its own answer, whatever the others ask, and who is touched is touched.
pub async fn check_ins_are_answered_each_for_itself<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let idle = fixture.log_in("idle").await;
    fixture.advance(IDLE + fixture.margin()).await;
    let cut = fixture.log_in("cut").await;
    fixture
        .end_all(of_subject("cut", None), EndReason::Forced)
        .await;
    let (ended, rotated) = (fixture.log_in("ended").await, fixture.log_in("new").await);
    fixture.end_first(ended, EndReason::Logout).await;
    let written = fixture
        .store
        .rotate(rotated, &SECRET, &secret(2), Duration::ZERO);
    must!(ok(written).await, Rotated::Written, "SECRET is current");
    let live = [fixture.log_in("one").await, fixture.log_in("two").await];
    fixture.advance_until_just_before(IDLE).await;

    let mut asked = JoinSet::new();
    for round in 0..20 {
        let activity = [Activity::Active, Activity::Passive][round % 2];
        for (id, secret, expected) in [
            (live[0], SECRET, format!("live {} one", live[0])),
            (idle, SECRET, "due idle-timeout".to_owned()),
            (live[0], WRONG, "wrong".to_owned()),
            (live[1], SECRET, format!("live {} two", live[1])),
            (ended, SECRET, "ended logout".to_owned()),
            (rotated, SECRET, "outdated".to_owned()),
            (rotated, secret(2), format!("live {rotated} new")),
            (cut, SECRET, "due forced".to_owned()),
            (ended, WRONG, "wrong".to_owned()),
            (SessionId::from_bytes([7; 16]), SECRET, "unknown".to_owned()),
        ] {
            let answer = fixture.store.check_in(id, &secret, activity);
            asked.spawn(async move { (told(&ok(answer).await), expected) });
        }
    }
    for (told, expected) in asked.join_all().await {
        assert_eq!(told, expected);
    }
    fixture.advance_until_just_before(IDLE).await;
    for (id, secret) in [(live[0], SECRET), (live[1], SECRET), (rotated, secret(2))] {
        let answer = fixture.present(id, &secret, Activity::Passive).await;
        must!(answer, CheckIn::Live(_), "it was touched");
    }
}

fn told(answer: &CheckIn) -> String {
    match answer {
        CheckIn::Live(live) => {
            let subject = live.record.subject().map_or("nobody", Subject::as_str);
            format!("live {} {subject}", live.id)
        }
        CheckIn::Due(cause) => format!("due {}", cause.reason()),
        CheckIn::Ended(tombstone) => format!("ended {}", tombstone.reason()),
        CheckIn::Outdated => "outdated".to_owned(),
        CheckIn::WrongSecret => "wrong".to_owned(),
        CheckIn::Unknown => "unknown".to_owned(),
    }
}
