//! Tombstones: kept to say why, then forgotten, and nothing comes back.

use super::fixture::{ABSOLUTE, Fixture, IDLE, SECRET, WRONG, ids, must, ok, secret};
use crate::{
    id::SessionId,
    reason::EndReason,
    record::{Activity, Tombstone},
    store::{CheckIn, End, Rotated, Updated},
    testing::StoreHarness,
};
use std::time::Duration;

/// Only what ended has a tombstone.
pub async fn a_session_that_did_not_end_has_no_tombstone<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    assert!(
        ok(fixture.store.tombstone(id)).await.is_none(),
        "it is live"
    );
    fixture.advance(IDLE).await;
    assert!(
        ok(fixture.store.tombstone(id)).await.is_none(),
        "it is due, nobody concluded it"
    );
}

/// A tombstone is kept until the absolute deadline, and then goes, and nothing comes back.
pub async fn a_tombstone_is_kept_until_the_absolute_deadline<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let id = fixture.log_in("alice").await;
    let departed = fixture.end_first(id, EndReason::Logout).await;
    assert!(ok(fixture.store.acknowledge(id, departed.claim)).await);
    kept_for(&fixture, id, ABSOLUTE).await;
}

/// A session that ended late is remembered for an hour all the same.
pub async fn a_tombstone_is_kept_for_an_hour_at_least<H: StoreHarness>(harness: H) {
    let fixture = Fixture::open(harness).await;
    let mut plan = fixture.plan(Some("alice")).await;
    plan.absolute_timeout = Duration::from_mins(20);
    plan.idle_timeout = None;
    let id = fixture.start(plan).await;
    fixture.advance(Duration::from_mins(20)).await;
    let departed = fixture.end_due(10).await;
    assert_eq!(ids(&departed), [id]);
    assert!(ok(fixture.store.acknowledge(id, departed[0].claim)).await);
    kept_for(&fixture, id, Tombstone::MIN_RETENTION).await;
}

async fn kept_for<H: StoreHarness>(fixture: &Fixture<H>, id: SessionId, how_long: Duration) {
    fixture.advance_until_just_before(how_long).await;
    fixture.end_due(10).await;
    must!(
        fixture.check_in(id).await,
        CheckIn::Ended(_),
        "kept until then, to say why"
    );
    assert!(
        ok(fixture.store.tombstone(id)).await.is_some(),
        "kept until then"
    );

    fixture.advance(fixture.margin() * 2).await;
    for _ in 0..3 {
        fixture.end_due(10).await;
    }
    assert!(
        ok(fixture.store.tombstone(id)).await.is_none(),
        "tombstones must not pile up"
    );
    for secret in [SECRET, WRONG] {
        let answer = fixture.present(id, &secret, Activity::Active).await;
        must!(answer, CheckIn::Unknown, "what is forgotten is not live");
    }
    must!(
        fixture.end(id, EndReason::Forced).await,
        End::Unknown,
        "forgotten"
    );
    let written = fixture.write(id, "late", "1").await;
    must!(
        written,
        Updated::NotLive(_),
        "a write revives nothing, however late"
    );
    let rotated = ok(fixture.store.rotate(id, &SECRET, &secret(2), IDLE)).await;
    must!(rotated, Rotated::NotLive(_), "a rotation revives nothing");
}
